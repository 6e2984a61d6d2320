//! Transaction id wraparound: measured ages in, work and findings out. The rule is PG-15 of the procedure library.
//!
//! A server counts transactions (and multixacts) in 32 bits and can tell old from new only over half of that. Close to the end it refuses every
//! write, so this work goes before all other, and very close to the end nothing else is done at all.

use super::estimate::estimate;
use super::select::{NOT_PERMITTED, step};
use super::text::{count, permille};
use super::{Act, Finding, FindingLevel, Measure, Object, Parameters, PassedOver, Selection, WorkItem};

/// How far a server can count: old and new are half of 2^32 apart at most.
pub const COUNTABLE: u64 = 1 << 31;

/// Above this age a server skips everything but freezing by itself (`vacuum_failsafe_age`, default), and so do we.
pub const FAILSAFE_AGE: u64 = 1_600_000_000;

/// A table as the selector sees it: the oldest of itself and its TOAST table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeRow {
    /// Table or materialized view: a TOAST table is frozen through its owner.
    pub object: Object,
    /// Age of its oldest transaction id, in transactions.
    pub xid_age: u64,
    /// Age of its oldest multixact, in multixacts.
    pub multixact_age: u64,
    /// Whether the TOAST table is the older one.
    pub by_toast: bool,
    /// Heap, TOAST and indexes.
    pub total_bytes: u64,
    /// An anti-wraparound autovacuum works on it: it does not yield, so we do.
    pub wraparound_vacuum_runs: bool,
    /// May our role do it at all?
    pub permitted: bool,
    /// Bytes per second of earlier runs, oldest first.
    pub past_bytes_per_s: Vec<u64>,
}

impl FreezeRow {
    fn age(&self) -> u64 {
        self.xid_age.max(self.multixact_age)
    }
}

/// A database of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseAge {
    /// Its name.
    pub name: String,
    /// It is the one that is worked on.
    pub ours: bool,
    /// Nobody may connect to it; it counts all the same.
    pub closed: bool,
    /// Age of its oldest transaction id.
    pub xid_age: u64,
    /// Age of its oldest multixact.
    pub multixact_age: u64,
}

/// Ages at which autovacuum freezes by force (`autovacuum_freeze_max_age` and its sister for multixacts).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forced {
    /// In transactions.
    pub xids: u64,
    /// In multixacts.
    pub multixacts: u64,
}

impl Forced {
    /// Half as old again: forced freezing is not keeping up.
    fn lags(self, xid_age: u64, multixact_age: u64) -> bool {
        let beyond = |age: u64, limit: u64| u128::from(age) * 2 > u128::from(limit) * 3;
        beyond(xid_age, self.xids) || beyond(multixact_age, self.multixacts)
    }
}

fn share(age: u64) -> String {
    permille(u32::try_from(u128::from(age) * 1000 / u128::from(COUNTABLE)).unwrap_or(1000).min(1000))
}

/// Tables that are so old that they must be frozen now; those for which autovacuum lags; and databases that nobody looks at.
pub fn select_freeze(rows: &[FreezeRow], databases: &[DatabaseAge], forced: Forced, parameters: &Parameters) -> Selection {
    let mut found = Selection::default();
    let mut lagging: Vec<&FreezeRow> = Vec::new();
    for row in rows {
        if row.age() < parameters.freeze_min_age_xids {
            if forced.lags(row.xid_age, row.multixact_age) {
                lagging.push(row);
            }
        } else if !row.permitted {
            found.pass_over(&row.object, NOT_PERMITTED);
            found.findings.push(beyond_reach(row));
        } else if row.wraparound_vacuum_runs {
            found.pass_over(&row.object, "The server itself freezes it right now. That work does not yield; let it finish.");
            found.findings.push(by_server(row));
        } else {
            let act = Act::VacuumFreeze;
            let estimate = estimate(act, row.total_bytes, &row.past_bytes_per_s);
            let item = WorkItem::new(step::FREEZE, act, row.object.clone(), measure(row), estimate, row.total_bytes, row.age());
            found.items.push(item);
        }
    }
    found.findings.extend(lagging.into_iter().map(|row| {
        let said = format!("{} transactions old: forced autovacuum should have frozen it long before.", count(row.age()));
        let advice = "Look whether autovacuum workers are all busy or keep being cancelled, and what holds old rows: sessions, prepared transactions, slots.";
        finding("freeze_lags", FindingLevel::Attention, said, advice).about(&row.object.name).figure("age_xids", row.age())
    }));
    found.findings.extend(databases.iter().filter(|one| !one.ours).filter_map(|one| elsewhere(one, forced, parameters)));
    found
}

fn finding(kind: &str, level: FindingLevel, sentence: String, advice: &str) -> Finding {
    Finding::new(step::FREEZE, kind, level, sentence, advice)
}

