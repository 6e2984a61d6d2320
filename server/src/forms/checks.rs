//! The validation list: answer, accept, probe again, sign off.

use super::{At, AtBoth, Done, Nothing, TypedForm};
use axum::response::Response;
use engine::actions::accept_red::{self, accept_red};
use engine::actions::close_window::{self, close_window};
use engine::actions::probe_again::probe_again;
use engine::actions::tick_item::{self, tick_item};

fn page(number: i64, say: impl Into<String>) -> Done {
    Done::to(format!("/windows/{number}/checklist"), say)
}

/// Answers an item; the path says which.
pub async fn tick(AtBoth(number, ordinal): AtBoth<i64, String>, mut form: TypedForm<tick_item::Input>) -> Response {
    form.input.ordinal = ordinal;
    let done = tick_item(&form.engine, &form.caller, number, &form.input).await;
    form.answer(done, |state| page(number, format!("Answered: {}.", state.label()))).await
}

/// Accepts a failed item.
pub async fn accept(AtBoth(number, ordinal): AtBoth<i64, String>, mut form: TypedForm<accept_red::Input>) -> Response {
    form.input.ordinal = ordinal;
    let done = accept_red(&form.engine, &form.caller, number, &form.input).await;
    form.answer(done, |state| page(number, format!("{}.", state.label()))).await
}

/// Asks a worker to measure again.
pub async fn probe(At(number): At<i64>, form: TypedForm<Nothing>) -> Response {
    let done = probe_again(&form.engine, &form.caller, number).await;
    form.answer(done, |_| page(number, "")).await
}

/// Signs off.
pub async fn close(At(number): At<i64>, form: TypedForm<close_window::Input>) -> Response {
    let done = close_window(&form.engine, &form.caller, number, &form.input).await;
    form.answer(done, |()| Done::to(format!("/windows/{number}"), "Signed off. Everybody concerned gets the all-clear.")).await
}
