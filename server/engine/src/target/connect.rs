//! Connecting to a PostgreSQL target: structured fields only, resolved once, verified, and never a secret in clear.

use super::cancel::{self, CancelRight};
use super::fault::{ConnectError, explain};
use super::guarded::Guarded;
use super::link::Link;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::{CancelToken, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long TCP, TLS and sign-in may take together, for each address.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How a connection is protected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "mode")]
pub enum TlsMode {
    /// Host name and authority are verified.
    VerifyFull {
        /// The authority's certificates as PEM; `None`: those the machine trusts.
        ca_pem: Option<String>,
    },
    /// Not encrypted: on loopback and sockets, elsewhere only acknowledged.
    None {
        /// A person stated why this network may be trusted.
        acknowledged: bool,
    },
}

/// Where a target is and who we are there.
#[derive(Debug, Clone)]
pub struct Address {
    /// Host name, address, or folder of a socket (begins with `/`).
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
    /// Database, as the catalog spells it.
    pub database: String,
    /// Role, as the catalog spells it.
    pub user: String,
    /// Its password; `None` where the server asks for none.
    pub password: Option<SecretString>,
    /// How the connection is protected.
    pub tls: TlsMode,
}

impl Address {
    /// `host:port`, for sentences.
    pub fn place(&self) -> String {
        if self.host.contains(':') { format!("[{}]:{}", self.host, self.port) } else { format!("{}:{}", self.host, self.port) }
    }

    fn check(&self) -> Result<(), ConnectError> {
        let bad = |problem: &str| Err(ConnectError::BadAddress { problem: problem.to_owned() });
        let texts = [("host", &self.host), ("database", &self.database), ("role", &self.user)];
        for (field, text) in texts {
            if text.is_empty() {
                return bad(&format!("The {field} is missing. Enter it."));
            }
            if text.chars().any(char::is_control) {
                return bad(&format!("The {field} contains a control character. Enter it again, without copying."));
            }
        }
        if self.port == 0 {
            return bad("The port is missing. PostgreSQL's usual one is 5432.");
        }
        // One host, no connection string: lists and parameters would name places nobody checked.
        if !self.host.starts_with('/') && self.host.contains(['/', ',', ' ', '@', '?', '=']) {
            return bad(
                "The host must be one host name, one address, or the folder of a socket. Enter user, port and database in their own fields.",
            );
        }
        Ok(())
    }
}

#[derive(Debug, Clone)]
enum Place {
    Socket(PathBuf),
    Tcp(Vec<IpAddr>),
}

/// Opens connections to one target. The name is resolved when this is made; all connections go to the address that
/// answered first, so that a changed name cannot move a run to another server.
pub struct Dialer {
    address: Address,
    place: Place,
    pinned: OnceLock<IpAddr>,
    tls: Option<MakeRustlsConnect>,
    no_channel_binding: OnceLock<()>,
    timeout: Duration,
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer").field("address", &self.address).field("pinned", &self.pinned).finish_non_exhaustive()
    }
}

impl Dialer {
    /// Checks the fields, resolves the host and prepares TLS; opens nothing yet.
    ///
    /// # Errors
    /// Bad fields, an unknown host, an unreadable authority, or no TLS where it is needed.
    pub async fn new(address: Address) -> Result<Self, ConnectError> {
        address.check()?;
        let place = resolve(&address).await?;
        let tls = match &address.tls {
            TlsMode::VerifyFull { .. } if matches!(place, Place::Socket(_)) => {
                return Err(ConnectError::BadAddress {
                    problem: "A socket needs no TLS and offers none. Choose \"no TLS\" for it.".to_owned(),
                });
            }
            TlsMode::VerifyFull { ca_pem } => Some(MakeRustlsConnect::new(tls_config(ca_pem.as_deref())?)),
            TlsMode::None { acknowledged } => {
                let near = match &place {
                    Place::Socket(_) => true,
                    Place::Tcp(addresses) => addresses.iter().all(IpAddr::is_loopback),
                };
                if !near && !acknowledged {
                    return Err(ConnectError::Insecure { place: address.place() });
                }
                None
            }
        };
        Ok(Self { address, place, pinned: OnceLock::new(), tls, no_channel_binding: OnceLock::new(), timeout: CONNECT_TIMEOUT })
    }

