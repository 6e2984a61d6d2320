//! Pauses a receiver of events. What it was owed before waits; what happens meanwhile is not kept for it.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::WebhookId;
use domain::people;
use domain::permission::{Verb, authorize};

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Why, 1 to 2,000 characters.
    pub reason: String,
}

/// Pauses it, for a reason. Refused: it is paused already.
pub async fn pause_webhook(engine: &Engine, caller: &Caller, id: WebhookId, input: &Input) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::ManageWebhooks, None)?;
    let reason = people::text("reason", &input.reason, 1, 2000).map_err(|error| vec![error])?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "pause_webhook", move |db| {
        let (permit, request, reason) = (permit.clone(), request.clone(), reason.clone());
        Box::pin(async move {
            let (_, paused) = store::webhooks::lock(db, id).await?.ok_or(Error::NotFound)?;
            if paused {
                return Err(Refusal::new("moved_on", "This webhook is paused already.", "Look at its page again.").into());
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(NewFact::done("webhook.pause", "webhook", id).with("reason", reason.clone())).await?;
            Ok(store::webhooks::pause(ledger.db(), id, &reason).await?)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
