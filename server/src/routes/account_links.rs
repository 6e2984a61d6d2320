//! The pages behind an invitation and behind a link to a new password: GET shows, POST acts. No session and no script; the secret is the
//! only proof, and nothing keeps it: what was typed wrong comes back in the answer itself.

use crate::forms::busy;
use crate::guard::RequestId;
use crate::routes::approval::{failed, html};
use axum::Extension;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::account_link::AccountLink;
use engine::actions::accept_invite::{self, accept_invite};
use engine::actions::reset_password::{self, reset_password};
use engine::paper::account_page::{self, TypedAgain};
use engine::queries::account_links;
use engine::{Engine, Error};
use http::StatusCode;

/// Where both lead once there is a password.
const SIGN_IN: &str = "/login?ready=1";

/// Shows the form of an invitation. Changes nothing.
pub async fn invite(State(engine): State<Engine>, Path(secret): Path<String>) -> Response {
    show(&engine, AccountLink::Invite, &secret).await
}

/// Makes the account.
pub async fn accept(
    State(engine): State<Engine>,
    Extension(request): Extension<RequestId>,
    Path(secret): Path<String>,
    form: Result<Form<accept_invite::Input>, FormRejection>,
) -> Response {
    let Ok(Form(input)) = form else { return StatusCode::BAD_REQUEST.into_response() };
    let typed = TypedAgain { name: input.name.clone(), zone: input.zone.clone(), errors: vec![] };
    let done = accept_invite(&engine, &secret, &input, &request.0).await;
    answer(&engine, AccountLink::Invite, &secret, done, typed).await
}

/// Shows the form of a new password. Changes nothing.
pub async fn reset(State(engine): State<Engine>, Path(secret): Path<String>) -> Response {
    show(&engine, AccountLink::Reset, &secret).await
}

/// Sets the password.
pub async fn set(
    State(engine): State<Engine>,
    Extension(request): Extension<RequestId>,
    Path(secret): Path<String>,
    form: Result<Form<reset_password::Input>, FormRejection>,
) -> Response {
    let Ok(Form(input)) = form else { return StatusCode::BAD_REQUEST.into_response() };
    let done = reset_password(&engine, &secret, &input, &request.0).await;
    answer(&engine, AccountLink::Reset, &secret, done, TypedAgain::default()).await
}

async fn show(engine: &Engine, kind: AccountLink, secret: &str) -> Response {
    match account_links::page(engine, kind, secret).await {
        Ok(link) => html(StatusCode::OK, account_page::page(kind, &link, &path_of(kind, secret), None)),
        Err(error) => lost(error),
    }
}

/// On to the sign-in after success; otherwise the form again, with what was wrong.
async fn answer(engine: &Engine, kind: AccountLink, secret: &str, done: engine::Result<()>, mut typed: TypedAgain) -> Response {
    match done {
        Ok(()) => Redirect::to(SIGN_IN).into_response(),
        Err(Error::Invalid(errors)) => {
            typed.errors = errors;
            match account_links::page(engine, kind, secret).await {
                Ok(link) => html(StatusCode::UNPROCESSABLE_ENTITY, account_page::page(kind, &link, &path_of(kind, secret), Some(&typed))),
                Err(error) => lost(error),
            }
        }
        Err(Error::Refused(refusal)) if refusal.code == "busy" => busy(refusal),
        // Somebody was quicker with the same link.
        Err(Error::Refused(_)) => lost(Error::NotFound),
        Err(error) => lost(error),
    }
}

/// Every secret that opens nothing gets the same answer.
fn lost(error: Error) -> Response {
    match error {
        Error::NotFound | Error::Hidden => html(StatusCode::NOT_FOUND, account_page::unknown()),
        other => failed(other),
    }
}

/// The page's own path. The secret is encoded again: it came from a path and goes back into one.
fn path_of(kind: AccountLink, secret: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    format!("{}{encoded}", kind.path())
}
