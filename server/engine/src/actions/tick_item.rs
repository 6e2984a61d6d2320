//! Answers an item of the validation list: passed, failed or not applicable, with what the person looked at.

use super::{Caller, hide};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::checklist::{CheckState, may_tick};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::people;
use domain::permission::{Permit, Verb, authorize, holds};
use domain::window::WindowState;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct Input {
    /// Position of the item, from 1.
    pub ordinal: String,
    /// A [`CheckState`]'s word: `passed`, `failed` or `not_applicable`.
    pub state: String,
    /// Evidence or reason, 1 to 4,000 characters.
    pub note: String,
}

/// Ticks an item. A probe's red answer is not ticked away, and nothing is answered without evidence.
pub async fn tick_item(engine: &Engine, caller: &Caller, number: i64, input: &Input) -> Result<CheckState> {
    let to = CheckState::from_word(input.state.trim())
        .filter(|state| matches!(state, CheckState::Passed | CheckState::Failed | CheckState::NotApplicable))
        .ok_or_else(|| Error::field("state", "Choose passed, failed or not applicable."))?;
    answer(engine, caller, number, Verb::TickItem, &input.ordinal, to, &input.note).await
}

/// Writes a person's answer under the right `verb`; [`super::accept_red`] shares it.
pub(super) async fn answer(
    engine: &Engine,
    caller: &Caller,
    number: i64,
    verb: Verb,
    ordinal: &str,
    to: CheckState,
    note: &str,
) -> Result<CheckState> {
    let ordinal: i32 = ordinal.trim().parse().map_err(|_| Error::NotFound)?;
    let note = people::text("note", note, 1, 4000).map_err(|error| Error::Invalid(vec![error]))?;
    let caller = caller.clone();
    transaction::run(engine.pool(), "answer_item", move |db| {
        let (caller, note) = (caller.clone(), note.clone());
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            let permit = authorize(&caller.actor, verb, Some(window.team)).map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let (state, revision) = ledger.lock_window(window.id).await?;
            if state != WindowState::Validating {
                return Err(
                    Refusal::new("moved_on", format!("This window is “{}”: its list is not being answered.", state.label()), "").into()
                );
            }
            let checks = store::checks::list(ledger.db(), window.id, revision).await?;
            let check = checks.iter().find(|check| check.ordinal == ordinal).ok_or(Error::NotFound)?;
            let may_accept_red = holds(&caller.actor, Verb::AcceptRed, Some(window.team));
            may_tick(check.state, to, check.by_probe, check.probe.is_some(), may_accept_red, &note)?;
            let action = if to == CheckState::Accepted { "check.accept" } else { "check.tick" };
            let fact = NewFact::done(action, "window", window.id)
                .of_window(window.id)
                .of_team(window.team)
                .with("item", check.key.clone())
                .with("from", check.state.word())
                .with("to", to.word())
                .with("note", note.clone());
            ledger.fact(fact).await?;
            let by = person(&permit)?;
            if !store::checks::answer(ledger.db(), (window.id, revision, ordinal), check.state, to, &note, by).await? {
                return Err(Refusal::new("moved_on", "Somebody answered this item at this very moment.", "Look at the list again.").into());
            }
            Ok(to)
        })
    })
    .await
    .inspect(|_| tracing::debug!(window = number, ordinal, "item answered"))?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(to)
}

fn person(permit: &Permit) -> Result<domain::ids::PersonId> {
    permit.person().ok_or_else(|| Error::internal("an item is answered by a person"))
}
