//! What proves that an item worked: states of the object before and after, never the server's "OK".

use super::Outcome;
use crate::procedure::text::{count, permille, plural, size};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// An outcome with the sentence that explains it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The outcome.
    pub outcome: Outcome,
    /// One sentence with the figures.
    pub sentence: String,
}

impl Verdict {
    /// Makes a verdict.
    pub fn new(outcome: Outcome, sentence: impl Into<String>) -> Self {
        Self { outcome, sentence: sentence.into() }
    }
}

/// What a look at the object says about an attempt whose owner is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The effect is there.
    Done,
    /// Nothing happened.
    NotDone,
    /// Something is left half-way.
    Partial,
    /// The object does not tell.
    CannotTell,
}

/// A table's dead rows, TOAST included, and how often the server counted a VACUUM of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VacuumState {
    /// Dead rows, the server's count.
    pub dead_rows: u64,
    /// Manual VACUUMs counted.
    pub vacuum_count: u64,
    /// Size with TOAST, without indexes; `None` in what was recorded before it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// How old a table's oldest rows are, TOAST included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreezeState {
    /// Age of the oldest transaction id.
    pub xid_age: u64,
    /// Age of the oldest multixact.
    pub multixact_age: u64,
    /// Manual VACUUMs counted.
    pub vacuum_count: u64,
    /// Size with TOAST, without indexes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// A table's statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalyzeState {
    /// Manual ANALYZEs counted.
    pub analyze_count: u64,
    /// Rows changed since.
    pub changed_rows: u64,
    /// Seconds since statistics were taken, by whomever; `None` when they never were.
    #[serde(default)]
    pub analyzed_s: Option<u64>,
}

/// An index, found by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexState {
    /// A concurrent rebuild gives it a new one: the proof that it was rebuilt.
    pub oid: u32,
    /// Usable by queries.
    pub valid: bool,
    /// As `pg_get_indexdef` spells it.
    pub definition: String,
    /// Its size.
    pub bytes: u64,
}

/// An index whose upkeep the server puts off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpkeepState {
    /// Its size.
    pub bytes: u64,
    /// Pages of its pending list; `None` where it has none, or they cannot be counted.
    pub pending_pages: Option<u64>,
}

/// Judges what a function did that does an index's upkeep: by the number it returned, and by the pending list where there is one.
pub fn verify_upkeep(before: UpkeepState, after: UpkeepState, answer: Option<i64>) -> Verdict {
    let done = u64::try_from(answer.unwrap_or(0)).unwrap_or(0);
    match (before.pending_pages, after.pending_pages) {
        (Some(0), _) => Verdict::new(Outcome::Skipped, "Nothing was left to do: a VACUUM came first."),
        (Some(was), Some(is)) => {
            let figures = format!("pending pages {} → {}", count(was), count(is));
            if is <= was / 2 {
                Verdict::new(Outcome::Done, format!("Cleaned: {figures}."))
            } else if done > 0 {
                Verdict::new(
                    Outcome::NoEffect,
                    format!("{} moved, but as many came meanwhile: {figures}.", plural(done, "page was", "pages were")),
                )
            } else {
                Verdict::new(Outcome::NoEffect, format!("The server moved nothing: {figures}."))
            }
        }
        _ if done > 0 => {
            Verdict::new(Outcome::Done, format!("{} done, the server says.", plural(done, "range or page was", "ranges or pages were")))
        }
        _ => Verdict::new(Outcome::Skipped, "Nothing was left to do: a VACUUM came first."),
    }
}

/// What a pending list says about an attempt whose owner is gone; a BRIN index does not tell, and doing it again does no harm.
pub fn find_upkeep(before: UpkeepState, now: UpkeepState) -> Finding {
    match (before.pending_pages, now.pending_pages) {
        (Some(was), Some(is)) if was > 0 && is <= was / 2 => Finding::Done,
        _ => Finding::NotDone,
    }
}

