//! Lets everything that a window does wait, on every database at once: after the current item each of its runs holds, and a person decides on
//! each how it goes on. No further wave begins meanwhile.

use super::{Caller, hide, open_runs};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::hold::ask_hold;
use domain::permission::{Verb, authorize};

pub use super::typed::Typed as Input;

/// Asks all of them, and says how many were asked. Refused when none of them works.
pub async fn hold_window(engine: &Engine, caller: &Caller, number: i64, input: &Input) -> Result<usize> {
    let (caller, input) = (caller.clone(), input.clone());
    let asked = transaction::run(engine.pool(), "hold_window", move |db| {
        let (caller, input) = (caller.clone(), input.clone());
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            let permit =
                authorize(&caller.actor, Verb::HoldRun, Some(window.team)).map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
            let reason = input.check(&window.plan()?.target().short_name)?;
            let by = permit.person().ok_or_else(|| Error::internal("a run is held by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let (_, revision) = ledger.lock_window(window.id).await?;
            let lanes = store::lanes::of(ledger.db(), window.id, revision).await?;
            let mut asked = 0;
            for (run, name) in open_runs::of(ledger.db(), &lanes).await? {
                let may = ask_hold(run.state, run.phase, run.decision, run.stop_reason.is_some(), run.hold_asked);
                // A worker does not take the window's lock for every step: what moved on at this very moment was not asked.
                if may.is_err() || !ledger.ask_hold(run.id, by, &reason).await? {
                    continue;
                }
                let fact = NewFact::done("run.ask_hold", "run", run.id).of_window(window.id).of_team(window.team);
                ledger.fact(fact.with("reason", reason.clone()).with("database", name)).await?;
                asked += 1;
            }
            if asked == 0 {
                return Err(Refusal::new(
                    "nothing_to_hold",
                    "Nothing of this window is in the middle of its work at the moment.",
                    "Stopping it keeps further waves from beginning.",
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
