//! The metrics doors: `/metrics` beside the pages, opened by a token, and doors of their own for web and worker.

use std::{net::SocketAddr, pin::Pin, sync::LazyLock, time::Duration};

use anyhow::Context as _;
use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use engine::metrics::{CONTENT_TYPE, registry, scrape};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE as TYPE, WWW_AUTHENTICATE},
};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::listener::{self, Limits};

/// Upper bounds of a request's duration, in seconds; no statement takes longer than the last.
const DURATIONS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0];

/// The router's own pattern.
type Route = [(&'static str, String); 1];

/// What the web process counted.
struct Requests {
    /// By method, route and class of status: the router's own patterns, never a path.
    count: Family<[(&'static str, String); 3], Counter>,
    duration: Family<Route, Histogram, fn() -> Histogram>,
    registry: Registry,
}

static REQUESTS: LazyLock<Requests> = LazyLock::new(|| {
    let mut registry = registry();
    let count = Family::default();
    let duration = Family::<_, _, fn() -> Histogram>::new_with_constructor(|| Histogram::new(DURATIONS));
    registry.register("http_requests", "Requests by route and class of status", count.clone());
    registry.register_with_unit("http_request_duration", "Time to the answer's head, by route", Unit::Seconds, duration.clone());
    Requests { count, duration, registry }
});

/// Methods that are told apart; anything a stranger makes up is `other`.
fn method_word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    }
}

/// Counts one answered request.
pub fn answered(method: &Method, route: &str, status: StatusCode, took: Duration) {
    let class = format!("{}xx", status.as_u16() / 100);
    let labels = [("method", method_word(method).to_owned()), ("route", route.to_owned()), ("status", class)];
    REQUESTS.count.get_or_create(&labels).inc();
    REQUESTS.duration.get_or_create(&[("route", route.to_owned())]).observe(took.as_secs_f64());
}

/// Everything the web process tells.
pub async fn of_web(pool: &PgPool) -> String {
    scrape(pool, &[&REQUESTS.registry]).await
}

/// Whether the request brings the token. Digests are compared, so that the time taken tells nothing about the token.
pub fn brings(token: &SecretString, headers: &HeaderMap) -> bool {
    let sent = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
    sent.is_some_and(|sent| Sha256::digest(sent.trim()) == Sha256::digest(token.expose_secret()))
}

/// The answer to whoever brought no token, or another one.
pub fn unauthorized() -> Response {
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer realm=\"metrics\"")], "The metrics are opened by their token.\n").into_response()
}

/// Dresses a text of figures as an answer.
pub fn exposition(text: String) -> Response {
    let mut response = text.into_response();
    response.headers_mut().insert(TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A scraper or two, and somebody who looks.
const CONNECTIONS: usize = 16;

/// What an own door answers from.
pub type Source = fn(PgPool) -> Pin<Box<dyn Future<Output = String> + Send>>;

#[derive(Clone)]
struct Door {
    pool: PgPool,
    token: Option<SecretString>,
    source: Source,
}

/// A door of its own for one process. It closes with `stop`; a door that cannot be opened stops the start.
pub async fn open(
    listen: SocketAddr,
    token: Option<SecretString>,
    pool: PgPool,
    source: Source,
    stop: CancellationToken,
) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let socket = tokio::net::TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen} for metrics"))?;
    tracing::info!(address = %socket.local_addr()?, "metrics are offered");
    let router = Router::new().route("/metrics", get(answer)).with_state(Door { pool, token, source });
    Ok(listener::serve(socket, router, Limits { connections: CONNECTIONS, ..Limits::default() }, stop))
}

async fn answer(State(door): State<Door>, request: Request) -> Response {
    if door.token.as_ref().is_some_and(|token| !brings(token, request.headers())) {
        return unauthorized();
    }
    exposition((door.source)(door.pool).await)
}
