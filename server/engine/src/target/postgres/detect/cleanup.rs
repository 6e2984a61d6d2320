//! What interrupted work left behind: invalid indexes (PG-06), and partitions that were detached halfway (PG-17).

use super::{Look, partitions, parts};
use crate::target::fault::StatementError;
use crate::target::postgres::measure;
use domain::procedure::Selection;
use domain::procedure::partitions::half_detached;
use domain::procedure::select::{select_cleanup, step};

/// What interrupted work left behind.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    parts(step::CLEANUP, [indexes(look).await, detached(look).await])
}

async fn indexes(look: &Look<'_>) -> Result<Selection, StatementError> {
    let mut rows = measure::debris_rows(look.link, look.major).await?;
    rows.retain(|row| (look.admits)(&row.object));
    Ok(select_cleanup(&rows))
}

async fn detached(look: &Look<'_>) -> Result<Selection, StatementError> {
    let findings = half_detached(step::CLEANUP, &partitions::detached(look).await?);
    Ok(Selection { findings, ..Selection::default() })
}
