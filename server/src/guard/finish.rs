//! What was sent is carried out to its end, whoever still listens: a browser gives up the first of two sendings, and the second one is told how
//! the first went.

use crate::forms;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use domain::decision::Refusal;
use http::StatusCode;
use std::panic::resume_unwind;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// Writing requests that are worked on at once: a client that leaves gives its connection back, and this only when its request is done.
const MOST: usize = 256;
static ROOM: Semaphore = Semaphore::const_new(MOST);

/// Runs what writes in a task of the process, which does not end with the connection; `within` is for requests that never end by themselves.
pub async fn finish(tasks: TaskTracker, within: Duration, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let Ok(place) = ROOM.try_acquire() else {
        let said = "The server works on as many requests as it can.";
        return forms::busy(Refusal::new("busy", said, "Send it again in a few seconds: nothing was done yet."));
    };
    let work = next.run(request).instrument(tracing::Span::current());
    let task = async move {
        let answer = tokio::time::timeout(within, work).await;
        drop(place);
        answer
    };
    match tasks.spawn(task).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => StatusCode::REQUEST_TIMEOUT.into_response(),
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        // The program ends.
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
