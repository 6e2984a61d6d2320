//! The procedures Drydock brings along. A change of any text below changes the digest, so it needs a higher version.

use super::select::step;
use super::{Act, Dbms, Procedure, RiskClass, StepClass, StepKind, StepTemplate};

/// The key of [`weekly_postgresql`].
pub const WEEKLY_POSTGRESQL: &str = "weekly_postgresql";

/// Every built-in procedure, in the version this program carries.
pub fn all() -> Vec<Procedure> {
    vec![weekly_postgresql()]
}

/// The built-in procedure with this key, in the version this program carries.
pub fn by_key(key: &str) -> Option<Procedure> {
    all().into_iter().find(|procedure| procedure.key == key)
}

/// Keys of the procedures that may run without their approvals, when two people say so: chosen one by one, and never by being new.
const BREAK_GLASS: &[&str] = &[WEEKLY_POSTGRESQL];

/// Whether two people may let this procedure run without its approvals: it is on the list, and each of its steps only looks, or works online and
/// can be done again. Never what restores, drops data, rewrites tables, or runs a text that somebody typed.
#[must_use]
pub fn may_break_glass(procedure: &Procedure) -> bool {
    let harmless = |step: &StepTemplate| {
        let kind = matches!(step.kind, StepKind::Check | StepKind::Action | StepKind::Probe | StepKind::Gate);
        kind && step.class != StepClass::Once && step.risk <= RiskClass::R1
    };
    BREAK_GLASS.contains(&procedure.key.as_str()) && procedure.steps.iter().all(harmless)
}

/// "weekly (PostgreSQL)": pre-checks, VACUUM, index rebuilds, statistics, validation.
///
/// VACUUM comes first because dead rows would be copied into rebuilt indexes' scans and skew their measure; ANALYZE comes
/// last because rebuilds leave the statistics of expression indexes empty.
pub fn weekly_postgresql() -> Procedure {
    Procedure {
        key: WEEKLY_POSTGRESQL.to_owned(),
        version: 1,
        dbms: Dbms::Postgresql,
        name: "weekly (PostgreSQL)".to_owned(),
        steps: vec![
            template(
                "preflight",
                "Pre-checks",
                (StepKind::Check, StepClass::Read, RiskClass::R0),
                &[],
                "Server version, identity, primary and writable, the role's privileges, old transactions, prepared transactions, replication slots and standbys, connections in use, age of the newest backup on record, invalid indexes.",
                "Every check is green, or named in yellow; a red one stops the run before it changes anything.",
                "Nothing to undo: it only reads.",
            ),
            template(
                step::VACUUM,
                "Remove dead rows",
                (StepKind::Action, StepClass::Repeatable, RiskClass::R1),
                &[Act::Vacuum],
                "Tables whose dead rows exceed the threshold against autovacuum's own trigger, or for which autovacuum is switched off.",
                "The server counted the VACUUM, and the dead rows fell by the share the plan asks for; if not, what holds them is named.",
                "Nothing to undo.",
            ),
            template(
                step::REINDEX,
                "Rebuild bloated indexes",
                (StepKind::Action, StepClass::Resumable, RiskClass::R1),
                &[Act::ReindexConcurrently],
                "B-tree indexes of which enough is empty, measured page by page by pgstatindex; an estimate alone never decides.",
                "The index is new, valid, has the same definition and is smaller, and no invalid index is left.",
                "Nothing to undo: the old index serves until the new one takes its place. An interrupted rebuild leaves an invalid index, which the clean-up drops.",
            ),
            template(
                step::CLEANUP,
                "Drop what interrupted rebuilds left",
                (StepKind::Action, StepClass::Safing, RiskClass::R1),
                &[Act::DropInvalidIndex],
                "Invalid indexes whose names end in _ccnew or _ccold, when no build works on their table. Other invalid indexes are only reported.",
                "The index is gone.",
                "Nothing to undo: an invalid index serves no query.",
            ),
            template(
                step::ANALYZE,
                "Refresh planner statistics",
                (StepKind::Action, StepClass::Repeatable, RiskClass::R1),
                &[Act::Analyze, Act::AnalyzeOnly],
                "Tables never analysed, or whose statistics are stale by change or, with changes, by age; autovacuum's own work counts.",
                "The server counted the ANALYZE.",
                "Statistics cannot be brought back, only taken anew; autovacuum would replace them all the same.",
            ),
            template(
                "validate",
                "Validation",
                (StepKind::Probe, StepClass::Read, RiskClass::R0),
                &[],
                "Critical queries against the baseline taken before the first change, connections in range, reachable and writable, no invalid index; the rest by people.",
                "Each item is ticked off, or accepted by a named person with a reason.",
                "Nothing to undo: it only reads.",
            ),
        ],
    }
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

    #[test]
    fn weekly_runs_vacuum_then_reindex_then_analyze() {
        let weekly = weekly_postgresql();
        let keys: Vec<_> = weekly.steps.iter().map(|step| step.key.as_str()).collect();
        assert_eq!(keys, ["preflight", "vacuum", "reindex", "cleanup", "analyze", "validate"]);
        assert_eq!(weekly.highest_risk(), RiskClass::R1);
        assert_eq!(by_key(&weekly.key), Some(weekly));
        assert_eq!(by_key("monthly"), None);
    }

    #[test]
    fn acts_are_never_riskier_than_their_step() {
        for step in weekly_postgresql().steps {
            for act in &step.acts {
                assert!(act.risk() <= step.risk && act.class() == step.class, "{act:?} in {}", step.key);
            }
        }
    }

    #[test]
    fn only_what_is_listed_and_harmless_runs_without_approvals() {
        let weekly = weekly_postgresql();
        assert!(may_break_glass(&weekly));
        assert!(!may_break_glass(&Procedure { key: "restore".into(), ..weekly.clone() }), "not listed");
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

    /// Approved plans name this digest: a change here needs a new version, and the old one kept as long as plans name it.
    #[test]
    fn version_1_is_frozen() {
        assert_eq!(weekly_postgresql().digest().short(), "a117-b375-3089");
    }
}
