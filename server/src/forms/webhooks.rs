//! Receivers of events.

use super::{At, AtBoth, Done, Nothing, TypedForm};
use crate::routes::approval::html;
use axum::response::Response;
use domain::ids::{DeliveryId, WebhookId};
use domain::webhook::Draft;
use engine::actions::add_webhook::{Added, add_webhook};
use engine::actions::delete_webhook::{self, delete_webhook};
use engine::actions::edit_webhook::{self, edit_webhook};
use engine::actions::pause_webhook::{self, pause_webhook};
use engine::actions::resend_delivery::resend_delivery;
use engine::actions::resume_webhook::resume_webhook;
use engine::actions::rotate_webhook_secret::rotate_webhook_secret;
use engine::actions::test_webhook::test_webhook;
use engine::paper::webhook_page;
use http::StatusCode;

fn page(id: WebhookId, say: impl Into<String>) -> Done {
    Done::to(format!("/admin/webhooks/{id}"), say)
}

/// The answer to a webhook that has a new secret: it is shown in this answer and nowhere again.
async fn with_secret<T>(form: TypedForm<T>, added: engine::Result<Added>, name: &str, rotated: bool) -> Response {
    match added {
        Ok(Added { id, secret: Some(secret) }) => {
            let shown = webhook_page::secret(name, &secret, rotated, &format!("/admin/webhooks/{id}"));
            let then = page(id, "The secret was shown once. If it is lost, make a new one.");
            form.shown(html(StatusCode::OK, shown), then).await
        }
        Ok(Added { id, secret: None }) => form.answer(Ok(()), |()| page(id, "Added. Send a test to see whether it arrives.")).await,
        Err(error) => form.answer(Err::<(), _>(error), |()| Done::to("/admin/webhooks", "")).await,
    }
}

/// Adds one.
pub async fn add(form: TypedForm<Draft>) -> Response {
    let added = add_webhook(&form.engine, &form.caller, &form.input).await;
    let name = form.input.name.clone();
    with_secret(form, added, &name, false).await
}

/// Changes one.
pub async fn edit(At(id): At<WebhookId>, form: TypedForm<edit_webhook::Input>) -> Response {
    let done = edit_webhook(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |()| page(id, "Saved.")).await
}

/// Makes a new secret.
pub async fn rotate(At(id): At<WebhookId>, form: TypedForm<Nothing>) -> Response {
    let added = rotate_webhook_secret(&form.engine, &form.caller, id).await;
    with_secret(form, added, "the webhook", true).await
}

/// Sends a test.
pub async fn test(At(id): At<WebhookId>, form: TypedForm<Nothing>) -> Response {
    let done = test_webhook(&form.engine, &form.caller, id).await;
    form.answer(done, |()| page(id, "A test is on its way. What becomes of it stands in the log within seconds: load the page again."))
        .await
}

/// Pauses one.
pub async fn pause(At(id): At<WebhookId>, form: TypedForm<pause_webhook::Input>) -> Response {
    let done = pause_webhook(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |()| page(id, "Paused: nothing is sent, and what happens meanwhile is not kept for it.")).await
}

/// Lets one be called again.
pub async fn resume(At(id): At<WebhookId>, form: TypedForm<Nothing>) -> Response {
    let done = resume_webhook(&form.engine, &form.caller, id).await;
    form.answer(done, |()| page(id, "It is called again; what waited leaves now.")).await
}

/// Deletes one.
pub async fn delete(At(id): At<WebhookId>, form: TypedForm<delete_webhook::Input>) -> Response {
    let done = delete_webhook(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |name| Done::to("/admin/webhooks", format!("{name} was deleted, and its address and secrets were destroyed."))).await
}

/// Sends one delivery again.
pub async fn resend(AtBoth(id, delivery): AtBoth<WebhookId, DeliveryId>, form: TypedForm<Nothing>) -> Response {
    let done = resend_delivery(&form.engine, &form.caller, id, delivery).await;
    form.answer(done, |()| page(id, "It is sent again within seconds, under the same id.")).await
}
