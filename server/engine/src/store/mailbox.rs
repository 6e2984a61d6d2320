//! Mails that a demo shows instead of sending.

use crate::paper::Mail;
use domain::ids::NoticeId;
use domain::view::mail::{MailPage, MailRow};
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

/// Whether this installation is a demo: only then there is a mailbox.
pub async fn is_open(db: &mut PgConnection) -> sqlx::Result<bool> {
    Ok(sqlx::query_scalar!("SELECT i.demo FROM drydock.installation i").fetch_optional(db).await?.unwrap_or(false))
}

/// Mails to one address, or to all when it is empty; newest first, at most `most`, older than `before`.
pub async fn list(db: &mut PgConnection, to: &str, before: Option<i64>, most: i64) -> sqlx::Result<Vec<MailRow>> {
    let rows = sqlx::query!(
        "SELECT m.id, m.recipient, m.subject, m.at FROM drydock.mailbox m
         WHERE ($1 = '' OR m.recipient = $1) AND ($2::bigint IS NULL OR m.id < $2) ORDER BY m.id DESC LIMIT $3",
        to,
        before,
        most
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| MailRow { id: row.id, to: row.recipient, subject: row.subject, at: row.at.to_jiff() }).collect())
}

/// Everybody who got mail, with how many, by address.
pub async fn people(db: &mut PgConnection) -> sqlx::Result<Vec<(String, i64)>> {
    let rows =
        sqlx::query!(r#"SELECT m.recipient, count(*) AS "n!" FROM drydock.mailbox m GROUP BY m.recipient ORDER BY m.recipient LIMIT 200"#)
            .fetch_all(db)
            .await?;
    Ok(rows.into_iter().map(|row| (row.recipient, row.n)).collect())
}

/// One mail.
pub async fn one(db: &mut PgConnection, id: i64) -> sqlx::Result<Option<MailPage>> {
    let row = sqlx::query!(
        "SELECT m.id, m.recipient, m.subject, m.at, m.text_body, m.html_body, m.calendar FROM drydock.mailbox m WHERE m.id = $1",
        id
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| MailPage {
        row: MailRow { id: row.id, to: row.recipient, subject: row.subject, at: row.at.to_jiff() },
        text: row.text_body,
        html: row.html_body,
        calendar: row.calendar,
    }))
}
