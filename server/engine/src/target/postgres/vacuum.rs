//! VACUUM: what its effect is read from.

use crate::target::fault::StatementError;
use crate::target::link::{Link, amount};
use domain::procedure::ObjectName;
use domain::run::VacuumState;
use tokio_postgres::Row;

/// What is read of a table `c` (`pg_class`), from column `at` of a row by [`read`].
pub(super) const COLUMNS: &str =
    "coalesce(pg_catalog.pg_stat_get_dead_tuples(c.oid), 0) + coalesce(pg_catalog.pg_stat_get_dead_tuples(c.reltoastrelid), 0),
    coalesce(pg_catalog.pg_stat_get_vacuum_count(c.oid), 0), coalesce(pg_catalog.pg_table_size(c.oid), 0)";

/// Reads [`COLUMNS`].
pub(super) fn read(row: &Row, at: usize) -> Result<VacuumState, StatementError> {
    Ok(VacuumState { dead_rows: amount(row, at)?, vacuum_count: amount(row, at + 1)?, bytes: Some(amount(row, at + 2)?) })
}

/// Dead rows (TOAST included), counter and size of a table; `None` when it is gone.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn state(link: &Link, table: &ObjectName) -> Result<Option<VacuumState>, StatementError> {
    let rows = link
        .rows(
            &format!(
                "SELECT {COLUMNS}
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'm')"
            ),
            &[&table.schema(), &table.name()],
        )
        .await?;
    rows.first().map(|row| read(row, 0)).transpose()
}
