//! Messages that have not left.

use super::{At, Done, Nothing, TypedForm};
use axum::response::Response;
use domain::ids::NoticeId;
use domain::procedure::text::plural;
use engine::actions::resend_notice::{resend_notice, resend_parked};
use engine::actions::send_test_mail::send_test_mail;

/// Sends one message anew.
pub async fn resend(At(id): At<NoticeId>, form: TypedForm<Nothing>) -> Response {
    let done = resend_notice(&form.engine, &form.caller, id).await;
    form.answer(done, |()| Done::to("/admin/outbox", "It is sent again within a few seconds.")).await
}

/// Sends a mail to whoever pressed the button.
pub async fn test(form: TypedForm<Nothing>) -> Response {
    let done = send_test_mail(&form.engine, &form.caller).await;
    form.answer(done, |address| {
        let said = format!(
            "A test mail goes to {address} within a few seconds. As long as it has not left, it stands in this list, with the reason."
        );
        Done::to("/admin/outbox", said)
    })
    .await
}

/// Sends everything anew that is parked.
pub async fn resend_all(form: TypedForm<Nothing>) -> Response {
    let done = resend_parked(&form.engine, &form.caller).await;
    form.answer(done, |messages| {
        let parked = plural(messages, "parked message is", "parked messages are");
        Done::to("/admin/outbox", format!("{parked} sent again within a few seconds."))
    })
    .await
}
