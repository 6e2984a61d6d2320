//! Stops everything that a window does, on every database at once: each of its runs is asked to stop, and no further wave begins.

use super::stop_run::may_stop;
use super::{Caller, hide, open_runs};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::permission::{Verb, authorize};

pub use super::typed::Typed as Input;

/// Asks all of them, and says how many were asked. Refused when none of them works.
pub async fn stop_window(engine: &Engine, caller: &Caller, number: i64, input: &Input) -> Result<usize> {
    let (caller, input) = (caller.clone(), input.clone());
    let asked = transaction::run(engine.pool(), "stop_window", move |db| {
        let (caller, input) = (caller.clone(), input.clone());
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            let permit =
                authorize(&caller.actor, Verb::StopRun, Some(window.team)).map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
            let reason = input.check(&window.plan()?.target().short_name)?;
            let by = permit.person().ok_or_else(|| Error::internal("a run is stopped by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            ledger.lock_window(window.id).await?;
            let mut asked = 0;
            for (run, name) in open_runs::of(ledger.db(), window.id).await? {
                if may_stop(run.state, run.phase, run.stop_reason.is_some(), run.soak_until.is_some()).is_err() {
                    continue;
                }
                let fact = NewFact::done("run.stop", "run", run.id).of_window(window.id).of_team(window.team);
                ledger.fact(fact.with("reason", reason.clone()).with("database", name)).await?;
                asked += usize::from(ledger.ask_stop(run.id, by, &reason).await?);
            }
            if asked == 0 {
                return Err(Refusal::new(
                    "nothing_to_stop",
                    "Nothing of this window works at the moment.",
                    "What is on hold waits for a decision on its run's page; a window that has not begun is cancelled.",
                )
                .into());
            }
            Ok(asked)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Sealer]).await;
    Ok(asked)
}
