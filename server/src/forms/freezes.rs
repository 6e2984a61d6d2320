//! Freezes, and single windows that pass one.

use super::{At, AtBoth, Done, TypedForm};
use axum::response::Response;
use domain::freeze::{EndForm, FreezeForm};
use domain::ids::FreezeId;
use domain::procedure::text::plural;
use engine::actions::create_freeze::create_freeze;
use engine::actions::import_freezes::import_freezes;
use engine::actions::lift_freeze::lift_freeze;
use engine::actions::move_freeze_end::move_freeze_end;
use engine::actions::override_freeze::{self, override_freeze};
use engine::actions::preview_freeze_import::{self, preview_freeze_import};
use engine::actions::withdraw_override::withdraw_override;
use serde::Deserialize;
use uuid::Uuid;

/// Why it is lifted, or holds again.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reason {
    reason: String,
}

fn page(id: FreezeId, say: &str) -> Done {
    Done::to(format!("/freezes/{id}"), say)
}

/// Freezes.
pub async fn create(form: TypedForm<FreezeForm>) -> Response {
    let done = create_freeze(&form.engine, &form.caller, &form.input).await;
    form.answer(done, |id| page(id, "Frozen. Owners of windows that it meets are told.")).await
}

/// Moves the end.
pub async fn end(At(id): At<FreezeId>, form: TypedForm<EndForm>) -> Response {
    let done = move_freeze_end(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |()| page(id, "Its end was moved. Owners of windows that it meets are told.")).await
}

/// Lifts.
pub async fn lift(At(id): At<FreezeId>, form: TypedForm<Reason>) -> Response {
    let done = lift_freeze(&form.engine, &form.caller, id, &form.input.reason).await;
    form.answer(done, |()| page(id, "Lifted: approved windows start again at their times.")).await
}

/// Lets a window pass.
pub async fn let_pass(AtBoth(number, id): AtBoth<i64, FreezeId>, form: TypedForm<override_freeze::Input>) -> Response {
    let done = override_freeze(&form.engine, &form.caller, number, id, &form.input).await;
    form.answer(done, |()| Done::to(format!("/windows/{number}"), "This plan may pass the freeze. Its owner and whoever froze are told."))
        .await
}

/// Lets the freeze hold a window again.
pub async fn hold_again(AtBoth(number, id): AtBoth<i64, FreezeId>, form: TypedForm<Reason>) -> Response {
    let done = withdraw_override(&form.engine, &form.caller, number, id, &form.input.reason).await;
    form.answer(done, |()| Done::to(format!("/windows/{number}"), "The freeze holds this window again.")).await
}

/// Keeps a calendar file to be looked at.
pub async fn look(form: TypedForm<preview_freeze_import::Input>) -> Response {
    let done = preview_freeze_import(&form.engine, &form.caller, &form.input).await;
    form.answer(done, |id| Done::to(format!("/freezes/import/{id}"), "")).await
}

/// Makes freezes of it.
pub async fn import(At(id): At<Uuid>, form: TypedForm<Reason>) -> Response {
    let done = import_freezes(&form.engine, &form.caller, id).await;
    form.answer(done, |made| {
        Done::to(
            "/freezes",
            format!(
                "{} made. Owners of windows that they meet are told.",
                plural(u64::try_from(made).unwrap_or(u64::MAX), "freeze was", "freezes were")
            ),
        )
    })
    .await
}
