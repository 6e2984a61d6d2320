//! What can go wrong with a target, as sentences that say what to do.

use super::connect::Address;
use rustls::CertificateError;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use tokio_postgres::error::SqlState;

/// Why there is no connection. Each sentence names the way out; none ever holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fault")]
#[expect(missing_docs, reason = "each sentence says what its variant and fields are")]
pub enum ConnectError {
    #[error("{problem}")]
    BadAddress { problem: String },
    #[error("The host name \"{host}\" cannot be resolved. Check its spelling, and that the machine Drydock's worker runs on knows it.")]
    UnknownHost { host: String },
    #[error(
        "Nothing listens on {place}. Check host and port, that PostgreSQL runs there, and that its listen_addresses covers this address."
    )]
    Refused { place: String },
    #[error("There is no way to {place} from the machine Drydock's worker runs on. Check the address, the routes and the firewall.")]
    Unreachable { place: String },
    #[error(
        "{place} did not answer within {seconds} s. A firewall may drop the packets: let the machine Drydock's worker runs on connect to that port."
    )]
    Timeout { place: String, seconds: u64 },
    #[error(
        "The server did not accept the password of the role \"{user}\" (or has no such role). Enter both again; the role must be allowed to log in."
    )]
    BadPassword { user: String },
    #[error("The server asks the role \"{user}\" for a password, and none is stored. Enter one.")]
    PasswordNeeded { user: String },
    #[error("The server does not let \"{user}\" in from this machine; it says: {said}. Allow it in the server's pg_hba.conf and reload.")]
    NotLetIn { user: String, said: String },
    #[error("The role \"{user}\" may not log in. Run there: ALTER ROLE {role} LOGIN;")]
    NoLogin { user: String, role: String },
    #[error(
        "{place} does not offer TLS. Switch it on there (ssl = on, with a certificate), or choose \"no TLS\": allowed on loopback and sockets, elsewhere only with a stated reason."
    )]
    NoTls { place: String },
    #[error(
        "The certificate of {place} is not signed by an authority known here. Paste the certificate of the authority that signed it (PEM) into the CA field."
    )]
    NotTrusted { place: String },
    #[error(
        "The certificate of {place} was made for another name. Enter the host name that stands in the certificate, or have the certificate reissued for this one."
    )]
    WrongName { place: String },
    #[error("The certificate of {place} has expired, or is not valid yet. Renew it on the server, and check both clocks.")]
    Expired { place: String },
    #[error("No encrypted connection to {place}: {said}.")]
    TlsFailed { place: String, said: String },
    #[error("The CA certificate cannot be read: {problem}. Paste it as PEM, from BEGIN CERTIFICATE to END CERTIFICATE.")]
    BadCa { problem: String },
    #[error("Without TLS the password could be read on the way to {place}. Choose TLS, or state why this network may be trusted.")]
    Insecure { place: String },
    #[error(
        "{place} asked for the password in clear text over an unencrypted connection; it was not sent. Switch on TLS, or scram-sha-256 in the server's pg_hba.conf."
    )]
    ClearText { place: String },
    #[error("There is no database \"{database}\" on this server. Check its spelling: upper and lower case differ.")]
    UnknownDatabase { database: String },
    #[error("The role \"{user}\" may not connect to the database \"{database}\". Have its owner run: {grant}")]
    NoConnectRight { user: String, database: String, grant: String },
    #[error("All connections of the server, or of the role or database, are in use. Free some, or raise the limit, and try again.")]
    NoConnectionsLeft,
    #[error("The server is starting up, shutting down or recovering. Try again in a minute.")]
    NotReady,
    #[error(
        "{place} answers, but not like PostgreSQL, or closes the connection at once. Check the port, and whether a proxy stands in between."
    )]
    NotPostgres { place: String },
    #[error("PostgreSQL {version} is too old: 13 is the oldest version Drydock works with. Upgrade the server.")]
    TooOld { version: String },
    #[error(
        "A connection pooler in transaction mode stands at {place}: locks and settings would leak to other clients. Enter the address of the PostgreSQL server itself."
    )]
    Pooler { place: String },
    #[error("The server refused the connection; it says: {said}.")]
    Other { said: String },
}

