//! Where the space goes: measured rows in, findings out. The rules are PG-03 and PG-17 of the procedure library.

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
}

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

/// The largest tables, largest first, and their sum.
pub fn sizes(rows: &[SizeRow]) -> Selection {
    let mut rows: Vec<&SizeRow> = rows.iter().filter(|row| row.total_bytes > 0).collect();
    rows.sort_by(|a, b| (b.total_bytes, &a.name).cmp(&(a.total_bytes, &b.name)));
    let all = rows.iter().fold(0_u64, |sum, row| sum.saturating_add(row.total_bytes));
    let of_all = |bytes: u64| (u128::from(bytes) * 100 / u128::from(all.max(1))).min(100);
    let named = rows.iter().take(MOST_NAMED).map(|row| {
        let partitions =
            if row.partitions > 0 { format!(" in {}", plural(row.partitions.into(), "partition", "partitions")) } else { String::new() };
        let said = format!(
            "{}{partitions}, {} of it indexes; {} % of what was measured.",
            size(row.total_bytes),
            size(row.index_bytes),
            of_all(row.total_bytes)
        );
        finding("table_size", FindingLevel::Note, said, "Nothing to do: growth shows once it was measured twice.")
            .about(&row.name)
            .figure("total_bytes", row.total_bytes)
            .figure("index_bytes", row.index_bytes)
    });
    Selection { findings: named.collect(), ..Selection::default() }
}

/// What is wrong with partitions.
pub fn partitions(defaults: &[DefaultRow], detached: &[DetachRow]) -> Selection {
    let mut findings = Vec::new();
    for row in defaults {
        let parent = &row.parent;
        findings.extend(match row.has_rows {
            Some(true) => Some(
                finding(
                    "default_partition_rows",
                    FindingLevel::Attention,
                    format!("Rows of {parent} landed in its DEFAULT partition ({}): no partition was there for them.", size(row.bytes)),
                    "Move them out before you create the missing partition: while they are there, creating it fails.",
                )
                .about(&row.partition)
                .figure("partition_bytes", row.bytes),
            ),
            None if row.bytes > 0 => Some(
                Finding::cannot_see(
                    step::SPACE,
                    format!("Whether the DEFAULT partition of {parent} holds rows is not known; its file has {}.", size(row.bytes)),
                    "Let the role read it (GRANT SELECT), or look yourself.",
                )
                .about(&row.partition),
            ),
            _ => None,
        });
    }
    findings.extend(detached.iter().map(|row| {
        finding(
            "pending_detach",
            FindingLevel::Urgent,
            format!("Detaching it from {} was interrupted: its rows are missing from every query of {} already.", row.parent, row.parent),
            "Complete it with ALTER TABLE … DETACH PARTITION … FINALIZE; nothing else brings it to an end. Then attach it again, if its rows belong there.",
        )
        .about(&row.partition)
    }));
    Selection { findings, ..Selection::default() }
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
        };
        let found = sizes(&(0..=12).map(row).collect::<Vec<_>>()).findings;
        assert_eq!(found.len(), MOST_NAMED);
        assert_eq!(found[0].object.as_deref(), Some("shop.t12"));
        assert_eq!(found[0].sentence, "12 MB in 3 partitions, 512 kB of it indexes; 15 % of what was measured.");
        assert!(found.iter().all(|finding| finding.level == FindingLevel::Note && finding.step == "space"));
        assert_eq!(sizes(&[row(0)]).findings, [], "an empty table takes no space");
    }

    #[test]
    fn rows_without_a_partition_and_halves_of_a_detach_are_found_and_blindness_is_said() {
        let default = |has_rows, bytes| DefaultRow { parent: name("events"), partition: name("events_rest"), bytes, has_rows };
        let kinds = |rows: &[DefaultRow]| partitions(rows, &[]).findings.into_iter().map(|found| found.kind).collect::<Vec<_>>();
        assert_eq!(kinds(&[default(Some(true), 8192)]), ["default_partition_rows"]);
        assert_eq!(kinds(&[default(None, 8192)]), ["cannot_see"]);
        assert_eq!(kinds(&[default(Some(false), 8192), default(None, 0)]), [""; 0]);
        let half = partitions(&[], &[DetachRow { parent: name("events"), partition: name("events_1") }]).findings;
        assert!(half[0].level == FindingLevel::Urgent && half[0].advice.contains("FINALIZE"), "{half:?}");
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
