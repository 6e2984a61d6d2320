//! ANALYZE: what its effect is read from.

use crate::target::fault::StatementError;
use crate::target::link::{Link, amount, field};
use domain::procedure::ObjectName;
use domain::run::AnalyzeState;
use tokio_postgres::Row;

/// What is read of a table or parent `c` (`pg_class`), from column `at` of a row by [`read`].
pub(super) const COLUMNS: &str =
    "coalesce(pg_catalog.pg_stat_get_analyze_count(c.oid), 0), coalesce(pg_catalog.pg_stat_get_mod_since_analyze(c.oid), 0),
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()
      - greatest(pg_catalog.pg_stat_get_last_analyze_time(c.oid), pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid)))::pg_catalog.int8";

/// Reads [`COLUMNS`].
pub(super) fn read(row: &Row, at: usize) -> Result<AnalyzeState, StatementError> {
    // Never taken is null; a clock that was set back is no age.
    let analyzed_s = field::<Option<i64>>(row, at + 2)?.map(|s| u64::try_from(s).unwrap_or(0));
    Ok(AnalyzeState { analyze_count: amount(row, at)?, changed_rows: amount(row, at + 1)?, analyzed_s })
}

/// Counter, changed rows and age of the statistics of a table or partitioned parent; `None` when it is gone.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn state(link: &Link, table: &ObjectName) -> Result<Option<AnalyzeState>, StatementError> {
    let rows = link
        .rows(
            &format!(
                "SELECT {COLUMNS}
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'm', 'p')"
            ),
            &[&table.schema(), &table.name()],
        )
        .await?;
    rows.first().map(|row| read(row, 0)).transpose()
}
