//! The procedures Drydock brings along, in every version that it can still run. A change of any text changes the digest, so it needs a higher
//! version, and the old one is kept: plans that were approved with it name its digest.
//!
//! A new procedure is a file beside [`weekly`] and a row in [`SHELF`]; a new step also needs its detector.

pub mod accounts;
pub mod design_change;
pub mod monthly;
pub mod old_rows;
pub mod settings;
pub mod space;
pub mod weekly;

use super::{Act, Procedure, RiskClass, StepClass, StepKind, StepTemplate};
use crate::canonical::Digest;

/// The key of [`weekly_postgresql`].
pub const WEEKLY_POSTGRESQL: &str = weekly::KEY;

/// The key of "design change (PostgreSQL)".
pub const DESIGN_CHANGE_POSTGRESQL: &str = design_change::KEY;

/// The key of "change of settings (PostgreSQL)".
pub const SETTINGS_POSTGRESQL: &str = settings::KEY;

/// The key of "change of accounts (PostgreSQL)".
pub const ACCOUNTS_POSTGRESQL: &str = accounts::KEY;
/// The key of "old rows (PostgreSQL)".
pub const OLD_ROWS_POSTGRESQL: &str = old_rows::KEY;

/// One procedure in all its versions.
struct Row {
    /// Every version, the oldest first; at least one.
    versions: fn() -> Vec<Procedure>,
    /// What it is for, in one sentence, as a form says it.
    about: &'static str,
    /// It may run without its approvals, when two people say so: chosen one by one, and never by being new.
    breaks_glass: bool,
}

/// Every procedure, in the order in which a form offers them.
const SHELF: &[Row] = &[
    Row {
        versions: weekly::versions,
        about: "Removes dead rows, rebuilds bloated indexes and refreshes planner statistics where they need it, and says where the space goes.",
        breaks_glass: true,
    },
    Row {
        versions: design_change::versions,
        about: "Sends SQL that people approve word by word, with the SQL that takes it back.",
        breaks_glass: false,
    },
    Row {
        versions: settings::versions,
        about: "Changes settings of the whole server, one by one; what each was is kept, so that it can be given back.",
        breaks_glass: false,
    },
    Row {
        versions: accounts::versions,
        about: "Locks, unlocks, creates and drops roles, and changes who is a member of whom; with the way back.",
        breaks_glass: false,
    },
    Row {
        versions: old_rows::versions,
        about: "Deletes rows that are older than a rule says, or moves them to another table, a few thousand at a time.",
        breaks_glass: false,
    },
    Row {
        versions: monthly::versions,
        about: "Reviews statements, indexes, keys, configuration, rights and the soundness of what is stored, and says what to do. Changes nothing.",
        breaks_glass: false,
    },
    Row { versions: space::versions, about: "Says where the space goes and what lies about. Changes nothing.", breaks_glass: false },
];

/// Every procedure in its newest version: what can be proposed.
pub fn all() -> Vec<Procedure> {
    SHELF.iter().filter_map(|row| (row.versions)().pop()).collect()
}

/// Every procedure in every version that this program can run.
pub fn carried() -> Vec<Procedure> {
    SHELF.iter().flat_map(|row| (row.versions)()).collect()
}

/// The procedure with this key, in its newest version.
pub fn by_key(key: &str) -> Option<Procedure> {
    all().into_iter().find(|procedure| procedure.key == key)
}

/// The very procedure that a plan was approved with; `None` when this program does not carry those bytes.
pub fn find(key: &str, version: u32, digest: Digest) -> Option<Procedure> {
    carried().into_iter().find(|procedure| procedure.key == key && procedure.version == version && procedure.digest() == digest)
}

fn row(key: &str) -> Option<&'static Row> {
    SHELF.iter().find(|row| (row.versions)().last().is_some_and(|newest| newest.key == key))
}

/// Whether what it does is meant for one occasion, so that it makes no sense again and again.
#[must_use]
pub fn is_for_once(key: &str) -> bool {
    is_typed(key) && key != OLD_ROWS_POSTGRESQL
}

/// Whether what it does is typed by whoever proposes it.
#[must_use]
pub fn is_typed(key: &str) -> bool {
    [DESIGN_CHANGE_POSTGRESQL, SETTINGS_POSTGRESQL, ACCOUNTS_POSTGRESQL, OLD_ROWS_POSTGRESQL].contains(&key)
}

/// Whether its work is on what all databases of a server share: two such runs never go on beside each other, whatever databases they come from.
#[must_use]
pub fn is_of_server(key: &str) -> bool {
    [SETTINGS_POSTGRESQL, ACCOUNTS_POSTGRESQL].contains(&key)
}

/// What a procedure is for, in one sentence.
pub fn about(key: &str) -> &'static str {
    row(key).map_or("", |row| row.about)
}

/// What a step is called: as the newest procedure that has it says. The key itself where none does.
pub fn step_name(key: &str) -> String {
    let carried = carried();
    carried.iter().rev().find_map(|procedure| procedure.step(key)).map_or_else(|| key.to_owned(), |step| step.name.clone())
}

