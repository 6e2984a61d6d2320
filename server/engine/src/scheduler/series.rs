//! Series whose look is due: each proposes its windows some days ahead. Every worker looks; the row of the series lets one of them do it.

use crate::actions::tend_series::tend_series;
use crate::engine::Engine;
use crate::error::Result;
use crate::worker::WorkerContext;
use crate::{store, transaction};

/// Looks in one tick at most: the windows at hand wait behind them.
const MOST: i64 = 10;

/// Looks at what is due.
pub(super) async fn tick(context: &WorkerContext) -> Result<()> {
    let engine = Engine::over(context.pool.clone());
    let due = transaction::read(&context.pool, "series_due", |db| Box::pin(store::series::due(db, MOST))).await?;
    for id in due {
        match tend_series(&engine, id).await {
            Ok(numbers) if numbers.is_empty() => {}
            Ok(numbers) => tracing::info!(series = %id, windows = ?numbers, "a series proposed"),
            // One that cannot be read must not keep the others: it is looked at again.
            Err(error) => tracing::error!(series = %id, %error, "a look at a series failed"),
        }
    }
    Ok(())
}
