//! Where the space goes: measured rows in, findings out. The rule is PG-03 of the procedure library.

use super::memory::Growth;
use super::select::step;
use super::text::{plural, size};
use super::{Finding, FindingLevel, ObjectName, Selection};

/// So many of the largest tables are named.
pub const MOST_NAMED: usize = 10;

/// A table with all that belongs to it; a partitioned one with all its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizeRow {
    /// Table, materialized view, or the root of a partition tree.
    pub name: ObjectName,
    /// Heap, TOAST and indexes.
    pub total_bytes: u64,
    /// The indexes' share of it.
    pub index_bytes: u64,
    /// How many partitions it has; 0 where it is not partitioned.
    pub partitions: u32,
    /// Against the oldest look of the last year; `None` while no look is a day old.
    pub growth: Option<Growth>,
}

/// A schema of temporary tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TempSchemaRow {
    /// Its name, `pg_temp_7`.
    pub schema: String,
    /// How many tables and indexes it has.
    pub relations: u64,
    /// Their size.
    pub bytes: u64,
    /// Whether its session is gone; `None`: servers before PostgreSQL 16 do not tell.
    pub orphaned: Option<bool>,
}

fn finding(kind: &str, level: FindingLevel, sentence: String, advice: &str) -> Finding {
    Finding::new(step::SPACE, kind, level, sentence, advice)
}

/// A table is named for its growth from this size on: smaller ones double for years before anybody notices.
const GROWS_MIN_BYTES: u64 = 1024 * 1024 * 1024;
/// ... and when it doubles in fewer days than this: two monthly windows (PG-03).
const DOUBLES_SOON_DAYS: u64 = 60;

/// The largest tables, largest first, and those that will be.
pub fn sizes(rows: &[SizeRow]) -> Selection {
    let mut rows: Vec<&SizeRow> = rows.iter().filter(|row| row.total_bytes > 0).collect();
    rows.sort_by(|a, b| (b.total_bytes, &a.name).cmp(&(a.total_bytes, &b.name)));
    let all = rows.iter().fold(0_u64, |sum, row| sum.saturating_add(row.total_bytes));
    let share = |row: &SizeRow| (u128::from(row.total_bytes) * 100 / u128::from(all.max(1))).min(100);
    let mut findings: Vec<Finding> = rows.iter().take(MOST_NAMED).map(|row| size_of(row, share(row))).collect();
    findings.extend(rows.iter().filter_map(|row| grows(row)).take(MOST_NAMED));
    Selection { findings, ..Selection::default() }
}

fn size_of(row: &SizeRow, share: u128) -> Finding {
    let partitions =
        if row.partitions > 0 { format!(" in {}", plural(row.partitions.into(), "partition", "partitions")) } else { String::new() };
    let grew = match row.growth {
        Some(Growth { bytes_per_week: 0, days, .. }) => format!("It did not grow in {}.", plural(days, "day", "days")),
        Some(Growth { bytes_per_week, days, .. }) => {
            format!("It grew by {} a week in {}.", size(bytes_per_week), plural(days, "day", "days"))
        }
        None => "Its growth shows once it was measured on two days.".to_owned(),
    };
    let said =
        format!("{}{partitions}, {} of it indexes; {share} % of what was measured. {grew}", size(row.total_bytes), size(row.index_bytes));
    let found = finding("table_size", FindingLevel::Note, said, "Nothing to do.")
        .about(&row.name)
        .figure("total_bytes", row.total_bytes)
        .figure("index_bytes", row.index_bytes);
    match row.growth {
        Some(growth) => found.figure("growth_per_week_bytes", growth.bytes_per_week),
        None => found,
    }
}

/// Large, and twice as large before long.
fn grows(row: &SizeRow) -> Option<Finding> {
    let growth = row.growth.filter(|_| row.total_bytes >= GROWS_MIN_BYTES)?;
    let days = growth.doubles_in_days.filter(|days| *days < DOUBLES_SOON_DAYS)?;
    let said = format!("It grows by {} a week and doubles in {} at that rate.", size(growth.bytes_per_week), plural(days, "day", "days"));
    let advice = "Plan its space, or what is removed from it: archiving old rows, partitions that are dropped.";
    Some(finding("doubles_soon", FindingLevel::Attention, said, advice).about(&row.name).figure("doubles_in_days", days))
}

