//! Partitions, and tables that should have some: measured rows in, findings out. The rules are PG-17 of the procedure library.

use super::select::step;
use super::text::{count, duration_ms, permille, size};
use super::{Finding, FindingLevel, ObjectName, Parameters, Selection};

/// Rows are in the order of a column from this correlation on, in thousandths (PG-17: above 0.95).
const IN_ORDER_PERMILLE: u32 = 950;
/// A table is append-only while fewer rows were changed than this share of those inserted, in per cent (PG-17).
const APPEND_ONLY_PERCENT: u64 = 5;
const GIB: u64 = 1024 * 1024 * 1024;

/// The DEFAULT partition of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultRow {
    /// The partitioned table.
    pub parent: ObjectName,
    /// Its DEFAULT partition.
    pub partition: ObjectName,
    /// Its size.
    pub bytes: u64,
    /// Whether it holds a row; `None`: the role may not read it.
    pub has_rows: Option<bool>,
}

/// A partition whose detaching was interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachRow {
    /// The partitioned table.
    pub parent: ObjectName,
    /// The partition.
    pub partition: ObjectName,
}

/// A table that is partitioned by ranges of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundRow {
    /// The partitioned table.
    pub parent: ObjectName,
    /// Seconds until its newest partition ends; negative when it ended already.
    pub ends_in_s: i64,
    /// How much time a partition holds: the newest one.
    pub interval_s: u64,
    /// Rows without a partition go into a DEFAULT one.
    pub has_default: bool,
}

/// A large table that is not partitioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LargeRow {
    /// The table.
    pub name: ObjectName,
    /// Heap, TOAST and indexes.
    pub total_bytes: u64,
    /// Rows inserted since the counters began.
    pub inserted_rows: u64,
    /// Rows updated or deleted since.
    pub changed_rows: u64,
    /// Its columns of a date or time, each with how far the rows are in its order; `None`: not known, or the role may not see it.
    pub time_columns: Vec<(String, Option<u32>)>,
}

fn finding(kind: &str, level: FindingLevel, sentence: String, advice: &str) -> Finding {
    Finding::new(step::SPACE, kind, level, sentence, advice)
}

/// What is wrong with partitions.
pub fn partitions(defaults: &[DefaultRow], detached: &[DetachRow], bounds: &[BoundRow]) -> Selection {
    let mut findings: Vec<Finding> = defaults.iter().filter_map(default_partition).collect();
    findings.extend(half_detached(step::SPACE, detached));
    findings.extend(bounds.iter().filter_map(bound));
    Selection { findings, ..Selection::default() }
}

/// Partitions whose detaching was interrupted, as a step finds them: readers miss their rows, so no look may keep silent about them.
pub fn half_detached(step: &str, rows: &[DetachRow]) -> Vec<Finding> {
    let finding = |row: &DetachRow| {
        Finding::new(
            step,
            "pending_detach",
            FindingLevel::Urgent,
            format!("Detaching it from {} was interrupted: its rows are missing from every query of {} already.", row.parent, row.parent),
            "Complete it with ALTER TABLE … DETACH PARTITION … FINALIZE; nothing else brings it to an end. Then attach it again, if its rows belong there.",
        )
        .about(&row.partition)
    };
    rows.iter().map(finding).collect()
}

fn default_partition(row: &DefaultRow) -> Option<Finding> {
    let parent = &row.parent;
    let found = match row.has_rows {
        Some(true) => finding(
            "default_partition_rows",
            FindingLevel::Attention,
            format!("Rows of {parent} landed in its DEFAULT partition ({}): no partition was there for them.", size(row.bytes)),
            "Move them out before you create the missing partition: while they are there, creating it fails.",
        ),
        None if row.bytes > 0 => Finding::cannot_see(
            step::SPACE,
            format!("Whether the DEFAULT partition of {parent} holds rows is not known; its file has {}.", size(row.bytes)),
            "Let the role read it (GRANT SELECT), or look yourself.",
        ),
        _ => return None,
    };
    Some(found.about(&row.partition).figure("partition_bytes", row.bytes))
}

/// Partitions that run out: the next two must be there.
fn bound(row: &BoundRow) -> Option<Finding> {
    let left = u64::try_from(row.ends_in_s).unwrap_or(0);
    if row.interval_s == 0 || left >= row.interval_s.saturating_mul(2) {
        return None;
    }
    let each = duration_ms(row.interval_s.saturating_mul(1000));
    let over = row.ends_in_s <= 0;
    let said = if over && row.has_default {
        format!("Its newest partition has ended; new rows go into the DEFAULT partition. A partition holds {each}.")
    } else if over {
        "Its newest partition has ended: new rows are refused.".to_owned()
    } else {
        format!(
            "Its newest partition ends in {}, and a partition holds {each}: fewer than two are left.",
            duration_ms(left.saturating_mul(1000))
        )
    };
    let level = if over && !row.has_default { FindingLevel::Urgent } else { FindingLevel::Attention };
    let advice = "Create the next partitions: as a table of its own with a CHECK constraint, then ATTACH PARTITION, which blocks nobody.";
    Some(finding("partitions_run_out", level, said, advice).about(&row.parent).figure("left_s", left).figure("interval_s", row.interval_s))
}

