//! Who is away, and who votes in their place.

use super::{At, Done, Nothing, TypedForm};
use axum::response::Response;
use domain::absence::Form;
use domain::ids::{AbsenceId, PersonId};
use engine::actions::end_absence::end_absence;
use engine::actions::move_absence::{self, move_absence};
use engine::actions::say_absence::say_absence;

/// Back to the page of whose absence it is.
fn page(form_by: PersonId, person: PersonId, say: &str) -> Done {
    Done::to(if form_by == person { "/me/absence".to_owned() } else { format!("/people/{person}/absence") }, say)
}

/// Of oneself.
pub async fn say_own(form: TypedForm<Form>) -> Response {
    let person = form.caller.actor.person;
    let done = say_absence(&form.engine, &form.caller, person, &form.input).await;
    form.answer(done, |_| page(person, person, "Saved. Whoever votes in your place is told.")).await
}

/// Of somebody else.
pub async fn say(At(person): At<PersonId>, form: TypedForm<Form>) -> Response {
    let (by, done) = (form.caller.actor.person, say_absence(&form.engine, &form.caller, person, &form.input).await);
    form.answer(done, |_| page(by, person, "Saved. They and whoever votes in their place are told.")).await
}

/// Another last day.
pub async fn move_end(At(id): At<AbsenceId>, form: TypedForm<move_absence::Input>) -> Response {
    let (by, done) = (form.caller.actor.person, move_absence(&form.engine, &form.caller, id, &form.input).await);
    form.answer(done, |person| page(by, person, "The last day was moved.")).await
}

/// Over before its last day.
pub async fn end(At(id): At<AbsenceId>, form: TypedForm<Nothing>) -> Response {
    let (by, done) = (form.caller.actor.person, end_absence(&form.engine, &form.caller, id).await);
    form.answer(done, |person| page(by, person, "Ended. Decisions that were given meanwhile stay.")).await
}
