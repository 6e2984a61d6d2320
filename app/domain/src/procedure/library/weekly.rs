//! "weekly (PostgreSQL)": what a database needs every week to stay fast and whole.

use super::template;
use crate::procedure::select::step;
use crate::procedure::{Act, Dbms, Procedure, RiskClass, StepClass, StepKind, StepTemplate};

/// The key.
pub const KEY: &str = "weekly_postgresql";

/// Every version, the oldest first.
pub fn versions() -> Vec<Procedure> {
    vec![version_1(), version_2()]
}

fn procedure(version: u32, steps: Vec<StepTemplate>) -> Procedure {
    Procedure { key: KEY.to_owned(), version, dbms: Dbms::Postgresql, name: "weekly (PostgreSQL)".to_owned(), steps, own: None }
}

/// Version 1: pre-checks, VACUUM, index rebuilds, statistics, validation.
///
/// VACUUM comes first because dead rows would be copied into rebuilt indexes' scans and skew their measure; ANALYZE comes
/// last because rebuilds leave the statistics of expression indexes empty.
pub fn version_1() -> Procedure {
    procedure(1, vec![preflight(), vacuum(), reindex(), cleanup(), analyze(), validate()])
}

/// Version 2 freezes before all other work, looks after indexes of every kind, and says where the space goes and whether autovacuum keeps up.
pub fn version_2() -> Procedure {
    procedure(
        2,
        vec![
            preflight(),
            freeze(),
            vacuum(),
            upkeep(),
            reindex(),
            reindex_sized(),
            cleanup(),
            analyze(),
            super::space::space(),
            autovacuum(),
            validate(),
        ],
    )
}

pub(super) fn preflight() -> StepTemplate {
    template(
        "preflight",
        "Pre-checks",
        (StepKind::Check, StepClass::Read, RiskClass::R0),
        &[],
        "Server version, identity, primary and writable, the role's privileges, old transactions, prepared transactions, replication slots and standbys, connections in use, age of the newest backup on record, invalid indexes.",
        "Every check is green, or named in yellow; a red one stops the run before it changes anything.",
        "Nothing to undo: it only reads.",
    )
}

fn freeze() -> StepTemplate {
    template(
        step::FREEZE,
        "Freeze what is close to wraparound",
        (StepKind::Action, StepClass::Repeatable, RiskClass::R1),
        &[Act::VacuumFreeze],
        "Tables, catalogs and TOAST tables through their owners, whose oldest transaction id or multixact is beyond the threshold, the oldest first. Above 1.6 billion nothing else is done. Where forced autovacuum lags behind, and other databases of the server that are too old, are reported.",
        "The server counted the VACUUM, and the age fell by half at least; if not, what holds the old transactions is named.",
        "Nothing to undo.",
    )
}

fn vacuum() -> StepTemplate {
    template(
        step::VACUUM,
        "Remove dead rows",
        (StepKind::Action, StepClass::Repeatable, RiskClass::R1),
        &[Act::Vacuum],
        "Tables whose dead rows exceed the threshold against autovacuum's own trigger, or for which autovacuum is switched off.",
        "The server counted the VACUUM, and the dead rows fell by the share the plan asks for; if not, what holds them is named.",
        "Nothing to undo.",
    )
}

fn reindex() -> StepTemplate {
    template(
        step::REINDEX,
        "Rebuild bloated indexes",
        (StepKind::Action, StepClass::Resumable, RiskClass::R1),
        &[Act::ReindexConcurrently],
        "B-tree indexes of which enough is empty, measured page by page by pgstatindex; an estimate alone never decides.",
        "The index is new, valid, has the same definition and is smaller, and no invalid index is left.",
        "Nothing to undo: the old index serves until the new one takes its place. An interrupted rebuild leaves an invalid index, which the clean-up drops.",
    )
}

