//! The first run's form.

use super::sign_in::begin;
use super::{Done, PublicForm};
use crate::visit::Client;
use crate::web::Web;
use axum::extract::State;
use axum::response::Response;
use engine::actions::set_up::{self, set_up};

/// Sets up and signs the new administrator in.
pub async fn set_up_form(State(web): State<Web>, client: Client, form: PublicForm<set_up::Input>) -> Response {
    let made = set_up(&form.engine, &form.request, web.hosts.origin(), web.demo, &form.input).await;
    let began = match made {
        Ok(person) => begin(&form, person, &client).await,
        Err(error) => Err(error),
    };
    form.answer(began, |()| Done::to("/", "Drydock is set up, and you are signed in. Next: add people and a team.")).await
}
