//! A procedure as a file to take along.

use crate::forms::{At, SignedIn};
use app::door::{Visit, status_of};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use engine::{Engine, Error, queries};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use std::sync::Arc;

/// Answers with the file; what is typed anew each time has none.
pub async fn file(
    State(engine): State<Engine>,
    Extension(visit): Extension<Arc<Visit>>,
    SignedIn(caller): SignedIn,
    At(key): At<String>,
) -> Response {
    let read = async { queries::procedures::show(&engine, &caller, &key).await?.file.ok_or(Error::NotFound) };
    match read.await {
        Ok(text) => {
            // A key that was found is made of letters, digits and underscores.
            let name = format!("attachment; filename=\"{key}.toml\"");
            ([(CONTENT_TYPE, "application/toml; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)], text).into_response()
        }
        Err(error) => {
            visit.note(&error);
            let code: StatusCode = status_of(&error);
            if code.is_server_error() {
                tracing::error!(%error, "a procedure could not be read");
            }
            code.into_response()
        }
    }
}
