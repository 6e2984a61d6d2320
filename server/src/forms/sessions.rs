//! Ending sessions of one's own.

use super::sign_in::forgetting;
use super::{At, Done, Nothing, TypedForm};
use app::door::Visit;
use axum::Extension;
use axum::response::Response;
use domain::ids::SessionId;
use engine::actions::end_sessions::{Which, end_sessions};
use serde::Deserialize;
use std::sync::Arc;

/// Ends one session; the own one leads to the sign-in.
pub async fn end_one(Extension(visit): Extension<Arc<Visit>>, At(id): At<SessionId>, form: TypedForm<Nothing>) -> Response {
    let done = end_sessions(&form.engine, &form.caller, Which::One(id)).await;
    let own = done.is_ok() && visit.session == Some(id);
    let response =
        form.answer(done, |_| if own { Done::to("/login", "") } else { Done::to("/me/sessions", "That session was ended.") }).await;
    if own { forgetting(response) } else { response }
}

/// Which sessions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Many {
    which: String,
}

/// Ends all sessions, or all others.
pub async fn end_many(Extension(visit): Extension<Arc<Visit>>, form: TypedForm<Many>) -> Response {
    let which = match visit.session.filter(|_| form.input.which == "others") {
        Some(keep) => Which::Others(keep),
        None => Which::All,
    };
    let done = end_sessions(&form.engine, &form.caller, which).await;
    let out = done.is_ok() && which == Which::All;
    let response = form.answer(done, |ended| if out { Done::to("/login", "") } else { Done::to("/me/sessions", said(ended)) }).await;
    if out { forgetting(response) } else { response }
}

fn said(ended: u64) -> String {
    match ended {
        0 => "There was no other session.".to_owned(),
        1 => "One other session was ended.".to_owned(),
        _ => format!("{ended} other sessions were ended."),
    }
}
