//! Decides on a held run: one named person, with a reason. A worker takes the decision up.

use super::start_gate::{Asked, ask};
use super::{Caller, hide};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::gate::{CUT_OFF, StartPath};
use domain::hold::{Found, HoldVerb, Owed, ResolveForm};
use domain::ids::RunId;
use domain::permission::{Verb, authorize};
use domain::window::RunState;

/// Records the decision. Going on passes the gate like any start; an attempt of unknown outcome is resolved by the same person.
pub async fn resolve_hold(engine: &Engine, caller: &Caller, run: RunId, form: &ResolveForm) -> Result<HoldVerb> {
    let (caller, form) = (caller.clone(), form.clone());
    let verb = transaction::run(engine.pool(), "resolve_hold", move |db| {
        let (caller, form) = (caller.clone(), form.clone());
        Box::pin(async move {
            let found = store::runs::load(db, run).await?;
            let window = store::windows::load(db, found.window).await?;
            let permit = authorize(&caller.actor, Verb::ResolveHold, Some(window.team))
                .map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
            let by = permit.person().ok_or_else(|| Error::internal("a hold is resolved by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            ledger.lock_window(window.id).await?;
            let found = store::runs::load(ledger.db(), run).await?;
            if found.state != RunState::Held || found.decision.is_some() {
                return Err(Refusal::new(
                    "moved_on",
                    "Somebody decided on this run already, or it is not on hold.",
                    "Look at its page again.",
                )
                .into());
            }
            let unknown = store::runs::unknown_attempt(ledger.db(), run).await?;
            let call = store::run_calls::waiting(ledger.db(), run).await?;
            let owed = unknown.map(|(_, class)| Owed::Attempt(class)).or(call.as_ref().map(|_| Owed::Call));
            let resolve = form.parse(&found.hold_verbs, owed)?;
            let by_hand = match resolve.verb {
                HoldVerb::Continue => store::by_hand::waiting(ledger.db(), run).await?,
                _ => None,
            };
            if resolve.verb == HoldVerb::Continue {
                let asked = Asked { digest: Some(found.digest), own: Some(run), ..Asked::before_the_run(StartPath::Resume) };
                let mut answer = ask(&mut ledger, window.id, asked).await?;
                if by_hand.is_some() || call.is_some() {
                    // What is done outside the database is done at any time; each item asks the gate for itself.
                    answer.in_the_way.retain(|refusal| refusal.code != CUT_OFF);
                }
                answer.into_open()?;
            }
            let mut fact = NewFact::done("run.resolve", "run", run)
                .of_window(window.id)
                .of_team(window.team)
                .with("decision", resolve.verb.word())
                .with("reason", resolve.reason.clone());
            if let (Some((attempt, _)), Some(what)) = (unknown, resolve.found) {
                fact = fact.with("attempt", attempt.to_string()).with("found", what.word());
                ledger.resolve_attempt(attempt, by, what.word(), &resolve.reason).await?;
            }
            if let Some(step) = &by_hand {
                fact = fact.with("by_hand", step.clone());
                ledger.did_by_hand(run, step, by, &resolve.reason).await?;
            }
            if let (Some(step), Some(what), HoldVerb::Continue) = (&call, resolve.found, resolve.verb) {
                fact = fact.with("call", step.clone()).with("found", what.word());
                if what == Found::Ran {
                    ledger.settle_call(run, step, by, &resolve.reason).await?;
                }
            }
            ledger.fact(fact).await?;
            ledger.decide_hold(run, by, resolve.verb).await?;
            Ok(resolve.verb)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Sealer]).await;
    Ok(verb)
}
