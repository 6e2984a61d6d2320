//! Asks the worker to let a run wait: after the current item it holds, and a person decides how it goes on.

use super::{Caller, hide};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::hold::ask_hold;
use domain::ids::RunId;
use domain::permission::{Verb, authorize};

pub use super::typed::Typed as Input;

/// Asks to hold. Refused before the work and after it, for runs that stop or wait already, and when somebody asked before.
pub async fn hold_run(engine: &Engine, caller: &Caller, run: RunId, input: &Input) -> Result<()> {
    let (caller, input) = (caller.clone(), input.clone());
    transaction::run(engine.pool(), "hold_run", move |db| {
        let (caller, input) = (caller.clone(), input.clone());
        Box::pin(async move {
            let found = store::runs::load(db, run).await?;
            let window = store::windows::load(db, found.window).await?;
            let permit =
                authorize(&caller.actor, Verb::HoldRun, Some(window.team)).map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
            let plan = window.plan()?;
            let reason = input.check(&plan.lane(found.target).ok_or(Error::NotFound)?.short_name)?;
            let by = permit.person().ok_or_else(|| Error::internal("a run is held by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            ledger.lock_window(window.id).await?;
            let found = store::runs::load(ledger.db(), run).await?;
            ask_hold(found.state, found.phase, found.decision, found.stop_reason.is_some(), found.hold_asked)?;
            let fact = NewFact::done("run.ask_hold", "run", run).of_window(window.id).of_team(window.team).with("reason", reason.clone());
            ledger.fact(fact).await?;
            if !ledger.ask_hold(run, by, &reason).await? {
                return Err(Refusal::new("moved_on", "The run changed at this very moment.", "Look at its page again.").into());
            }
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Sealer]).await;
    Ok(())
}
