//! The evidence of a window as one file.

use crate::forms::{At, SignedIn};
use app::door::{Visit, status_of};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use engine::actions::read_evidence::{Way, read_evidence};
use engine::{Engine, Error, paper, queries};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use std::sync::Arc;

/// Answers with the file; that it was taken is a fact.
pub async fn json(
    State(engine): State<Engine>,
    Extension(visit): Extension<Arc<Visit>>,
    SignedIn(caller): SignedIn,
    At(number): At<i64>,
) -> Response {
    let read = async {
        read_evidence(&engine, &caller, number, Way::File).await?;
        queries::evidence::show(&engine, &caller, number).await
    };
    match read.await {
        Ok(evidence) => {
            let name = format!("attachment; filename=\"drydock-window-{number}-evidence.json\"");
            let text = format!("{:#}\n", paper::evidence::evidence(&evidence));
            ([(CONTENT_TYPE, "application/json; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)], text).into_response()
        }
        Err(error) => failed(&visit, error),
    }
}

/// The page of the status in words; what is another team's is a denied act.
fn failed(visit: &Visit, error: Error) -> Response {
    visit.note(&error);
    let code = status_of(&error);
    if code.is_server_error() {
        tracing::error!(%error, "the evidence could not be read");
    }
    let mut response = code.into_response();
    if let Error::Refused(refusal) = error {
        response.extensions_mut().insert(refusal);
    }
    response
}
