//! Calls receivers of events: claim, write, call, note what came of it. At least once, under one id over all tries.
//!
//! A receiver that is slow or away makes no other one wait, and no mail. One that took nothing for days is paused, and administrators are told.

use super::backoff;
use crate::actions::audience;
use crate::clock;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::outbound::{Outbound, Reply};
use crate::receiver;
use crate::store::letters;
use crate::store::webhook_deliveries::{self, Claimed, Tried};
use crate::store::webhooks;
use crate::transaction;
use crate::wake::{Wake, wake};
use crate::worker::WorkerContext;
use domain::fact::NewFact;
use domain::ids::WebhookId;
use domain::notice::NoticeKind;
use domain::permission::Permit;
use domain::webhook::format::{Happening, Outgoing};
use domain::webhook::{Event, Format, MOST_WEBHOOKS, gives_up};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use serde_json::{Map, Value};
use std::time::{Duration, Instant};

/// How often the table is looked at when nobody rings.
const POLL: Duration = Duration::from_secs(5);
/// Receivers that are called at once: all there may be, so that silent ones keep nobody's place.
const AT_ONCE: i64 = MOST_WEBHOOKS;
/// A claimed delivery belongs to another worker after this; several times as long as a call may take.
const LEASE_S: f64 = 60.0;

/// Calls what is due.
#[derive(Debug)]
pub struct Messenger {
    context: WorkerContext,
    outbound: Outbound,
}

/// The loop.
pub async fn run(context: WorkerContext) -> Result<()> {
    let outbound = Outbound::new(context.config.outbound.clone())?;
    run_through(context, outbound).await
}

/// The loop, calling through this client.
pub async fn run_through(context: WorkerContext, outbound: Outbound) -> Result<()> {
    let mut bell = context.bell(Wake::Notifier);
    let messenger = Messenger::new(context.clone(), outbound);
    let mut calls = FuturesUnordered::new();
    loop {
        if !context.stop.is_cancelled() {
            calls.extend(
                messenger
                    .claim(AT_ONCE - i64::try_from(calls.len()).map_err(Error::internal)?)
                    .await?
                    .into_iter()
                    .map(|delivery| messenger.deliver(delivery)),
            );
        }
        tokio::select! {
            Some(done) = calls.next(), if !calls.is_empty() => done?,
            goes_on = bell.wait(POLL) => if !goes_on { break },
        }
    }
    // What is on its way is noted before the end.
    while let Some(done) = calls.next().await {
        done?;
    }
    Ok(())
}

impl Messenger {
    /// A messenger that calls through this client.
    #[must_use]
    pub fn new(context: WorkerContext, outbound: Outbound) -> Self {
        Self { context, outbound }
    }

    /// Takes what is due, one delivery a receiver, to its next state; says how many that were.
    pub async fn round(&self) -> Result<usize> {
        let done = join_all(self.claim(AT_ONCE).await?.into_iter().map(|delivery| self.deliver(delivery))).await;
        let deliveries = done.len();
        done.into_iter().collect::<Result<()>>()?;
        Ok(deliveries)
    }

    async fn claim(&self, most: i64) -> Result<Vec<Claimed>> {
        if most <= 0 {
            return Ok(Vec::new());
        }
        let worker = self.context.name.clone();
        transaction::run(&self.context.pool, "claim_deliveries", move |db| {
            let worker = worker.clone();
            Box::pin(async move { Ok(webhook_deliveries::claim(db, &worker, LEASE_S, most).await?) })
        })
        .await
    }

    /// One call, and what came of it.
    async fn deliver(&self, delivery: Claimed) -> Result<()> {
        let tried = self.try_once(&delivery).await?;
        self.note(&delivery, tried).await
    }