/// Temporary tables whose session is gone, or may be.
pub fn temp_schemas(rows: &[TempSchemaRow]) -> Selection {
    let said = |row: &TempSchemaRow| format!("{}, {}", plural(row.relations, "temporary relation", "temporary relations"), size(row.bytes));
    let findings = rows.iter().filter_map(|row| {
        let found = match row.orphaned {
            Some(true) => finding(
                "orphaned_temp_schema",
                FindingLevel::Attention,
                format!("{}, left by a session that is gone.", said(row)),
                "Autovacuum drops them when it comes by; where it does not, a superuser drops the schema's tables. Until then they hold back the wraparound age.",
            ),
            Some(false) => return None,
            None => finding(
                "temp_schema",
                FindingLevel::Note,
                format!("{}. Whether their session still lives this server does not tell (PostgreSQL 16 and later do).", said(row)),
                "Nothing to do while sessions work with temporary tables; autovacuum drops what a crash left.",
            ),
        };
        Some(found.called(row.schema.clone()).figure("relations", row.relations).figure("schema_bytes", row.bytes))
    });
    Selection { findings: findings.collect(), ..Selection::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ObjectName {
        ObjectName::new("shop", name).expect("no NUL")
    }

    #[test]
    fn the_largest_are_named_with_their_share() {
        let row = |n: u64| SizeRow {
            name: name(&format!("t{n:02}")),
            total_bytes: n << 20,
            index_bytes: 1 << 19,
            partitions: u32::from(n == 12) * 3,
            growth: None,
        };
        let found = sizes(&(0..=12).map(row).collect::<Vec<_>>()).findings;
        assert_eq!(found.len(), MOST_NAMED);
        assert_eq!(found[0].object.as_deref(), Some("shop.t12"));
        assert_eq!(
            found[0].sentence,
            "12 MB in 3 partitions, 512 kB of it indexes; 15 % of what was measured. Its growth shows once it was measured on two days."
        );
        assert!(found.iter().all(|finding| finding.level == FindingLevel::Note && finding.step == "space"));
        assert_eq!(sizes(&[row(0)]).findings, [], "an empty table takes no space");
    }

    #[test]
    fn what_is_large_and_doubles_soon_is_named_for_it() {
        let row = |total_bytes, doubles_in_days| SizeRow {
            name: name("log"),
            total_bytes,
            index_bytes: 0,
            partitions: 0,
            growth: Some(Growth { bytes_per_week: 7 << 20, doubles_in_days, days: 14 }),
        };
        let kinds = |row: SizeRow| sizes(&[row]).findings.into_iter().map(|found| found.kind).collect::<Vec<_>>();
        assert_eq!(kinds(row(GROWS_MIN_BYTES, Some(59))), ["table_size", "doubles_soon"]);
        assert_eq!(kinds(row(GROWS_MIN_BYTES, Some(60))), ["table_size"]);
        assert_eq!(kinds(row(GROWS_MIN_BYTES - 1, Some(1))), ["table_size"]);
        assert_eq!(kinds(row(GROWS_MIN_BYTES, None)), ["table_size"]);
        assert!(sizes(&[row(1 << 20, Some(9))]).findings[0].sentence.ends_with("It grew by 7 MB a week in 14 days."));
    }

    #[test]
    fn a_living_session_keeps_its_temporary_tables_unreported() {
        let row = |orphaned| TempSchemaRow { schema: "pg_temp_7".into(), relations: 2, bytes: 16_384, orphaned };
        let found = temp_schemas(&[row(Some(false)), row(Some(true)), row(None)]).findings;
        let seen: Vec<_> = found.iter().map(|found| (found.kind.as_str(), found.level)).collect();
        assert_eq!(seen, [("orphaned_temp_schema", FindingLevel::Attention), ("temp_schema", FindingLevel::Note)]);
        assert_eq!(found[0].object.as_deref(), Some("pg_temp_7"));
    }
}