fn beyond_reach(row: &FreezeRow) -> Finding {
    let said = format!(
        "{} of what the server can count is used up ({} transactions), and the role may not freeze it.",
        share(row.age()),
        count(row.age())
    );
    finding(
        "freeze_not_permitted",
        FindingLevel::Urgent,
        said,
        "Give the role the right today, or let its owner run VACUUM (FREEZE) on it.",
    )
    .about(&row.object.name)
    .figure("age_xids", row.age())
}

/// Its age counts for the whole server, whoever freezes it.
fn by_server(row: &FreezeRow) -> Finding {
    let said = format!("{} of what the server can count is used up ({} transactions).", share(row.age()), count(row.age()));
    finding("freeze_by_server", FindingLevel::Attention, said, "The server itself freezes it right now: let it finish, and look again.")
        .about(&row.object.name)
        .figure("age_xids", row.age())
}

/// A database of the same server that this run does not work on: it stops the whole server all the same.
fn elsewhere(database: &DatabaseAge, forced: Forced, parameters: &Parameters) -> Option<Finding> {
    let age = database.xid_age.max(database.multixact_age);
    let (level, kind) = if age >= parameters.freeze_min_age_xids {
        (FindingLevel::Urgent, "database_wraparound")
    } else if forced.lags(database.xid_age, database.multixact_age) {
        (FindingLevel::Attention, "database_freeze_lags")
    } else {
        return None;
    };
    let closed = if database.closed { ", to which nobody may connect," } else { "" };
    let said = format!(
        "The database {}{closed} is {} transactions old ({} of what the server can count). It stops this server too.",
        database.name,
        count(age),
        share(age)
    );
    let advice = if database.closed {
        "Allow connections to it for a moment (ALTER DATABASE … ALLOW_CONNECTIONS true), run VACUUM (FREEZE) in it, and close it again."
    } else {
        "Register it here and give it a window, or run VACUUM (FREEZE) in it."
    };
    Some(finding(kind, level, said, advice).called(database.name.clone()).figure("age_xids", age))
}

fn measure(row: &FreezeRow) -> Measure {
    let toast = if row.by_toast { " (its TOAST table is the oldest)" } else { "" };
    let what = if row.multixact_age > row.xid_age { "multixacts" } else { "transactions" };
    Measure::new(
        format!(
            "Its oldest rows are {} {what} old{toast}: {} of what the server can count before it refuses writes.",
            count(row.age()),
            share(row.age())
        ),
        [("xid_age_xids", row.xid_age), ("multixact_age_xids", row.multixact_age)],
    )
}

