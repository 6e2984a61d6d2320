//! Reads how busy databases are, how old their transaction ids, and how much they hold, every ten minutes: one connection, two rows of the
//! server's own figures, no lock.

use crate::error::{Error, Result};
use crate::store;
use crate::store::load::Taken;
use crate::target::connect::Dialer;
use crate::target::fault::StatementError;
use crate::target::link::{Link, field};
use crate::target::session::{Guards, guard};
use crate::transaction;
use crate::worker::{WorkerContext, address};
use domain::decision::Refusal;
use domain::ids::TargetId;
use domain::schedule::load::Reading;
use domain::target::ages::Ages;
use futures_util::StreamExt as _;
use std::time::Duration;

/// How often it is looked which readings are due.
const POLL: Duration = Duration::from_secs(30);
/// Databases that are taken in one go, and read beside each other.
const BATCH: i64 = 40;
const AT_ONCE: usize = 4;
/// A database that does not answer by then is left to the next time.
const WITHIN: Duration = Duration::from_secs(15);
/// Adding up what a database of very many files holds may take long: the other figures do not wait for it.
const SIZE_WITHIN_MS: u32 = 5_000;
/// More transactions than any server has counted; sums of a few thousand of them stay far inside 64 bits.
const MOST_COUNTED: i64 = 1 << 48;

/// The loop.
///
/// # Errors
/// When the state database does not answer; the supervisor starts the loop again.
pub async fn run(context: WorkerContext) -> Result<()> {
    loop {
        let full = read_due(&context).await? == usize::try_from(BATCH).unwrap_or(usize::MAX);
        if full && !context.stop.is_cancelled() {
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            () = context.stop.cancelled() => return Ok(()),
        }
    }
}

/// Reads every database whose reading is due, as many as are taken in one go, and gives how many those were. One that cannot be read has no
/// figures for that time, and its page says what is wrong with its connection as soon as somebody tests it.
///
/// # Errors
/// When the state database does not answer.
pub async fn read_due(context: &WorkerContext) -> Result<usize> {
    let due = transaction::run(&context.pool, "take_readings", |db| Box::pin(store::load::take_due(db, BATCH))).await?;
    let readings = futures_util::stream::iter(due.iter().copied()).map(|target| async move {
        let read = tokio::select! {
            read = tokio::time::timeout(WITHIN, read(context, target)) => read,
            () = context.stop.cancelled() => return Ok(()),
        };
        match read {
            Ok(Ok(taken)) => {
                if let Err(error) = record(context, target, taken).await {
                    tracing::warn!(%target, %error, "the load was not kept");
                }
                Ok(())
            }
            Ok(Err(error)) => {
                tracing::debug!(%target, %error, "the load was not read");
                Ok(())
            }
            Err(_) => {
                tracing::debug!(%target, within_s = WITHIN.as_secs(), "the load was not read in time");
                Ok(())
            }
        }
    });
    let done: Vec<Result<()>> = readings.buffer_unordered(AT_ONCE).collect().await;
    done.into_iter().collect::<Result<Vec<()>>>()?;
    Ok(due.len())
}

async fn record(context: &WorkerContext, target: TargetId, taken: Taken) -> Result<()> {
    transaction::run(&context.pool, "record_reading", move |db| {
        let taken = taken.clone();
        Box::pin(async move { store::load::record(db, target, &taken).await })
    })
    .await
}

async fn read(context: &WorkerContext, target: TargetId) -> Result<Taken> {
    // Before the address is read: what is kept says of which registration it is, where that was changed and tested meanwhile.
    let at = context.clock.now();
    let (_, address) = address(context, target).await?;
    let failed = |said: String| Error::from(Refusal::new("target", said, ""));
    let dialer = Dialer::new(address).await.map_err(|error| failed(error.to_string()))?;
    let link = dialer.connect("drydock:load").await.map_err(|error| failed(error.to_string()))?;
    let (transactions, since, ages) = look(&link).await.map_err(|error| failed(error.said))?;
    let size_mib = match size_mib(&link).await {
        Ok(size_mib) => Some(size_mib),
        Err(error) => {
            tracing::debug!(%target, error = %error.said, "the size was not read");
            None
        }
    };
    Ok(Taken { reading: Reading { at, transactions, since }, ages, size_mib })
}

/// What the database holds, in MiB.
async fn size_mib(link: &Link) -> Result<i64, StatementError> {
    link.rows("SELECT pg_catalog.set_config('statement_timeout', $1, false)", &[&SIZE_WITHIN_MS.to_string()]).await?;
    let row = link.row("SELECT pg_catalog.pg_database_size(pg_catalog.current_database())", &[]).await?;
    let bytes: i64 = field(&row, 0)?;
    Ok(bytes.max(0) >> 20)
}

/// Transactions of the database since its server began to count them, and when that was; and how old its transaction ids are.
async fn look(link: &Link) -> Result<(i64, String, Ages), StatementError> {
    let major = crate::target::report::major(link).await?;
    guard(link, &Guards::reading(), major).await?;
    let row = link
        .row(
            "SELECT (d.xact_commit + d.xact_rollback)::pg_catalog.int8,
                    coalesce(d.stats_reset::pg_catalog.text, '') || ' ' || pg_catalog.pg_postmaster_start_time()::pg_catalog.text,
                    pg_catalog.age(b.datfrozenxid)::pg_catalog.int8, pg_catalog.mxid_age(b.datminmxid)::pg_catalog.int8,
                    pg_catalog.current_setting('autovacuum_freeze_max_age')::pg_catalog.int8,
                    pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::pg_catalog.int8
             FROM pg_catalog.pg_stat_database d JOIN pg_catalog.pg_database b ON b.oid = d.datid
             WHERE d.datname = pg_catalog.current_database()",
            &[],
        )
        .await?;
    let (count, since): (i64, String) = (field(&row, 0)?, field(&row, 1)?);
    // What a server says is not believed beyond what can be counted.
    let ages = Ages { xid: field(&row, 2)?, mxid: field(&row, 3)?, freeze_max: field(&row, 4)?, multixact_freeze_max: field(&row, 5)? };
    Ok((count.clamp(0, MOST_COUNTED), since.chars().take(100).collect(), ages))
}
