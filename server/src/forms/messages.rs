//! Messages that were read.

use super::{Done, TypedForm};
use axum::response::Response;
use engine::actions::read_messages::{self, read_all};

/// All that the page could show.
pub async fn read(form: TypedForm<read_messages::Input>) -> Response {
    let done = read_all(&form.engine, &form.caller, &form.input).await;
    form.answer(done, |_| Done::to("/messages", "")).await
}
