//! Asks the worker to stop a run: it cancels on the server, then says what really stopped.

use super::{Caller, hide};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::RunId;
use domain::permission::{Verb, authorize};
use domain::run::Phase;
use domain::window::RunState;

pub use super::typed::Typed as Input;

/// Asks to stop. Refused for runs that are held (a person decides there) or over, and when somebody asked before.
pub async fn stop_run(engine: &Engine, caller: &Caller, run: RunId, input: &Input) -> Result<()> {
    let (caller, input) = (caller.clone(), input.clone());
    transaction::run(engine.pool(), "stop_run", move |db| {
        let (caller, input) = (caller.clone(), input.clone());
        Box::pin(async move {
            let found = store::runs::load(db, run).await?;
            let window = store::windows::load(db, found.window).await?;
            let permit =
                authorize(&caller.actor, Verb::StopRun, Some(window.team)).map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
            let plan = window.plan()?;
            let reason = input.check(&plan.lane(found.target).ok_or(Error::NotFound)?.short_name)?;
            let by = permit.person().ok_or_else(|| Error::internal("a run is stopped by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            ledger.lock_window(window.id).await?;
            let found = store::runs::load(ledger.db(), run).await?;
            may_stop(found.state, found.phase, found.stop_reason.is_some(), found.soak_until.is_some())?;
            let fact = NewFact::done("run.stop", "run", run).of_window(window.id).of_team(window.team).with("reason", reason.clone());
            ledger.fact(fact).await?;
            if !ledger.ask_stop(run, by, &reason).await? {
                return Err(Refusal::new("moved_on", "The run changed at this very moment.", "Look at its page again.").into());
            }
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Sealer]).await;
    Ok(())
}

/// `watched` is a run whose work is over and whose next wave waits: stopping it keeps that wave from beginning.
pub(super) fn may_stop(state: RunState, phase: Phase, asked: bool, watched: bool) -> std::result::Result<(), Refusal> {
    if asked {
        return Err(Refusal::new("stop_asked", "Somebody asked to stop this run already.", "Its page says what really stopped."));
    }
    match state {
        RunState::Waiting | RunState::Leased if phase == Phase::Probing && !watched => {
            Err(Refusal::new("nothing_to_stop", "The work is over; only measurements are taken now.", "Wait for the validation list."))
        }
        RunState::Waiting | RunState::Leased => Ok(()),
        RunState::Held => {
            Err(Refusal::new("held", "This run is on hold: nothing runs.", "Decide on it instead: leave the rest, or end it."))
        }
        RunState::Ended => Err(Refusal::new("moved_on", "This run is over.", "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_works_is_stopped_and_once() {
        assert!(may_stop(RunState::Leased, Phase::Working, false, false).is_ok());
        assert!(may_stop(RunState::Waiting, Phase::PreChecks, false, false).is_ok());
        assert!(may_stop(RunState::Leased, Phase::Probing, false, true).is_ok(), "the next wave is kept from beginning");
        let code = |state, phase, asked| may_stop(state, phase, asked, false).expect_err("refused").code;
        assert_eq!(code(RunState::Leased, Phase::Working, true), "stop_asked");
        assert_eq!(code(RunState::Held, Phase::Working, false), "held");
        assert_eq!(code(RunState::Leased, Phase::Probing, false), "nothing_to_stop");
        assert_eq!(code(RunState::Ended, Phase::Over, false), "moved_on");
    }
}
