//! Indexes that cost more than they give, and those that are missing (PG-07 to PG-09).

use super::{ATTENTION, NOTE, found};
use crate::procedure::select::step::INDEX_REVIEW as STEP;
use crate::procedure::text::{count, duration_ms, size};
use crate::procedure::{Finding, ObjectName, Selection};

/// Counters say nothing before they ran this long: monthly jobs use indexes that nothing else uses.
pub const OBSERVED_AT_LEAST_S: u64 = 30 * 86_400;
/// Smaller unused indexes are not worth a change.
pub const UNUSED_MIN_BYTES: u64 = 10 * 1024 * 1024;
/// A referencing table smaller than this is read from end to end without anybody noticing.
pub const CHILD_MIN_BYTES: u64 = 10 * 1024 * 1024;

/// An index that another one makes superfluous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateRow {
    /// The superfluous one.
    pub index: ObjectName,
    /// The one that does its work.
    pub covered_by: ObjectName,
    /// Both are the same; otherwise it is a left prefix of the other.
    pub exact: bool,
    /// Its size.
    pub bytes: u64,
    /// Its definition, to build it again.
    pub definition: String,
}

/// An index that no scan used since the counters began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedRow {
    /// The index.
    pub index: ObjectName,
    /// Its size.
    pub bytes: u64,
    /// Rows written to its table meanwhile: each of them kept it up to date.
    pub writes_rows: u64,
    /// Its definition, to build it again.
    pub definition: String,
}

/// A foreign key whose columns no index of the referencing table begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKeyRow {
    /// The referencing table.
    pub child: ObjectName,
    /// The referenced table.
    pub parent: ObjectName,
    /// The constraint.
    pub constraint: String,
    /// Its columns, quoted.
    pub columns: String,
    /// Size of the referencing table.
    pub child_bytes: u64,
    /// Rows of the referenced table that were changed or deleted since the counters began.
    pub parent_changes_rows: u64,
    /// Deleting there acts here (CASCADE, SET NULL, SET DEFAULT).
    pub acts: bool,
}

/// Duplicates, and left prefixes as advice.
pub fn duplicates(rows: &[DuplicateRow]) -> Selection {
    let finding = |row: &DuplicateRow| {
        let (kind, level, said, advice) = if row.exact {
            (
                "duplicate_index",
                ATTENTION,
                format!("The same as {}: every write keeps both up to date, and {} are taken twice.", row.covered_by, size(row.bytes)),
                "Drop one of them by a design change (DROP INDEX CONCURRENTLY); its definition is in the way back then. One a table at a time.",
            )
        } else {
            (
                "prefix_index",
                NOTE,
                format!("{} begins with the same columns and can do its work; this one has {}.", row.covered_by, size(row.bytes)),
                "It may still be worth it: a narrow index stays in memory, or serves a foreign key. Compare the plans of your queries first.",
            )
        };
        Finding::new(STEP, kind, level, format!("{said} {}", row.definition), advice).about(&row.index).figure("index_bytes", row.bytes)
    };
    found(rows.iter().map(finding).collect())
}

/// Indexes without use. `observed_s` is how long the counters have run, `None` where the server does not tell; `standbys` counts those
/// that follow this server or have a slot here, whose scans nobody here sees.
pub fn unused(rows: &[UnusedRow], observed_s: Option<u64>, standbys: u64) -> Selection {
    let rows: Vec<&UnusedRow> = rows.iter().filter(|row| row.bytes >= UNUSED_MIN_BYTES).collect();
    if rows.is_empty() {
        return Selection::default();
    }
    let (n, observed) = (count(rows.len() as u64), observed_s.unwrap_or(0));
    if observed < OBSERVED_AT_LEAST_S {
        let since = if observed < 86_400 { "0 days".to_owned() } else { duration_ms(observed.saturating_mul(1000)) };
        return found(vec![Finding::cannot_see(
            STEP,
            format!(
                "Whether {n} indexes without a scan are unused is not known: the server's counters were observed for {since}, and 30 days are needed."
            ),
            "Counters begin anew after a reset or a crash. Look again when a month end has passed. If they fell without a reset, analyse the whole database: autovacuum forgot its counts as well.",
        )]);
    }
    if standbys > 0 {
        return found(vec![Finding::cannot_see(
            STEP,
            format!(
                "Whether {n} indexes without a scan here are unused is not known: {} this server, and what is scanned there is not counted here.",
                crate::procedure::text::plural(standbys, "standby follows", "standbys follow")
            ),
            "Look at pg_stat_user_indexes on each standby before you drop one.",
        )]);
    }
    let finding = |row: &&UnusedRow| {
        let said = format!(
            "No scan in {}; {} and {} kept it up to date. {}",
            duration_ms(observed.saturating_mul(1000)),
            size(row.bytes),
            crate::procedure::text::plural(row.writes_rows, "written row", "written rows"),
            row.definition
        );
        Finding::new(
            STEP,
            "unused_index",
            ATTENTION,
            said,
            "Ask who made it and why. Then drop it by a design change, with its definition in the way back.",
        )
        .about(&row.index)
        .figure("index_bytes", row.bytes)
        .figure("observed_s", observed)
    };
    found(rows.iter().map(finding).collect())
}

/// Foreign keys that make every delete of a referenced row read the referencing table.
pub fn foreign_keys(rows: &[ForeignKeyRow]) -> Selection {
    let matters = |row: &&ForeignKeyRow| row.acts || (row.child_bytes >= CHILD_MIN_BYTES && row.parent_changes_rows > 0);
    let finding = |row: &ForeignKeyRow| {
        let said = format!(
            "No index begins with {}, so each delete or key change in {} reads all of it ({}) under a lock; {} there since the counters began.",
            row.columns,
            row.parent,
            size(row.child_bytes),
            crate::procedure::text::plural(row.parent_changes_rows, "row was changed", "rows were changed")
        );
        let level = if row.child_bytes >= CHILD_MIN_BYTES { ATTENTION } else { NOTE };
        Finding::new(
            STEP,
            "foreign_key_without_index",
            level,
            said,
            "Build one by a design change: CREATE INDEX CONCURRENTLY on these columns.",
        )
        .called(format!("{} ({})", row.child, crate::procedure::quote::for_people(&row.constraint)))
        .figure("child_bytes", row.child_bytes)
    };
    found(rows.iter().filter(matters).map(finding).collect())
}
