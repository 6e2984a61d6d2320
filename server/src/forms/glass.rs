//! Break-glass: asked for, confirmed, reviewed.

use super::{At, AtBoth, Done, TypedForm};
use axum::response::Response;
use domain::glass::{AskForm, ReviewForm};
use domain::ids::GlassId;
use engine::actions::ask_break_glass::ask_break_glass;
use engine::actions::confirm_break_glass::{self, confirm_break_glass};
use engine::actions::review_break_glass::review_break_glass;

fn page(number: i64, say: &str) -> Done {
    Done::to(format!("/windows/{number}#glass"), say)
}

/// Asks.
pub async fn ask(At(number): At<i64>, form: TypedForm<AskForm>) -> Response {
    let done = ask_break_glass(&form.engine, &form.caller, number, &form.input).await;
    form.answer(done, |()| page(number, "Asked for. Call somebody who confirms it on this page within 30 minutes.")).await
}

/// Confirms.
pub async fn confirm(At(number): At<i64>, form: TypedForm<confirm_break_glass::Input>) -> Response {
    let done = confirm_break_glass(&form.engine, &form.caller, number, &form.input).await;
    form.answer(done, |()| page(number, "Confirmed: it runs at its time. Everybody concerned is told, and a review is owed.")).await
}

/// Reviews.
pub async fn review(AtBoth(number, glass): AtBoth<i64, GlassId>, form: TypedForm<ReviewForm>) -> Response {
    let done = review_break_glass(&form.engine, &form.caller, number, glass, &form.input).await;
    form.answer(done, |()| page(number, "Reviewed. It stays with the window and in the trail.")).await
}
