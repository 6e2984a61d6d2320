//! Is what is stored what was written (PG-11, PG-12, PG-26)?

use super::{Look, parts};
use crate::target::fault::StatementError;
use crate::target::link::{amount, field};
use crate::target::postgres::measure::MOST_ROWS;
use crate::target::privileges::USER_SCHEMA;
use crate::target::quote;
use crate::target::session::{Guards, guard};
use domain::procedure::review::integrity::{self, CheckRow, Checked};
use domain::procedure::select::step;
use domain::procedure::{Object, ObjectKind, ObjectName, Selection};
use std::time::Instant;
use tokio_postgres::Row;

/// What amcheck raises when it finds something: index or data corrupted, or the order of items is wrong (an internal error of its own).
const DAMAGE: &[&str] = &["XX001", "XX002", "XX000"];

/// Everything about soundness. What one part cannot see does not hide the others.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    parts(step::INTEGRITY, [checksums(look).await, collations(look).await, indexes(look).await])
}

fn index(look: &Look<'_>, row: &Row) -> Result<Option<Object>, StatementError> {
    let named = |at: usize| Ok::<_, StatementError>(ObjectName::new(field::<String>(row, at)?, field::<String>(row, at + 1)?).ok());
    let (Some(name), Some(table)) = (named(0)?, named(3)?) else { return Ok(None) };
    let object = Object { kind: ObjectKind::Index, oid: field(row, 2)?, name, table: Some(table) };
    Ok((look.admits)(&object).then_some(object))
}

async fn indexes(look: &Look<'_>) -> Result<Selection, StatementError> {
    let sql = "SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'amcheck'";
    let rows = look.link.rows(sql, &[]).await?;
    let Some(row) = rows.first() else { return Ok(integrity::no_amcheck()) };
    let schema = quote::identifier(field(row, 0)?).unwrap_or_default();
    let sql = format!(
        "SELECT xn.nspname::pg_catalog.text, x.relname::pg_catalog.text, x.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text
           FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_namespace xn ON xn.oid = x.relnamespace
           JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_am m ON m.oid = x.relam
          WHERE m.amname = 'btree' AND x.relkind = 'i' AND i.indisunique AND i.indisvalid AND i.indisready AND x.relpersistence = 'p' AND {USER_SCHEMA}
          ORDER BY x.relpages, x.oid LIMIT $1"
    );
    let mut asked = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_ROWS]).await? {
        asked.extend(index(look, &row)?);
    }
    let (until, mut checked) = (Instant::now() + look.exact_within, Vec::new());
    // Only with the heap compared, row by row, does a silently wrong index show.
    let check = format!("SELECT {schema}.bt_index_check($1::pg_catalog.oid::pg_catalog.regclass, true)");
    for object in &asked {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).clamp(1, 86_400_000);
        guard(look.link, &Guards { statement_timeout_ms: left_ms, ..Guards::reading() }, look.major).await?;
        let how = match look.link.rows(&check, &[&object.oid]).await {
            Ok(_) => Checked::Sound,
            Err(error) if error.is_disconnect() => return Err(error),
            Err(error) if error.is_cancelled() => break,
            // An object that is gone raises an internal error too.
            Err(error) if error.sqlstate == "XX000" && is_gone(look, object).await? => {
                Checked::NotChecked("it was dropped or rebuilt meanwhile".to_owned())
            }
            Err(error) if DAMAGE.contains(&error.sqlstate.as_str()) => Checked::Damaged(error.said),
            Err(error) => Checked::NotChecked(error.said),
        };
        checked.push(CheckRow { index: object.name.clone(), checked: how });
    }
    let left = asked.len() - checked.len();
    Ok(integrity::indexes(&checked, u64::try_from(left).unwrap_or(u64::MAX)))
}

async fn is_gone(look: &Look<'_>, object: &Object) -> Result<bool, StatementError> {
    let sql = "SELECT FROM pg_catalog.pg_class WHERE oid = $1";
    Ok(look.link.rows(sql, &[&object.oid]).await?.is_empty())
}

async fn checksums(look: &Look<'_>) -> Result<Selection, StatementError> {
    let sql = "SELECT pg_catalog.current_setting('data_checksums') = 'on', coalesce(pg_catalog.sum(checksum_failures), 0)::pg_catalog.int8 FROM pg_catalog.pg_stat_database";
    let row = look.link.row(sql, &[]).await?;
    let failures = amount(&row, 1)?;
    Ok(integrity::checksums(field::<bool>(&row, 0)?.then_some(failures)))
}

async fn collations(look: &Look<'_>) -> Result<Selection, StatementError> {
    // The database's own collation has a version since PostgreSQL 15.
    let of_database = if look.major >= 15 {
        "OR (u.oid = 100 AND (SELECT d.datcollversion IS DISTINCT FROM pg_catalog.pg_database_collation_actual_version(d.oid) FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))"
    } else {
        ""
    };
    let sql = format!(
        "SELECT DISTINCT xn.nspname::pg_catalog.text, x.relname::pg_catalog.text, x.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text
           FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_namespace xn ON xn.oid = x.relnamespace
           JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          CROSS JOIN LATERAL pg_catalog.unnest(i.indcollation::pg_catalog.oid[]) u(oid) LEFT JOIN pg_catalog.pg_collation l ON l.oid = u.oid
          WHERE {USER_SCHEMA} AND ((l.collprovider <> 'd' AND l.collversion IS NOT NULL AND l.collversion IS DISTINCT FROM pg_catalog.pg_collation_actual_version(l.oid)) {of_database})
          ORDER BY 1, 2 LIMIT $1"
    );
    let mut found = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_ROWS]).await? {
        found.extend(index(look, &row)?.map(|object| object.name));
    }
    Ok(integrity::collations(&found))
}
