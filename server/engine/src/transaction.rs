//! Named, retried, measured transactions that always finish.
//!
//! The unit of work runs in a task of its own whose handle is awaited: when a client goes away and its future is dropped, the transaction
//! still ends properly instead of being left open in the pool (a known defect of dropped `BEGIN` futures).

use crate::error::{Error, Result};
use futures_util::future::BoxFuture;
use sqlx::{PgConnection, PgPool};
use std::sync::Arc;
use tracing::Instrument as _;

/// Tries of one unit of work; serialization failures and deadlocks are the only reasons to try again.
const TRIES: u32 = 4;

/// Runs `work` in one transaction named `name`, commits, and returns its value.
///
/// `work` may run more than once, so it must not change anything but through the connection.
pub async fn run<T, W>(pool: &PgPool, name: &'static str, work: W) -> Result<T>
where
    T: Send + 'static,
    W: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
{
    within(pool, name, "BEGIN", work).await
}

/// The same in a read-only snapshot: what a page shows is of one moment, and a GET cannot change anything.
pub async fn read<T, W>(pool: &PgPool, name: &'static str, work: W) -> Result<T>
where
    T: Send + 'static,
    W: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
{
    within(pool, name, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", work).await
}

#[expect(clippy::disallowed_methods, reason = "the one home of transactions: a spawned unit of work that cannot be dropped half-way")]
async fn within<T, W>(pool: &PgPool, name: &'static str, begin: &'static str, work: W) -> Result<T>
where
    T: Send + 'static,
    W: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
{
    let pool = pool.clone();
    let work = Arc::new(work);
    // The task belongs to whatever asked for it: its statements are counted and logged there.
    let span = tracing::Span::current();
    let unit = async move {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut transaction = pool.begin_with(begin).await?;
            match work(&mut transaction).await {
                Ok(value) => match transaction.commit().await.map_err(Error::from) {
                    Ok(()) => return Ok(value),
                    Err(error) if error.is_retryable() && tries < TRIES => tracing::debug!(transaction = name, tries, "retried at commit"),
                    Err(error) => return Err(error),
                },
                Err(error) => {
                    transaction.rollback().await?;
                    if !(error.is_retryable() && tries < TRIES) {
                        return Err(error);
                    }
                    tracing::debug!(transaction = name, tries, "retried");
                }
            }
        }
    };
    let task = tokio::spawn(unit.instrument(span));
    task.await.map_err(|panic| Error::internal(format!("transaction {name} did not finish: {panic}")))?
}
