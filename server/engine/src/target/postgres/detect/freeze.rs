//! Transaction id wraparound (PG-15). System catalogs count too.

use super::Look;
use crate::target::fault::StatementError;
use crate::target::link::{amount, field};
use crate::target::postgres::measure::{self, MOST_ROWS};
use crate::target::privileges::may_maintain;
use domain::procedure::freeze::{DatabaseAge, Forced, FreezeRow, select_freeze};
use domain::procedure::{Act, Selection};

/// Tables that must be frozen, and databases of the server that nobody freezes.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    let forced = forced(look).await?;
    let rows = tables(look, forced).await?;
    Ok(select_freeze(&rows, &databases(look).await?, forced, look.parameters))
}

async fn forced(look: &Look<'_>) -> Result<Forced, StatementError> {
    let row = look
        .link
        .row(
            "SELECT pg_catalog.current_setting('autovacuum_freeze_max_age')::pg_catalog.int8,
                    pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::pg_catalog.int8",
            &[],
        )
        .await?;
    Ok(Forced { xids: amount(&row, 0)?, multixacts: amount(&row, 1)? })
}

/// Tables of an age that matters, the oldest first; of a table and its TOAST table the older age counts.
async fn tables(look: &Look<'_>, forced: Forced) -> Result<Vec<FreezeRow>, StatementError> {
    let sql = format!(
        "SELECT a.oid, a.nspname, a.relname, a.relkind, a.xid, a.mxid, a.by_toast, a.runs, a.permitted FROM (
             SELECT c.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.relkind::pg_catalog.text,
                    greatest(pg_catalog.age(c.relfrozenxid), pg_catalog.age(tc.relfrozenxid))::pg_catalog.int8 AS xid,
                    greatest(pg_catalog.mxid_age(c.relminmxid), pg_catalog.mxid_age(tc.relminmxid))::pg_catalog.int8 AS mxid,
                    coalesce(pg_catalog.age(tc.relfrozenxid) > pg_catalog.age(c.relfrozenxid), false) AS by_toast,
                    EXISTS (SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity s ON s.pid = l.pid
                             WHERE l.relation IN (c.oid, tc.oid) AND s.datname = pg_catalog.current_database()
                               AND s.backend_type = 'autovacuum worker' AND s.query LIKE '%to prevent wraparound%') AS runs,
                    {maintain} AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS permitted
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               LEFT JOIN pg_catalog.pg_class tc ON tc.oid = c.reltoastrelid
              WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.relfrozenxid <> '0') a
          WHERE a.xid >= $1 OR a.mxid >= $2 ORDER BY greatest(a.xid, a.mxid) DESC, a.oid LIMIT $3",
        maintain = may_maintain(look.major),
    );
    let limit = |forced: u64| i64::try_from((forced + forced / 2).min(look.parameters.freeze_min_age_xids)).unwrap_or(i64::MAX);
    let mut found = Vec::new();
    for row in look.link.rows(&sql, &[&limit(forced.xids), &limit(forced.multixacts), &MOST_ROWS]).await? {
        let Some(object) = measure::object(&row, measure::kind(field(&row, 3)?))? else { continue };
        if !(look.admits)(&object) {
            continue;
        }
        found.push(FreezeRow {
            past_bytes_per_s: look.rates.of(Act::VacuumFreeze, &object.name),
            object,
            xid_age: amount(&row, 4)?,
            multixact_age: amount(&row, 5)?,
            by_toast: field(&row, 6)?,
            total_bytes: 0,
            wraparound_vacuum_runs: field(&row, 7)?,
            permitted: field(&row, 8)?,
        });
    }
    let oids = found.iter().map(|row| row.object.oid).collect();
    let sizes = measure::sizes(look.link, oids, "pg_catalog.pg_total_relation_size(c.oid)").await?;
    for row in &mut found {
        row.total_bytes = sizes.get(&row.object.oid).copied().unwrap_or(0);
    }
    Ok(found)
}

/// Every database of the server: the oldest one stops them all, whether somebody may connect to it or not.
async fn databases(look: &Look<'_>) -> Result<Vec<DatabaseAge>, StatementError> {
    let sql = "SELECT d.datname::pg_catalog.text, d.datname = pg_catalog.current_database(), NOT d.datallowconn,
                      pg_catalog.age(d.datfrozenxid)::pg_catalog.int8, pg_catalog.mxid_age(d.datminmxid)::pg_catalog.int8
                 FROM pg_catalog.pg_database d ORDER BY 4 DESC, 1 LIMIT 1000";
    let mut found = Vec::new();
    for row in look.link.rows(sql, &[]).await? {
        found.push(DatabaseAge {
            name: field(&row, 0)?,
            ours: field(&row, 1)?,
            closed: field(&row, 2)?,
            xid_age: amount(&row, 3)?,
            multixact_age: amount(&row, 4)?,
        });
    }
    Ok(found)
}
