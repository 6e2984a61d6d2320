//! Pausing all maintenance, and resuming it.

use super::{Done, TypedForm};
use axum::response::Response;
use domain::pause::{PauseForm, PauseLevel};
use engine::actions::pause_all::pause_all;
use engine::actions::resume_all::resume_all;
use serde::Deserialize;

/// Why it may go on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reason {
    reason: String,
}

/// Pauses, or lets a pause reach farther.
pub async fn pause(form: TypedForm<PauseForm>) -> Response {
    let done = pause_all(&form.engine, &form.caller, &form.input).await;
    form.answer(done, |level| Done::to("/pause", said(level))).await
}

fn said(level: PauseLevel) -> &'static str {
    match level {
        PauseLevel::StartNothing => "Paused: nothing starts from now on. Runs in progress go on.",
        PauseLevel::HoldRunning => "Paused: nothing starts, and runs in progress are held before their next item.",
    }
}

/// Resumes.
pub async fn resume(form: TypedForm<Reason>) -> Response {
    let done = resume_all(&form.engine, &form.caller, &form.input.reason).await;
    form.answer(done, |()| Done::to("/pause", "Resumed: approved windows start again at their times.")).await
}
