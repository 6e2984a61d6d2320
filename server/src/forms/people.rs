//! Forms about people and teams.

use super::{At, Done, TypedForm};
use axum::response::Response;
use domain::ids::{PersonId, TeamId};
use engine::actions::{add_contact, add_person, edit_person, put_team, reset_password, set_active, set_member};
use serde::Deserialize;

/// A new person.
pub async fn add(form: TypedForm<add_person::Input>) -> Response {
    let done = add_person::add_person(&form.engine, &form.caller, &form.input).await;
    let name = form.input.name.trim().to_owned();
    form.answer(done, |id| Done::to(format!("/people/{id}"), format!("{name} was added."))).await
}

/// A changed person.
pub async fn edit(At(id): At<PersonId>, form: TypedForm<edit_person::Input>) -> Response {
    let done = edit_person::edit_person(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |()| Done::to(format!("/people/{id}"), "Saved.")).await
}

/// Whether a person may act.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Active {
    active: String,
}

/// Deactivates or reactivates.
pub async fn set_active(At(id): At<PersonId>, form: TypedForm<Active>) -> Response {
    let active = form.input.active == "yes";
    let done = set_active::set_active(&form.engine, &form.caller, id, active).await;
    form.answer(done, |windows| Done::to(format!("/people/{id}"), after_activity(active, &windows))).await
}

fn after_activity(active: bool, windows: &[i64]) -> String {
    if active {
        return "Reactivated. Votes of this person count again in 24 hours.".to_owned();
    }
    if windows.is_empty() {
        return "Deactivated. No open window counted on this person's approval.".to_owned();
    }
    let list = windows.iter().map(|number| format!("#{number}")).collect::<Vec<_>>().join(", ");
    format!("Deactivated. These windows counted on this person's approval, look whether it is still enough: {list}.")
}

/// A password from an administrator.
pub async fn reset_password(At(id): At<PersonId>, form: TypedForm<reset_password::Input>) -> Response {
    let done = reset_password::reset_password(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |()| {
        Done::to(format!("/people/{id}"), "The password is set. Tell it in person; they can change it on their profile page.")
    })
    .await
}

/// A new team.
pub async fn add_team(form: TypedForm<put_team::Input>) -> Response {
    let done = put_team::put_team(&form.engine, &form.caller, None, &form.input).await;
    form.answer(done, |id| Done::to(format!("/teams/{id}"), "The team was added. Add its lead and engineers.")).await
}

/// A renamed team.
pub async fn edit_team(At(id): At<TeamId>, form: TypedForm<put_team::Input>) -> Response {
    let done = put_team::put_team(&form.engine, &form.caller, Some(id), &form.input).await;
    form.answer(done, |id| Done::to(format!("/teams/{id}"), "Saved.")).await
}

/// A role in a team.
pub async fn set_member(At(id): At<TeamId>, form: TypedForm<set_member::Input>) -> Response {
    let done = set_member::set_member(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |()| Done::to(format!("/teams/{id}"), "Saved.")).await
}

/// A stakeholder without account.
pub async fn add_contact(At(id): At<TeamId>, form: TypedForm<add_contact::Input>) -> Response {
    let done = add_contact::add_contact(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |_| Done::to(format!("/teams/{id}"), "The stakeholder was added.")).await
}
