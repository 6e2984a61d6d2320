//! The one client for calls to the outside. A person types where it calls, so it must not become a way into networks that the person cannot
//! reach: the name is resolved once, every address of it is judged, and the connection goes to an address that was judged. It follows no
//! redirect, knows no proxy, and takes a few kilobytes of an answer at most.

mod wire;

use domain::decision::FieldError;
use domain::network::{Network, may_call};
use domain::people::visible;
use domain::webhook::LONGEST_URL;
use futures_util::future::BoxFuture;
use rustls_pki_types::{CertificateDer, ServerName};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

/// Most addresses of one name that are tried.
const MOST_ADDRESSES: usize = 4;

/// What the settings of the process let through.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// `http://` may be called, too: everybody on the way can read and change it.
    pub plain_http: bool,
    /// Internal networks that may be called.
    pub allowed: Vec<Network>,
}

/// How long what may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Reaching one address.
    pub connect: Duration,
    /// Everything: name, connection, TLS, question and answer.
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(15) }
    }
}

/// How a name becomes addresses.
pub type Resolve = Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The client.
#[derive(Clone)]
pub struct Outbound {
    rules: Rules,
    limits: Limits,
    resolve: Resolve,
    tls: TlsConnector,
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound").field("rules", &self.rules).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What is sent.
#[derive(Debug, Clone)]
pub struct Call<'c> {
    /// Where to.
    pub url: &'c Url,
    /// Media type of the body.
    pub media_type: &'static str,
    /// More headers.
    pub headers: &'c [(&'static str, String)],
    /// The body.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The beginning of the body, made harmless.
    pub excerpt: String,
}

/// Why nothing came back. What lies in internal networks is not told apart from what does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not an address that is called.
    #[error(
        "This address is not called: its host is unknown, or lies in a network that is not public. DRYDOCK_OUTBOUND_ALLOW of the worker lets internal networks in."
    )]
    NotAllowed,
    /// Without TLS, and that is not let through.
    #[error("Only https:// is called, unless DRYDOCK_OUTBOUND_PLAIN_HTTP=1 is set for the worker.")]
    Plain,
    /// No connection.
    #[error("Nobody answers at this address.")]
    Unreachable,
    /// The certificate, or the protocol.
    #[error("The connection is not secure: {0}")]
    Tls(String),
    /// Too slow.
    #[error("No answer within {0} s.")]
    Silent(u64),
    /// Not HTTP.
    #[error("The answer was no HTTP, or the connection was lost before it.")]
    Garbled,
}

/// Reads an address that somebody typed.
pub fn address(field: &'static str, typed: &str) -> Result<Url, FieldError> {
    let refuse = |why: &str| FieldError::new(field, why);
    let typed = typed.trim();
    if typed.len() > LONGEST_URL {
        return Err(refuse(&format!("An address has at most {LONGEST_URL} characters; this has {}.", typed.len())));
    }
    // What readers of addresses disagree on: browsers skip white space and take a backslash for a slash.
    if typed.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') || domain::people::visible(typed) != typed {
        return Err(refuse("Type the address without spaces, line breaks, backslashes and invisible characters."));
    }
    let url = Url::parse(typed).map_err(|_| refuse("Type a whole address, such as https://hooks.example.org/drydock."))?;
    if !matches!(url.scheme(), "https" | "http") || !typed.to_ascii_lowercase().starts_with(&format!("{}://", url.scheme())) {
        return Err(refuse("The address begins with https://."));
    }
    // As it was typed: reading it would leave out what stands before an `@`, or make up a host.
    let place = typed.split("://").nth(1).unwrap_or_default().split(['/', '?', '#']).next().unwrap_or_default();
    if place.contains('@') {
        return Err(refuse("Leave user name and password out of the address: events are signed instead."));
    }
    if place.is_empty() || url.host_str().is_none_or(str::is_empty) || url.port() == Some(0) {
        return Err(refuse("The address needs a host, such as hooks.example.org."));
    }
    if url.fragment().is_some() {
        return Err(refuse("Leave out what follows #: it is never sent."));
    }
    Ok(url)
}

/// What of an address may be shown.
#[must_use]
pub fn origin(url: &Url) -> String {
    domain::webhook::origin(url.scheme(), url.host_str().unwrap_or_default(), url.port())
}

impl Outbound {
    /// A client that trusts the authorities of this machine.
    ///
    /// # Errors
    /// When TLS cannot be set up at all.
    pub fn new(rules: Rules) -> crate::Result<Self> {
        Self::trusting(rules, rustls_native_certs::load_native_certs().certs)
    }

