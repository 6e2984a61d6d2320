//! Mails that a demo shows instead of sending.

use crate::paper::Mail;
use domain::ids::NoticeId;
use sqlx::PgConnection;

/// Puts a mail in.
pub async fn put(db: &mut PgConnection, notice: NoticeId, mail: &Mail, raw: &[u8]) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.mailbox (outbox_id, recipient, subject, text_body, html_body, calendar, raw) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        notice.0,
        mail.to_address,
        mail.subject,
        mail.text,
        mail.html,
        mail.calendar.as_ref().map(|calendar| calendar.text.clone()),
        raw
    )
    .execute(db)
    .await
    .map(drop)
}