/// "weekly (PostgreSQL)" in its newest version.
///
/// # Panics
/// Never: it has versions.
pub fn weekly_postgresql() -> Procedure {
    by_key(WEEKLY_POSTGRESQL).expect("the weekly procedure is on the shelf")
}

/// Whether two people may let this procedure run without its approvals: it is on the list, and each of its steps only looks, or works online and
/// can be done again. Never what restores, drops data, rewrites tables, or runs a text that somebody typed.
#[must_use]
pub fn may_break_glass(procedure: &Procedure) -> bool {
    let harmless = |step: &StepTemplate| {
        let kind = matches!(step.kind, StepKind::Check | StepKind::Action | StepKind::Review | StepKind::Probe | StepKind::Gate);
        kind && step.class != StepClass::Once && step.risk <= RiskClass::R1
    };
    row(&procedure.key).is_some_and(|row| row.breaks_glass) && procedure.steps.iter().all(harmless)
}

fn template(
    key: &str,
    name: &str,
    (kind, class, risk): (StepKind, StepClass, RiskClass),
    acts: &[Act],
    does: &str,
    verified_by: &str,
    rollback: &str,
) -> StepTemplate {
    StepTemplate {
        key: key.to_owned(),
        name: name.to_owned(),
        kind,
        class,
        risk,
        acts: acts.to_vec(),
        does: does.to_owned(),
        verified_by: verified_by.to_owned(),
        rollback: rollback.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_version_is_found_by_its_digest_and_the_newest_by_its_key() {
        let mut keys = BTreeSet::new();
        for row in SHELF {
            let versions = (row.versions)();
            let newest = versions.last().expect("at least one version");
            assert!(keys.insert(newest.key.clone()), "{} is on the shelf twice", newest.key);
            assert!(versions.is_sorted_by(|one, next| one.version < next.version && one.key == next.key), "{}", newest.key);
            assert!(!about(&newest.key).is_empty() && about(&newest.key).ends_with('.'));
            assert_eq!(by_key(&newest.key).as_ref(), Some(newest));
            for version in versions {
                assert_eq!(find(&version.key, version.version, version.digest()), Some(version.clone()));
                assert_eq!(find(&version.key, version.version + 100, version.digest()), None);
                assert_eq!(find(&version.key, version.version, Digest([7; 32])), None);
            }
        }
        assert_eq!((by_key("yearly"), about("yearly")), (None, ""));
    }

    #[test]
    fn steps_are_what_their_acts_and_kinds_say() {
        for procedure in carried() {
            let keys: BTreeSet<_> = procedure.steps.iter().map(|step| &step.key).collect();
            assert_eq!(keys.len(), procedure.steps.len(), "{} has a step twice", procedure.key);
            for step in &procedure.steps {
                for act in &step.acts {
                    // What a text may do is said by its script.
                    let as_its_step = act.class() == step.class || step.kind == StepKind::Sql;
                    assert!(act.risk() <= step.risk && as_its_step, "{act:?} in {}", step.key);
                }
                assert_eq!(step.acts.is_empty(), !matches!(step.kind, StepKind::Action | StepKind::Sql), "{}", step.key);
                assert!(step.kind != StepKind::Review || (step.class, step.risk) == (StepClass::Read, RiskClass::R0), "{}", step.key);
                assert_eq!(step_name(&step.key).is_empty(), step.name.is_empty());
            }
        }
        assert_eq!((step_name("vacuum").as_str(), step_name("unheard_of").as_str()), ("Remove dead rows", "unheard_of"));
    }

    #[test]
    fn a_text_that_somebody_typed_never_runs_without_approvals() {
        let typed: Vec<_> = all().into_iter().filter(|procedure| is_typed(&procedure.key)).collect();
        assert_eq!(typed.len(), 4);
        for change in typed {
            assert!(!may_break_glass(&change));
            assert!(!may_break_glass(&Procedure { key: WEEKLY_POSTGRESQL.into(), ..change }), "not even when it is listed");
        }
    }

    #[test]
    fn only_what_is_listed_and_harmless_runs_without_approvals() {
        let weekly = weekly_postgresql();
        assert!(weekly::versions().iter().all(may_break_glass));
        assert!(!may_break_glass(&Procedure { key: "restore".into(), ..weekly.clone() }), "not listed");
        assert!(!may_break_glass(&by_key(space::KEY).expect("on the shelf")), "nothing that only looks cannot wait");
        let spoilt: [fn(&mut StepTemplate); 6] = [
            |step| step.risk = RiskClass::R2,
            |step| step.class = StepClass::Once,
            |step| step.kind = StepKind::Sql,
            |step| step.kind = StepKind::Restore,
            |step| step.kind = StepKind::Drain,
            |step| step.kind = StepKind::Manual,
        ];
        for spoil in spoilt {
            let mut procedure = weekly.clone();
            spoil(&mut procedure.steps[2]);
            assert!(!may_break_glass(&procedure), "{:?}", procedure.steps[2]);
        }
    }
}
