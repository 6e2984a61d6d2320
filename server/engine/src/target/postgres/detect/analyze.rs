//! Stale planner statistics (PG-13).

use super::Look;
use crate::target::fault::StatementError;
use crate::target::postgres::measure;
use domain::procedure::Selection;
use domain::procedure::select::select_analyze;

/// Tables whose statistics are missing or stale.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    let mut rows = measure::analyze_rows(look.link, look.major, look.rates).await?;
    rows.retain(|row| (look.admits)(&row.object));
    Ok(select_analyze(&rows, look.parameters, look.major))
}
