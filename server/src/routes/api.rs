//! Server functions that islands ask: the same session, visit and origin checks as every other door.

use app::door::Visit;
use axum::extract::Request;
use axum::response::Response;
use leptos::prelude::provide_context;
use std::sync::Arc;

/// Answers one of `app::api`, with the visit its function reads.
pub async fn ask(request: Request) -> Response {
    let visit = request.extensions().get::<Arc<Visit>>().cloned();
    let context = move || {
        if let Some(visit) = visit.clone() {
            provide_context(visit);
        }
    };
    axum::response::IntoResponse::into_response(leptos_axum::handle_server_fns_with_context(context, request).await)
}
