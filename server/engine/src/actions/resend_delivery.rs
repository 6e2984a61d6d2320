//! Sends one delivery to a receiver again.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::{DeliveryId, WebhookId};
use domain::permission::{Verb, authorize};

/// Lets it leave now, whether or not it was taken: the receiver knows it by the same id.
pub async fn resend_delivery(engine: &Engine, caller: &Caller, id: WebhookId, delivery: DeliveryId) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::ManageWebhooks, None)?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "resend_delivery", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            store::webhooks::lock(db, id).await?.ok_or(Error::NotFound)?;
            store::webhook_deliveries::delivery_state(db, id, delivery).await?.ok_or(Error::NotFound)?;
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(NewFact::done("webhook.resend", "webhook", id).with("delivery", delivery.to_string())).await?;
            if !store::webhook_deliveries::resend(ledger.db(), id, delivery).await? {
                return Err(Refusal::new("moved_on", "This delivery is being sent at this moment.", "Look at the log again.").into());
            }
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}