    /// The same, with these authorities instead.
    ///
    /// # Errors
    /// As [`Outbound::new`].
    pub fn trusting(rules: Rules, authorities: Vec<CertificateDer<'static>>) -> crate::Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(authorities);
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(crate::Error::internal)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { rules, limits: Limits::default(), resolve: Arc::new(|host| Box::pin(look_up(host))), tls: Arc::new(config).into() })
    }

    /// The same with other limits.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same with another way to resolve names.
    #[must_use]
    pub fn resolving(self, resolve: Resolve) -> Self {
        Self { resolve, ..self }
    }

    /// Posts once, and gives what came back.
    pub async fn post(&self, call: Call<'_>) -> Result<Reply, Fault> {
        let total = self.limits.total;
        tokio::time::timeout(total, self.exchange(call)).await.unwrap_or(Err(Fault::Silent(total.as_secs())))
    }

    async fn exchange(&self, call: Call<'_>) -> Result<Reply, Fault> {
        let secure = call.url.scheme() == "https";
        let plain = self.rules.plain_http && call.url.scheme() == "http";
        if !secure && !plain {
            return Err(Fault::Plain);
        }
        let host = call.url.host().ok_or(Fault::NotAllowed)?.to_owned();
        let port = call.url.port_or_known_default().ok_or(Fault::NotAllowed)?;
        let addresses = self.judged(&host).await?;
        let stream = self.connect(&addresses, port).await?;
        if !secure {
            return wire::talk(stream, call).await;
        }
        let name = match host {
            Host::Domain(name) => ServerName::try_from(name).map_err(|_| Fault::NotAllowed)?,
            Host::Ipv4(address) => ServerName::from(IpAddr::V4(address)),
            Host::Ipv6(address) => ServerName::from(IpAddr::V6(address)),
        };
        let stream =
            self.tls.connect(name, stream).await.map_err(|error| Fault::Tls(visible(&error.to_string()).chars().take(300).collect()))?;
        wire::talk(stream, call).await
    }

    /// The addresses of a host, all of which may be called: one that may not spoils the others, since nobody knows who put it there.
    async fn judged(&self, host: &Host<String>) -> Result<Vec<IpAddr>, Fault> {
        let mut addresses = match host {
            Host::Ipv4(address) => vec![IpAddr::V4(*address)],
            Host::Ipv6(address) => vec![IpAddr::V6(*address)],
            Host::Domain(name) => (self.resolve)(name.clone()).await.map_err(|_| Fault::NotAllowed)?,
        };
        if addresses.is_empty() || !addresses.iter().all(|address| may_call(*address, &self.rules.allowed)) {
            return Err(Fault::NotAllowed);
        }
        addresses.truncate(MOST_ADDRESSES);
        Ok(addresses)
    }

    async fn connect(&self, addresses: &[IpAddr], port: u16) -> Result<TcpStream, Fault> {
        for address in addresses {
            if let Ok(Ok(stream)) = tokio::time::timeout(self.limits.connect, TcpStream::connect((*address, port))).await {
                return Ok(stream);
            }
        }
        Err(Fault::Unreachable)
    }
}

async fn look_up(host: String) -> std::io::Result<Vec<IpAddr>> {
    Ok(tokio::net::lookup_host((host, 0)).await?.map(|found| found.ip()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_typed_in_one_way_only() {
        for good in [
            "https://hooks.example.org/drydock",
            "https://hooks.example.org:8443/a?b=c@d",
            "http://10.0.0.7/",
            "https://[2606:4700::1111]/x",
        ] {
            assert!(address("url", good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "hooks.example.org",
            "ftp://example.org/",
            "https:example.org",
            "https:/example.org",
            "https:///example.org",
            "//example.org",
            "https://",
            "https://user@example.org/",
            "https://user:pw@example.org/",
            "https://@example.org/",
            "https://:@example.org/",
            "https://example.org/#top",
            "https://example.org\\@127.0.0.1/",
            "https://exa mple.org/",
            "https://example.org/a\tb",
            "https://example.org/\u{202e}",
            "https://example.org:0/",
            "https://example.org:99999/",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "gopher://127.0.0.1/",
        ] {
            assert!(address("url", bad).is_err(), "{bad:?} was taken");
        }
        assert!(address("url", &format!("https://example.org/{}", "x".repeat(2_000))).is_err());
    }

    #[test]
    fn only_the_origin_is_shown() {
        let url = address("url", "https://Hooks.Example.org:8443/services/T0/B0/secret?key=1").expect("good");
        assert_eq!(origin(&url), "https://hooks.example.org:8443");
    }
}
