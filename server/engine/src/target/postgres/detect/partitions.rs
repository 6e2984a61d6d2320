//! Partitions that are missing, half detached or about to run out, and large tables that should have some (PG-17).

use super::Look;
use super::space::name;
use crate::target::fault::StatementError;
use crate::target::link::{amount, field};
use crate::target::postgres::measure::{self, MOST_ROWS};
use crate::target::privileges::USER_SCHEMA;
use domain::procedure::partitions::{self, BoundRow, DefaultRow, DetachRow, LargeRow};
use domain::procedure::{Object, ObjectKind, ObjectName, Selection};
use std::collections::BTreeMap;

/// So many DEFAULT partitions are looked into.
const MOST_DEFAULTS: i64 = 200;
/// SQL for the types of a date or time.
const TIMES: &str =
    "('pg_catalog.date'::pg_catalog.regtype, 'pg_catalog.timestamp'::pg_catalog.regtype, 'pg_catalog.timestamptz'::pg_catalog.regtype)";
/// Columns of a date or time that are looked at in one table.
const MOST_COLUMNS: usize = 20;

/// Rows in DEFAULT partitions, and partitions that were detached halfway.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
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
    let detached = detached(look).await?;
    Ok(partitions::partitions(&defaults, &detached, &bounds(look).await?))
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

/// Partitions that were detached halfway; before 14 there was no such thing.
pub(super) async fn detached(look: &Look<'_>) -> Result<Vec<DetachRow>, StatementError> {
    if look.major < 14 {
        return Ok(Vec::new());
    }
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

/// When the newest partition of each table that is partitioned by time ends.
async fn bounds(look: &Look<'_>) -> Result<Vec<BoundRow>, StatementError> {
    // CASE keeps the bounds of other types from being read as times, whatever the planner does first. What is open at an end (MINVALUE, MAXVALUE) has no quoted value and matches nothing.
    let sql = format!(
        "SELECT n.nspname::pg_catalog.text, p.relname::pg_catalog.text, p.oid,
                pg_catalog.date_part('epoch', pg_catalog.max(b.upper) - pg_catalog.clock_timestamp())::pg_catalog.int8,
                pg_catalog.date_part('epoch', (pg_catalog.array_agg(b.upper - b.lower ORDER BY b.upper DESC))[1])::pg_catalog.int8,
                t.partdefid <> '0'
           FROM pg_catalog.pg_partitioned_table t
           JOIN pg_catalog.pg_class p ON p.oid = t.partrelid JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace
           JOIN pg_catalog.pg_attribute a ON a.attrelid = p.oid AND a.attnum = t.partattrs[0]
                AND a.atttypid IN {TIMES}
           JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
          CROSS JOIN LATERAL (SELECT pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, c.oid),
                                     $re$^FOR VALUES FROM \\('([^']+)'\\) TO \\('([^']+)'\\)$$re$) AS found) m
          CROSS JOIN LATERAL (SELECT CASE WHEN a.atttypid IN {TIMES} THEN m.found[1]::pg_catalog.timestamptz END AS lower,
                                     CASE WHEN a.atttypid IN {TIMES} THEN m.found[2]::pg_catalog.timestamptz END AS upper) b
          WHERE t.partstrat = 'r' AND t.partnatts = 1 AND NOT p.relispartition AND m.found IS NOT NULL
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits o JOIN pg_catalog.pg_class oc ON oc.oid = o.inhrelid
                             WHERE o.inhparent = p.oid AND pg_catalog.pg_get_expr(oc.relpartbound, oc.oid) LIKE ANY (ARRAY['% TO (MAXVALUE)', '% TO (''infinity'')']))
            AND pg_catalog.isfinite(b.lower) AND pg_catalog.isfinite(b.upper) AND {USER_SCHEMA}
          GROUP BY 1, 2, 3, t.partdefid ORDER BY 1, 2 LIMIT $1"
    );
    let mut found = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_ROWS]).await? {
        let Some(parent) = name(&row, 0)? else { continue };
        let object = Object { kind: ObjectKind::PartitionedTable, oid: field(&row, 2)?, name: parent.clone(), table: None };
        if (look.admits)(&object) {
            found.push(BoundRow { parent, ends_in_s: field(&row, 3)?, interval_s: amount(&row, 4)?, has_default: field(&row, 5)? });
        }
    }
    Ok(found)
}

/// Tables so large that old rows could go elsewhere, with their columns of a date or time.
pub(super) async fn large(look: &Look<'_>) -> Result<Selection, StatementError> {
    let least_pages = i64::try_from(look.parameters.archive_min_gib.saturating_mul(1 << 17) / 2).unwrap_or(i64::MAX);
    // Half the size in pages shortlists: indexes and TOAST come on top. Statistics of columns that the role may not read are not visible.
    let sql = format!(
        "SELECT c.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
                coalesce(pg_catalog.pg_stat_get_tuples_inserted(c.oid), 0),
                coalesce(pg_catalog.pg_stat_get_tuples_updated(c.oid), 0) + coalesce(pg_catalog.pg_stat_get_tuples_deleted(c.oid), 0),
                a.attname::pg_catalog.text, pg_catalog.round(1000 * pg_catalog.abs(s.correlation))::pg_catalog.int4
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                AND a.atttypid IN {TIMES}
           LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname AND NOT s.inherited
          WHERE c.relkind = 'r' AND NOT c.relispartition AND c.relpersistence <> 't' AND {USER_SCHEMA} AND c.relpages >= $1::pg_catalog.int8
          ORDER BY c.relpages DESC, c.oid, a.attnum LIMIT $2"
    );
    let mut tables: BTreeMap<u32, LargeRow> = BTreeMap::new();
    for row in look.link.rows(&sql, &[&least_pages, &MOST_ROWS]).await? {
        let Some(object) = measure::object(&row, ObjectKind::Table)? else { continue };
        if !(look.admits)(&object) {
            continue;
        }
        let empty = LargeRow {
            name: object.name,
            total_bytes: 0,
            inserted_rows: amount(&row, 3)?,
            changed_rows: amount(&row, 4)?,
            time_columns: vec![],
        };
        let table = tables.entry(object.oid).or_insert(empty);
        if let Some(column) = field::<Option<String>>(&row, 5)?.filter(|_| table.time_columns.len() < MOST_COLUMNS) {
            let order = field::<Option<i32>>(&row, 6)?.map(|order| u32::try_from(order).unwrap_or(0).min(1000));
            table.time_columns.push((column, order));
        }
    }
    let sizes = measure::sizes(look.link, tables.keys().copied().collect(), "pg_catalog.pg_total_relation_size(c.oid)").await?;
    for (oid, table) in &mut tables {
        table.total_bytes = sizes.get(oid).copied().unwrap_or(0);
    }
    let rows: Vec<LargeRow> = tables.into_values().collect();
    Ok(partitions::candidates(&rows, look.parameters))
}
