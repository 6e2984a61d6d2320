//! Letting somebody sign in.

use super::{At, Done, Nothing, TypedForm};
use crate::routes::approval::html;
use crate::web::Web;
use axum::extract::State;
use axum::response::Response;
use domain::ids::PersonId;
use engine::actions::{invite_person, withdraw_invite};
use engine::paper::account_page;
use http::StatusCode;

/// Mails the link, or shows it: only in this answer, because it is kept nowhere.
pub async fn invite(State(web): State<Web>, At(id): At<PersonId>, form: TypedForm<invite_person::Input>) -> Response {
    let back = format!("/people/{id}");
    match invite_person::invite_person(&form.engine, &form.caller, id, &form.input).await {
        Ok(Some(link)) => {
            let page = account_page::shown(&link, web.hosts.origin(), &back, &form.caller.actor.zone);
            let then = Done::to(back, "The link was shown once. If it is lost, have a new one shown: the old one then ends.");
            form.shown(html(StatusCode::OK, page), then).await
        }
        Ok(None) => form.answer(Ok(()), |()| Done::to(back, "A mail with a link is on its way to this person.")).await,
        Err(error) => form.answer(Err::<(), _>(error), |()| Done::to(back, "")).await,
    }
}

/// Takes an invitation back.
pub async fn withdraw(At(id): At<PersonId>, form: TypedForm<Nothing>) -> Response {
    let done = withdraw_invite::withdraw_invite(&form.engine, &form.caller, id).await;
    form.answer(done, |()| Done::to(format!("/people/{id}"), "The invitation was withdrawn: its link opens nothing any more.")).await
}
