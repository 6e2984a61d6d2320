//! Whether a request that may change something comes from one of our own pages.
//!
//! Stricter than the library's layer, which stands outside as well: another port or sub-domain of our own host is foreign, the
//! configured origin counts and not the request's host, and a request that hides its origin may not carry a cookie.

use super::hosts::Hosts;
use crate::web::Web;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use domain::decision::Refusal;
use http::header::{COOKIE, ORIGIN};
use http::{HeaderMap, Method, StatusCode};

/// 403 for requests that other sites made.
pub async fn check(State(web): State<Web>, request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) || is_ours(request.headers(), &web.hosts) {
        return next.run(request).await;
    }
    let mut response = StatusCode::FORBIDDEN.into_response();
    response.extensions_mut().insert(Refusal::new(
        "foreign_origin",
        "This request did not come from one of Drydock's own pages, so nothing was done.",
        "Open Drydock by its own address and use the form there. If you did, a proxy may be removing headers: tell your administrator.",
    ));
    response
}

fn is_ours(headers: &HeaderMap, hosts: &Hosts) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let (site, origin) = (text("sec-fetch-site"), text(ORIGIN.as_str()));
    let site_is_ours = site.is_none_or(|site| matches!(site, "same-origin" | "none"));
    let origin_is_ours = origin.is_none_or(|origin| hosts.is_origin(origin) || (origin == "null" && site.is_some()));
    let hidden = site.is_none() && origin.is_none();
    site_is_ours && origin_is_ours && !(hidden && headers.contains_key(COOKIE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn judged(pairs: &[(&str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(name.parse::<HeaderName>().expect("a name"), HeaderValue::from_str(value).expect("a value"));
        }
        is_ours(&headers, &Hosts::new(&"https://drydock.example.org".parse().expect("a URL")))
    }

    #[test]
    fn every_combination_has_its_answer() {
        let (site, origin, cookie) = ("sec-fetch-site", "origin", ("cookie", "id=x"));
        let ours = "https://drydock.example.org";
        assert!(judged(&[]), "a script without cookie");
        assert!(!judged(&[cookie]), "a cookie without any origin");
        assert!(judged(&[(site, "same-origin"), cookie]));
        assert!(judged(&[(site, "same-origin"), (origin, ours), cookie]));
        assert!(judged(&[(site, "none"), (origin, "null"), cookie]), "sent again by the person");
        assert!(judged(&[(origin, ours), cookie]), "an old browser");
        for foreign in ["same-site", "cross-site", "else"] {
            assert!(!judged(&[(site, foreign), cookie]), "{foreign}");
            assert!(!judged(&[(site, foreign), (origin, ours), cookie]), "{foreign} with our origin");
        }
        for foreign in [
            "null",
            "http://drydock.example.org",
            "https://drydock.example.org:8443",
            "https://evil.example",
            "https://drydock.example.org.evil.example",
        ] {
            assert!(!judged(&[(origin, foreign), cookie]), "{foreign}");
        }
        assert!(!judged(&[(site, "same-origin"), (origin, "https://evil.example"), cookie]), "headers that contradict each other");
    }
}
