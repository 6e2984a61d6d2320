//! Policies.

use super::{At, Done, TypedForm};
use axum::response::Response;
use domain::ids::PolicyId;
use engine::actions::save_policy::{Input, save_policy};

/// Saves a new version.
pub async fn save(At(id): At<PolicyId>, form: TypedForm<Input>) -> Response {
    let done = save_policy(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |version| Done::to("/policies", format!("Saved as version {version}. Windows under way keep theirs."))).await
}