    /// Waits for each address no longer than this.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The fields it was made from.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The address of the server that answered first; none before, and none for a socket.
    pub(super) fn pinned(&self) -> Option<IpAddr> {
        self.pinned.get().copied()
    }

    /// Opens connections to another database of the same server, at the address that is pinned.
    #[must_use]
    pub fn beside(&self, database: &str) -> Self {
        Self {
            address: Address { database: database.to_owned(), ..self.address.clone() },
            place: self.place.clone(),
            pinned: self.pinned.clone(),
            tls: self.tls.clone(),
            no_channel_binding: self.no_channel_binding.clone(),
            timeout: self.timeout,
        }
    }

    /// Opens a connection under a name that shows in the server's list of sessions (63 bytes at most).
    ///
    /// # Errors
    /// [`ConnectError`], each a sentence that says what to do.
    pub async fn connect(&self, application_name: &str) -> Result<Link, ConnectError> {
        let candidates: Vec<Option<IpAddr>> = match (&self.place, self.pinned.get()) {
            (Place::Socket(_), _) => vec![None],
            (Place::Tcp(_), Some(pinned)) => vec![Some(*pinned)],
            (Place::Tcp(addresses), None) => addresses.iter().copied().map(Some).collect(),
        };
        let mut last = ConnectError::UnknownHost { host: self.address.host.clone() };
        for ip in candidates {
            match self.dial(application_name, ip).await {
                Ok(link) => {
                    if let Some(ip) = ip {
                        let _ = self.pinned.set(ip);
                    }
                    return Ok(link);
                }
                // Another address of the same host may answer; anything else would only be said again.
                Err(error @ (ConnectError::Refused { .. } | ConnectError::Timeout { .. } | ConnectError::Unreachable { .. })) => {
                    last = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    async fn dial(&self, application_name: &str, ip: Option<IpAddr>) -> Result<Link, ConnectError> {
        let attempt = tokio::time::timeout(self.timeout, self.dial_untimed(application_name, ip));
        let error = match attempt.await.map_err(|_| self.timed_out())? {
            Ok(link) => return Ok(link),
            Err(error) => error,
        };
        Err(self.scrub(explain(&error, &self.address)))
    }

    fn timed_out(&self) -> ConnectError {
        ConnectError::Timeout { place: self.address.place(), seconds: self.timeout.as_secs() }
    }

    async fn dial_untimed(&self, application_name: &str, ip: Option<IpAddr>) -> Result<Link, tokio_postgres::Error> {
        let mut config = self.config(application_name, ip);
        let Some(tls) = &self.tls else {
            return match ip {
                Some(ip) if !ip.is_loopback() => self.dial_guarded(&config, ip).await,
                _ => config.connect(NoTls).await.map(|(client, connection)| Link::start(client, connection)),
            };
        };
        let mut connected = None;
        if self.no_channel_binding.get().is_none() {
            config.channel_binding(ChannelBinding::Require);
            match config.connect(tls.clone()).await {
                Ok(pair) => connected = Some(pair),
                // A server without SCRAM, or with a certificate that has no digest to bind to, offers none. The host is
                // verified all the same; the report says what is missing.
                Err(error) if is_unbound(&error) => {}
                Err(error) => return Err(error),
            }
        }
        if let Some((client, connection)) = connected {
            return Ok(Link::start(client, connection).over_tls(true));
        }
        config.channel_binding(ChannelBinding::Prefer);
        let (client, connection) = config.connect(tls.clone()).await?;
        let _ = self.no_channel_binding.set(());
        Ok(Link::start(client, connection).over_tls(false))
    }

    /// Without TLS and off this machine: the stream breaks off when the password is asked for in clear text.
    async fn dial_guarded(&self, config: &Config, ip: IpAddr) -> Result<Link, tokio_postgres::Error> {
        match self.plain_stream(ip).await {
            Ok(stream) => config.connect_raw(Guarded::new(stream), NoTls).await.map(|(client, connection)| Link::start(client, connection)),
            // The driver alone can make its error: it fails at once on the same address.
            Err(_) => config.connect(NoTls).await.map(|(client, connection)| Link::start(client, connection)),
        }
    }

    async fn plain_stream(&self, ip: IpAddr) -> std::io::Result<TcpStream> {
        let socket = if ip.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_keepalive(true)?;
        let stream = socket.connect((ip, self.address.port).into()).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn config(&self, application_name: &str, ip: Option<IpAddr>) -> Config {
        let mut config = Config::new();
        config
            .port(self.address.port)
            .user(&self.address.user)
            .dbname(&self.address.database)
            .application_name(application_name)
            .connect_timeout(self.timeout)
            .keepalives(true)
            // A dead peer is noticed after 30 + 3 × 10 s, well inside a lease's life.
            .keepalives_idle(Duration::from_secs(30))
            .keepalives_interval(Duration::from_secs(10))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_mins(1))
            .ssl_mode(if self.tls.is_some() { SslMode::Require } else { SslMode::Disable });
        match &self.place {
            Place::Socket(folder) => config.host_path(folder),
            Place::Tcp(_) => config.host(&self.address.host),
        };
        if let Some(ip) = ip {
            config.hostaddr(ip);
        }
        if let Some(password) = &self.address.password {
            config.password(password.expose_secret());
        }
        config
    }

    /// The right to have cancelled what runs on a connection that this opened, and nothing else.
    ///
    /// # Errors
    /// When nothing was connected yet, so that no address is pinned.
    pub async fn cancel_right(&self, link: &Link) -> std::io::Result<CancelRight> {
        let place = match (&self.place, self.pinned.get()) {
            (Place::Socket(folder), _) => cancel::Place::Socket(folder.join(format!(".s.PGSQL.{}", self.address.port))),
            (Place::Tcp(_), Some(ip)) => cancel::Place::Tcp { ip: *ip, port: self.address.port },
            (Place::Tcp(_), None) => return Err(std::io::Error::other("no address is pinned yet")),
        };
        let tls = match &self.address.tls {
            TlsMode::VerifyFull { ca_pem } => Some((self.address.host.clone(), ca_pem.clone())),
            TlsMode::None { .. } => None,
        };
        CancelRight::of(link, place, tls).await
    }

    /// Asks the server to cancel what runs on the connection `token` came from. The answer says only that it was asked.
    ///
    /// # Errors
    /// [`ConnectError`] when the server cannot be reached.
    pub async fn cancel(&self, token: &CancelToken) -> Result<(), ConnectError> {
        let asked = async {
            match (&self.tls, self.pinned.get()) {
                (Some(tls), _) => token.cancel_query(tls.clone()).await.map_err(|error| explain(&error, &self.address)),
                (None, Some(ip)) => {
                    let stream = self.plain_stream(*ip).await.map_err(|_| ConnectError::Unreachable { place: self.address.place() })?;
                    token.cancel_query_raw(stream, NoTls).await.map_err(|error| explain(&error, &self.address))
                }
                (None, None) => token.cancel_query(NoTls).await.map_err(|error| explain(&error, &self.address)),
            }
        };
        tokio::time::timeout(self.timeout, asked).await.unwrap_or_else(|_| Err(self.timed_out()))
    }

    /// A server that was given the password in clear text (inside TLS) could send it back in an error.
    fn scrub(&self, error: ConnectError) -> ConnectError {
        let Some(secret) = self.address.password.as_ref().map(ExposeSecret::expose_secret).filter(|secret| secret.len() >= 4) else {
            return error;
        };
        let hide = |said: String| said.replace(secret, "[secret]");
        match error {
            ConnectError::Other { said } => ConnectError::Other { said: hide(said) },
            ConnectError::NotLetIn { user, said } => ConnectError::NotLetIn { user, said: hide(said) },
            ConnectError::TlsFailed { place, said } => ConnectError::TlsFailed { place, said: hide(said) },
            other => other,
        }
    }
}

/// The driver's words, in its locked version, for "the server offers no channel binding"; nothing was sent to it then.
fn is_unbound(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(|cause| cause.to_string() == "server did not use channel binding")
}

async fn resolve(address: &Address) -> Result<Place, ConnectError> {
    if address.host.starts_with('/') {
        return Ok(Place::Socket(PathBuf::from(&address.host)));
    }
    let unknown = || ConnectError::UnknownHost { host: address.host.clone() };
    let found = tokio::time::timeout(CONNECT_TIMEOUT, tokio::net::lookup_host((address.host.as_str(), address.port)));
    let mut addresses: Vec<IpAddr> = found.await.map_err(|_| unknown())?.map_err(|_| unknown())?.map(|socket| socket.ip()).collect();
    addresses.dedup();
    if addresses.is_empty() { Err(unknown()) } else { Ok(Place::Tcp(addresses)) }
}

/// The authorities that this machine trusts.
pub(super) fn trusted_here() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

pub(super) fn tls_config(ca_pem: Option<&str>) -> Result<rustls::ClientConfig, ConnectError> {
    let bad = |problem: String| ConnectError::BadCa { problem };
    let mut roots = rustls::RootCertStore::empty();
    if let Some(pem) = ca_pem {
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|_| bad("it is not PEM".to_owned()))?;
            roots.add(certificate).map_err(|_| bad("it holds something that is no certificate".to_owned()))?;
        }
        if roots.is_empty() {
            return Err(bad("it holds no certificate".to_owned()));
        }
    } else {
        roots.add_parsable_certificates(trusted_here());
        if roots.is_empty() {
            return Err(bad("this machine has no trusted authorities of its own (package ca-certificates), and none was given".to_owned()));
        }
    }
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn address(host: &str, tls: TlsMode) -> Address {
        Address {
            host: host.to_owned(),
            port: 5432,
            database: "shop".to_owned(),
            user: "maint".to_owned(),
            password: Some("correct horse".into()),
            tls,
        }
    }

    const PLAIN: TlsMode = TlsMode::None { acknowledged: false };

    #[tokio::test]
    async fn hosts_are_names_not_connection_strings() {
        for host in ["", "a,b", "host=a", "user@a", "a/b", "a b", "a\0b"] {
            let error = Dialer::new(address(host, PLAIN)).await.expect_err(host);
            assert!(matches!(error, ConnectError::BadAddress { .. }), "{host}: {error}");
        }
    }

    #[tokio::test]
    async fn off_this_machine_tls_is_needed_or_acknowledged() {
        // 192.0.2.0/24 is reserved for documentation; nothing is opened here.
        let error = Dialer::new(address("192.0.2.1", PLAIN)).await.expect_err("not acknowledged");
        assert!(matches!(error, ConnectError::Insecure { .. }));
        assert!(Dialer::new(address("192.0.2.1", TlsMode::None { acknowledged: true })).await.is_ok());
        assert!(Dialer::new(address("127.0.0.1", PLAIN)).await.is_ok());
        assert!(Dialer::new(address("/run/postgresql", PLAIN)).await.is_ok());
    }

    #[tokio::test]
    async fn an_unreadable_authority_is_said() {
        for pem in ["nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let error = Dialer::new(address("127.0.0.1", TlsMode::VerifyFull { ca_pem: Some(pem.to_owned()) })).await.expect_err(pem);
            assert!(error.to_string().contains("PEM"), "{error}");
        }
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the test waits for the server it plays")]
    async fn the_password_is_not_sent_in_clear() {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let server = tokio::spawn(async move {
            let mut startup = [0; 512];
            let _ = theirs.read(&mut startup).await;
            // AuthenticationCleartextPassword
            theirs.write_all(b"R\0\0\0\x08\0\0\0\x03").await.expect("open");
            let mut answer = Vec::new();
            let _ = theirs.read_to_end(&mut answer).await;
            answer
        });
        let dialer = Dialer::new(address("127.0.0.1", PLAIN)).await.expect("loopback");
        let config = dialer.config("test", None);
        let error = config.connect_raw(Guarded::new(ours), NoTls).await.map(|_| ()).expect_err("broken off");
        assert!(matches!(explain(&error, &dialer.address), ConnectError::ClearText { .. }), "{error:?}");
        drop(error);
        assert_eq!(server.await.expect("no panic"), b"", "nothing was answered");
    }

    #[tokio::test]
    async fn secrets_stay_out_of_debug_and_errors() {
        let dialer = Dialer::new(address("127.0.0.1", PLAIN)).await.expect("loopback");
        assert!(!format!("{dialer:?}").contains("correct horse"));
        let error = dialer.scrub(ConnectError::Other { said: "no such password: correct horse".to_owned() });
        assert!(!error.to_string().contains("correct horse"), "{error}");
    }
}
