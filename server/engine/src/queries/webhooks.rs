//! Receivers of events, for administrators.

use crate::actions::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::{own_procedures, webhook_deliveries, webhooks};
use crate::{store, transaction};
use domain::ids::{DeliveryId, WebhookId};
use domain::permission::{Verb, authorize};
use domain::view::webhooks::{PAGE_DELIVERIES, WebhookForm, WebhookPage, WebhookRow};

/// All of them, by name.
pub async fn list(engine: &Engine, caller: &Caller) -> Result<Vec<WebhookRow>> {
    authorize(&caller.actor, Verb::ManageWebhooks, None)?;
    transaction::read(engine.pool(), "webhooks", |db| Box::pin(async move { Ok(webhooks::list(db, None).await?) })).await
}

/// One of them with its log, of deliveries before one.
pub async fn show(engine: &Engine, caller: &Caller, id: WebhookId, before: Option<DeliveryId>) -> Result<WebhookPage> {
    authorize(&caller.actor, Verb::ManageWebhooks, None)?;
    transaction::read(engine.pool(), "webhook", move |db| {
        Box::pin(async move {
            let webhook = webhooks::list(db, Some(id)).await?.pop().ok_or(Error::NotFound)?;
            let most = i64::try_from(PAGE_DELIVERIES + 1).map_err(Error::internal)?;
            let mut deliveries = webhook_deliveries::deliveries(db, id, before, most).await?;
            let next = (deliveries.len() > PAGE_DELIVERIES).then(|| deliveries[PAGE_DELIVERIES - 1].id);
            deliveries.truncate(PAGE_DELIVERIES);
            let (called_by, secret) = (own_procedures::calling(db, &webhook.name).await?, webhooks::secret_dates(db, id).await?);
            Ok(WebhookPage { webhook, called_by, secret, deliveries, next })
        })
    })
    .await
}

/// What the form for a new receiver, or for this one, offers.
pub async fn form(engine: &Engine, caller: &Caller, id: Option<WebhookId>) -> Result<WebhookForm> {
    authorize(&caller.actor, Verb::ManageWebhooks, None)?;
    transaction::read(engine.pool(), "webhook_form", move |db| {
        Box::pin(async move {
            let webhook = match id {
                Some(id) => Some(webhooks::list(db, Some(id)).await?.pop().ok_or(Error::NotFound)?),
                None => None,
            };
            let called_by = match &webhook {
                Some(webhook) => own_procedures::calling(db, &webhook.name).await?.into_iter().map(|(_, name)| name).collect(),
                None => Vec::new(),
            };
            let teams = store::teams::rows(db).await?.into_iter().map(|team| (team.id, team.name)).collect();
            Ok(WebhookForm { webhook, called_by, teams })
        })
    })
    .await
}
