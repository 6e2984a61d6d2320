//! Signing in and out.

use axum::response::{IntoResponse as _, Redirect, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use tower_sessions::Session;

/// Ends the session and tells the browser to forget what it keeps of us.
pub async fn sign_out(session: Session) -> Response {
    if let Err(error) = session.flush().await {
        tracing::error!(%error, "a session could not be ended");
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let mut response = Redirect::to("/login").into_response();
    response.headers_mut().insert(HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\", \"storage\""));
    response
}