    /// One call. Only a state database that does not answer is an error: everything else is something to note.
    async fn try_once(&self, delivery: &Claimed) -> Result<Tried> {
        let began = Instant::now();
        let answer = match self.call(delivery).await {
            Ok(answer) => answer,
            Err(Error::Database(error)) => return Err(Error::Database(error)),
            Err(error) => Err(format!("The call could not be made: {error}. Type the address anew if a worker was added lately.")),
        };
        let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        Ok(match answer {
            Ok(reply) => {
                let taken = (200..300).contains(&reply.status);
                let detail = receiver::verdict(reply.status);
                Tried { taken, gone: reply.status == 410, status: Some(reply.status), took_ms, detail, excerpt: reply.excerpt }
            }
            Err(detail) => Tried { taken: false, gone: false, status: None, took_ms, detail, excerpt: String::new() },
        })
    }

    async fn call(&self, delivery: &Claimed) -> Result<std::result::Result<Reply, String>> {
        let (Some(event), Some(format)) = (Event::from_word(&delivery.kind), Format::from_word(&delivery.format)) else {
            return Ok(Err(format!("This program does not know the event {} or the format {}.", delivery.kind, delivery.format)));
        };
        let happening: Happening = serde_json::from_value(delivery.happening.clone())?;
        let installation = {
            let mut db = self.context.pool.acquire().await?;
            letters::installation(&mut db).await?
        };
        let (id, base) = (format!("msg_{}", delivery.event.0.simple()), self.context.config.public_url.as_str().trim_end_matches('/'));
        let outgoing = Outgoing { id: &id, event, at: delivery.at, base, installation: &installation.name, happening: &happening };
        let body = serde_json::to_vec(&outgoing.body(format))?;
        let to = receiver::To { webhook: delivery.webhook, url: &delivery.url, format };
        receiver::post(&self.context, &self.outbound, to, &id, body).await
    }

    /// Notes one try and decides what follows from it, in one transaction.
    async fn note(&self, delivery: &Claimed, tried: Tried) -> Result<()> {
        let (worker, id, webhook) = (self.context.name.clone(), delivery.id, delivery.webhook);
        let [low, high] = clock::random::<2>();
        let later = backoff::pause(delivery.attempt, u16::from_be_bytes([low, high])).map(|pause| pause.as_secs_f64());
        tracing::info!(delivery = %id, event = delivery.kind, attempt = delivery.attempt, status = tried.status, taken = tried.taken, "receiver called");
        let paused = transaction::run(&self.context.pool, "note_call", move |db| {
            let (worker, tried) = (worker.clone(), tried.clone());
            Box::pin(async move {
                webhook_deliveries::record(db, id, &tried).await?;
                if !webhook_deliveries::settle(db, id, &worker, &tried, later).await? {
                    tracing::warn!(delivery = %id, "another worker had taken this delivery over; its receiver may get it twice, with one id");
                    return Ok(false);
                }
                let (since, now) = webhooks::note_health(db, webhook, tried.taken).await?;
                let given_up = !tried.taken && later.is_none();
                if !gives_up(since, given_up, tried.gone, now) {
                    return Ok(false);
                }
                give_up(&mut Ledger::open(db, &Permit::worker(&worker), "webhooks"), webhook, &tried).await
            })
        })
        .await?;
        if paused {
            wake(&self.context.pool, &[Wake::Notifier, Wake::Sealer]).await;
        }
        Ok(())
    }
}

/// Pauses a receiver, and tells administrators; false when it is paused already.
async fn give_up(ledger: &mut Ledger<'_>, webhook: WebhookId, tried: &Tried) -> Result<bool> {
    let Some((_, false)) = webhooks::lock(ledger.db(), webhook).await? else { return Ok(false) };
    let Some(row) = webhooks::list(ledger.db(), Some(webhook)).await?.pop() else { return Ok(false) };
    let reason = if tried.gone {
        "The receiver says that it is gone for good (410).".to_owned()
    } else {
        format!("It took nothing for three days. The last answer: {}", tried.detail)
    };
    let fact = ledger.fact(NewFact::done("webhook.give_up", "webhook", webhook).with("reason", reason.clone())).await?;
    webhooks::pause(ledger.db(), webhook, &reason).await?;
    let said = [("webhook", webhook.to_string()), ("name", row.name), ("origin", row.origin), ("reason", reason)];
    let payload: Map<String, Value> = said.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
    audience::tell_administrators(ledger, NoticeKind::WebhookPaused, payload, fact).await?;
    Ok(true)
}
