//! Indexes over time: superfluous ones, unused ones, and those that foreign keys miss (PG-07 to PG-09).

use super::{Look, parts};
use crate::target::fault::StatementError;
use crate::target::link::{amount, field};
use crate::target::postgres::measure::MOST_ROWS;
use crate::target::privileges::USER_SCHEMA;
use domain::procedure::review::indexes::{self, DuplicateRow, ForeignKeyRow, UnusedRow};
use domain::procedure::select::step;
use domain::procedure::text::plural;
use domain::procedure::{Finding, Object, ObjectKind, ObjectName, Selection};
use tokio_postgres::Row;

/// Everything about indexes. What one part cannot see does not hide the others.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    parts(step::INDEX_REVIEW, [duplicates(look).await, unused(look).await, foreign_keys(look).await])
}

/// Schema and name from column `at` on; `None` for one that the plan leaves alone.
fn index(look: &Look<'_>, row: &Row, at: usize, oid: usize, table: usize) -> Result<Option<ObjectName>, StatementError> {
    let named = |at: usize| Ok::<_, StatementError>(ObjectName::new(field::<String>(row, at)?, field::<String>(row, at + 1)?).ok());
    let (Some(name), Some(table)) = (named(at)?, named(table)?) else { return Ok(None) };
    let object = Object { kind: ObjectKind::Index, oid: field(row, oid)?, name: name.clone(), table: Some(table) };
    Ok((look.admits)(&object).then_some(name))
}

async fn duplicates(look: &Look<'_>) -> Result<Selection, StatementError> {
    // Two indexes are compared column by column: operator classes, collations, order, expressions and predicate. Of two equal ones the newer
    // is superfluous, unless a constraint or the replica identity rests on it.
    let sql = format!(
        "WITH x AS (
             SELECT i.indexrelid AS id, i.indrelid AS tbl, xc.relam, i.indisunique AS uniq, i.indnkeyatts AS keys,
                    (i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1] AS cols, (i.indkey::pg_catalog.int2[])[i.indnkeyatts:i.indnatts - 1] AS included,
                    (i.indclass::pg_catalog.oid[])[0:i.indnkeyatts - 1] AS ops, (i.indcollation::pg_catalog.oid[])[0:i.indnkeyatts - 1] AS colls,
                    (i.indoption::pg_catalog.int2[])[0:i.indnkeyatts - 1] AS opts,
                    coalesce(pg_catalog.pg_get_expr(i.indexprs, i.indrelid), '') AS exprs, coalesce(pg_catalog.pg_get_expr(i.indpred, i.indrelid), '') AS pred,
                    i.indisprimary OR i.indisreplident OR i.indisclustered
                        OR EXISTS (SELECT FROM pg_catalog.pg_constraint q WHERE q.conindid = i.indexrelid) AS kept
               FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class xc ON xc.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = xc.relam
               JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE i.indisvalid AND xc.relkind = 'i' AND m.amname = 'btree' AND {USER_SCHEMA}
                AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = i.indexrelid)),
         pairs AS (
             SELECT DISTINCT ON (d.id) d.id, d.tbl, k.id AS by, d.keys = k.keys AND d.included = k.included AND d.uniq = k.uniq AS exact
               FROM x d JOIN x k ON k.tbl = d.tbl AND k.id <> d.id AND k.relam = d.relam AND k.pred = d.pred
                    AND (d.exprs = '' OR (d.keys = k.keys AND d.exprs = k.exprs))
                    AND k.cols[1:d.keys] = d.cols AND k.ops[1:d.keys] = d.ops AND k.colls[1:d.keys] = d.colls AND k.opts[1:d.keys] = d.opts
                    AND d.included <@ (k.cols || k.included)
              WHERE NOT d.kept AND (NOT d.uniq OR (k.uniq AND d.keys = k.keys))
                AND (d.keys < k.keys OR k.kept OR k.uniq > d.uniq OR (k.uniq = d.uniq AND d.id > k.id))
              ORDER BY d.id, (d.keys = k.keys) DESC, k.id)
         SELECT xn.nspname::pg_catalog.text, xc.relname::pg_catalog.text, xc.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
                bn.nspname::pg_catalog.text, bc.relname::pg_catalog.text, p.exact, xc.relpages::pg_catalog.int8 * pg_catalog.current_setting('block_size')::pg_catalog.int8,
                pg_catalog.pg_get_indexdef(p.id)
           FROM pairs p JOIN pg_catalog.pg_class xc ON xc.oid = p.id JOIN pg_catalog.pg_namespace xn ON xn.oid = xc.relnamespace
           JOIN pg_catalog.pg_class c ON c.oid = p.tbl JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_class bc ON bc.oid = p.by JOIN pg_catalog.pg_namespace bn ON bn.oid = bc.relnamespace
          ORDER BY p.exact DESC, xc.relpages DESC, xc.oid LIMIT $1"
    );
    let mut found = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_ROWS]).await? {
        let (Some(index), Ok(covered_by)) =
            (index(look, &row, 0, 2, 3)?, ObjectName::new(field::<String>(&row, 5)?, field::<String>(&row, 6)?))
        else {
            continue;
        };
        found.push(DuplicateRow { index, covered_by, exact: field(&row, 7)?, bytes: amount(&row, 8)?, definition: field(&row, 9)? });
    }
    Ok(indexes::duplicates(&found))
}

