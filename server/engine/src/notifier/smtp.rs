//! SMTP, phase by phase: only so is it known whether a lost connection means "not sent" or "nobody knows".

use super::settings::{MailSettings, MailTls};
use super::transport::Answer;
use crate::error::{Error, Result};
use crate::paper::Mail;
use crate::store::outbox::DeliveryResult;
use domain::people::visible;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret as _;
use std::future::Future;
use std::time::Duration;

/// How long each phase may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connecting, greeting, TLS and sign-in together.
    pub connect: Duration,
    /// Sender, recipient and the word DATA, each.
    pub command: Duration,
    /// The message itself, up to the server's final word.
    pub message: Duration,
}

impl Default for Limits {
    /// Shorter than RFC 5321 4.5.3.2 asks for (5 and 10 minutes), because the message stays in our own queue; all three together stay
    /// below the lease of a claimed message.
    fn default() -> Self {
        Self { connect: Duration::from_secs(20), command: Duration::from_secs(20), message: Duration::from_secs(90) }
    }
}

/// A connection that is kept while there is something to send.
#[derive(Default)]
pub struct SmtpLine {
    limits: Limits,
    open: Option<(String, AsyncSmtpConnection)>,
}

impl std::fmt::Debug for SmtpLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SmtpLine(open: {})", self.open.is_some())
    }
}

/// Why a phase did not succeed.
enum Fault {
    Said(lettre::transport::smtp::Error),
    Slow(Duration),
}

impl SmtpLine {
    /// A line with other limits.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, open: None }
    }

    /// Hangs up.
    pub async fn close(&mut self) {
        if let Some((_, mut connection)) = self.open.take() {
            // Politeness only: whatever the server says, nothing is owed any more.
            let _ = tokio::time::timeout(Duration::from_secs(2), connection.quit()).await;
        }
    }

    /// Connects, greets and signs in as for a mail, and hangs up: what `drydock doctor` tries. Says why it did not work.
    pub async fn reach(&mut self, settings: &MailSettings) -> std::result::Result<(), String> {
        let connection = self.connection(settings).await.map_err(|fault| words(&fault))?;
        self.open = Some((key(settings), connection));
        self.close().await;
        Ok(())
    }

    /// Sends one mail, and says what is known about it afterwards.
    pub async fn send(&mut self, settings: &MailSettings, mail: &Mail) -> Result<Answer> {
        let message = mail.message(&settings.from)?;
        let raw = message.formatted();
        let to = message.envelope().to().first().cloned().ok_or_else(|| Error::internal("a mail without recipient"))?;
        let mut connection = match self.connection(settings).await {
            Ok(connection) => connection,
            Err(fault) => {
                return Ok(Answer::unreached(format!(
                    "The mail server {}:{} cannot be used: {}",
                    settings.host,
                    settings.port,
                    words(&fault)
                )));
            }
        };
        let per_command = self.limits.command;
        let before: std::result::Result<(), Fault> = async {
            within(per_command, connection.command(MailFrom::new(Some(settings.from.clone()), vec![]))).await?;
            within(per_command, connection.command(Rcpt::new(to, vec![]))).await?;
            within(per_command, connection.command(Data)).await
        }
        .await;
        if let Err(fault) = before {
            let answer = refusal(&fault);
            self.keep_if_usable(settings, connection, &fault).await;
            return Ok(answer);
        }
        match within(self.limits.message, connection.message(&raw)).await {
            Ok(()) => {
                self.open = Some((key(settings), connection));
                Ok(Answer::of_message(DeliveryResult::Accepted, format!("Taken by {}.", settings.host)))
            }
            Err(ref fault @ Fault::Said(ref error)) if error.is_transient() || error.is_permanent() => {
                let answer = refusal(fault);
                self.keep_if_usable(settings, connection, fault).await;
                Ok(answer)
            }
            // Everything was handed over and the answer is missing: it may lie in the mailbox already.
            Err(fault) => Ok(Answer {
                result: DeliveryResult::Doubtful,
                detail: format!("The message was handed over, but the mail server's answer did not arrive: {}", words(&fault)),
                server_down: true,
                unreached: false,
            }),
        }
    }

    /// After a refusal the connection can go on; after a broken one it is dropped, which closes it.
    async fn keep_if_usable(&mut self, settings: &MailSettings, mut connection: AsyncSmtpConnection, fault: &Fault) {
        if matches!(fault, Fault::Said(error) if error.is_transient() || error.is_permanent())
            && within(self.limits.command, connection.command(Rset)).await.is_ok()
        {
            self.open = Some((key(settings), connection));
        }
    }

    async fn connection(&mut self, settings: &MailSettings) -> std::result::Result<AsyncSmtpConnection, Fault> {
        if let Some((with, mut connection)) = self.open.take()
            && with == key(settings)
            && tokio::time::timeout(self.limits.command, connection.test_connected()).await.unwrap_or(false)
        {
            return Ok(connection);
        }
        let limit = self.limits.connect;
        tokio::time::timeout(limit, connect(settings)).await.map_err(|_| Fault::Slow(limit))?.map_err(Fault::Said)
    }
}

async fn connect(settings: &MailSettings) -> std::result::Result<AsyncSmtpConnection, lettre::transport::smtp::Error> {
    let hello = ClientId::default();
    let tls = || TlsParameters::new_rustls(settings.host.clone());
    let address = (settings.host.as_str(), settings.port);
    let implicit = if settings.tls == MailTls::Implicit { Some(tls()?) } else { None };
    let mut connection = AsyncSmtpConnection::connect_tokio1(address, None, &hello, implicit, None).await?;
    if settings.tls == MailTls::StartTls {
        connection.starttls(tls()?, &hello).await?;
    }
    if let Some((user, password)) = &settings.sign_in {
        connection.auth(DEFAULT_MECHANISMS, &Credentials::new(user.clone(), password.expose_secret().to_owned())).await?;
    }
    Ok(connection)
}

async fn within<T>(
    limit: Duration,
    phase: impl Future<Output = std::result::Result<T, lettre::transport::smtp::Error>>,
) -> std::result::Result<(), Fault> {
    match tokio::time::timeout(limit, phase).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(Fault::Said(error)),
        Err(_) => Err(Fault::Slow(limit)),
    }
}

/// What a fault before the server's final word means for the message.
fn refusal(fault: &Fault) -> Answer {
    match fault {
        Fault::Said(error) if error.is_permanent() => {
            Answer::of_message(DeliveryResult::Refused, format!("The mail server refused the message: {}", words(fault)))
        }
        Fault::Said(error) if error.is_transient() => {
            Answer::of_message(DeliveryResult::Deferred, format!("The mail server asks to try again later: {}", words(fault)))
        }
        _ => Answer::server_down(format!("The connection to the mail server was lost before it had the message: {}", words(fault))),
    }
}

/// The fault in words: what the server wrote is foreign text, so it is cut and made visible.
fn words(fault: &Fault) -> String {
    match fault {
        Fault::Slow(limit) => format!("no answer within {} s.", limit.as_secs()),
        Fault::Said(error) => {
            let said = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            let said: String = visible(&said).chars().take(600).collect();
            match error.status() {
                Some(code) => format!("“{code} {said}”"),
                None => format!("{said}."),
            }
        }
    }
}

fn key(settings: &MailSettings) -> String {
    let user = settings.sign_in.as_ref().map_or("", |(user, _)| user.as_str());
    format!("{}:{} {:?} {user} {}", settings.host, settings.port, settings.tls, settings.from)
}
