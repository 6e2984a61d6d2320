//! Where the space goes (PG-03, PG-17), and what lies about.

use super::{Look, parts};
use crate::target::fault::StatementError;
use crate::target::link::{amount, field};
use crate::target::postgres::measure::{self, MOST_ROWS};
use crate::target::privileges::USER_SCHEMA;
use domain::procedure::select::step;
use domain::procedure::space::{self, DefaultRow, DetachRow, SizeRow, TempSchemaRow};
use domain::procedure::{Finding, Object, ObjectKind, ObjectName, Selection};
use std::collections::BTreeMap;
use tokio_postgres::Row;

/// So many DEFAULT partitions are looked into.
const MOST_DEFAULTS: i64 = 200;

/// Sizes, partitions and temporary schemas. What one part cannot see does not hide the others.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    parts(step::SPACE, [sizes(look).await, partitions(look).await, temp_schemas(look).await])
}

fn name(row: &Row, at: usize) -> Result<Option<ObjectName>, StatementError> {
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
        let empty = SizeRow { name: named, total_bytes: 0, index_bytes: 0, partitions: 0 };
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
        .map(|(table, parts)| SizeRow { total_bytes: sum(&total, &parts), index_bytes: sum(&index, &parts), ..table })
        .collect();
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

/// Rows in DEFAULT partitions, and partitions that were detached halfway.
async fn partitions(look: &Look<'_>) -> Result<Selection, StatementError> {
    // The role may be allowed to see that a partition exists and not to read it.
    let sql = format!(
        "SELECT n.nspname::pg_catalog.text, p.relname::pg_catalog.text, xn.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.oid,
                pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_schema_privilege(xn.oid, 'USAGE')
           FROM pg_catalog.pg_inherits i
           JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid JOIN pg_catalog.pg_namespace xn ON xn.oid = c.relnamespace
           JOIN pg_catalog.pg_class p ON p.oid = i.inhparent JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace
           JOIN pg_catalog.pg_partitioned_table t ON t.partrelid = p.oid AND t.partdefid = c.oid
          WHERE c.relkind = 'r' AND {USER_SCHEMA} ORDER BY c.relpages DESC, c.oid LIMIT $1"
    );
    let mut defaults = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_DEFAULTS]).await? {
        let (Some(parent), Some(partition)) = (name(&row, 0)?, name(&row, 2)?) else { continue };
        let (oid, readable): (u32, bool) = (field(&row, 4)?, field(&row, 5)?);
        let object = Object { kind: ObjectKind::Table, oid, name: partition.clone(), table: None };
        if !(look.admits)(&object) {
            continue;
        }
        let bytes = measure::sizes(look.link, vec![oid], "pg_catalog.pg_relation_size(c.oid)").await?.get(&oid).copied().unwrap_or(0);
        let has_rows = if readable && bytes > 0 { holds_a_row(look, &partition).await? } else { (bytes == 0).then_some(false) };
        defaults.push(DefaultRow { parent, partition, bytes, has_rows });
    }
    let detached = if look.major >= 14 { detached(look).await? } else { Vec::new() };
    Ok(space::partitions(&defaults, &detached))
}

/// Whether there is a row; `None` where somebody's lock or a long search hides it.
async fn holds_a_row(look: &Look<'_>, table: &ObjectName) -> Result<Option<bool>, StatementError> {
    let sql = format!("SELECT EXISTS (SELECT FROM ONLY {})", table.quoted());
    match look.link.row(&sql, &[]).await {
        Ok(row) => field(&row, 0).map(Some),
        Err(error) if error.is_disconnect() => Err(error),
        Err(_) => Ok(None),
    }
}

async fn detached(look: &Look<'_>) -> Result<Vec<DetachRow>, StatementError> {
    let sql = "SELECT n.nspname::pg_catalog.text, p.relname::pg_catalog.text, xn.nspname::pg_catalog.text, c.relname::pg_catalog.text
                 FROM pg_catalog.pg_inherits i
                 JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid JOIN pg_catalog.pg_namespace xn ON xn.oid = c.relnamespace
                 JOIN pg_catalog.pg_class p ON p.oid = i.inhparent JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace
                WHERE i.inhdetachpending ORDER BY 3, 4 LIMIT $1";
    let mut found = Vec::new();
    for row in look.link.rows(sql, &[&MOST_DEFAULTS]).await? {
        if let (Some(parent), Some(partition)) = (name(&row, 0)?, name(&row, 2)?) {
            found.push(DetachRow { parent, partition });
        }
    }
    Ok(found)
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
    for row in look.link.rows(&sql, &[&MOST_DEFAULTS]).await? {
        found.push(TempSchemaRow {
            schema: field(&row, 0)?,
            relations: amount(&row, 1)?,
            bytes: amount(&row, 2)?,
            orphaned: field(&row, 3)?,
        });
    }
    Ok(space::temp_schemas(&found))
}
