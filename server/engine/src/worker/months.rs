//! Keeps the monthly partitions of the trail ahead of time; the default partition catches what this misses.

use super::WorkerContext;
use crate::error::Result;
use crate::migrate;
use std::time::Duration;

/// Partitions kept ahead, and how often that is looked at.
const AHEAD_MONTHS: i32 = 24;
const EVERY: Duration = Duration::from_secs(6 * 3600);

/// The loop.
pub(super) async fn run(context: WorkerContext) -> Result<()> {
    loop {
        let mut db = context.pool.acquire().await?;
        migrate::add_fact_months(&mut db, AHEAD_MONTHS).await?;
        drop(db);
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = context.stop.cancelled() => return Ok(()),
        }
    }
}
