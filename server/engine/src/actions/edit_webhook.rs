//! Changes a receiver: its name, what it is called of, and, when a new address is typed, where it is.

use super::add_webhook::{place, team_is_known, told};
use super::{Caller, elevated};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{outbound, store, transaction};
use domain::decision::{FormCheck, Refusal};
use domain::fact::NewFact;
use domain::ids::WebhookId;
use domain::permission::{Verb, authorize};
use domain::webhook::{Draft, Parsed};
use url::Url;

/// What was typed, and on what it was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Revision the page showed.
    pub revision: String,
    /// For people.
    pub name: String,
    /// Where it calls; empty keeps the address there is.
    pub url: String,
    /// Words of events; none means every one.
    pub events: Vec<String>,
    /// Team, or empty.
    pub team: String,
    /// Word of an environment, or empty.
    pub environment: String,
}

/// Changes it. Refused when somebody changed it meanwhile.
pub async fn edit_webhook(engine: &Engine, caller: &Caller, id: WebhookId, input: &Input) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::ManageWebhooks, None)?;
    elevated(&caller.actor)?;
    let (url, parsed) = check(input)?;
    let (request, expected) = (caller.request.clone(), input.revision.trim().parse::<i32>().unwrap_or_default());
    transaction::run(engine.pool(), "edit_webhook", move |db| {
        let (permit, request, url, parsed) = (permit.clone(), request.clone(), url.clone(), parsed.clone());
        Box::pin(async move {
            let (revision, _) = store::webhooks::lock(db, id).await?.ok_or(Error::NotFound)?;
            if revision != expected {
                let message = "Somebody else changed this webhook meanwhile.";
                return Err(Refusal::new("moved_on", message, "Look at it as it is now; what you typed is still in the form.").into());
            }
            team_is_known(db, &parsed.filter).await?;
            let workers = store::secrets::admitted_keys(db).await?;
            let place = url.as_ref().map(|url| place(id, url, &workers)).transpose()?;
            let before = store::webhooks::list(db, Some(id)).await?.pop().ok_or(Error::NotFound)?;
            let mut ledger = Ledger::open(db, &permit, &request);
            let origin = place.as_ref().map_or(before.origin.as_str(), |place| place.origin.as_str());
            let fact = NewFact::done("webhook.edit", "webhook", id)
                .with("name", parsed.name.clone())
                .with("origin_before", before.origin.clone())
                .with("called_of_before", before.called_of())
                .with("address_changed", place.is_some());
            ledger.fact(told(fact, origin, &parsed.filter)).await?;
            Ok(store::webhooks::edit(ledger.db(), id, &parsed.name, &parsed.filter, place.as_ref()).await?)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}

fn check(input: &Input) -> Result<(Option<Url>, Parsed)> {
    let mut form = FormCheck::default();
    let draft = Draft {
        name: input.name.clone(),
        events: input.events.clone(),
        team: input.team.clone(),
        environment: input.environment.clone(),
        ..Draft::default()
    };
    let typed = (!input.url.trim().is_empty()).then(|| outbound::address("url", &input.url));
    let url = form.take(typed.transpose());
    let parsed = draft.parse().map_err(|errors| form.refuse_all(errors)).ok();
    Ok(form.finish(url.zip(parsed))?)
}