/// Judges a VACUUM. `holder` names what keeps old rows visible, where something does.
pub fn verify_vacuum(before: VacuumState, after: VacuumState, min_fall_percent: u64, holder: Option<&str>) -> Verdict {
    if after.vacuum_count <= before.vacuum_count {
        let why = if after.vacuum_count < before.vacuum_count {
            "the server's counters were reset meanwhile"
        } else {
            "the server counted none for this table"
        };
        return Verdict::new(Outcome::NoEffect, format!("VACUUM reported success, but {why}."));
    }
    let removed = before.dead_rows.saturating_sub(after.dead_rows);
    let enough = u128::from(removed) * 100 >= u128::from(before.dead_rows) * u128::from(min_fall_percent);
    let figures = format!("dead rows {} → {}", count(before.dead_rows), count(after.dead_rows));
    if enough {
        Verdict::new(Outcome::Done, format!("Vacuumed: {figures}."))
    } else {
        let why = holder.map_or_else(
            || "nothing that holds them was found: look for sessions that ended meanwhile".to_owned(),
            |holder| format!("held by {holder}"),
        );
        Verdict::new(
            Outcome::NoEffect,
            format!("VACUUM ran but {} remain ({figures}); {why}.", plural(after.dead_rows, "dead row", "dead rows")),
        )
    }
}

/// Judges a VACUUM (FREEZE) by the age that was the reason for it. `holder` names what keeps old transactions, where something does.
pub fn verify_freeze(before: FreezeState, after: FreezeState, holder: Option<&str>) -> Verdict {
    let (was, is, what) = if before.multixact_age > before.xid_age {
        (before.multixact_age, after.multixact_age, "multixacts")
    } else {
        (before.xid_age, after.xid_age, "transactions")
    };
    let figures = format!("oldest {} → {} {what} old", count(was), count(is));
    if is <= was / 2 {
        return Verdict::new(Outcome::Done, format!("Frozen: {figures}."));
    }
    let why = match (holder, after.vacuum_count.cmp(&before.vacuum_count)) {
        (Some(holder), _) => format!("held by {holder}"),
        (None, Ordering::Equal) => "the server counted no VACUUM of this table: the role may not vacuum it".to_owned(),
        (None, _) => "nothing that holds it was found: look for sessions that ended meanwhile".to_owned(),
    };
    Verdict::new(Outcome::NoEffect, format!("VACUUM (FREEZE) reported success, but the age did not fall by half ({figures}); {why}."))
}

/// Judges an ANALYZE: only the server's own counter proves it.
pub fn verify_analyze(before: AnalyzeState, after: AnalyzeState) -> Verdict {
    match after.analyze_count.cmp(&before.analyze_count) {
        Ordering::Greater => Verdict::new(
            Outcome::Done,
            format!("Statistics taken anew; changed rows since {} → {}.", count(before.changed_rows), count(after.changed_rows)),
        ),
        Ordering::Less => Verdict::new(
            Outcome::NoEffect,
            "ANALYZE reported success, but the server's counters were reset meanwhile, so nothing proves it.",
        ),
        Ordering::Equal => Verdict::new(
            Outcome::NoEffect,
            "ANALYZE reported success, but the server counted none for this table: the role may not analyse it.",
        ),
    }
}

