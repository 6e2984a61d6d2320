//! Pauses a receiver, and lets it be called again. What it was owed before waits; what happens meanwhile is not kept for it.

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

/// Pauses it, for a reason.
pub async fn pause_webhook(engine: &Engine, caller: &Caller, id: WebhookId, input: &Input) -> Result<()> {
    authorize(&caller.actor, Verb::ManageWebhooks, None)?;
    let reason = people::text("reason", &input.reason, 1, 2000).map_err(|error| vec![error])?;
    put(engine, caller, id, Some(reason)).await
}

/// Lets it be called again: what waits leaves at once.
pub async fn resume_webhook(engine: &Engine, caller: &Caller, id: WebhookId) -> Result<()> {
    put(engine, caller, id, None).await
}

async fn put(engine: &Engine, caller: &Caller, id: WebhookId, reason: Option<String>) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::ManageWebhooks, None)?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "pause_webhook", move |db| {
        let (permit, request, reason) = (permit.clone(), request.clone(), reason.clone());
        Box::pin(async move {
            let (_, paused) = store::webhooks::lock(db, id).await?.ok_or(Error::NotFound)?;
            if paused == reason.is_some() {
                let message = if paused { "This webhook is paused already." } else { "This webhook is not paused." };
                return Err(Refusal::new("moved_on", message, "Look at its page again.").into());
            }
            let action = if reason.is_some() { "webhook.pause" } else { "webhook.resume" };
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(NewFact::done(action, "webhook", id).with("reason", reason.clone())).await?;
            Ok(store::webhooks::pause(ledger.db(), id, reason.as_deref()).await?)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}
