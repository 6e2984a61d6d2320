//! All routes of the web process.

use axum::{Router, routing::get};
use engine::Engine;

use crate::{config::Settings, embedded::Site};

/// The whole web side.
pub fn router(_engine: Engine, site: &Site, _settings: &Settings) -> Router {
    Router::new().route("/healthz", get(|| async { "ok\n" })).merge(site.routes())
}
