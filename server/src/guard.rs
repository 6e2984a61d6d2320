//! What stands before every page: one log line, the headers, errors in words, the host's name, the origin.
//!
//! Order, outermost first: frame (id, headers, log) → hidden characters → words for bare errors → panics → time → head and body caps → host →
//! client address → origin → crowd → routes. Before it stands the [listener](crate::listener).

pub mod crowd;
pub mod finish;
pub mod headers;
pub mod hosts;
pub mod origin;
pub mod patience;
pub mod proxies;
pub mod reveal;
pub mod words;

use crate::web::Web;
use crate::{metrics, telemetry};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use std::time::Instant;
use tracing::Instrument as _;

/// Largest body of a request, in bytes. The longest form is a window's with some texts of 10,000 characters, three bytes each when
/// percent-encoded thrice over.
pub const BODY_LIMIT: usize = 256 * 1024;

/// Id of a request, in the log, in facts, and on error pages: 16 hexadecimal digits.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Who acted, left in the response by the visit layer for the log line.
#[derive(Debug, Clone)]
pub struct LoggedActor(pub String);

/// Files of the built site: one route, whatever their names.
const ASSETS: &str = "/pkg";

/// Gives the request its id, runs it, sets the headers, counts it, and writes its one log line.
///
/// The line names the route's pattern, never the path: paths hold secrets of links. The person is an id; the log holds no name.
pub async fn frame(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId(hex::encode(engine::clock::random::<8>()));
    let method = request.method().clone();
    let route = pattern(&request);
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", request.id = %id.0);
    let mut response = next.run(request).instrument(span.clone()).await;
    headers::set(&mut response, &web.hosts, &id);
    let (status, took) = (response.status(), started.elapsed());
    metrics::answered(&method, &route, status, took);
    let actor = response.extensions().get::<LoggedActor>().map_or("-", |actor| actor.0.as_str());
    let (queries, duration_ms) = (telemetry::statements_of(&span), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    let (code, outcome) = (status.as_u16(), outcome(status));
    if status.is_server_error() {
        tracing::error!(
            request.id = %id.0, http.method = %method, http.route = route, http.status = code, outcome, actor, duration_ms, db.queries = queries,
            "request"
        );
    } else {
        tracing::info!(
            request.id = %id.0, http.method = %method, http.route = route, http.status = code, outcome, actor, duration_ms, db.queries = queries,
            "request"
        );
    }
    response
}

/// The route's pattern; `-` where no door has this path, so that strangers cannot write into the log or make labels.
fn pattern(request: &Request) -> String {
    match request.extensions().get::<MatchedPath>() {
        None => "-".to_owned(),
        Some(path) if path.as_str().starts_with(ASSETS) => ASSETS.to_owned(),
        Some(path) => path.as_str().to_owned(),
    }
}

/// What came of a request, in a word to search for.
fn outcome(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..300 => "answered",
        300..400 => "sent_on",
        401 => "not_signed_in",
        403 => "refused",
        404 => "not_found",
        400..500 => "bad_request",
        503 => "unavailable",
        _ => "failed",
    }
}