/// Puts freezing before all other work: what is frozen is vacuumed by that, and very close to the end nothing else is done at all, because every
/// other statement uses up what is left.
pub fn before_all_other(mut found: Selection) -> Selection {
    let (freezes, mut others): (Vec<_>, Vec<_>) = found.items.into_iter().partition(|item: &WorkItem| item.act == Act::VacuumFreeze);
    others.retain(|item| item.act != Act::Vacuum || freezes.iter().all(|freeze| freeze.object.name != item.object.name));
    // Also where somebody else has to freeze: what runs out is one for the whole server.
    let age_elsewhere_xids =
        |one: &Finding| one.figures.get("age_xids").filter(|_| one.step == step::FREEZE).and_then(|age| u64::try_from(*age).ok());
    let ages_xids = freezes.iter().map(|item| item.gain).chain(found.findings.iter().filter_map(age_elsewhere_xids));
    let late = ages_xids.max().is_some_and(|age_xids| age_xids >= FAILSAFE_AGE);
    found.items = freezes;
    if late {
        found.passed_over.extend(others.into_iter().map(|item| {
            PassedOver {
                object: item.object,
                reason:
                    "The server is about to refuse writes (transaction id wraparound): only freezing is done until it is out of danger."
                        .to_owned(),
            }
        }));
    } else {
        found.items.extend(others);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procedure::{ObjectKind, ObjectName};
    use proptest::prelude::*;

    const FORCED: Forced = Forced { xids: 200_000_000, multixacts: 400_000_000 };

    fn object(name: &str) -> Object {
        Object { kind: ObjectKind::Table, oid: 1, name: ObjectName::new("shop", name).expect("no NUL"), table: None }
    }

    fn row(name: &str, xid_age: u64) -> FreezeRow {
        FreezeRow {
            object: object(name),
            xid_age,
            multixact_age: 0,
            by_toast: false,
            total_bytes: 8192,
            wraparound_vacuum_runs: false,
            permitted: true,
            past_bytes_per_s: vec![],
        }
    }

    fn select(rows: &[FreezeRow]) -> Selection {
        select_freeze(rows, &[], FORCED, &Parameters::default())
    }

    #[test]
    fn the_old_are_frozen_the_lagging_are_reported_and_the_young_are_left_alone() {
        let found = select(&[row("young", 299_999_999), row("lagging", 300_000_001), row("old", 1_073_741_824)]);
        let items: Vec<_> = found.items.iter().map(|item| item.statement.as_str()).collect();
        assert_eq!(items, [r#"VACUUM (VERBOSE, FREEZE, TRUNCATE FALSE) "shop"."old""#]);
        assert_eq!(
            found.items[0].measure.sentence,
            "Its oldest rows are 1,073,741,824 transactions old: 50.0 % of what the server can count before it refuses writes."
        );
        let kinds: Vec<_> = found.findings.iter().map(|finding| (finding.kind.as_str(), finding.object.as_deref())).collect();
        assert_eq!(kinds, [("freeze_lags", Some("shop.lagging"))]);
        let shared = select(&[FreezeRow { multixact_age: 1_200_000_000, by_toast: true, ..row("shared", 5) }]);
        assert!(shared.items[0].measure.sentence.contains("multixacts old (its TOAST table"), "{shared:?}");
    }

    #[test]
    fn what_may_not_or_need_not_be_frozen_is_said() {
        let rows = [
            FreezeRow { permitted: false, ..row("foreign", 1_500_000_000) },
            FreezeRow { wraparound_vacuum_runs: true, ..row("busy", 1_500_000_000) },
        ];
        let found = select(&rows);
        assert_eq!((found.items.len(), found.passed_over.len()), (0, 2));
        assert_eq!(found.findings[0].level, FindingLevel::Urgent);
    }

    #[test]
    fn other_databases_of_the_server_count() {
        let database = |name: &str, xid_age, ours, closed| DatabaseAge { name: name.into(), ours, closed, xid_age, multixact_age: 0 };
        let all = [
            database("ours", 2_000_000_000, true, false),
            database("template0", 1_300_000_000, false, true),
            database("slow", 350_000_000, false, false),
            database("fine", 100, false, false),
        ];
        let found = select_freeze(&[], &all, FORCED, &Parameters::default()).findings;
        let seen: Vec<_> = found.iter().map(|finding| (finding.object.as_deref(), finding.level)).collect();
        assert_eq!(seen, [(Some("template0"), FindingLevel::Urgent), (Some("slow"), FindingLevel::Attention)]);
        assert!(found[0].advice.contains("ALLOW_CONNECTIONS") && !found[1].advice.contains("ALLOW_CONNECTIONS"));
    }

    #[test]
    fn close_to_the_end_only_freezing_is_done_and_no_table_is_vacuumed_twice() {
        let other = |act, name: &str| WorkItem::new("other", act, object(name), Measure::new("", []), estimate(act, 0, &[]), 0, 1);
        let with_others = |age| {
            let mut found = select(&[row("old", age)]);
            found.items.extend([other(Act::Vacuum, "old"), other(Act::Analyze, "old"), other(Act::Vacuum, "new")]);
            let settled = before_all_other(found);
            let acts: Vec<_> = settled.items.iter().map(|item| (item.act, item.object.name.name().to_owned())).collect();
            (acts, settled.passed_over.len())
        };
        let old = |act| (act, "old".to_owned());
        assert_eq!(with_others(1_100_000_000), (vec![old(Act::VacuumFreeze), old(Act::Analyze), (Act::Vacuum, "new".to_owned())], 0));
        let elsewhere = |database: DatabaseAge| {
            let mut found = select_freeze(&[], &[database], FORCED, &Parameters::default());
            found.items.push(other(Act::Analyze, "new"));
            before_all_other(found).items.len()
        };
        let database = |xid_age| DatabaseAge { name: "other".into(), ours: false, closed: false, xid_age, multixact_age: 0 };
        assert_eq!((elsewhere(database(FAILSAFE_AGE - 1)), elsewhere(database(FAILSAFE_AGE))), (1, 0), "it stops this server too");
        let mut busy = select(&[FreezeRow { wraparound_vacuum_runs: true, ..row("busy", FAILSAFE_AGE) }]);
        busy.items.push(other(Act::Analyze, "new"));
        assert_eq!(before_all_other(busy).items.len(), 0, "its own freezing must not wait for ours");
        assert_eq!(with_others(FAILSAFE_AGE), (vec![old(Act::VacuumFreeze)], 2), "a VACUUM of what is frozen is not needed at all");
    }

    proptest! {
        #[test]
        fn nothing_old_is_forgotten(ages in proptest::collection::vec((0_u64..4_000_000_000, any::<bool>(), any::<bool>()), 0..20)) {
            let rows: Vec<_> = ages.iter().enumerate().map(|(at, (age, permitted, busy))| FreezeRow { permitted: *permitted, wraparound_vacuum_runs: *busy, ..row(&format!("t{at}"), *age) }).collect();
            let found = select(&rows);
            let old = rows.iter().filter(|row| row.xid_age >= Parameters::default().freeze_min_age_xids).count();
            prop_assert_eq!(found.items.len() + found.passed_over.len(), old);
        }
    }
}
