//! Whether this process lives, and whether it can work.

use axum::extract::State;
use engine::Engine;
use http::StatusCode;

/// Lives: answers without asking anybody.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// Can work: the state database answers, and its schema is the one this program knows.
pub async fn ready(State(engine): State<Engine>) -> (StatusCode, &'static str) {
    match engine::migrate::check(engine.pool()).await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready: the state database does not answer, or its schema does not fit\n")
        }
    }
}
