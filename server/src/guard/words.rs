//! Bare errors of inner layers become pages in words, in the same frame as every page.

use super::RequestId;
use crate::web::Web;
use app::door::Visit;
use app::shell::error_document;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use domain::decision::Refusal;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use std::sync::Arc;

/// Dresses every error that has no page yet: a page for browsers, one sentence for programs.
pub async fn dress(State(web): State<Web>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let wants_html = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains("text/html"));
    let head = request.method() == Method::HEAD;
    let mut response = next.run(request).await;
    let code = response.status();
    let has_page = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html") || kind.as_bytes().starts_with(b"application/"));
    if !(code.is_client_error() || code.is_server_error()) || has_page || head {
        return response;
    }
    let refusal = response.extensions_mut().remove::<Refusal>();
    let body = if wants_html {
        let visit = response.extensions().get::<Arc<Visit>>().cloned();
        error_document(visit, web.assets.clone(), code, refusal, &id)
    } else {
        let sentence =
            refusal.map_or_else(|| code.canonical_reason().unwrap_or("This did not work").to_owned(), |refusal| refusal.to_string());
        format!("{sentence}\nRequest {id}\n")
    };
    let kind = if wants_html { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = Body::from(body);
    response
}

/// What remains of a panic: a 500, which is dressed like any other. The panic itself is in the log.
pub fn after_panic(panic: Box<dyn std::any::Any + Send>) -> Response {
    let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("(no text)");
    tracing::error!(panic = said, "a request panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
