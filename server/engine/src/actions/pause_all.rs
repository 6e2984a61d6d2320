//! Pauses all maintenance: from its commit on nothing starts by any path. A pause that lasts can be made to hold what runs as well.

use super::{Caller, audience};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::PauseId;
use domain::notice::NoticeKind;
use domain::pause::{PauseForm, PauseLevel};
use domain::permission::{Verb, authorize};
use serde_json::Map;

/// Pauses, or raises the level of the pause that lasts.
///
/// # Errors
/// Neither lead, deputy nor administrator; a missing reason; a pause that reaches as far already.
pub async fn pause_all(engine: &Engine, caller: &Caller, form: &PauseForm) -> Result<PauseLevel> {
    let permit = authorize(&caller.actor, Verb::PauseAll, None)?;
    let by = permit.person().ok_or_else(|| Error::internal("a pause is begun by a person"))?;
    let (level, reason) = form.parse()?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "pause_all", move |db| {
        let (permit, request, reason) = (permit.clone(), request.clone(), reason.clone());
        Box::pin(async move {
            let lasting = store::pauses::lock_open(db).await?;
            let mut ledger = Ledger::open(db, &permit, &request);
            let (id, action): (PauseId, _) = match lasting {
                None => {
                    let id = clock::new_id();
                    store::pauses::insert(ledger.db(), id, level, &reason, by).await?;
                    (id, "pause.begin")
                }
                Some((id, PauseLevel::StartNothing, _)) if level == PauseLevel::HoldRunning => {
                    if !store::pauses::raise(ledger.db(), id).await? {
                        return Err(already());
                    }
                    (id, "pause.raise")
                }
                Some(_) => return Err(already()),
            };
            let fact = NewFact::done(action, "pause", id).with("level", level.word()).with("reason", reason);
            let fact = ledger.fact(fact).await?;
            audience::tell_heads(&mut ledger, NoticeKind::Paused, Map::from_iter([("pause".to_owned(), id.to_string().into())]), fact)
                .await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Notifier, Wake::Sealer]).await;
    Ok(level)
}

fn already() -> Error {
    Refusal::new(
        "paused_already",
        "All maintenance is paused already.",
        "The banner says since when, by whom and why. It can be made to hold what runs too, or be resumed.",
    )
    .into()
}
