//! Stops everything that a window does, on every database at once: each of its runs is asked to stop, and no further wave begins. Between two
//! waves nothing runs, and what waits is not started any more.

use super::end_waves::leave_out;
use super::stop_run::may_stop;
use super::{Caller, hide, open_runs};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::TargetId;
use domain::lanes::LaneState;
use domain::permission::{Verb, authorize};
use domain::window::WindowState;

pub use super::typed::Typed as Input;

/// What a stop of a whole window came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Runs that were asked to stop.
    pub asked: usize,
    /// Databases that waited for their wave, and are not started any more.
    pub not_started: usize,
}

/// Asks all of them, and ends what waits for its wave. Refused when none of them works and nothing waits.
pub async fn stop_window(engine: &Engine, caller: &Caller, number: i64, input: &Input) -> Result<Stopped> {
    let (caller, input) = (caller.clone(), input.clone());
    let stopped = transaction::run(engine.pool(), "stop_window", move |db| {
        let (caller, input) = (caller.clone(), input.clone());
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            let permit =
                authorize(&caller.actor, Verb::StopRun, Some(window.team)).map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
            let reason = input.check(&window.plan()?.target().short_name)?;
            let by = permit.person().ok_or_else(|| Error::internal("a run is stopped by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let (state, revision) = ledger.lock_window(window.id).await?;
            let lanes = store::lanes::of(ledger.db(), window.id, revision).await?;
            let mut asked = 0;
            for (run, name) in open_runs::of(ledger.db(), &lanes).await? {
                let may = may_stop(run.state, run.phase, run.stop_reason.is_some(), run.soak_until.is_some());
                if may.is_err() || !ledger.ask_stop(run.id, by, &reason).await? {
                    continue;
                }
                let fact = NewFact::done("run.stop", "run", run.id).of_window(window.id).of_team(window.team);
                ledger.fact(fact.with("reason", reason.clone()).with("database", name)).await?;
                asked += 1;
            }
            // Before the first of them has begun nothing waits that could be left out by itself: the window is called off instead.
            let begun = matches!(state, WindowState::Running | WindowState::Hold);
            let waiting: Vec<TargetId> = lanes
                .iter()
                .filter(|row| row.lane.state == LaneState::Waiting && (begun || asked > 0))
                .map(|row| row.lane.target)
                .collect();
            if asked == 0 && waiting.is_empty() {
                return Err(Refusal::new(
                    "nothing_to_stop",
                    "Nothing of this window works at the moment.",
                    "What is on hold waits for a decision on its run's page; a window that has not begun is cancelled.",
                )
                .into());
            }
            if !waiting.is_empty() {
                // As it is under the lock.
                let window = store::windows::load(ledger.db(), window.id).await?;
                leave_out(&mut ledger, &window, &waiting, &format!("Stopped: {reason}")).await?;
            }
            Ok(Stopped { asked, not_started: waiting.len() })
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Notifier, Wake::Sealer]).await;
    Ok(stopped)
}
