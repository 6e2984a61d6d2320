//! Second factors: set up, confirmed, removed, and shown at the sign-in.

use super::sign_in::{Next, with_colours};
use super::{At, Done, Nothing, PublicForm, TypedForm};
use crate::routes::approval::html;
use crate::session;
use crate::visit::{Client, flash, local_path, sign_in_path};
use crate::web::Web;
use app::door::{Flash, FlashKind, Visit};
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use axum_extra::extract::CookieJar;
use domain::ids::PersonId;
use engine::Error;
use engine::actions::pass_factor::{self, BEGIN_AGAIN, pass_factor};
use engine::actions::remove_factor::{self, remove_factor, take_factor_away};
use engine::actions::{begin_factor, confirm_factor};
use engine::paper::factor_page;
use http::StatusCode;
use std::sync::Arc;

const PAGE: &str = "/me/factor";

/// Makes a secret for the app.
pub async fn begin(form: TypedForm<Nothing>) -> Response {
    let done = begin_factor::begin_factor(&form.engine, &form.caller).await;
    form.answer(done, |()| Done::to(PAGE, "")).await
}

/// Turns it on, and shows the recovery codes in this answer alone: whatever becomes of the session, the factor is on and needs them.
pub async fn confirm(client: Client, Extension(visit): Extension<Arc<Visit>>, form: TypedForm<confirm_factor::Input>) -> Response {
    match confirm_factor::confirm_factor(&form.engine, &form.caller, visit.session, &form.input, client.address).await {
        Ok(codes) => {
            if let Err(error) = session::shown_factor(form.session(), &form.engine, form.caller.actor.person).await {
                tracing::error!(request.id = visit.request, %error, "a session got no new key after its second factor was set up");
            }
            let then = Done::to(PAGE, "Your second factor is on. Its recovery codes were shown once.");
            form.shown(html(StatusCode::OK, factor_page::codes(&codes, PAGE)), then).await
        }
        Err(error) => form.answer(Err::<(), _>(error), |()| Done::to(PAGE, "")).await,
    }
}

/// Removes the own one.
pub async fn remove(client: Client, form: TypedForm<remove_factor::Input>) -> Response {
    let done = remove_factor(&form.engine, &form.caller, &form.input, client.address).await;
    form.answer(done, |()| Done::to(PAGE, "Your second factor is removed. The password alone signs you in from now on.")).await
}

/// Removes somebody else's.
pub async fn take_away(At(id): At<PersonId>, form: TypedForm<remove_factor::Reason>) -> Response {
    let done = take_factor_away(&form.engine, &form.caller, id, &form.input).await;
    let say = "The second factor is removed. This person was told and signed out, and no vote of theirs counts for 24 hours.";
    form.answer(done, |()| Done::to(format!("/people/{id}"), say)).await
}

/// The code after the password: signs in, and goes on to where the person wanted to be.
pub async fn pass(
    State(web): State<Web>,
    jar: CookieJar,
    Query(to): Query<Next>,
    client: Client,
    form: PublicForm<pass_factor::Input>,
) -> Response {
    let half = form.session.id().map(|id| session::key(&id));
    let signed_in = match pass_factor(&form.engine, &form.request, half, &form.input, client.address).await {
        Ok(signed_in) => session::sign_in(&form.session, &form.engine, signed_in, &client).await.map(|()| signed_in.person),
        Err(error) => Err(error),
    };
    let next = local_path(&to.next).to_owned();
    match signed_in {
        Err(Error::Refused(refusal)) if refusal.code == BEGIN_AGAIN => {
            flash(&form.session, Flash { kind: FlashKind::Refused, text: refusal.to_string() }).await;
            form.answer(Ok(()), |()| Done::to(sign_in_path(&next), "")).await
        }
        signed_in => with_colours(&web, jar, signed_in, form, &next).await,
    }
}
