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
use domain::people;
use domain::permission::{Verb, authorize};
use domain::run::Phase;
use domain::window::RunState;

/// What was typed to stop.
#[derive(Debug, Clone, Default, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct Input {
    /// The database's short name, typed as confirmation.
    pub short_name: String,
    /// Why, 1 to 2,000 characters.
    pub reason: String,
}

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
            let reason = check(&input, &window.plan()?.target().short_name)?;
            let by = permit.person().ok_or_else(|| Error::internal("a run is stopped by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            ledger.lock_window(window.id).await?;
            let found = store::runs::load(ledger.db(), run).await?;
            may_stop(found.state, found.phase, found.stop_reason.is_some())?;
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

fn check(input: &Input, expected: &str) -> Result<String> {
    let mut form = domain::decision::FormCheck::default();
    let reason = form.take(people::text("reason", &input.reason, 1, 2000));
    if !input.short_name.trim().eq_ignore_ascii_case(expected) {
        form.refuse("short_name", format!("Type the short name of the database to confirm: {expected}"));
    }
    Ok(form.finish(reason)?)
}

fn may_stop(state: RunState, phase: Phase, asked: bool) -> std::result::Result<(), Refusal> {
    if asked {
        return Err(Refusal::new("stop_asked", "Somebody asked to stop this run already.", "Its page says what really stopped."));
    }
    match state {
        RunState::Waiting | RunState::Leased if phase == Phase::Probing => {
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
        assert!(may_stop(RunState::Leased, Phase::Working, false).is_ok());
        assert!(may_stop(RunState::Waiting, Phase::PreChecks, false).is_ok());
        let code = |state, phase, asked| may_stop(state, phase, asked).expect_err("refused").code;
        assert_eq!(code(RunState::Leased, Phase::Working, true), "stop_asked");
        assert_eq!(code(RunState::Held, Phase::Working, false), "held");
        assert_eq!(code(RunState::Leased, Phase::Probing, false), "nothing_to_stop");
        assert_eq!(code(RunState::Ended, Phase::Over, false), "moved_on");
    }

    #[test]
    fn stopping_needs_the_typed_name_and_a_reason() {
        let Err(Error::Invalid(errors)) = check(&Input { short_name: "shop".into(), reason: " ".into() }, "prod-orders") else {
            panic!("accepted")
        };
        assert_eq!(errors.len(), 2);
        let good = Input { short_name: " Prod-Orders ".into(), reason: "release".into() };
        assert_eq!(check(&good, "prod-orders").expect("good"), "release");
    }
}
