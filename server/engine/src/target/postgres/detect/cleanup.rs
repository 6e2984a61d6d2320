//! Invalid indexes (PG-06).

use super::Look;
use crate::target::fault::StatementError;
use crate::target::postgres::measure;
use domain::procedure::Selection;
use domain::procedure::select::select_cleanup;

/// What interrupted rebuilds left behind.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    let mut rows = measure::debris_rows(look.link, look.major).await?;
    rows.retain(|row| (look.admits)(&row.object));
    Ok(select_cleanup(&rows))
}
