//! Adds a receiver of events. Its address is sealed at once and never shown again; the secret that signs is shown once.

use super::{Caller, elevated};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::webhooks::{self, Place};
use crate::vault::WorkerPublicKey;
use crate::wake::{Wake, wake};
use crate::{clock, outbound, signing, store, transaction};
use domain::decision::{FormCheck, Refusal};
use domain::fact::NewFact;
use domain::ids::WebhookId;
use domain::permission::{Verb, authorize};
use domain::webhook::{Draft, Filter, Format, MOST_WEBHOOKS, Parsed};
use secrecy::SecretString;
use sqlx::PgConnection;
use url::Url;

/// A receiver that was just added.
#[derive(Debug, Clone)]
pub struct Added {
    /// Which.
    pub id: WebhookId,
    /// What signs its events; stored nowhere but sealed. `None` for chats.
    pub secret: Option<SecretString>,
}

/// Adds it. Refused: addresses that are none, a team that is none, and too many receivers.
pub async fn add_webhook(engine: &Engine, caller: &Caller, draft: &Draft) -> Result<Added> {
    let permit = authorize(&caller.actor, Verb::ManageWebhooks, None)?;
    elevated(&caller.actor)?;
    let (format, url, parsed) = check(draft)?;
    let (request, by) = (caller.request.clone(), caller.actor.person);
    let added = transaction::run(engine.pool(), "add_webhook", move |db| {
        let (permit, request, url, parsed) = (permit.clone(), request.clone(), url.clone(), parsed.clone());
        Box::pin(async move {
            if webhooks::count(db).await? >= MOST_WEBHOOKS {
                let message = format!("There are at most {MOST_WEBHOOKS} webhooks.");
                return Err(Refusal::new("too_many", message, "Delete one that is not needed any more first.").into());
            }
            team_is_known(db, &parsed.filter).await?;
            let workers = store::secrets::admitted_keys(db).await?;
            let id: WebhookId = clock::new_id();
            let place = place(id, &url, &workers)?;
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact = NewFact::done("webhook.add", "webhook", id).with("name", parsed.name.clone()).with("format", format.word());
            ledger.fact(told(fact, &place.origin, &parsed.filter)).await?;
            webhooks::add(ledger.db(), id, &parsed.name, format, &parsed.filter, &place, by).await?;
            let secret = format.is_signed().then(signing::new_secret);
            if let Some(secret) = &secret {
                let version = webhooks::next_secret(ledger.db(), id, clock::Clock.now()).await?;
                let sealed = signing::seal(id, &signing::secret_field(version), secret, &workers)?;
                webhooks::add_secret(ledger.db(), id, version, &sealed, by).await?;
            }
            Ok(Added { id, secret })
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(added)
}

fn check(draft: &Draft) -> Result<(Format, Url, Parsed)> {
    let mut form = FormCheck::default();
    let format = Format::from_word(draft.format.trim());
    if format.is_none() {
        form.refuse("format", "Choose who listens.");
    }
    let url = form.take(outbound::address("url", &draft.url));
    let parsed = draft.parse().map_err(|errors| form.refuse_all(errors)).ok();
    let all = (|| Some((format?, url?, parsed?)))();
    Ok(form.finish(all)?)
}

/// Refuses a team that is not there any more.
pub(super) async fn team_is_known(db: &mut PgConnection, filter: &Filter) -> Result<()> {
    match filter.team {
        Some(team) if store::teams::one(db, team).await?.is_none() => {
            Err(Error::field("team", "There is no such team. Choose another one, or all of them."))
        }
        _ => Ok(()),
    }
}

/// What of an address is kept in clear, and the whole of it sealed.
pub(super) fn place(id: WebhookId, url: &Url, workers: &[WorkerPublicKey]) -> Result<Place> {
    let whole = SecretString::from(url.as_str().to_owned());
    Ok(Place { origin: outbound::origin(url), sealed: signing::seal(id, signing::URL_FIELD, &whole, workers)? })
}

/// What of a receiver belongs into the trail: where events go, never by which address.
pub(super) fn told(fact: NewFact, origin: &str, filter: &Filter) -> NewFact {
    let events: Vec<&str> = filter.events.iter().map(|event| event.word()).collect();
    let fact = fact.with("origin", origin).with("events", events);
    let fact = match filter.team {
        Some(team) => fact.with("team", team.to_string()),
        None => fact,
    };
    match &filter.environment {
        Some(environment) => fact.with("environment", environment.clone()),
        None => fact,
    }
}
