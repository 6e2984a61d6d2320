//! GIN pending lists and BRIN ranges (PG-20).

use super::Look;
use crate::target::fault::StatementError;
use crate::target::link::{amount, field};
use crate::target::postgres::{measure, upkeep};
use crate::target::privileges::{USER_SCHEMA, may_become_owner};
use domain::procedure::upkeep::{BrinRow, GinRow, select_upkeep};
use domain::procedure::{Act, Object, ObjectKind, ObjectName, Selection};
use tokio_postgres::Row;

/// So many indexes of a kind are looked at, the largest first.
const MOST_INDEXES: i64 = 1_000;

/// Indexes whose upkeep the server puts off.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    Ok(select_upkeep(&gin(look).await?, &brin(look).await?, look.parameters))
}

/// Valid indexes of one access method; further columns come after the sixth.
async fn indexes(look: &Look<'_>, method: &str, more: &str) -> Result<Vec<(Object, Row)>, StatementError> {
    let sql = format!(
        "SELECT x.oid, xn.nspname::pg_catalog.text, x.relname::pg_catalog.text, n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
                {owner} AND pg_catalog.has_schema_privilege(xn.oid, 'USAGE'), {more}
           FROM pg_catalog.pg_index i
           JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_namespace xn ON xn.oid = x.relnamespace
           JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_am m ON m.oid = x.relam
          WHERE x.relkind = 'i' AND m.amname = $1::pg_catalog.text AND i.indisvalid AND i.indisready AND i.indislive
            AND x.relpersistence <> 't' AND {USER_SCHEMA} ORDER BY x.relpages DESC, x.oid LIMIT $2",
        owner = may_become_owner(look.major),
    );
    let mut found = Vec::new();
    for row in look.link.rows(&sql, &[&method, &MOST_INDEXES]).await? {
        let Some(object) = measure::object(&row, ObjectKind::Index)? else { continue };
        let Ok(table) = ObjectName::new(field::<String>(&row, 3)?, field::<String>(&row, 4)?) else { continue };
        let object = Object { table: Some(table), ..object };
        if (look.admits)(&object) {
            found.push((object, row));
        }
    }
    Ok(found)
}

async fn gin(look: &Look<'_>) -> Result<Vec<GinRow>, StatementError> {
    let indexes = indexes(look, "gin", "x.relpages::pg_catalog.int8 * pg_catalog.current_setting('block_size')::pg_catalog.int8").await?;
    if indexes.is_empty() {
        return Ok(Vec::new());
    }
    let schema = measure::pgstattuple_schema(look.link).await?;
    let mut found = Vec::new();
    for (object, row) in indexes {
        let (pending_pages, not_measured) = match &schema {
            None => (None, Some("the extension pgstattuple is not installed in this database".to_owned())),
            Some(schema) => match upkeep::pending_pages(look.link, schema, object.oid).await {
                Ok(pages) => (Some(pages), None),
                Err(error) if error.is_disconnect() => return Err(error),
                Err(error) => (None, Some(format!("it could not be measured ({error})"))),
            },
        };
        found.push(GinRow {
            past_bytes_per_s: look.rates.of(Act::GinCleanPending, &object.name),
            object,
            bytes: amount(&row, 6)?,
            pending_pages,
            not_measured,
            permitted: field(&row, 5)?,
        });
    }
    Ok(found)
}

async fn brin(look: &Look<'_>) -> Result<Vec<BrinRow>, StatementError> {
    // The server's own default for pages_per_range is 128.
    let more = format!(
        "c.oid, coalesce({}::pg_catalog.int8, 128), coalesce(pg_catalog.pg_stat_get_ins_since_vacuum(c.oid), 0),
         coalesce(nullif(pg_catalog.pg_stat_get_live_tuples(c.oid), 0), greatest(c.reltuples, 0)::pg_catalog.int8)",
        measure::option("x", "pages_per_range")
    );
    let mut found = Vec::new();
    let mut tables: Vec<u32> = Vec::new();
    for (object, row) in indexes(look, "brin", &more).await? {
        tables.push(field(&row, 6)?);
        found.push(BrinRow {
            past_bytes_per_s: look.rates.of(Act::BrinSummarize, &object.name),
            object,
            table_bytes: 0,
            range_pages: amount(&row, 7)?,
            inserted_rows: amount(&row, 8)?,
            live_rows: amount(&row, 9)?,
            permitted: field(&row, 5)?,
        });
    }
    let sizes = measure::sizes(look.link, tables.clone(), "pg_catalog.pg_relation_size(c.oid)").await?;
    for (row, table) in found.iter_mut().zip(&tables) {
        row.table_bytes = sizes.get(table).copied().unwrap_or(0);
    }
    Ok(found)
}
