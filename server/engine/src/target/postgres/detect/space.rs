//! Where the space goes (PG-03), and what lies about.

use super::{Look, partitions, parts};
use crate::target::fault::StatementError;
use crate::target::link::{amount, field};
use crate::target::postgres::measure::{self, MOST_ROWS};
use crate::target::privileges::USER_SCHEMA;
use domain::procedure::memory::{MOST_KEPT, Measurement, TABLE_SIZE, growth};
use domain::procedure::select::step;
use domain::procedure::space::{self, SizeRow, TempSchemaRow};
use domain::procedure::{Finding, Object, ObjectKind, ObjectName, Selection};
use std::collections::BTreeMap;
use tokio_postgres::Row;

/// So many schemas of temporary tables are listed.
const MOST_SCHEMAS: i64 = 200;

/// Sizes, partitions and temporary schemas. What one part cannot see does not hide the others.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    parts(step::SPACE, [sizes(look).await, partitions::detect(look).await, partitions::large(look).await, temp_schemas(look).await])
}

pub(super) fn name(row: &Row, at: usize) -> Result<Option<ObjectName>, StatementError> {
    Ok(ObjectName::new(field::<String>(row, at)?, field::<String>(row, at + 1)?).ok())
}

/// Tables with their indexes and partitions.
async fn sizes(look: &Look<'_>) -> Result<Selection, StatementError> {
    // Of a partition the root of its tree: its size counts there.
    let sql = format!(
        "SELECT c.oid, t.oid, tn.nspname::pg_catalog.text, t.relname::pg_catalog.text, t.relkind::pg_catalog.text, c.relkind::pg_catalog.text
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_class t ON t.oid = CASE WHEN c.relispartition THEN coalesce(pg_catalog.pg_partition_root(c.oid), c.oid) ELSE c.oid END
           JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
          WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND {USER_SCHEMA}
          ORDER BY c.relpages DESC, c.oid LIMIT $1"
    );
    let rows = look.link.rows(&sql, &[&MOST_ROWS]).await?;
    let mut tables: BTreeMap<u32, (SizeRow, Vec<u32>)> = BTreeMap::new();
    let mut all = Vec::new();
    for row in &rows {
        let Some(named) = name(row, 2)? else { continue };
        let (oid, root): (u32, u32) = (field(row, 0)?, field(row, 1)?);
        let kind = if field::<String>(row, 4)? == "p" { ObjectKind::PartitionedTable } else { ObjectKind::Table };
        if !(look.admits)(&Object { kind, oid: root, name: named.clone(), table: None }) {
            continue;
        }
        let empty = SizeRow { name: named, total_bytes: 0, index_bytes: 0, partitions: 0, growth: None };
        let (table, parts) = tables.entry(root).or_insert((empty, Vec::new()));
        table.partitions += u32::from(root != oid);
        parts.push(oid);
        all.push(oid);
    }
    let total = measure::sizes(look.link, all.clone(), "pg_catalog.pg_total_relation_size(c.oid)").await?;
    let index = measure::sizes(look.link, all, "pg_catalog.pg_indexes_size(c.oid)").await?;
    let sum =
        |of: &BTreeMap<u32, u64>, oids: &[u32]| oids.iter().filter_map(|oid| of.get(oid)).fold(0_u64, |sum, n| sum.saturating_add(*n));
    let measured: Vec<SizeRow> = tables
        .into_values()
        .map(|(table, parts)| {
            let total_bytes = sum(&total, &parts);
            let growth = growth(look.memory.of_object(TABLE_SIZE, &table.name), "total_bytes", total_bytes);
            SizeRow { total_bytes, index_bytes: sum(&index, &parts), growth, ..table }
        })
        .collect();
    remember(look, &measured);
    let mut found = space::sizes(&measured);
    if i64::try_from(rows.len()).is_ok_and(|n| n >= MOST_ROWS) {
        found.findings.push(Finding::cannot_see(
            step::SPACE,
            format!("Only the {MOST_ROWS} largest tables and partitions were measured; the others are smaller."),
            "Nothing to do: what is large is among them.",
        ));
    }
    Ok(found)
}

/// The largest are kept, so that the next look tells how they grew.
fn remember(look: &Look<'_>, measured: &[SizeRow]) {
    let mut largest: Vec<&SizeRow> = measured.iter().filter(|row| row.total_bytes > 0).collect();
    largest.sort_by_key(|row| std::cmp::Reverse(row.total_bytes));
    for row in largest.into_iter().take(MOST_KEPT) {
        look.keep(Measurement::now(TABLE_SIZE, &row.name, [("total_bytes", row.total_bytes), ("index_bytes", row.index_bytes)]));
    }
}

/// Temporary tables, and whether their session is gone.
async fn temp_schemas(look: &Look<'_>) -> Result<Selection, StatementError> {
    // From PostgreSQL 16 on, these functions count sessions as the schemas' names do.
    let orphaned = if look.major >= 16 {
        "NOT EXISTS (SELECT FROM pg_catalog.pg_stat_get_backend_idset() s(id) WHERE n.nspname = 'pg_temp_' || s.id)"
    } else {
        "NULL::pg_catalog.bool"
    };
    let sql = format!(
        "SELECT n.nspname::pg_catalog.text, pg_catalog.count(*), coalesce(pg_catalog.sum(c.relpages::pg_catalog.int8), 0)::pg_catalog.int8
                  * pg_catalog.current_setting('block_size')::pg_catalog.int8, {orphaned}
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname ~ '^pg_temp_[0-9]+$' GROUP BY n.nspname ORDER BY 3 DESC, 1 LIMIT $1"
    );
    let mut found = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_SCHEMAS]).await? {
        found.push(TempSchemaRow {
            schema: field(&row, 0)?,
            relations: amount(&row, 1)?,
            bytes: amount(&row, 2)?,
            orphaned: field(&row, 3)?,
        });
    }
    Ok(space::temp_schemas(&found))
}
