//! Runs: stop, let wait, and decide on a held one.

use super::{At, Done, TypedForm};
use axum::response::Response;
use domain::hold::ResolveForm;
use domain::ids::RunId;
use engine::actions::hold_run::{self, hold_run};
use engine::actions::resolve_hold::resolve_hold;
use engine::actions::stop_run::{self, stop_run};

fn page(run: RunId, say: impl Into<String>) -> Done {
    Done::to(format!("/runs/{run}"), say)
}

/// Asks to stop.
pub async fn stop(At(run): At<RunId>, form: TypedForm<stop_run::Input>) -> Response {
    let done = stop_run(&form.engine, &form.caller, run, &form.input).await;
    form.answer(done, |()| page(run, "Asked to stop. This page says what has really stopped.")).await
}

/// Asks to hold after the current item.
pub async fn hold(At(run): At<RunId>, form: TypedForm<hold_run::Input>) -> Response {
    let done = hold_run(&form.engine, &form.caller, run, &form.input).await;
    form.answer(done, |()| page(run, "Asked to hold. What runs now ends first; then the run waits for a decision.")).await
}

/// Decides on a held run.
pub async fn resolve(At(run): At<RunId>, form: TypedForm<ResolveForm>) -> Response {
    let done = resolve_hold(&form.engine, &form.caller, run, &form.input).await;
    form.answer(done, |verb| page(run, format!("Decided: {}.", verb.label()))).await
}
