//! The client's address. Only what a trusted proxy appended is believed: the left-most entry is the client's to forge.

use crate::config::TrustedProxies;
use crate::web::Web;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where the request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// The nearest address that is no trusted proxy.
fn client(trusted: &TrustedProxies, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut client = peer.to_canonical();
    let chain = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    for entry in chain.collect::<Vec<_>>().into_iter().rev() {
        if !trusted.contains(client) {
            break;
        }
        let Ok(next) = entry.trim().parse::<IpAddr>() else { break };
        client = next.to_canonical();
    }
    client
}

/// Puts the client's address into the request.
pub async fn locate(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
    let client = client(&web.proxies, peer, request.headers());
    request.extensions_mut().insert(ClientAddress(client));
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn seen(trusted: &str, peer: &str, chain: &str) -> String {
        let trusted: TrustedProxies = trusted.parse().expect("networks");
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_str(chain).expect("a value"));
        client(&trusted, peer.parse().expect("an address"), &headers).to_string()
    }

    #[test]
    fn nobody_forges_an_address() {
        assert_eq!(seen("", "10.0.0.1", "1.2.3.4"), "10.0.0.1", "no proxy is trusted");
        assert_eq!(seen("10.0.0.0/8", "10.0.0.1", "6.6.6.6, 1.2.3.4"), "1.2.3.4", "what the client wrote stays unread");
        assert_eq!(seen("10.0.0.0/8", "10.0.0.1", "1.2.3.4, 10.0.0.7"), "1.2.3.4", "two proxies");
        assert_eq!(seen("10.0.0.0/8", "9.9.9.9", "1.2.3.4"), "9.9.9.9", "the peer is no proxy");
        assert_eq!(seen("10.0.0.0/8", "10.0.0.1", "nonsense"), "10.0.0.1");
        assert_eq!(seen("::1", "::1", "2001:db8::7"), "2001:db8::7");
    }
}
