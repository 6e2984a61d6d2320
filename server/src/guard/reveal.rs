//! The last thing every HTML document passes, whichever page wrote it: hidden and direction-changing characters become visible.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use domain::reveal::document;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use std::borrow::Cow;

/// No page is longer. One that were is not sent at all: sent as it is, it could hide something.
const LONGEST_DOCUMENT: usize = 64 * 1024 * 1024;

/// Makes visible what an HTML answer would hide.
pub async fn reveal(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if !is_html(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = match to_bytes(body, LONGEST_DOCUMENT).await {
        Ok(bytes) => bytes,
        Err(error) => {
            tracing::error!(%error, "a document could not be read to its end");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let body = match std::str::from_utf8(&bytes).map(document) {
        Ok(Cow::Borrowed(_)) => Body::from(bytes),
        Ok(Cow::Owned(shown)) => {
            parts.headers.remove(CONTENT_LENGTH);
            Body::from(shown)
        }
        Err(error) => {
            tracing::error!(%error, "a document is no UTF-8");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    Response::from_parts(parts, body)
}

fn is_html(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}
