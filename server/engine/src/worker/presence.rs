//! Says every few seconds that this worker is there, and steps aside when a newer program has changed the schema.

use super::WorkerContext;
use crate::error::Result;
use crate::store::{service_states, vitals};
use crate::vitals::{DRAINING, SAY_EVERY_S, WATCHDOG_JOB, WORKER_JOB};
use crate::{migrate, transaction, watchdog};
use std::time::Duration;

const SAY_EVERY: Duration = Duration::from_secs(SAY_EVERY_S);

/// The loop.
pub(super) async fn run(context: WorkerContext) -> Result<()> {
    while !context.stop.is_cancelled() {
        say(&context, WORKER_JOB, "ok", "").await?;
        ask_watchdog(&context).await?;
        step_aside(&context).await?;
        tokio::select! {
            () = tokio::time::sleep(SAY_EVERY) => {}
            () = context.stop.cancelled() => {}
        }
    }
    let detail = farewell(&context).await?;
    tracing::info!(worker = &*context.name, "stopping: {detail}");
    say(&context, WORKER_JOB, DRAINING, &detail).await
}

/// What pages show while this worker stops.
async fn farewell(context: &WorkerContext) -> Result<String> {
    let mut db = context.pool.acquire().await?;
    let windows = vitals::windows_held_by(&mut db, &context.name).await?;
    let list = windows.iter().map(|number| format!("#{number}")).collect::<Vec<_>>().join(", ");
    Ok(match windows.len() {
        0 => "nothing runs here; nothing new is begun.".to_owned(),
        1 => format!("the run of window {list} is being handed over. What runs on the database goes on, and the next worker watches it."),
        _ => {
            format!("the runs of windows {list} are being handed over. What runs on the databases goes on, and the next worker watches it.")
        }
    })
}

/// This process is gone: nobody need wait for its next word. Without the database the word grows old by itself.
pub(super) async fn leave(context: &WorkerContext) {
    let name = std::sync::Arc::clone(&context.name);
    let left = transaction::run(&context.pool, "worker_leave", move |db| {
        let name = std::sync::Arc::clone(&name);
        Box::pin(async move {
            service_states::forget(db, WORKER_JOB, &name).await?;
            Ok(service_states::forget(db, WATCHDOG_JOB, &name).await?)
        })
    });
    if let Err(error) = left.await {
        tracing::debug!(%error, "the worker's word stays until it is too old");
    }
}

async fn say(context: &WorkerContext, job: &'static str, state: &'static str, detail: &str) -> Result<()> {
    let (name, detail) = (std::sync::Arc::clone(&context.name), detail.to_owned());
    transaction::run(&context.pool, "worker_presence", move |db| {
        let (name, detail) = (std::sync::Arc::clone(&name), detail.clone());
        Box::pin(async move { Ok(service_states::say(db, job, &name, state, &detail).await?) })
    })
    .await
}

/// Says whether somebody would end a statement if this process froze.
async fn ask_watchdog(context: &WorkerContext) -> Result<()> {
    let folder = &context.config.data_dir;
    match watchdog::client(folder, watchdog::PING).await {
        Ok(_) => say(context, WATCHDOG_JOB, "ok", "").await,
        Err(error) => {
            let detail = format!(
                "No watchdog answers at {} ({error}): if this worker froze, only the timers of the databases' own servers would end a \
                 statement. Start `drydock watchdog` with the same data folder; serve and demo keep one.",
                watchdog::socket(folder).display()
            );
            say(context, WATCHDOG_JOB, "away", &detail).await
        }
    }
}

/// `drydock migrate` may run while workers do. An older program must not write into a newer schema: it hands over and ends.
async fn step_aside(context: &WorkerContext) -> Result<()> {
    let version = migrate::version(&mut *context.pool.acquire().await?).await?;
    if version.is_newer()
        && let Err(sentence) = version.fits()
    {
        tracing::error!(worker = &*context.name, "{sentence}; this worker hands over and ends");
        let _ = context.outdated.set(sentence);
        context.stop.cancel();
    }
    Ok(())
}