/// Large tables: which of them could be archived or partitioned by time, and why the others could not.
pub fn candidates(rows: &[LargeRow], parameters: &Parameters) -> Selection {
    let limit = parameters.archive_min_gib.saturating_mul(GIB);
    let findings = rows
        .iter()
        .filter(|row| row.total_bytes >= limit)
        .map(|row| candidate(row).about(&row.name).figure("total_bytes", row.total_bytes));
    Selection { findings: findings.collect(), ..Selection::default() }
}

fn candidate(row: &LargeRow) -> Finding {
    let large = size(row.total_bytes);
    let no = |why: String| {
        finding(
            "large_table",
            FindingLevel::Note,
            format!("{large}, and no candidate for archiving by time: {why}."),
            "Nothing to do, or partition it by another key.",
        )
    };
    if row.time_columns.is_empty() {
        return no("it has no column of a date or time".to_owned());
    }
    if row.time_columns.iter().all(|(_, order)| order.is_none()) {
        return Finding::cannot_see(
            step::SPACE,
            format!(
                "{large}; whether its rows lie in the order of time is not known: the statistics of its columns of a date or time are missing, or not visible."
            ),
            "Let the role read those columns (GRANT SELECT), and ANALYZE the table.",
        );
    }
    let best = row.time_columns.iter().filter_map(|(name, order)| Some((name, (*order)?))).max_by_key(|(_, order)| *order);
    let Some((column, order)) = best.filter(|(_, order)| *order > IN_ORDER_PERMILLE) else {
        return no("its rows do not lie in the order of time".to_owned());
    };
    let changed = u128::from(row.changed_rows) * 100;
    if row.inserted_rows == 0 || changed >= u128::from(row.inserted_rows) * u128::from(APPEND_ONLY_PERCENT) {
        return no(format!("{} rows were changed beside {} inserted ones", count(row.changed_rows), count(row.inserted_rows)));
    }
    let column = super::quote::for_people(column);
    finding(
        "archive_candidate",
        FindingLevel::Attention,
        format!(
            "{large}; rows are only added ({} changed beside {} inserted) and lie in the order of {column} ({}).",
            count(row.changed_rows),
            count(row.inserted_rows),
            permille(order)
        ),
        "Partition it by ranges of that column; then old partitions are detached, dumped with a proof, and dropped, instead of rows being deleted.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ObjectName {
        ObjectName::new("shop", name).expect("no NUL")
    }

    #[test]
    fn rows_without_a_partition_and_halves_of_a_detach_are_found_and_blindness_is_said() {
        let default = |has_rows, bytes| DefaultRow { parent: name("events"), partition: name("events_rest"), bytes, has_rows };
        let kinds = |rows: &[DefaultRow]| partitions(rows, &[], &[]).findings.into_iter().map(|found| found.kind).collect::<Vec<_>>();
        assert_eq!(kinds(&[default(Some(true), 8192)]), ["default_partition_rows"]);
        assert_eq!(kinds(&[default(None, 8192)]), ["cannot_see"]);
        assert_eq!(kinds(&[default(Some(false), 8192), default(None, 0)]), [""; 0]);
        let half = partitions(&[], &[DetachRow { parent: name("events"), partition: name("events_1") }], &[]).findings;
        assert!(half[0].level == FindingLevel::Urgent && half[0].advice.contains("FINALIZE"), "{half:?}");
    }

    #[test]
    fn partitions_run_out_before_they_have() {
        const DAY: i64 = 86_400;
        let row = |ends_in_s, has_default| BoundRow { parent: name("events"), ends_in_s, interval_s: 7 * 86_400, has_default };
        let level = |row: BoundRow| partitions(&[], &[], &[row]).findings.first().map(|found| found.level);
        assert_eq!(level(row(14 * DAY, false)), None, "two are left");
        assert_eq!(level(row(14 * DAY - 1, false)), Some(FindingLevel::Attention));
        assert_eq!(level(row(-1, true)), Some(FindingLevel::Attention));
        assert_eq!(level(row(-1, false)), Some(FindingLevel::Urgent), "new rows are refused");
    }

    #[test]
    fn a_candidate_is_large_append_only_and_in_order_and_others_hear_why_not() {
        let row = LargeRow {
            name: name("log"),
            total_bytes: 60 * GIB,
            inserted_rows: 1_000_000,
            changed_rows: 10,
            time_columns: vec![("id day".into(), Some(200)), ("at".into(), Some(990))],
        };
        let of = |row: &LargeRow| candidates(std::slice::from_ref(row), &Parameters::default()).findings;
        assert!(of(&row)[0].kind == "archive_candidate" && of(&row)[0].sentence.contains("in the order of at (99.0 %)"), "{:?}", of(&row));
        assert_eq!(of(&LargeRow { total_bytes: 49 * GIB, ..row.clone() }), []);
        let why = |row: &LargeRow| of(row).remove(0).sentence;
        assert!(why(&LargeRow { time_columns: vec![], ..row.clone() }).contains("no column of a date"));
        assert!(why(&LargeRow { changed_rows: 50_000, ..row.clone() }).contains("50,000 rows were changed"));
        assert!(why(&LargeRow { time_columns: vec![("at".into(), Some(950))], ..row.clone() }).contains("do not lie in the order"));
        assert_eq!(of(&LargeRow { time_columns: vec![("at".into(), None)], ..row }).remove(0).kind, "cannot_see");
    }
}
