//! Making and revoking calendar feeds of one's own.

use super::{At, Done, Nothing, TypedForm};
use crate::routes::approval::html;
use crate::web::Web;
use app::door::Visit;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use domain::ids::FeedId;
use engine::actions::{make_feed, revoke_feed};
use engine::paper;
use http::StatusCode;
use std::sync::Arc;

const PAGE: &str = "/me/calendar";

/// Makes a feed and shows its address: only in this answer, because it is kept nowhere.
pub async fn make(State(web): State<Web>, Extension(visit): Extension<Arc<Visit>>, form: TypedForm<make_feed::Input>) -> Response {
    match make_feed::make_feed(&form.engine, &form.caller, visit.session, &form.input).await {
        Ok(made) => {
            let page = paper::feed_shown(&made, web.hosts.origin(), PAGE);
            let then = Done::to(PAGE, "The address was shown once. If it is lost, revoke the feed and make a new one.");
            form.shown(html(StatusCode::OK, page), then).await
        }
        Err(error) => form.answer(Err::<(), _>(error), |()| Done::to(PAGE, "")).await,
    }
}

/// Revokes one.
pub async fn revoke(At(id): At<FeedId>, form: TypedForm<Nothing>) -> Response {
    let done = revoke_feed::revoke_feed(&form.engine, &form.caller, id).await;
    form.answer(done, |()| Done::to(PAGE, "The feed was revoked: calendars that still ask for it get nothing.")).await
}
