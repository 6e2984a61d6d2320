//! How mail leaves: what people set at run time, over which the environment has the last word.

use crate::error::Result;
use crate::store;
use domain::decision::{FieldError, FormCheck};
use lettre::Address;
use secrecy::SecretString;
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// What the environment says about mail; `None` leaves it to the settings. The password is only ever here.
#[derive(Debug, Clone, Default)]
pub struct MailPins {
    /// `DRYDOCK_SMTP_HOST`
    pub host: Option<String>,
    /// `DRYDOCK_SMTP_PORT`
    pub port: Option<u16>,
    /// `DRYDOCK_SMTP_TLS`: `starttls`, `implicit` or `none`.
    pub tls: Option<String>,
    /// `DRYDOCK_SMTP_FROM`
    pub from: Option<String>,
    /// `DRYDOCK_SMTP_USERNAME`
    pub username: Option<String>,
    /// Content of the file named by `DRYDOCK_SMTP_PASSWORD_FILE`.
    pub password: Option<SecretString>,
}

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// Plain first, then upgraded; without the upgrade nothing is sent.
    StartTls,
    /// TLS from the first byte.
    Implicit,
    /// None: for a relay on this machine.
    None,
}

impl MailTls {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "starttls" => Some(Self::StartTls),
            "implicit" => Some(Self::Implicit),
            "none" => Some(Self::None),
            _ => None,
        }
    }
    /// The customary port.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

/// A mail server, complete.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// Host name, also the name its certificate must bear.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Protection.
    pub tls: MailTls,
    /// Sender of every mail.
    pub from: Address,
    /// Sign-in at the server: user name and password.
    pub sign_in: Option<(String, SecretString)>,
}

/// The settings in force: `Ok(None)` when no mail server is set up, the errors when what is set does not fit together.
pub fn settings(pins: &MailPins, rows: &BTreeMap<String, Value>) -> std::result::Result<Option<MailSettings>, Vec<FieldError>> {
    let text = |pin: &Option<String>, key: &str| {
        pin.clone()
            .or_else(|| rows.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty() && value != "null")
    };
    let Some(host) = text(&pins.host, "smtp.host") else { return Ok(None) };
    let mut form = FormCheck::default();
    if host.len() > 253 || !host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':')) {
        form.refuse("smtp.host", "The mail server is a host name or an address, such as mail.example.org.");
    }
    let tls = text(&pins.tls, "smtp.tls").map_or(Some(MailTls::StartTls), |word| MailTls::from_word(&word));
    if tls.is_none() {
        form.refuse("smtp.tls", "The protection is starttls, implicit or none.");
    }
    let port = match pins.port.map(|port| port.to_string()).or_else(|| text(&None, "smtp.port")) {
        None => tls.map(MailTls::port),
        Some(typed) => match typed.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => {
                form.refuse("smtp.port", "The port is a number from 1 to 65535.");
                None
            }
        },
    };
    let from = text(&pins.from, "smtp.from").and_then(|typed| typed.parse::<Address>().ok());
    if from.is_none() {
        form.refuse("smtp.from", "Give the sender's plain address, such as drydock@example.org.");
    }
    let sign_in = match (text(&pins.username, "smtp.username"), pins.password.clone()) {
        (Some(user), Some(password)) => Some((user, password)),
        (Some(_), None) => {
            form.refuse(
                "smtp.username",
                "A user name needs a password: put it into a file and name that in DRYDOCK_SMTP_PASSWORD_FILE for the worker.",
            );
            None
        }
        (None, _) => None,
    };
    if sign_in.is_some() && tls == Some(MailTls::None) && !is_loopback(&host) {
        form.refuse("smtp.tls", "A password is not sent over an unprotected connection: choose starttls or implicit.");
    }
    let whole = tls.zip(port).zip(from).map(|((tls, port), from)| Some(MailSettings { host, port, tls, from, sign_in }));
    form.finish(whole)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Reads the stored half.
pub async fn stored(db: &mut PgConnection) -> Result<BTreeMap<String, Value>> {
    Ok(store::settings::with_prefix(db, "smtp.").await?.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rows(pairs: &[(&str, Value)]) -> BTreeMap<String, Value> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    #[test]
    fn without_a_host_there_is_no_mail_server() {
        assert!(settings(&MailPins::default(), &rows(&[("smtp.from", json!("a@example.org"))])).expect("fine").is_none());
    }

    #[test]
    fn the_environment_has_the_last_word() {
        let pins = MailPins { host: Some("relay.example.org".into()), port: Some(2525), ..MailPins::default() };
        let stored = rows(&[("smtp.host", json!("other")), ("smtp.port", json!(25)), ("smtp.from", json!("drydock@example.org"))]);
        let found = settings(&pins, &stored).expect("fits").expect("complete");
        assert_eq!((found.host.as_str(), found.port, found.tls), ("relay.example.org", 2525, MailTls::StartTls));
    }

    #[test]
    fn every_wrong_setting_is_named_at_once() {
        let stored = rows(&[
            ("smtp.host", json!("mail\r\nRCPT")),
            ("smtp.port", json!("abc")),
            ("smtp.tls", json!("maybe")),
            ("smtp.from", json!("x\r\nBcc: y@example.org")),
            ("smtp.username", json!("u")),
        ]);
        let errors = settings(&MailPins::default(), &stored).expect_err("all wrong");
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["smtp.host", "smtp.tls", "smtp.port", "smtp.from", "smtp.username"]);
    }

    #[test]
    fn a_password_never_crosses_the_network_in_the_clear() {
        let pins = MailPins { password: Some("pw".into()), ..MailPins::default() };
        let stored = |host| {
            rows(&[
                ("smtp.host", json!(host)),
                ("smtp.tls", json!("none")),
                ("smtp.from", json!("a@example.org")),
                ("smtp.username", json!("u")),
            ])
        };
        assert_eq!(settings(&pins, &stored("mail.example.org")).expect_err("refused")[0].field, "smtp.tls");
        assert!(settings(&pins, &stored("127.0.0.1")).expect("loopback").is_some());
    }
}
