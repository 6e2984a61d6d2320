//! Signs off a validated window: it closes, its database is free again, and the all-clear goes out.

use super::{Caller, audience, hide};
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::store::lanes::LaneRow;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::checklist::{CheckState, may_close};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::lanes::LaneState;
use domain::notice::NoticeKind;
use domain::people;
use domain::permission::{Verb, authorize};
use domain::window::{Ending, WindowState};
use serde_json::{Map, Value};

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct Input {
    /// What did not go as planned, up to 4,000 characters; owed after a cut-off, a stop, a hold or an accepted red item.
    pub issues_met: String,
}

/// Whether it ended otherwise than planned: cut off or stopped; and of several databases, whatever was not clean on one of them.
fn ended_early(lanes: &[LaneRow]) -> bool {
    match lanes {
        [one] => matches!(one.lane.state, LaneState::Ended { ending, .. } if ending != Ending::Finished),
        several => !store::lanes::failures(several).is_empty(),
    }
}

/// Closes the window. Refused while an item is open or red, and while the text "issues met" is owed.
pub async fn close_window(engine: &Engine, caller: &Caller, number: i64, input: &Input) -> Result<()> {
    let issues = people::text("issues_met", &input.issues_met, 0, 4000).map_err(|error| vec![error])?;
    let caller = caller.clone();
    transaction::run(engine.pool(), "close_window", move |db| {
        let (caller, issues) = (caller.clone(), issues.clone());
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            let permit = authorize(&caller.actor, Verb::CloseWindow, Some(window.team))
                .map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let (state, revision) = ledger.lock_window(window.id).await?;
            if state != WindowState::Validating {
                return Err(Refusal::new("moved_on", format!("This window is “{}”: it cannot be closed.", state.label()), "").into());
            }
            let checks = store::checks::list(ledger.db(), window.id, revision).await?;
            let states: Vec<_> = checks.iter().map(|check| (check.title.clone(), check.state)).collect();
            may_close(&states)?;
            let lanes = store::lanes::of(ledger.db(), window.id, revision).await?;
            let held = store::runs::was_held(ledger.db(), window.id).await?;
            let accepted = checks.iter().any(|check| check.state == CheckState::Accepted);
            let early = ended_early(&lanes);
            if issues.is_empty() && (held || accepted || early) {
                return Err(vec![domain::decision::FieldError::new(
                    "issues_met",
                    "It did not go as planned: write what happened, for whoever plans the next window.",
                )]
                .into());
            }
            let plan = window.plan()?;
            let fact = NewFact::done("window.close", "window", window.id)
                .of_window(window.id)
                .of_team(window.team)
                .with("checks", states.iter().map(|(title, state)| Value::from(format!("{title}: {}", state.word()))).collect::<Vec<_>>())
                .with("issues_met", issues.clone());
            let failures = if lanes.len() > 1 { store::lanes::failures(&lanes) } else { vec![] };
            let mut payload = Map::from_iter([("issues_met".to_owned(), Value::from(issues.clone()))]);
            let fact = if failures.is_empty() {
                fact
            } else {
                payload.insert("failures".to_owned(), failures.clone().into());
                fact.with("failures", failures)
            };
            let fact = ledger.fact(fact).await?;
            ledger.issues_met(window.id, &issues).await?;
            ledger.move_window(window.id, revision, WindowState::Validating, WindowState::Completed, None, fact).await?;
            audience::tell(&mut ledger, &window, &plan, NoticeKind::AllClear, payload, fact).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}
