//! Makes a new secret for a receiver. The one before signs beside it for a day, so that the receiver can change over without a gap.

use super::add_webhook::Added;
use super::{Caller, elevated};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{signing, store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::WebhookId;
use domain::permission::{Verb, authorize};
use domain::webhook::OVERLAP;

/// Makes it, to be shown once. Refused for chats, which check no signature.
pub async fn rotate_webhook_secret(engine: &Engine, caller: &Caller, id: WebhookId) -> Result<Added> {
    let permit = authorize(&caller.actor, Verb::ManageWebhooks, None)?;
    elevated(&caller.actor)?;
    let (request, by) = (caller.request.clone(), caller.actor.person);
    let added = transaction::run(engine.pool(), "rotate_webhook_secret", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            store::webhooks::lock(db, id).await?.ok_or(Error::NotFound)?;
            let webhook = store::webhooks::list(db, Some(id)).await?.pop().ok_or(Error::NotFound)?;
            if !webhook.format.is_signed() {
                return Err(Refusal::new(
                    "not_signed",
                    "This receiver checks no signature: its address is its secret.",
                    "Change the address instead.",
                )
                .into());
            }
            let workers = store::secrets::admitted_keys(db).await?;
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact = ledger.fact(NewFact::done("webhook.rotate_secret", "webhook", id)).await?;
            let version = store::webhooks::next_secret(ledger.db(), id, fact.at() + OVERLAP).await?;
            let secret = signing::new_secret();
            let sealed = signing::seal(id, &signing::secret_field(version), &secret, &workers)?;
            store::webhooks::add_secret(ledger.db(), id, version, &sealed, by).await?;
            Ok(Added { id, secret: Some(secret) })
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(added)
}
