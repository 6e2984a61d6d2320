//! Server functions that islands ask: the same session, visit and origin checks as every other door.

use app::door::Visit;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use leptos::prelude::provide_context;
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;
use std::sync::Arc;

/// Answers one of `app::api`, with the visit its function reads. Who asks is asked first: before the arguments are looked at.
///
/// Only islands ask. A browser that sent a form here would be sent back to its page with the error in the address, so what it accepts is not
/// looked at.
pub async fn ask(mut request: Request) -> Response {
    let visit = request.extensions().get::<Arc<Visit>>().filter(|visit| visit.caller.is_some()).cloned();
    let Some(visit) = visit else { return StatusCode::UNAUTHORIZED.into_response() };
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    request.headers_mut().remove(ACCEPT);
    let context = move || provide_context(visit.clone());
    let answer = leptos_axum::handle_server_fns_with_context(context, request).await.into_response();
    // What the functions know they answer; an error is one of the arguments, which is not our mistake, and whose text is not for people.
    if answer.headers().contains_key(SERVER_FN_ERROR_HEADER) { StatusCode::BAD_REQUEST.into_response() } else { answer }
}
