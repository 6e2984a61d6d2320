//! Policies: a change is proposed, and others agree.

use super::{At, Done, Nothing, TypedForm};
use axum::response::Response;
use domain::ids::{PolicyCaseId, PolicyChangeId, PolicyId};
use engine::actions::agree_policy::{self, agree_policy};
use engine::actions::forget_example::forget_example;
use engine::actions::keep_example::{self, keep_example};
use engine::actions::propose_policy::{Input, Proposed, propose_policy};
use engine::actions::withdraw_policy::withdraw_policy;

/// Proposes a new policy.
pub async fn add(form: TypedForm<Input>) -> Response {
    let done = propose_policy(&form.engine, &form.caller, None, &form.input, form.fields()).await;
    form.answer(done, proposed).await
}

/// Proposes the next version of a policy.
pub async fn change(At(id): At<PolicyId>, form: TypedForm<Input>) -> Response {
    let done = propose_policy(&form.engine, &form.caller, Some(id), &form.input, form.fields()).await;
    form.answer(done, proposed).await
}

fn proposed(proposed: Proposed) -> Done {
    let say = match proposed.needed {
        0 => "Saved: no database is concerned yet, so nobody else had to agree.".to_owned(),
        1 => "Proposed. It counts once one other person has agreed; the page names who can.".to_owned(),
        n => format!("Proposed. It counts once {n} others have agreed; the page names who can."),
    };
    Done::to("/policies", say)
}

/// Agrees to a proposed version.
pub async fn agree(At(id): At<PolicyChangeId>, form: TypedForm<agree_policy::Input>) -> Response {
    let done = agree_policy(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |missing| Done::to("/policies", agreed(missing))).await
}

fn agreed(missing: usize) -> String {
    match missing {
        0 => {
            "Your agreement was the last one needed: it counts from now on. Windows under way keep what is sealed in their plan.".to_owned()
        }
        1 => "Your agreement was recorded; one more is needed.".to_owned(),
        n => format!("Your agreement was recorded; {n} more are needed."),
    }
}

/// Takes a proposed version back.
pub async fn withdraw(At(id): At<PolicyChangeId>, form: TypedForm<Nothing>) -> Response {
    let done = withdraw_policy(&form.engine, &form.caller, id).await;
    form.answer(done, |()| Done::to("/policies", "Taken back. What ruled before goes on ruling.")).await
}

/// Keeps an imagined window as an example.
pub async fn keep(form: TypedForm<keep_example::Input>) -> Response {
    let done = keep_example(&form.engine, &form.caller, &form.input).await;
    form.answer(done, |_| Done::to("/policies/who", "Kept. Every change of a policy has to keep it true.")).await
}

/// Forgets an example.
pub async fn forget(At(id): At<PolicyCaseId>, form: TypedForm<Nothing>) -> Response {
    let done = forget_example(&form.engine, &form.caller, id).await;
    form.answer(done, |()| Done::to("/policies/who", "Forgotten.")).await
}
