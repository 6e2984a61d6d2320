//! Deletes a receiver: its address and secrets are destroyed, and what it was still owed is never sent. Its log stays.

use super::{Caller, elevated};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::ids::WebhookId;
use domain::permission::{Verb, authorize};

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// The webhook's name, typed as confirmation.
    pub confirm: String,
}

/// Deletes it, once its name was typed.
pub async fn delete_webhook(engine: &Engine, caller: &Caller, id: WebhookId, input: &Input) -> Result<String> {
    let permit = authorize(&caller.actor, Verb::ManageWebhooks, None)?;
    elevated(&caller.actor)?;
    let (request, typed) = (caller.request.clone(), input.confirm.trim().to_owned());
    let name = transaction::run(engine.pool(), "delete_webhook", move |db| {
        let (permit, request, typed) = (permit.clone(), request.clone(), typed.clone());
        Box::pin(async move {
            store::webhooks::lock(db, id).await?.ok_or(Error::NotFound)?;
            let webhook = store::webhooks::list(db, Some(id)).await?.pop().ok_or(Error::NotFound)?;
            if !typed.eq_ignore_ascii_case(&webhook.name) {
                return Err(Error::field("confirm", format!("Type the name of the webhook to confirm: {}", webhook.name)));
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact = NewFact::done("webhook.delete", "webhook", id)
                .with("name", webhook.name.clone())
                .with("origin", webhook.origin.clone())
                .with("never_sent", webhook.waiting + webhook.parked);
            ledger.fact(fact).await?;
            store::webhooks::delete(ledger.db(), id).await?;
            Ok(webhook.name)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(name)
}
