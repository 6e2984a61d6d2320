//! From a message to what it is about.

use crate::forms::{At, SignedIn};
use app::door::{Visit, status_of};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::ids::MessageId;
use engine::Engine;
use engine::actions::read_messages::follow_message;
use std::sync::Arc;

/// Leads on; the message counts as read from then on.
pub async fn follow(
    State(engine): State<Engine>,
    Extension(visit): Extension<Arc<Visit>>,
    SignedIn(caller): SignedIn,
    At(id): At<MessageId>,
) -> Response {
    match follow_message(&engine, &caller, id).await {
        Ok(path) => Redirect::to(&path).into_response(),
        Err(error) => {
            visit.note(&error);
            status_of(&error).into_response()
        }
    }
}
