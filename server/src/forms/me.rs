//! Forms about oneself.

use super::sign_in::Next;
use super::{Done, TypedForm};
use crate::session;
use crate::visit::{Client, THEME_COOKIE, local_path};
use crate::web::Web;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use engine::actions::{ask_new_address, change_password, edit_notices, edit_profile, sign_in};
use secrecy::SecretString;
use serde::Deserialize;

/// Name, zone, colours.
pub async fn edit(State(web): State<Web>, jar: CookieJar, form: TypedForm<edit_profile::Input>) -> Response {
    let done = edit_profile::edit_profile(&form.engine, &form.caller, &form.input).await;
    let jar = match &done {
        Ok(theme) => jar.add(theme_cookie(theme, web.hosts.is_https())),
        Err(_) => jar,
    };
    (jar, form.answer(done, |_| Done::to("/me", "Saved.")).await).into_response()
}

/// Another address, once whoever reads it says so.
pub async fn address(client: Client, form: TypedForm<ask_new_address::Input>) -> Response {
    let done = ask_new_address::ask_new_address(&form.engine, &form.caller, &form.input, client.address).await;
    form.answer(done, |email| Done::to("/me#address", format!("A link is on its way to {email}. Your address changes when you use it.")))
        .await
}

/// What comes by mail.
pub async fn notices(form: TypedForm<edit_notices::Input>) -> Response {
    let done = edit_notices::edit_notices(&form.engine, &form.caller, &form.input).await;
    form.answer(done, |()| Done::to("/me#notices", "Saved. Messages that were on their way already still come.")).await
}

/// The cookie that makes the first paint right: for a year, no secret.
pub(super) fn theme_cookie(theme: &str, https: bool) -> Cookie<'static> {
    Cookie::build((THEME_COOKIE, theme.to_owned()))
        .path("/")
        .same_site(SameSite::Lax)
        .http_only(true)
        .secure(https)
        .max_age(time::Duration::days(365))
        .build()
}

/// A new password; this browser gets a new session, all others end.
pub async fn change_password(client: Client, form: TypedForm<change_password::Input>) -> Response {
    let done = match change_password::change_password(&form.engine, &form.caller, &form.input, client.address).await {
        Ok(signed_in) => session::sign_in(form.session(), &form.engine, signed_in, &client).await,
        Err(error) => Err(error),
    };
    form.answer(done, |()| {
        Done::to("/me", "Your password is changed. All other sessions of yours ended, and calendar feeds that you had were revoked.")
    })
    .await
}

/// The password, typed once more.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Again {
    password: SecretString,
}

/// Gives this session five minutes of control.
pub async fn confirm(Query(to): Query<Next>, client: Client, form: TypedForm<Again>) -> Response {
    let mut done = sign_in::elevate(&form.engine, &form.caller, &form.input.password, client.address).await;
    if done.is_ok() {
        done = session::rotate(form.session(), &form.engine, form.caller.actor.person, true).await;
    }
    form.answer(done, |()| Done::to(local_path(&to.next), "")).await
}
