//! Where mail goes: a mail server, the mailbox page of a demo, or nowhere yet.

use super::settings::{MailPins, MailSettings, settings, stored};
use super::smtp::SmtpLine;
use crate::error::Result;
use crate::paper::Mail;
use crate::store;
use crate::store::outbox::{DeliveryResult, NO_SERVER};
use domain::ids::NoticeId;
use sqlx::PgPool;

/// What came of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// In a word.
    pub result: DeliveryResult,
    /// In the other side's words, made harmless, with ours around them.
    pub detail: String,
    /// The fault lies with the server or the way to it, not with this message: others need not be tried at once.
    pub server_down: bool,
    /// Nobody was there to hear of this message at all, so it cannot be its own fault: it need not wait once another one was taken.
    pub unreached: bool,
}

impl Answer {
    /// An answer about this one message.
    pub fn of_message(result: DeliveryResult, detail: impl Into<String>) -> Self {
        Self { result, detail: detail.into(), server_down: false, unreached: false }
    }
    /// The connection broke while this message was spoken of.
    pub fn server_down(detail: impl Into<String>) -> Self {
        Self { result: DeliveryResult::Deferred, detail: detail.into(), server_down: true, unreached: false }
    }
    /// The server did not get as far as this message.
    pub fn unreached(detail: impl Into<String>) -> Self {
        Self { unreached: true, ..Self::server_down(detail) }
    }
}

/// Where mail goes now.
#[derive(Debug)]
pub enum Route {
    /// The mailbox page of a demo.
    Mailbox,
    /// A mail server.
    Smtp(MailSettings),
    /// Nowhere: the reason is shown beside the waiting messages.
    Nowhere(String),
}

/// Looks up the way mail goes: read anew for every message, so that a mended setting works at once.
pub async fn route(pool: &PgPool, pins: &MailPins) -> Result<Route> {
    let mut db = pool.acquire().await?;
    match store::letters::find_installation(&mut db).await? {
        None => return Ok(Route::Nowhere("This installation has not been set up yet.".to_owned())),
        Some(installation) if installation.demo => return Ok(Route::Mailbox),
        Some(_) => {}
    }
    Ok(match settings(pins, &stored(&mut db).await?) {
        Ok(Some(found)) => Route::Smtp(found),
        Ok(None) => Route::Nowhere(NO_SERVER.to_owned()),
        Err(errors) => {
            let all: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
            Route::Nowhere(format!("The mail settings do not fit together. {}", all.join(" ")))
        }
    })
}

/// Whether mail would leave: where it goes, or why it does not. Sends nothing.
pub async fn reach(pool: &PgPool, pins: &MailPins) -> Result<std::result::Result<String, String>> {
    Ok(match route(pool, pins).await? {
        Route::Mailbox => Ok("Mails of this demo go to its mailbox page.".to_owned()),
        Route::Nowhere(why) => Err(why),
        Route::Smtp(settings) => match SmtpLine::default().reach(&settings).await {
            Ok(()) => Ok(format!("The mail server {}:{} answers.", settings.host, settings.port)),
            Err(why) => Err(format!("The mail server {}:{} cannot be used: {why}", settings.host, settings.port)),
        },
    })
}

/// Sends one mail along `route`. `line` keeps an SMTP connection between messages.
pub async fn send(pool: &PgPool, route: &Route, line: &mut SmtpLine, notice: NoticeId, mail: &Mail) -> Result<Answer> {
    match route {
        Route::Nowhere(why) => Ok(Answer::of_message(DeliveryResult::Refused, why.clone())),
        Route::Smtp(settings) => line.send(settings, mail).await,
        Route::Mailbox => {
            let from = lettre::Address::new("drydock", "localhost").map_err(crate::Error::internal)?;
            let raw = mail.message(&from)?.formatted();
            let mut db = pool.acquire().await?;
            store::mailbox::put(&mut db, notice, mail, &raw).await?;
            Ok(Answer::of_message(DeliveryResult::Accepted, "Put into the demo's mailbox."))
        }
    }
}
