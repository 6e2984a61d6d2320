//! Lets a paused receiver of events be called again.

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

/// Calls it again: what waits and what was given up leaves at once. Refused: it is not paused.
pub async fn resume_webhook(engine: &Engine, caller: &Caller, id: WebhookId) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::ManageWebhooks, None)?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "resume_webhook", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            let (_, paused) = store::webhooks::lock(db, id).await?.ok_or(Error::NotFound)?;
            if !paused {
                return Err(Refusal::new("moved_on", "This webhook is not paused.", "Look at its page again.").into());
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(NewFact::done("webhook.resume", "webhook", id)).await?;
            Ok(store::webhooks::resume(ledger.db(), id).await?)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}
