//! The first run's form.

use super::{Done, PublicForm};
use crate::session;
use crate::visit::Client;
use crate::web::Web;
use axum::extract::State;
use axum::response::Response;
use engine::actions::set_up::{self, set_up};
use engine::actions::sign_in::SignedIn;

/// Sets up and signs the new administrator in.
pub async fn set_up_form(State(web): State<Web>, client: Client, form: PublicForm<set_up::Input>) -> Response {
    let made = set_up(&form.engine, &form.request, web.hosts.origin(), web.demo, &form.input).await;
    let began = match made {
        // A new account: nothing of it was ended yet.
        Ok(person) => session::sign_in(&form.session, &form.engine, SignedIn { person, epoch: 0, factor: false }, &client).await,
        Err(error) => Err(error),
    };
    form.answer(began, |()| Done::to("/", "Drydock is set up, and you are signed in. Next: add people and a team.")).await
}
