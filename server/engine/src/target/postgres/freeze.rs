//! VACUUM (FREEZE): what its effect is read from.

use crate::target::fault::StatementError;
use crate::target::link::{Link, amount};
use domain::procedure::ObjectName;
use domain::run::FreezeState;

/// Ages of a table with its TOAST table, counter and size; `None` when it is gone.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn state(link: &Link, table: &ObjectName) -> Result<Option<FreezeState>, StatementError> {
    let rows = link
        .rows(
            "SELECT greatest(pg_catalog.age(c.relfrozenxid), pg_catalog.age(tc.relfrozenxid))::pg_catalog.int8,
                    greatest(pg_catalog.mxid_age(c.relminmxid), pg_catalog.mxid_age(tc.relminmxid))::pg_catalog.int8,
                    coalesce(pg_catalog.pg_stat_get_vacuum_count(c.oid), 0), coalesce(pg_catalog.pg_table_size(c.oid), 0)
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               LEFT JOIN pg_catalog.pg_class tc ON tc.oid = c.reltoastrelid
              WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'm')",
            &[&table.schema(), &table.name()],
        )
        .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(FreezeState {
        xid_age: amount(row, 0)?,
        multixact_age: amount(row, 1)?,
        vacuum_count: amount(row, 2)?,
        bytes: Some(amount(row, 3)?),
    }))
}
