//! Own procedures: a version is proposed as a file, and somebody else agrees.

use super::{At, Done, TypedForm};
use axum::response::Response;
use domain::ids::OwnProcedureId;
use engine::actions::agree_procedure::{self, agree_procedure};
use engine::actions::end_procedure::{self, end_procedure};
use engine::actions::propose_procedure::{Input, propose_procedure};

fn page(key: &str, say: &str) -> Done {
    Done::to(format!("/procedures/{key}"), say)
}

/// Proposes a version.
pub async fn propose(form: TypedForm<Input>) -> Response {
    let done = propose_procedure(&form.engine, &form.caller, &form.input).await;
    form.answer(done, |key| page(&key, "Proposed. It counts once one other lead, deputy or administrator agrees.")).await
}

/// Lets it count.
pub async fn agree(At(id): At<OwnProcedureId>, form: TypedForm<agree_procedure::Input>) -> Response {
    let done = agree_procedure(&form.engine, &form.caller, id, &form.input).await;
    let say = "It counts from now on. Windows that are sealed keep the version they have; dates of series ask for a new approval.";
    form.answer(done, |key| page(&key, say)).await
}

/// Takes it back, or ends it.
pub async fn end(At(id): At<OwnProcedureId>, form: TypedForm<end_procedure::Input>) -> Response {
    let done = end_procedure(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |(key, counted)| {
        let say = if counted {
            "Ended: nothing new is proposed with it. Windows that are sealed keep it."
        } else {
            "Taken back. What counted before goes on counting."
        };
        page(&key, say)
    })
    .await
}
