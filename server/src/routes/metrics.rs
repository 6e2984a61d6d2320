//! `/metrics` beside the pages: there with a token in the settings, and opened by it alone.

use crate::metrics::{brings, exposition, of_web, unauthorized};
use crate::web::Web;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};

/// Without a token in the settings there is no such page.
pub async fn metrics(State(web): State<Web>, headers: HeaderMap) -> Response {
    match &web.metrics_token {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(token) if brings(token, &headers) => exposition(of_web(web.engine.pool()).await),
        Some(_) => unauthorized(),
    }
}
