//! Databases: registration, edits, tests, backups, critical queries.

use super::{At, Done, TypedForm};
use axum::response::Response;
use domain::examination::Question;
use domain::ids::TargetId;
use domain::target::LinkForm;
use engine::actions::acknowledge_superuser::acknowledge_superuser;
use engine::actions::add_critical_query::{self, add_critical_query};
use engine::actions::ask_examination::ask_examination;
use engine::actions::delete_target::delete_target;
use engine::actions::edit_target::{self, edit_target};
use engine::actions::link_target::link_target;
use engine::actions::record_backup::{self, record_backup};
use engine::actions::register_target::{self, register_target};
use engine::actions::reinstate_target::reinstate_target;
use engine::actions::replace_password::replace_password;
use engine::actions::retire_critical_query::retire_critical_query;
use engine::actions::retire_target::retire_target;
use engine::actions::rotate_password::rotate_password;
use engine::actions::set_hours::{self, set_hours};
use engine::actions::set_stakeholders::set_stakeholders;
use engine::actions::set_tags::{self, set_tags};
use engine::actions::transfer_target::{self, transfer_target};
use engine::actions::unlink_target::unlink_target;
use secrecy::SecretString;
use serde::Deserialize;
use uuid::Uuid;

/// Forms with a field or two; which ones is the handler's business.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    stakeholders: String,
    reason: String,
    confirm: String,
    password: SecretString,
    query: Uuid,
    other: Uuid,
}

fn page(id: TargetId, say: &str) -> Done {
    Done::to(format!("/databases/{id}"), say)
}

/// Registers a database.
pub async fn register(form: TypedForm<register_target::Input>) -> Response {
    let done = register_target(&form.engine, &form.caller, &form.input).await;
    form.answer(done, |id| page(id, "Registered. A worker tests the connection.")).await
}

/// Edits a registration.
pub async fn edit(At(id): At<TargetId>, form: TypedForm<edit_target::Input>) -> Response {
    let done = edit_target(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |()| page(id, "Saved.")).await
}

/// Replaces the stored password.
pub async fn password(At(id): At<TargetId>, form: TypedForm<Fields>) -> Response {
    let done = replace_password(&form.engine, &form.caller, id, &form.input.password).await;
    form.answer(done, |()| page(id, "Replaced. A worker tests the connection with the new password.")).await
}

/// Names the stakeholders.
pub async fn stakeholders(At(id): At<TargetId>, form: TypedForm<Fields>) -> Response {
    let done = set_stakeholders(&form.engine, &form.caller, id, &form.input.stakeholders).await;
    form.answer(done, |()| page(id, "Saved.")).await
}

/// Sets the hours in which it may be maintained.
pub async fn hours(At(id): At<TargetId>, form: TypedForm<set_hours::Input>) -> Response {
    let done = set_hours(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |()| page(id, "Saved. Proposals from now on keep to them, or say why not.")).await
}

/// Sets the tags by which policies choose.
pub async fn tags(At(id): At<TargetId>, form: TypedForm<set_tags::Input>) -> Response {
    let done = set_tags(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |()| page(id, "Saved. Windows proposed from now on are ruled by what fits.")).await
}

/// Asks for a connection test.
pub async fn test(At(id): At<TargetId>, form: TypedForm<Fields>) -> Response {
    let done = ask_examination(&form.engine, &form.caller, id, Question::ConnectionTest).await;
    form.answer(done, |_| page(id, "")).await
}

/// Accepts a superuser's role.
pub async fn superuser(At(id): At<TargetId>, form: TypedForm<Fields>) -> Response {
    let done = acknowledge_superuser(&form.engine, &form.caller, id, &form.input.reason).await;
    form.answer(done, |()| page(id, "Accepted, with your reason. A worker tests the connection again.")).await
}

/// Records an outside backup.
pub async fn backup(At(id): At<TargetId>, form: TypedForm<record_backup::Input>) -> Response {
    let done = record_backup(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |()| page(id, "Recorded.")).await
}

/// Asks a worker to prove the newest backup.
pub async fn prove(At(id): At<TargetId>, form: TypedForm<Fields>) -> Response {
    let done = ask_examination(&form.engine, &form.caller, id, Question::BackupProof).await;
    form.answer(done, |_| Done::to(format!("/databases/{id}#backups"), "")).await
}

/// Registers a critical query.
pub async fn query(At(id): At<TargetId>, form: TypedForm<add_critical_query::Input>) -> Response {
    let done = add_critical_query(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |()| page(id, "Registered.")).await
}

/// Takes a critical query out of use.
pub async fn retire_query(At(id): At<TargetId>, form: TypedForm<Fields>) -> Response {
    let done = retire_critical_query(&form.engine, &form.caller, id, form.input.query).await;
    form.answer(done, |()| page(id, "Retired. Plans that are sealed already keep it.")).await
}

/// Links it with another database.
pub async fn link(At(id): At<TargetId>, form: TypedForm<LinkForm>) -> Response {
    let done = link_target(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |()| page(id, "Linked. Windows on either of the two are named to whoever plans on the other.")).await
}

/// Takes such a link away.
pub async fn unlink(At(id): At<TargetId>, form: TypedForm<Fields>) -> Response {
    let done = unlink_target(&form.engine, &form.caller, id, TargetId(form.input.other)).await;
    form.answer(done, |()| page(id, "The link was removed.")).await
}

/// Asks a worker for another password.
pub async fn rotate(At(id): At<TargetId>, form: TypedForm<Fields>) -> Response {
    let done = rotate_password(&form.engine, &form.caller, id).await;
    form.answer(done, |_| page(id, "Asked for. A worker makes the new password, and this page says when it is proven.")).await
}

/// Gives it to another team.
pub async fn transfer(At(id): At<TargetId>, form: TypedForm<transfer_target::Input>) -> Response {
    let done = transfer_target(&form.engine, &form.caller, id, &form.input).await;
    // The one who gave it away may not see it any more.
    form.answer(done, |()| Done::to("/databases", "Given to the other team. The leads of both are told.")).await
}

/// Takes a retired registration back.
pub async fn reinstate(At(id): At<TargetId>, form: TypedForm<Fields>) -> Response {
    let done = reinstate_target(&form.engine, &form.caller, id, &form.input.password).await;
    form.answer(done, |()| page(id, "Taken back. A worker tests the connection.")).await
}

/// Deletes a retired registration for ever.
pub async fn delete(At(id): At<TargetId>, form: TypedForm<Fields>) -> Response {
    let done = delete_target(&form.engine, &form.caller, id, &form.input.confirm).await;
    form.answer(done, |()| page(id, "Deleted. Its history stays, and its name is free.")).await
}

/// Puts a registration away.
pub async fn retire(At(id): At<TargetId>, form: TypedForm<Fields>) -> Response {
    let done = retire_target(&form.engine, &form.caller, id, &form.input.confirm).await;
    form.answer(done, |()| page(id, "Retired. Its password was destroyed.")).await
}
