//! How long a request may take, and how large its head may be. What goes beyond is answered in words.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use std::time::Duration;
use tower_http::timeout::TimeoutLayer;

/// Bytes of a request's path, query and headers. The listener's own limit is twice this: it cuts what no browser sends, without a word.
pub const HEAD_LIMIT: usize = 16 * 1024;

/// From a request's head to its answer's: body, database and page. Statements end after 15 s, and a second sending of a form waits 16 s for the
/// first. What is answered goes on as long as it is read.
pub const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// The layer that gives up: a body that trickles in holds no handler and no session for longer.
pub fn layer(within: Duration) -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, within)
}

/// 431 or 414 for heads that are too large. Too many cookies of other programs on the same host are the usual cause, and people can help
/// themselves.
pub async fn small_heads(request: Request, next: Next) -> Response {
    let address = request.uri().path_and_query().map_or(0, |to| to.as_str().len());
    let headers: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let refused = match (address, headers) {
        (address, _) if address > HEAD_LIMIT => StatusCode::URI_TOO_LONG,
        (address, headers) if address + headers > HEAD_LIMIT => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        _ => return next.run(request).await,
    };
    refused.into_response()
}
