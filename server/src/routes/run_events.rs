//! The stream of a run's page: server-sent events, read only, never a reason for a session to live longer.

use crate::forms::At;
use crate::live::{Full, Watcher};
use crate::session;
use crate::web::Web;
use app::door::{Visit, status_of};
use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use domain::decision::Refusal;
use domain::ids::RunId;
use engine::Error;
use engine::queries::live::admit;
use futures_util::stream::unfold;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, StatusCode};
use serde::Deserialize;
use std::convert::Infallible;
use std::sync::Arc;
use tower_sessions::Session;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Asks proxies of one kind not to collect the stream before they pass it on; others heed the type.
const NO_BUFFER: HeaderName = HeaderName::from_static("x-accel-buffering");
const RETRY_AFTER_S: &str = "10";

/// How far the page is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Number of the newest line it has. A browser that comes back by itself says it in `Last-Event-ID`, which is newer.
    after: Option<i64>,
}

/// Follows a run.
pub async fn follow(
    State(web): State<Web>,
    Extension(visit): Extension<Arc<Visit>>,
    session: Session,
    At(run): At<RunId>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let (Some(caller), Some(id)) = (visit.caller.as_ref(), session.id()) else { return StatusCode::UNAUTHORIZED.into_response() };
    let team = match admit(&web.engine, &caller.actor, run).await {
        Ok(team) => team,
        Err(error) => {
            visit.note(&error);
            return failed(&error);
        }
    };
    let came_back = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let watcher = Watcher { key: session::key(&id), person: caller.actor.person, run, team };
    match web.live.watch(watcher, came_back.or(asked.after)) {
        Ok(stream) => {
            let pieces = unfold(stream, |mut stream| async move { stream.next().await.map(|piece| (Ok::<_, Infallible>(piece), stream)) });
            let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store"), (NO_BUFFER, "no")];
            (headers, Body::from_stream(pieces)).into_response()
        }
        Err(full) => no_room(full),
    }
}

fn no_room(full: Full) -> Response {
    let (status, refusal) = match full {
        Full::Person(most) => (
            StatusCode::TOO_MANY_REQUESTS,
            Refusal::new(
                "streams",
                format!("You watch {most} runs live already."),
                "Close one of those pages; this one loads itself again meanwhile.",
            ),
        ),
        Full::Process(most) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Refusal::new("streams", format!("This server serves {most} live pages already."), "This page loads itself again meanwhile."),
        ),
    };
    let mut response = (status, [(RETRY_AFTER, RETRY_AFTER_S)]).into_response();
    response.extensions_mut().insert(refusal);
    response
}

fn failed(error: &Error) -> Response {
    let status = status_of(error);
    if status.is_server_error() {
        tracing::error!(%error, "a run could not be followed");
    }
    status.into_response()
}