/// Why a statement on a target failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{said}")]
pub struct StatementError {
    /// Five characters; empty when the connection broke, and then nobody knows whether the statement ran.
    pub sqlstate: String,
    /// What the server, or the connection, said.
    pub said: String,
    /// More of it.
    pub detail: Option<String>,
}

impl StatementError {
    /// The answer was larger than anything we ask for.
    pub(super) fn too_much() -> Self {
        let said = "the answer has too many rows; ask for less, or register a query that counts".to_owned();
        Self { sqlstate: "DD003".to_owned(), said, detail: None }
    }
    /// The answer had the wrong shape.
    pub(super) fn not_understood(what: &str) -> Self {
        Self { sqlstate: NOT_UNDERSTOOD.to_owned(), said: format!("the target's answer was not understood ({what})"), detail: None }
    }
    /// It was not sent at all, for a reason that was seen before.
    pub(super) fn refused_here(why: &str) -> Self {
        Self { sqlstate: "DD004".to_owned(), said: format!("not sent: {why}"), detail: None }
    }
    /// It was answered, and is not where it outlives a crash.
    pub(super) fn not_durable(why: &str) -> Self {
        Self { sqlstate: "DD005".to_owned(), said: format!("not proven to outlive a crash: {why}"), detail: None }
    }
    /// What was sent so far is whole, and nothing more of it is sent: told like a cancellation.
    pub(super) fn ended_here(why: &str) -> Self {
        Self { sqlstate: CANCELLED.to_owned(), said: why.to_owned(), detail: None }
    }
    /// Whether the connection broke: the statement may still run on the server.
    pub fn is_disconnect(&self) -> bool {
        self.sqlstate.is_empty() || self.sqlstate.starts_with("08")
    }
    /// Cancelled by a person, or by the statement timeout.
    pub fn is_cancelled(&self) -> bool {
        self.sqlstate == CANCELLED
    }
    /// The session was ended on the server.
    pub fn is_terminated(&self) -> bool {
        matches!(self.sqlstate.as_str(), "57P01" | "57P02" | "57P05" | "25P03" | "25P04")
    }
    /// Somebody else holds the lock.
    pub fn is_lock(&self) -> bool {
        matches!(self.sqlstate.as_str(), "55P03" | "40P01")
    }
}

impl From<tokio_postgres::Error> for StatementError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(db) => Self { sqlstate: db.code().code().to_owned(), said: clean(db.message()), detail: db.detail().map(clean) },
            None if is_broken(&error) => {
                Self { sqlstate: String::new(), said: format!("the connection to the target broke ({})", causes(&error)), detail: None }
            }
            None => Self::not_understood(&causes(&error)),
        }
    }
}

/// What the server says of a statement that was cancelled.
const CANCELLED: &str = "57014";
/// Our own SQLSTATE-like code for an answer of the wrong shape: the statement ran, its result could not be read.
const NOT_UNDERSTOOD: &str = "DD001";

fn is_broken(error: &tokio_postgres::Error) -> bool {
    error.is_closed() || find::<std::io::Error>(error).is_some()
}

/// Hostile text made fit for a sentence: one line, no control characters, at most 500 characters.
pub fn clean(text: &str) -> String {
    cut(text, 500, |_| false).trim_end_matches('.').to_owned()
}

/// Hostile text made fit for a block: lines stay, other control characters do not, at most 4,000 characters.
pub fn clean_lines(text: &str) -> String {
    cut(text, 4_000, |c| c == '\n')
}

fn cut(text: &str, most: usize, stays: fn(char) -> bool) -> String {
    let mut out: String = text.chars().take(most).map(|c| if c.is_control() && !stays(c) { ' ' } else { c }).collect();
    if text.chars().nth(most).is_some() {
        out.push('…');
    }
    out.trim().to_owned()
}

