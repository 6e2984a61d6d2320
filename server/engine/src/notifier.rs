//! The outbox loop: claim a message, write it, send it, note what came of it.
//!
//! A message stays until somebody took it. It is sent at most once as far as anybody can know: when an answer is lost, the next try
//! carries the same Message-ID, and the delivery log says "doubtful". What would mislead by now is not sent any more.

mod backoff;
pub mod settings;
mod smtp;
mod transport;
pub mod webhooks;
mod writing;

pub use settings::MailPins;
pub use smtp::Limits;
pub use transport::{Answer, reach};

use crate::clock;
use crate::error::{Error, Result};
use crate::store::outbox::{About, Claimed, DeliveryResult};
use crate::store::{comments, letters, outbox, vote_codes, windows};
use crate::transaction;
use crate::wake::Wake;
use crate::worker::WorkerContext;
use domain::notice::{NoticeKind, Situation};
use smtp::SmtpLine;
use sqlx::PgConnection;
use std::collections::BTreeSet;
use std::time::Duration;
use transport::Route;

/// How often the table is looked at when nobody rings.
const POLL: Duration = Duration::from_secs(5);
/// Rest after a failure of the server itself: trying every waiting message against a dead server helps nobody.
const REST: Duration = Duration::from_secs(15);
/// A claimed message belongs to another notifier after this; longer than the three phases of [`Limits`] together.
const LEASE_S: f64 = 240.0;
/// A server that took a message within this was not away: what did not reach it meanwhile keeps its pause. Otherwise one that answers only now and
/// then would use up the tries of everything that waits.
const AWAY: Duration = Duration::from_mins(15);
/// How often parked messages are looked through.
const SWEEP: Duration = Duration::from_mins(1);

/// What one look at the outbox did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing was due.
    Idle,
    /// A message was tried.
    Tried(Answer),
    /// A message was dropped, because it would mislead by now.
    Overtaken,
}

/// Sends what is due, one message after the other.
#[derive(Debug)]
pub struct Notifier {
    context: WorkerContext,
    line: SmtpLine,
    /// When a message was last taken.
    taken: Option<tokio::time::Instant>,
}

/// The loop.
pub async fn run(context: WorkerContext) -> Result<()> {
    let mut bell = context.bell(Wake::Notifier);
    let mut notifier = Notifier::new(context.clone(), Limits::default());
    let mut swept = None::<tokio::time::Instant>;
    loop {
        if swept.is_none_or(|at| at.elapsed() >= SWEEP) {
            notifier.sweep().await?;
            swept = Some(tokio::time::Instant::now());
        }
        let mut rest = false;
        while !context.stop.is_cancelled() && !rest {
            match notifier.step().await? {
                Step::Idle => break,
                Step::Tried(answer) => rest = answer.server_down,
                Step::Overtaken => {}
            }
        }
        notifier.line.close().await;
        if rest {
            tokio::select! {
                () = tokio::time::sleep(REST) => {}
                () = context.stop.cancelled() => {}
            }
        }
        if !rest && !bell.wait(POLL).await || context.stop.is_cancelled() {
            return Ok(());
        }
    }
}

impl Notifier {
    /// A notifier with these limits of SMTP.
    #[must_use]
    pub fn new(context: WorkerContext, limits: Limits) -> Self {
        Self { context, line: SmtpLine::with_limits(limits), taken: None }
    }

    /// Looks through parked messages: those that only waited for a mail server leave again, those that would mislead go.
    pub async fn sweep(&mut self) -> Result<()> {
        if !matches!(self.route().await?, Route::Nowhere(_)) {
            let mut db = self.context.pool.acquire().await?;
            let freed = outbox::unpark_for_new_server(&mut db).await?;
            if freed > 0 {
                tracing::info!(messages = freed, "there is a mail server now: waiting messages leave");
            }
        }
        transaction::run(&self.context.pool, "overtake_parked", |db| {
            Box::pin(async move {
                for (id, kind, about) in outbox::parked(db, 500).await? {
                    let Some(kind) = NoticeKind::from_word(&kind) else { continue };
                    if let Some(why) = kind.overtaken(&situation(db, &about).await?) {
                        outbox::supersede(db, id, why).await?;
                    }
                }
                Ok(())
            })
        })
        .await
    }