async fn unused(look: &Look<'_>) -> Result<Selection, StatementError> {
    // A unique index serves the planner, and the rule it keeps, also without a scan.
    let sql = format!(
        "SELECT xn.nspname::pg_catalog.text, x.relname::pg_catalog.text, x.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
                x.relpages::pg_catalog.int8 * pg_catalog.current_setting('block_size')::pg_catalog.int8,
                coalesce(pg_catalog.pg_stat_get_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_tuples_updated(c.oid) + pg_catalog.pg_stat_get_tuples_deleted(c.oid), 0),
                pg_catalog.pg_get_indexdef(x.oid)
           FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_namespace xn ON xn.oid = x.relnamespace
           JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE coalesce(pg_catalog.pg_stat_get_numscans(x.oid), 0) = 0 AND i.indisvalid AND NOT i.indisunique AND NOT i.indisreplident AND NOT i.indisclustered
            AND x.relkind = 'i' AND x.relpersistence <> 't' AND {USER_SCHEMA}
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = x.oid)
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = x.oid)
          ORDER BY x.relpages DESC, x.oid LIMIT $1"
    );
    let mut found = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_ROWS]).await? {
        if let Some(index) = index(look, &row, 0, 2, 3)? {
            found.push(UnusedRow { index, bytes: amount(&row, 5)?, writes_rows: amount(&row, 6)?, definition: field(&row, 7)? });
        }
    }
    // A crash makes all counters begin anew: then it shows in those of the whole server, while the database's own reset stays NULL. A standby that is
    // away for the moment is known by the slot that waits for it.
    let sql = "SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - greatest(
                    (SELECT d.stats_reset FROM pg_catalog.pg_stat_database d WHERE d.datname = pg_catalog.current_database()),
                    (SELECT b.stats_reset FROM pg_catalog.pg_stat_bgwriter b)))::pg_catalog.int8,
                (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_replication)
                    + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots s WHERE s.slot_type = 'physical' AND NOT s.active), pg_catalog.current_setting('track_counts')::pg_catalog.bool";
    let row = look.link.row(sql, &[]).await?;
    if !field::<bool>(&row, 2)? && !found.is_empty() {
        let blind = Finding::cannot_see(
            step::INDEX_REVIEW,
            format!(
                "Whether {} without a scan are unused is not known: the server counts no scans (track_counts is off).",
                plural(found.len() as u64, "index", "indexes")
            ),
            "Switch track_counts on; autovacuum needs it too. Look again a month later.",
        );
        return Ok(Selection { findings: vec![blind], ..Selection::default() });
    }
    let observed_s = field::<Option<i64>>(&row, 0)?.and_then(|s| u64::try_from(s).ok());
    Ok(indexes::unused(&found, observed_s, amount(&row, 1)?))
}

async fn foreign_keys(look: &Look<'_>) -> Result<Selection, StatementError> {
    let sql = format!(
        "SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.oid, pn.nspname::pg_catalog.text, p.relname::pg_catalog.text, k.conname::pg_catalog.text,
                (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY u.o) FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u(n, o)
                   JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n),
                c.relpages::pg_catalog.int8 * pg_catalog.current_setting('block_size')::pg_catalog.int8,
                coalesce(pg_catalog.pg_stat_get_tuples_updated(p.oid) + pg_catalog.pg_stat_get_tuples_deleted(p.oid), 0),
                k.confdeltype IN ('c', 'n', 'd')
           FROM pg_catalog.pg_constraint k
           JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_class p ON p.oid = k.confrelid JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
          WHERE k.contype = 'f' AND k.conparentid = 0 AND {USER_SCHEMA}
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = k.conrelid AND i.indisvalid AND i.indpred IS NULL
                               AND (i.indkey::pg_catalog.int2[])[0:pg_catalog.cardinality(k.conkey) - 1] @> k.conkey)
          ORDER BY c.relpages DESC, k.oid LIMIT $1"
    );
    let mut found = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_ROWS]).await? {
        let named = |at: usize| Ok::<_, StatementError>(ObjectName::new(field::<String>(&row, at)?, field::<String>(&row, at + 1)?).ok());
        let (Some(child), Some(parent)) = (named(0)?, named(3)?) else { continue };
        if !(look.admits)(&Object { kind: ObjectKind::Table, oid: field(&row, 2)?, name: child.clone(), table: None }) {
            continue;
        }
        found.push(ForeignKeyRow {
            child,
            parent,
            constraint: field(&row, 5)?,
            columns: field::<Option<String>>(&row, 6)?.unwrap_or_default(),
            child_bytes: amount(&row, 7)?,
            parent_changes_rows: amount(&row, 8)?,
            acts: field(&row, 9)?,
        });
    }
    Ok(indexes::foreign_keys(&found))
}
