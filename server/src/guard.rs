//! What stands before every page: one log line, the headers, errors in words, the host's name, the origin.
//!
//! Order, outermost first: frame (id, headers, log) → panics → words for bare errors → body cap → host → client address → origin → routes.

pub mod headers;
pub mod hosts;
pub mod origin;
pub mod proxies;
pub mod words;

use crate::web::Web;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
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

/// Gives the request its id, runs it, sets the headers, and writes its one log line.
///
/// The line names the route's pattern, never the path: paths hold secrets of links.
pub async fn frame(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId(hex::encode(engine::clock::random::<8>()));
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "-".to_owned(), |path| path.as_str().to_owned());
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", request.id = %id.0);
    let mut response = next.run(request).instrument(span).await;
    headers::set(&mut response, &web.hosts, &id);
    let actor = response.extensions().get::<LoggedActor>().map_or("-", |actor| actor.0.as_str());
    let (status, elapsed_ms) = (response.status().as_u16(), started.elapsed().as_millis());
    if response.status().is_server_error() {
        tracing::error!(request.id = %id.0, %method, route, status, elapsed_ms, actor, "request failed");
    } else {
        tracing::info!(request.id = %id.0, %method, route, status, elapsed_ms, actor, "request");
    }
    response
}
