//! Signing in and out.

use super::me::theme_cookie;
use super::{Done, PublicForm};
use crate::session;
use crate::visit::{Client, factor_path, local_path};
use crate::web::Web;
use app::door::Visit;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use domain::ids::PersonId;
use engine::actions::ask_reset;
use engine::actions::sign_in::{self, Entered, sign_in};
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
        Ok(Entered::In(signed_in)) => session::sign_in(&form.session, &form.engine, signed_in, &client).await.map(|()| signed_in.person),
        Ok(Entered::Half(person, epoch)) => {
            let half = session::wait_for_factor(&form.session, &form.engine, person, epoch).await;
            return form.answer(half, |()| Done::to(factor_path(local_path(&to.next)), "")).await;
        }
        Err(error) => Err(error),
    };
    let next = local_path(&to.next).to_owned();
    with_colours(&web, jar, signed_in, form, &next).await
}

/// The answer to a sign-in: on to where the person wanted to be, in the colours they chose.
pub(super) async fn with_colours<T>(
    web: &Web,
    jar: CookieJar,
    signed_in: engine::Result<PersonId>,
    form: PublicForm<T>,
    next: &str,
) -> Response {
    let jar = match &signed_in {
        Ok(person) => jar.add(theme_cookie(&queries::people::theme(&form.engine, *person).await.unwrap_or_default(), web.hosts.is_https())),
        Err(_) => jar,
    };
    (jar, form.answer(signed_in, |_| Done::to(next, "")).await).into_response()
}

/// Mails a link to a new password. What is said is the same whether somebody has the address or not.
pub async fn forgot_form(client: Client, form: PublicForm<ask_reset::Input>) -> Response {
    let done = ask_reset::ask_reset(&form.engine, &form.request, &form.input, client.address).await;
    form.answer(done, |()| Done::to("/forgot?asked=1", "")).await
}

/// Ends the session and tells the browser to forget what it keeps of us.
pub async fn sign_out_form(session: Session, Extension(visit): Extension<Arc<Visit>>) -> Response {
    if let Err(error) = session.flush().await {
        tracing::error!(%error, "a session could not be ended");
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if let Some(caller) = &visit.caller
        && let Err(error) = sign_out(&visit.engine, caller, visit.session).await
    {
        tracing::error!(%error, "a sign-out was not recorded");
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    forgetting(Redirect::to("/login").into_response())
}

/// Tells the browser to forget what it keeps of us.
pub(super) fn forgetting(mut response: Response) -> Response {
    response.headers_mut().insert(HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\", \"storage\""));
    response
}