    /// Takes the next due message, if there is one, to its next state.
    pub async fn step(&mut self) -> Result<Step> {
        let worker = self.context.name.clone();
        let claimed = transaction::run(&self.context.pool, "claim_message", move |db| {
            let worker = worker.clone();
            Box::pin(async move {
                let claimed = outbox::claim(db, &worker, LEASE_S).await?;
                if let Some(message) = claimed.as_ref().filter(|message| message.left_behind) {
                    let say =
                        "The process that was sending this ended before it knew the answer. It is sent again with the same Message-ID.";
                    outbox::record_try(db, message.id, DeliveryResult::Doubtful, say).await?;
                }
                Ok(claimed)
            })
        })
        .await?;
        let Some(message) = claimed else { return Ok(Step::Idle) };
        let Some(kind) = NoticeKind::from_word(&message.kind) else {
            let answer =
                Answer::of_message(DeliveryResult::Refused, format!("This program does not know messages of the kind {}.", message.kind));
            return self.note(message, answer).await;
        };
        let now = {
            let mut db = self.context.pool.acquire().await?;
            situation(&mut db, &message.about).await?
        };
        if let Some(why) = kind.overtaken(&now) {
            let mut db = self.context.pool.acquire().await?;
            outbox::supersede(&mut db, message.id, why).await?;
            tracing::info!(message = %message.id, kind = kind.word(), why, "a message was overtaken and is not sent");
            return Ok(Step::Overtaken);
        }
        let route = self.route().await?;
        let answer = match self.write(kind, &message, &route).await {
            Ok(mail) => transport::send(&self.context.pool, &route, &mut self.line, message.id, &mail).await?,
            Err(Error::Database(error)) => return Err(Error::Database(error)),
            Err(error) => Answer::of_message(DeliveryResult::Refused, format!("The message could not be written: {error}")),
        };
        self.note(message, answer).await
    }

    async fn route(&self) -> Result<Route> {
        transport::route(&self.context.pool, &self.context.config.mail).await
    }

    /// Notes one try and decides what follows from it, in one transaction.
    async fn note(&mut self, message: Claimed, answer: Answer) -> Result<Step> {
        let (worker, said) = (self.context.name.clone(), answer.clone());
        let [low, high] = clock::random::<2>();
        let pause = backoff::pause(message.attempt, u16::from_be_bytes([low, high]));
        let id = message.id;
        let accepted = answer.result == DeliveryResult::Accepted;
        let is_back = accepted && self.taken.is_none_or(|at| at.elapsed() >= AWAY);
        let ours = transaction::run(&self.context.pool, "note_delivery", move |db| {
            let (worker, said) = (worker.clone(), said.clone());
            Box::pin(async move {
                outbox::record_try(db, id, said.result, &said.detail).await?;
                if is_back {
                    outbox::release_unreached(db).await?;
                }
                Ok(match (said.result, pause) {
                    (DeliveryResult::Accepted, _) => outbox::sent(db, id, &worker).await?,
                    (DeliveryResult::Refused, _) => outbox::park(db, id, &worker, &said.detail).await?,
                    (_, Some(pause)) => outbox::later(db, id, &worker, pause.as_secs_f64(), &said.detail, said.unreached).await?,
                    (_, None) => {
                        outbox::park(db, id, &worker, &format!("Given up after three days of trying. Last answer: {}", said.detail)).await?
                    }
                })
            })
        })
        .await?;
        if accepted {
            self.taken = Some(tokio::time::Instant::now());
        }
        if !ours {
            tracing::warn!(message = %id, "another notifier had taken this message over; its recipient may get it twice, with one Message-ID");
        }
        crate::metrics::metrics().deliveries.get_or_create(&[("result", answer.result.word())]).inc();
        tracing::info!(message = %id, kind = message.kind, attempt = message.attempt, result = answer.result.word(), "message tried");
        Ok(Step::Tried(answer))
    }
}

/// How things stand for a message.
async fn situation(db: &mut PgConnection, about: &About) -> Result<Situation> {
    let recipient = letters::recipient(db, about.person).await?;
    let window = match about.window {
        Some(window) => Some(letters::whereabouts(db, window).await?),
        None => None,
    };
    let link_alive = match about.link {
        Some(link) => letters::link(db, link).await?.alive,
        None => true,
    };
    let code_alive = match about.code {
        Some(code) => vote_codes::good_until(db, code).await?.is_some(),
        None => true,
    };
    Ok(Situation {
        person_active: recipient.active,
        window: window.map(|(state, _)| state),
        same_digest: about.digest.zip(window).is_none_or(|(named, (_, newest))| named == newest),
        link_alive: link_alive && code_alive,
        comment_stands: comment_stands(db, about).await?,
    })
}

/// Whether what a message quotes was not taken back, and its recipient may still see the window.
async fn comment_stands(db: &mut PgConnection, about: &About) -> Result<bool> {
    let (Some(comment), Some(window)) = (about.comment, about.window) else { return Ok(true) };
    let written = comments::find(db, comment).await?;
    if written.is_none_or(|written| written.retracted) {
        return Ok(false);
    }
    let targets = windows::load(db, window).await?.targets;
    Ok(!comments::readers(db, window, &targets, Some(&BTreeSet::from([about.person]))).await?.is_empty())
}