fn causes(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    clean(&text)
}

/// Turns what the driver says into a sentence for people.
pub fn explain(error: &tokio_postgres::Error, address: &Address) -> ConnectError {
    if let Some(db) = error.as_db_error() {
        return explain_sqlstate(db, address);
    }
    let place = address.place();
    if let Some(tls) = find::<rustls::Error>(error) {
        return explain_tls(tls, place);
    }
    if let Some(io) = find::<std::io::Error>(error) {
        if super::guarded::is_clear_text(io) {
            return ConnectError::ClearText { place };
        }
        return match io.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::NotFound => ConnectError::Refused { place },
            ErrorKind::TimedOut => ConnectError::Timeout { place, seconds: super::connect::CONNECT_TIMEOUT.as_secs() },
            ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => ConnectError::Unreachable { place },
            ErrorKind::PermissionDenied => {
                ConnectError::Other { said: format!("the socket {place} may not be opened by the worker's user") }
            }
            _ => ConnectError::NotPostgres { place },
        };
    }
    match error.to_string().as_str() {
        // The driver gives no kind, only these words, which its version (locked) makes stable.
        "error performing TLS handshake" if causes(error).contains("does not support TLS") => ConnectError::NoTls { place },
        "error performing TLS handshake" => ConnectError::TlsFailed { place, said: causes(error) },
        "invalid configuration" => ConnectError::PasswordNeeded { user: address.user.clone() },
        "authentication error" => ConnectError::NotLetIn { user: address.user.clone(), said: causes(error) },
        _ => ConnectError::NotPostgres { place },
    }
}

fn explain_sqlstate(db: &tokio_postgres::error::DbError, address: &Address) -> ConnectError {
    let (user, database) = (address.user.clone(), address.database.clone());
    let said = clean(db.message());
    let state = db.code();
    if *state == SqlState::INVALID_PASSWORD {
        ConnectError::BadPassword { user }
    } else if *state == SqlState::INVALID_AUTHORIZATION_SPECIFICATION && said.contains("not permitted to log in") {
        let role = super::quote::identifier(&user).unwrap_or_default();
        ConnectError::NoLogin { user, role }
    } else if *state == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        ConnectError::NotLetIn { user, said }
    } else if *state == SqlState::INVALID_CATALOG_NAME {
        ConnectError::UnknownDatabase { database }
    } else if *state == SqlState::INSUFFICIENT_PRIVILEGE {
        let quoted = |name: &str| super::quote::identifier(name).unwrap_or_default();
        ConnectError::NoConnectRight {
            grant: format!("GRANT CONNECT ON DATABASE {} TO {};", quoted(&database), quoted(&user)),
            user,
            database,
        }
    } else if *state == SqlState::TOO_MANY_CONNECTIONS {
        ConnectError::NoConnectionsLeft
    } else if *state == SqlState::CANNOT_CONNECT_NOW || state.code().starts_with("57P0") {
        ConnectError::NotReady
    } else {
        ConnectError::Other { said }
    }
}

fn explain_tls(error: &rustls::Error, place: String) -> ConnectError {
    match error {
        rustls::Error::InvalidCertificate(why) => match why {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => ConnectError::WrongName { place },
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => ConnectError::Expired { place },
            // Unknown issuer, bad signature, a self-signed leaf: each is mended by the right authority.
            _ => ConnectError::NotTrusted { place },
        },
        other => ConnectError::TlsFailed { place, said: clean(&other.to_string()) },
    }
}

/// The first cause of this type. An `io::Error` hides its own cause from `source`, so it is opened too.
fn find<'a, T: std::error::Error + 'static>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<T>() {
            return Some(found);
        }
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| inner.downcast_ref::<T>()) {
            return Some(found);
        }
        next = cause.source();
    }
    None
}
