//! Sends a test to one receiver, on the way that every event takes: what becomes of it stands in its log.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::WebhookId;
use domain::permission::{Verb, authorize};
use domain::webhook::Event;
use domain::webhook::format::Happening;

/// Owes the test. Refused while it is paused: it would wait.
pub async fn test_webhook(engine: &Engine, caller: &Caller, id: WebhookId) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::ManageWebhooks, None)?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "test_webhook", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            let (_, paused) = store::webhooks::lock(db, id).await?.ok_or(Error::NotFound)?;
            if paused {
                return Err(Refusal::new("paused_webhook", "This webhook is paused: a test would wait.", "Resume it first.").into());
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact = ledger.fact(NewFact::done("webhook.test", "webhook", id)).await?;
            let happening = Happening { window: None, reason: String::new(), fact: fact.id() };
            ledger.owe(Event::Test, None, &happening, &[id], fact).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}