/// Judges a concurrent rebuild. `debris` lists invalid indexes of the table that were not there before.
pub fn verify_reindex(before: &IndexState, after: Option<&IndexState>, debris: &[String]) -> Verdict {
    if !debris.is_empty() {
        return Verdict::new(Outcome::NeedsCleanup, format!("Left behind: {}.", debris.join(", ")));
    }
    let Some(after) = after else {
        return Verdict::new(Outcome::Failed, "The index is gone: somebody dropped or renamed it meanwhile.");
    };
    if after.oid == before.oid {
        return Verdict::new(Outcome::NoEffect, "REINDEX reported success, but the index is still the old one.");
    }
    if !after.valid {
        return Verdict::new(Outcome::NeedsCleanup, "The index was rebuilt and is invalid: no query uses it.");
    }
    if after.definition != before.definition {
        return Verdict::new(Outcome::Failed, format!("The index has another definition now: {}.", after.definition));
    }
    let figures = format!("{} → {}", size(before.bytes), size(after.bytes));
    // Less than a twentieth won: the measure was wrong, or the space is in use again already.
    if u128::from(after.bytes) * 20 > u128::from(before.bytes) * 19 {
        return Verdict::new(Outcome::NoEffect, format!("Rebuilt and valid, but no smaller: {figures}."));
    }
    let won = (u128::from(before.bytes - after.bytes) * 1000 / u128::from(before.bytes.max(1))).try_into().unwrap_or(0);
    Verdict::new(Outcome::Done, format!("Rebuilt and valid: {figures}, {} less.", permille(won)))
}

/// Judges the drop of an invalid index.
pub fn verify_cleanup(still_there: bool) -> Verdict {
    if still_there {
        Verdict::new(Outcome::NeedsCleanup, "The invalid index is still there.")
    } else {
        Verdict::new(Outcome::Done, "The invalid index is gone.")
    }
}

/// What an index says about a rebuild whose owner is gone.
pub fn find_reindex(before: &IndexState, after: Option<&IndexState>, debris: &[String]) -> Finding {
    match after {
        _ if !debris.is_empty() => Finding::Partial,
        None => Finding::CannotTell,
        Some(after) if after.oid == before.oid => Finding::NotDone,
        Some(after) if after.valid && after.definition == before.definition => Finding::Done,
        Some(_) => Finding::Partial,
    }
}

