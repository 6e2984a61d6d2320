//! Dead rows (PG-14).

use super::Look;
use crate::target::fault::StatementError;
use crate::target::postgres::measure;
use domain::procedure::Selection;
use domain::procedure::select::select_vacuum;

/// Tables whose dead rows are beyond what autovacuum should have left.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    let mut rows = measure::vacuum_rows(look.link, look.major, look.rates).await?;
    rows.retain(|row| (look.admits)(&row.object));
    Ok(select_vacuum(&rows, look.parameters))
}
