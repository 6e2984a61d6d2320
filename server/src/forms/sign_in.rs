//! Signing in and out.

use super::me::theme_cookie;
use super::{Done, PublicForm};
use crate::session;
use crate::visit::{Client, local_path};
use crate::web::Web;
use app::door::Visit;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use domain::ids::PersonId;
use engine::actions::sign_in::{self, sign_in};
use engine::actions::sign_out::sign_out;
use engine::queries;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use std::sync::Arc;
use tower_sessions::Session;

/// Where to go on after the sign-in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Next {
    pub(super) next: String,
}

/// Signs in and goes on to where the person wanted to be.
pub async fn sign_in_form(
    State(web): State<Web>,
    jar: CookieJar,
    Query(to): Query<Next>,
    client: Client,
    form: PublicForm<sign_in::Input>,
) -> Response {
    let signed_in = match sign_in(&form.engine, &form.request, &form.input, client.address).await {
        Ok(person) => begin(&form, person, &client).await.map(|()| person),
        Err(error) => Err(error),
    };
    let jar = match &signed_in {
        Ok(person) => jar.add(theme_cookie(&queries::people::theme(&form.engine, *person).await.unwrap_or_default(), web.hosts.is_https())),
        Err(_) => jar,
    };
    (jar, form.answer(signed_in, |_| Done::to(local_path(&to.next), "")).await).into_response()
}

/// Makes the session of a person who was just proven: a new id, so that one planted before is worth nothing.
pub(super) async fn begin<T>(form: &PublicForm<T>, person: PersonId, client: &Client) -> engine::Result<()> {
    session::sign_in(&form.session, &form.engine, person, &client.address.to_string(), &client.agent).await
}

/// Ends the session and tells the browser to forget what it keeps of us.
pub async fn sign_out_form(session: Session, Extension(visit): Extension<Arc<Visit>>) -> Response {
    if let Err(error) = session.flush().await {
        tracing::error!(%error, "a session could not be ended");
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if let Some(caller) = &visit.caller
        && let Err(error) = sign_out(&visit.engine, caller).await
    {
        tracing::error!(%error, "a sign-out was not recorded");
    }
    let mut response = Redirect::to("/login").into_response();
    response.headers_mut().insert(HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\", \"storage\""));
    response
}
