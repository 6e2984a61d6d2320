//! Empty space in B-tree indexes (PG-05): an estimate shortlists, pgstattuple decides.

use super::Look;
use crate::target::fault::StatementError;
use crate::target::postgres::measure;
use crate::target::session::{Guards, guard};
use domain::procedure::Selection;
use domain::procedure::select::{IndexRow, select_reindex, worth_measuring};
use std::time::Instant;

/// B-tree indexes of which enough is empty.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    let mut rows = measure::index_rows(look.link, look.major, look.rates).await?;
    rows.retain(|row| (look.admits)(&row.object) && worth_measuring(row, look.parameters));
    measure::estimate_waste(look.link, &mut rows).await?;
    measure_exactly(look, &mut rows).await?;
    Ok(select_reindex(&rows, look.parameters))
}

/// Page by page, those with the most to win first; an estimate that cannot be trusted counts as "all of it".
async fn measure_exactly(look: &Look<'_>, indexes: &mut [IndexRow]) -> Result<(), StatementError> {
    let Some(schema) = measure::pgstattuple_schema(look.link).await? else {
        for index in indexes {
            index.not_measured = Some("the extension pgstattuple is not installed in this database".to_owned());
        }
        return Ok(());
    };
    let promise = |index: &IndexRow| u128::from(index.bytes) * u128::from(index.estimated_waste_permille.unwrap_or(1000));
    indexes.sort_by_key(|index| std::cmp::Reverse(promise(index)));
    let until = Instant::now() + look.exact_within;
    for index in indexes {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            index.not_measured = Some("there was no time left to measure it".to_owned());
            continue;
        }
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).clamp(1, 86_400_000);
        guard(look.link, &Guards { statement_timeout_ms: left_ms, ..Guards::reading() }, look.major).await?;
        match measure::exact_waste(look.link, index.object.oid, &schema).await {
            Ok(waste) => index.exact_waste_permille = Some(waste),
            Err(error) if error.is_disconnect() => return Err(error),
            Err(error) if error.is_cancelled() => index.not_measured = Some("there was no time left to measure it".to_owned()),
            Err(error) => index.not_measured = Some(format!("it could not be measured ({error})")),
        }
    }
    guard(look.link, &Guards::reading(), look.major).await
}
