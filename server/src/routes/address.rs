//! The page behind a link to a new address: GET shows, POST acts. No session and no script; the secret is the only proof.

use crate::guard::RequestId;
use crate::routes::approval::{failed, html};
use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use engine::actions::accept_new_address::accept_new_address;
use engine::paper::address_page;
use engine::queries::new_addresses;
use engine::{Engine, Error};
use http::StatusCode;

/// Shows which address takes the place of which. Changes nothing.
pub async fn show(State(engine): State<Engine>, Path(secret): Path<String>) -> Response {
    ask(&engine, &secret, StatusCode::OK, "").await
}

/// Makes the address the person's.
pub async fn confirm(State(engine): State<Engine>, Extension(request): Extension<RequestId>, Path(secret): Path<String>) -> Response {
    match accept_new_address(&engine, &secret, &request.0).await {
        Ok(address) => html(StatusCode::OK, address_page::done(&address)),
        Err(Error::Invalid(errors)) => {
            let wrong = errors.first().map(|error| error.message.clone()).unwrap_or_default();
            ask(&engine, &secret, StatusCode::UNPROCESSABLE_ENTITY, &wrong).await
        }
        // Somebody was quicker with the same link.
        Err(Error::Refused(_)) => lost(Error::NotFound),
        Err(error) => lost(error),
    }
}

async fn ask(engine: &Engine, secret: &str, status: StatusCode, wrong: &str) -> Response {
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    match new_addresses::page(engine, secret).await {
        Ok(waiting) => html(status, address_page::page(&waiting, &format!("/address/{encoded}"), wrong)),
        Err(error) => lost(error),
    }
}

/// Every secret that opens nothing gets the same answer.
fn lost(error: Error) -> Response {
    match error {
        Error::NotFound | Error::Hidden => html(StatusCode::NOT_FOUND, address_page::unknown()),
        other => failed(other),
    }
}
