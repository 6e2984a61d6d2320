//! The evidence of a window as one file.

use crate::forms::{At, SignedIn};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use engine::actions::read_evidence::{Way, read_evidence};
use engine::{Engine, Error, paper, queries};
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

/// Answers with the file; that it was taken is a fact.
pub async fn json(State(engine): State<Engine>, SignedIn(caller): SignedIn, At(number): At<i64>) -> Response {
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
        Err(Error::NotFound) => StatusCode::NOT_FOUND.into_response(),
        Err(Error::Refused(_)) => StatusCode::FORBIDDEN.into_response(),
        Err(Error::Database(error)) => {
            tracing::error!(%error, "the evidence could not be read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the evidence could not be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