fn upkeep() -> StepTemplate {
    template(
        step::UPKEEP,
        "Do what GIN and BRIN indexes put off",
        (StepKind::Action, StepClass::Repeatable, RiskClass::R1),
        &[Act::GinCleanPending, Act::BrinSummarize],
        "GIN indexes whose pending list is longer than the threshold, counted by pgstatginindex; BRIN indexes of tables to which enough ranges were added since the last VACUUM, by the server's count of inserted rows.",
        "The server says how many pages it moved, or ranges it summarised, and the pending list is shorter.",
        "Nothing to undo: VACUUM would do the same.",
    )
}

fn reindex_sized() -> StepTemplate {
    template(
        step::SIZED,
        "Rebuild other indexes that grew",
        (StepKind::Action, StepClass::Resumable, RiskClass::R1),
        &[Act::ReindexConcurrently],
        "GIN, GiST, SP-GiST, hash, HNSW and IVFFlat indexes that are much larger per row than right after their last rebuild. At the first look the size per row is only recorded. Indexes of exclusion constraints cannot be rebuilt concurrently and are reported; partitioned indexes have no storage of their own.",
        "The index is new, valid, has the same definition and is smaller, and no invalid index is left.",
        "Nothing to undo: the old index serves until the new one takes its place. An interrupted rebuild leaves an invalid index, which the clean-up drops.",
    )
}

fn autovacuum() -> StepTemplate {
    template(
        step::AUTOVACUUM,
        "Look at autovacuum and statistics objects",
        (StepKind::Review, StepClass::Read, RiskClass::R0),
        &[],
        "Whether autovacuum is on and its workers are all busy while tables wait for it; tables for which it is off or waits long; statistics objects without data.",
        "Each finding says what was measured; what could not be looked at is a finding, too.",
        "Nothing to undo: it only reads.",
    )
}

fn cleanup() -> StepTemplate {
    template(
        step::CLEANUP,
        "Drop what interrupted rebuilds left",
        (StepKind::Action, StepClass::Safing, RiskClass::R1),
        &[Act::DropInvalidIndex],
        "Invalid indexes whose names end in _ccnew or _ccold, when no build works on their table. Other invalid indexes are only reported.",
        "The index is gone.",
        "Nothing to undo: an invalid index serves no query.",
    )
}

fn analyze() -> StepTemplate {
    template(
        step::ANALYZE,
        "Refresh planner statistics",
        (StepKind::Action, StepClass::Repeatable, RiskClass::R1),
        &[Act::Analyze, Act::AnalyzeOnly],
        "Tables never analysed, or whose statistics are stale by change or, with changes, by age; autovacuum's own work counts.",
        "The server counted the ANALYZE.",
        "Statistics cannot be brought back, only taken anew; autovacuum would replace them all the same.",
    )
}

pub(super) fn validate() -> StepTemplate {
    template(
        "validate",
        "Validation",
        (StepKind::Probe, StepClass::Read, RiskClass::R0),
        &[],
        "Critical queries against the baseline taken before the first change, connections in range, reachable and writable, no invalid index; the rest by people.",
        "Each item is ticked off, or accepted by a named person with a reason.",
        "Nothing to undo: it only reads.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Approved plans name these digests: a change of a text needs a new version, and the old one kept as long as plans name it.
    #[test]
    fn what_was_approved_stays_as_it_was() {
        assert_eq!(version_1().digest().short(), "a117-b375-3089");
        assert_eq!(version_2().digest().short(), "1cf6-b481-8efe");
    }

    #[test]
    fn dead_rows_go_before_rebuilds_and_statistics_come_after_them() {
        let keys = |procedure: Procedure| procedure.steps.into_iter().map(|step| step.key).collect::<Vec<_>>();
        assert_eq!(keys(version_1()), ["preflight", "vacuum", "reindex", "cleanup", "analyze", "validate"]);
        assert_eq!(
            keys(version_2()),
            [
                "preflight",
                "freeze",
                "vacuum",
                "index_upkeep",
                "reindex",
                "reindex_sized",
                "cleanup",
                "analyze",
                "space",
                "autovacuum",
                "validate"
            ]
        );
        assert_eq!(version_1().highest_risk(), RiskClass::R1);
    }
}
