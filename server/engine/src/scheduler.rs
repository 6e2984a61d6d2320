//! The tick: load a snapshot, ask the planner, carry out its intentions. Every worker ticks; guarded writes let one of them win.

mod clock_guard;
pub mod series;
pub mod waiting;

use crate::actions::end_waves::end_waves;
use crate::actions::end_window::{expire_window, miss_window};
use crate::actions::escalate_window::escalate_window;
use crate::actions::open_run::open_due_run;
use crate::actions::open_wave::open_wave;
use crate::actions::remind_voters::remind_voters;
use crate::actions::start_gate::{why_not, why_not_the_wave};
use crate::error::{Error, Result};
use crate::wake::Wake;
use crate::worker::WorkerContext;
use crate::{store, transaction};
use domain::permission::Permit;
use domain::schedule::plan::{Deed, Intention, plan};
use std::time::Duration;

/// A due window waits at most this long, wake-up or not.
const POLL: Duration = Duration::from_secs(1);

/// The loop.
pub async fn run(context: WorkerContext) -> Result<()> {
    let mut bell = context.bell(Wake::Runner);
    let mut guard = clock_guard::ClockGuard::default();
    loop {
        guard.look(&context.pool).await?;
        tick(&context).await?;
        if !bell.wait(POLL).await {
            return Ok(());
        }
    }
}

/// One look at the windows whose time may have come.
pub async fn tick(context: &WorkerContext) -> Result<()> {
    let snapshot = transaction::read(&context.pool, "schedule", |db| Box::pin(async move { store::runs::snapshot(db).await })).await?;
    for intention in plan(&snapshot) {
        if let Err(error) = carry_out(context, &intention).await {
            // A closed gate, or another worker that was faster: the next tick looks again until the latest start.
            match error {
                Error::Refused(refusal) => {
                    tracing::debug!(window = intention.number, deed = ?intention.deed, code = refusal.code, "not done");
                }
                other => tracing::error!(window = intention.number, deed = ?intention.deed, error = %other, "an intention failed"),
            }
        }
    }
    Ok(())
}

async fn carry_out(context: &WorkerContext, intention: &Intention) -> Result<()> {
    let permit = Permit::system();
    match intention.deed {
        Deed::OpenRun => open_due_run(&context.pool, &permit, intention.window, &intention.reason).await.map(drop),
        Deed::Expire => expire_window(&context.pool, &permit, intention.window).await,
        Deed::Escalate => escalate_window(&context.pool, &permit, intention.window, &intention.reason).await,
        Deed::Remind => remind_voters(&context.pool, &permit, intention.window).await,
        Deed::MarkMissed => {
            let why = why_not(&context.pool, intention.window).await?;
            let reason = if why.is_empty() { intention.reason.clone() } else { format!("{} {why}", intention.reason) };
            miss_window(&context.pool, &permit, intention.window, &reason).await
        }
        Deed::OpenWave(wave) => open_wave(&context.pool, &permit, intention.window, wave, &intention.reason).await.map(drop),
        Deed::EndWaves(wave) => {
            let why = why_not_the_wave(&context.pool, intention.window, wave).await?;
            let reason = if why.is_empty() { intention.reason.clone() } else { format!("{} {why}", intention.reason) };
            end_waves(&context.pool, &permit, intention.window, wave, &reason).await
        }
    }
}
