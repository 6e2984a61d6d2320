//! Forms about people and teams.

use super::{At, Done, TypedForm};
use crate::session;
use axum::response::Response;
use domain::ids::{PersonId, TeamId};
use engine::actions::{add_contact, add_person, deactivate_person, edit_person, put_team, reactivate_person, set_member};
use std::collections::HashMap;

/// A new person.
pub async fn add(form: TypedForm<add_person::Input>) -> Response {
    let done = add_person::add_person(&form.engine, &form.caller, &form.input).await;
    let name = form.input.name.trim().to_owned();
    let more = if form.input.account == "invite" { " An invitation is on its way by mail." } else { "" };
    form.answer(done, |id| Done::to(format!("/people/{id}"), format!("{name} was added.{more}"))).await
}

/// A changed person.
pub async fn edit(At(id): At<PersonId>, form: TypedForm<edit_person::Input>) -> Response {
    let done = edit_person::edit_person(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |edited| Done::to(format!("/people/{id}"), after_edit(&edited))).await
}

fn after_edit(edited: &edit_person::Edited) -> String {
    let mut say = "Saved.".to_owned();
    if edited.marked_shared {
        say.push_str(" The address is named after a function, so it stays marked as shared: it is told, and does not vote.");
    }
    if edited.rests {
        say.push_str(" No vote of this person counts for 24 hours.");
    }
    if !edited.windows.is_empty() {
        say.push_str(&format!(" Until then these windows miss this person's approval: {}.", numbers(&edited.windows)));
    }
    say
}

fn numbers(windows: &[i64]) -> String {
    windows.iter().map(|number| format!("#{number}")).collect::<Vec<_>>().join(", ")
}

/// Deactivates, with who takes over which window.
pub async fn deactivate(At(id): At<PersonId>, form: TypedForm<deactivate_person::Input>) -> Response {
    let number = |name: &str| name.strip_prefix("owner-").and_then(|number| number.parse::<i64>().ok());
    let heirs = form.fields().iter().filter_map(|(name, value)| Some((number(name)?, value.clone()))).collect();
    let done = deactivate_person::deactivate_person(&form.engine, &form.caller, id, &form.input, &heirs).await;
    form.answer(done, |left| Done::to(format!("/people/{id}"), after_leaving(&left))).await
}

fn after_leaving(left: &deactivate_person::Left) -> String {
    let mut say = "Deactivated.".to_owned();
    for (windows, what) in [
        (&left.handed_over, "Handed over, and the new owners are told"),
        (&left.lost_quorum, "Lost their quorum and wait for approval again"),
        (&left.stopped, "Run now, and their next step will not begin without a quorum"),
        (&left.unreachable, "Could not be approved by anybody any more"),
    ] {
        if !windows.is_empty() {
            say.push_str(&format!(" {what}: {}.", numbers(windows)));
        }
    }
    say
}

/// Reactivates.
pub async fn reactivate(At(id): At<PersonId>, form: TypedForm<HashMap<String, String>>) -> Response {
    let done = reactivate_person::reactivate_person(&form.engine, &form.caller, id).await;
    form.answer(done, |()| Done::to(format!("/people/{id}"), "Reactivated. Votes of this person count again in 24 hours.")).await
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

/// A role in a team. Whoever gives one to themselves goes on under a new session id.
pub async fn set_member(At(id): At<TeamId>, form: TypedForm<set_member::Input>) -> Response {
    let mut done = set_member::set_member(&form.engine, &form.caller, id, &form.input).await;
    if done.is_ok() && form.input.person == form.caller.actor.person.to_string() {
        done = session::rotate(form.session(), &form.engine, form.caller.actor.person, false).await;
    }
    form.answer(done, |()| Done::to(format!("/teams/{id}"), "Saved.")).await
}

/// A stakeholder without account.
pub async fn add_contact(At(id): At<TeamId>, form: TypedForm<add_contact::Input>) -> Response {
    let done = add_contact::add_contact(&form.engine, &form.caller, id, &form.input).await;
    let shared = domain::people::email("email", &form.input.email).is_ok_and(|email| domain::people::is_shared_address(&email));
    let hint = if shared { " The address is named after a function, so it is told and does not vote." } else { "" };
    form.answer(done, |_| Done::to(format!("/teams/{id}"), format!("The stakeholder was added.{hint}"))).await
}
