//! The names this server answers to. Any other name is somebody else's: DNS rebinding, a wrong proxy, a probe.

use crate::web::Web;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::HOST;
use http::uri::Authority;
use url::Url;

/// Paths that answer under any name: load balancers and monitoring ask by address.
const ANY_NAME: &[&str] = &["/healthz", "/readyz", "/metrics"];

/// Names and origin of this installation.
#[derive(Debug, Clone)]
pub struct Hosts {
    origin: String,
    authority: String,
    https: bool,
    loopback: bool,
}

impl Hosts {
    /// Where the public name is this computer's own, all its names count, with any port.
    pub fn new(public_url: &Url) -> Self {
        let origin = public_url.origin().ascii_serialization();
        let authority = origin.split_once("://").map_or(origin.clone(), |(_, authority)| authority.to_owned());
        Self { https: public_url.scheme() == "https", loopback: is_loopback(&authority), origin, authority }
    }
    /// Whether people reach us by https.
    pub fn is_https(&self) -> bool {
        self.https
    }
    /// The configured origin, as a browser sends it.
    pub fn origin(&self) -> &str {
        &self.origin
    }
    /// Whether this server answers to `host` as in a Host header.
    pub fn answers_to(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let default = if self.https { ":443" } else { ":80" };
        host == self.authority
            || host.strip_suffix(default).is_some_and(|bare| bare == self.authority)
            || (self.loopback && is_loopback(&host))
    }
    /// Whether `origin`, as in an Origin header, is ours.
    pub fn is_origin(&self, origin: &str) -> bool {
        origin == self.origin || (self.loopback && origin.strip_prefix("http://").is_some_and(is_loopback))
    }
}

/// `127.0.0.1`, `localhost` or `[::1]`, with or without a port.
fn is_loopback(host: &str) -> bool {
    host.parse::<Authority>().is_ok_and(|authority| matches!(authority.host(), "127.0.0.1" | "localhost" | "[::1]") && !host.contains('@'))
}

/// 421 for every name but ours.
pub async fn check(State(web): State<Web>, request: Request, next: Next) -> Response {
    if ANY_NAME.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    // The absolute form of a request line wins over the header; HTTP/2 has the name there only. Two names must not differ.
    let header = request.headers().get_all(HOST).iter().map(|value| value.to_str().unwrap_or_default()).collect::<Vec<_>>();
    let named = request.uri().authority().map(Authority::as_str);
    let good = match (header.as_slice(), named) {
        ([], None) => false,
        (names, named) => names.len() <= 1 && names.iter().copied().chain(named).all(|name| web.hosts.answers_to(name)),
    };
    if good { next.run(request).await } else { StatusCode::MISDIRECTED_REQUEST.into_response() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(url: &str) -> Hosts {
        Hosts::new(&url.parse().expect("a URL"))
    }

    #[test]
    fn only_the_public_name_is_ours() {
        let ours = hosts("https://drydock.example.org");
        for good in ["drydock.example.org", "DRYDOCK.example.org", "drydock.example.org:443"] {
            assert!(ours.answers_to(good), "{good}");
        }
        for bad in [
            "",
            "example.org",
            "drydock.example.org:8080",
            "drydock.example.org.evil.example",
            "127.0.0.1",
            "evil.example",
            "a@drydock.example.org",
        ] {
            assert!(!ours.answers_to(bad), "{bad}");
        }
        assert!(ours.is_origin("https://drydock.example.org"));
        assert!(!ours.is_origin("http://drydock.example.org"));
        assert!(!ours.is_origin("null"));
    }

    #[test]
    fn on_loopback_it_answers_to_this_computers_names() {
        let ours = hosts("http://127.0.0.1:8080");
        for good in ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "localhost", "127.0.0.1:9999"] {
            assert!(ours.answers_to(good), "{good}");
        }
        for bad in ["0.0.0.0:8080", "localhost.evil.example", "x@localhost", "127.0.0.2"] {
            assert!(!ours.answers_to(bad), "{bad}");
        }
        assert!(ours.is_origin("http://localhost:8080") && !ours.is_origin("https://localhost:8080"));
    }
}