/// What a counter says about a VACUUM or ANALYZE whose owner is gone.
pub const fn find_counted(before: u64, after: u64) -> Finding {
    if after > before {
        Finding::Done
    } else if after == before {
        Finding::NotDone
    } else {
        Finding::CannotTell
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vacuum(dead_rows: u64, vacuum_count: u64) -> VacuumState {
        VacuumState { dead_rows, vacuum_count, bytes: Some(8192) }
    }

    fn index(oid: u32, bytes: u64) -> IndexState {
        IndexState { oid, valid: true, definition: "CREATE INDEX i ON t USING btree (a)".to_owned(), bytes }
    }

    #[test]
    fn vacuum_must_be_counted_and_remove_rows() {
        assert_eq!(verify_vacuum(vacuum(10_000, 0), vacuum(100, 1), 80, None).outcome, Outcome::Done);
        assert_eq!(verify_vacuum(vacuum(10_000, 0), vacuum(2_001, 1), 80, None).outcome, Outcome::NoEffect);
        assert_eq!(verify_vacuum(vacuum(10_000, 5), vacuum(0, 5), 80, None).outcome, Outcome::NoEffect);
        assert_eq!(verify_vacuum(vacuum(0, 0), vacuum(0, 1), 80, None).outcome, Outcome::Done);
        let held = verify_vacuum(vacuum(10_000, 0), vacuum(10_000, 1), 80, Some("session 4711 (report)"));
        assert!(held.sentence.contains("10,000 dead rows remain") && held.sentence.contains("session 4711"), "{held:?}");
    }

    #[test]
    fn upkeep_is_proven_by_what_the_server_did() {
        let state = |pending_pages| UpkeepState { bytes: 8192, pending_pages };
        let judge = |before, after, answer| verify_upkeep(state(before), state(after), answer).outcome;
        assert_eq!(judge(Some(600), Some(0), Some(600)), Outcome::Done);
        assert_eq!(judge(Some(600), Some(500), Some(600)), Outcome::NoEffect, "as many came meanwhile");
        assert_eq!((judge(Some(600), Some(600), Some(0)), judge(Some(0), Some(0), Some(0))), (Outcome::NoEffect, Outcome::Skipped));
        assert_eq!(judge(None, None, Some(12)), Outcome::Done);
        assert_eq!((judge(None, None, Some(0)), judge(None, None, None)), (Outcome::Skipped, Outcome::Skipped));
        assert_eq!(find_upkeep(state(Some(600)), state(Some(3))), Finding::Done);
        assert_eq!(
            (find_upkeep(state(Some(600)), state(Some(600))), find_upkeep(state(None), state(None))),
            (Finding::NotDone, Finding::NotDone)
        );
    }

    #[test]
    fn a_freeze_must_make_the_table_younger_and_names_what_hinders_it() {
        let state = |xid_age, multixact_age, vacuum_count| FreezeState { xid_age, multixact_age, vacuum_count, bytes: None };
        let judge = |before, after, holder| verify_freeze(before, after, holder);
        assert_eq!(judge(state(1_200_000_000, 5, 0), state(40, 5, 1), None).outcome, Outcome::Done);
        assert_eq!(judge(state(5, 1_200_000_000, 0), state(5, 40, 1), None).outcome, Outcome::Done, "the multixacts were the reason");
        let held = judge(state(1_200_000_000, 5, 0), state(1_200_000_040, 5, 1), Some("session 4711 (report)"));
        assert!(held.outcome == Outcome::NoEffect && held.sentence.contains("session 4711"), "{held:?}");
        let unheard = judge(state(1_200_000_000, 5, 3), state(1_200_000_000, 5, 3), None);
        assert!(unheard.sentence.contains("may not vacuum"), "{unheard:?}");
    }

    #[test]
    fn analyze_must_be_counted() {
        let state = |analyze_count| AnalyzeState { analyze_count, changed_rows: 7, analyzed_s: None };
        assert_eq!(verify_analyze(state(1), state(2)).outcome, Outcome::Done);
        assert_eq!(verify_analyze(state(1), state(1)).outcome, Outcome::NoEffect);
        assert_eq!(verify_analyze(state(1), state(0)).outcome, Outcome::NoEffect);
    }

    #[test]
    fn reindex_must_make_a_new_smaller_valid_index_and_leave_nothing() {
        let before = index(1, 1000);
        let judge = |after: Option<IndexState>, debris: &[String]| {
            (verify_reindex(&before, after.as_ref(), debris).outcome, find_reindex(&before, after.as_ref(), debris))
        };
        assert_eq!(judge(Some(index(2, 250)), &[]), (Outcome::Done, Finding::Done));
        assert_eq!(judge(Some(index(1, 1000)), &[]), (Outcome::NoEffect, Finding::NotDone));
        assert_eq!(judge(Some(index(2, 960)), &[]), (Outcome::NoEffect, Finding::Done));
        assert_eq!(judge(Some(index(1, 1000)), &["i_ccnew".to_owned()]), (Outcome::NeedsCleanup, Finding::Partial));
        assert_eq!(judge(None, &[]), (Outcome::Failed, Finding::CannotTell));
        assert_eq!(judge(Some(IndexState { valid: false, ..index(2, 250) }), &[]), (Outcome::NeedsCleanup, Finding::Partial));
        assert_eq!(judge(Some(IndexState { definition: "other".to_owned(), ..index(2, 250) }), &[]), (Outcome::Failed, Finding::Partial));
        assert!(verify_reindex(&before, Some(&index(2, 250)), &[]).sentence.contains("75.0 % less"));
    }

    #[test]
    fn counters_tell_what_happened() {
        assert_eq!(find_counted(3, 4), Finding::Done);
        assert_eq!(find_counted(3, 3), Finding::NotDone);
        assert_eq!(find_counted(3, 0), Finding::CannotTell);
    }

    proptest! {
        #[test]
        fn success_is_never_claimed_without_a_count(dead in any::<u64>(), after in any::<u64>(), counted in any::<u64>(), percent in 1_u64..=100) {
            let verdict = verify_vacuum(vacuum(dead, counted), vacuum(after, counted), percent, None);
            prop_assert_eq!(verdict.outcome, Outcome::NoEffect);
        }
    }
}
