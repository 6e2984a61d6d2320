//! What people write about a window.

use super::{At, AtBoth, Done, TypedForm};
use axum::response::Response;
use domain::ids::CommentId;
use domain::procedure::text::plural;
use engine::actions::retract_comment::retract_comment;
use engine::actions::write_comment::{Input, write_comment};
use std::collections::HashMap;

fn place(number: i64) -> String {
    format!("/windows/{number}#conversation")
}

/// Writes a comment.
pub async fn write(At(number): At<i64>, form: TypedForm<Input>) -> Response {
    let done = write_comment(&form.engine, &form.caller, number, &form.input).await;
    form.answer(done, |told| Done::to(place(number), said(told))).await
}

fn said(told: usize) -> String {
    let told = u64::try_from(told).unwrap_or(u64::MAX);
    if told == 0 { "Written.".to_owned() } else { format!("Written. {} told by mail.", plural(told, "person is", "people are")) }
}

/// Takes one's own comment back.
pub async fn retract(AtBoth(number, comment): AtBoth<i64, CommentId>, form: TypedForm<HashMap<String, String>>) -> Response {
    let done = retract_comment(&form.engine, &form.caller, number, comment).await;
    form.answer(done, |()| Done::to(place(number), "Taken back: nobody is shown the text any more.")).await
}
