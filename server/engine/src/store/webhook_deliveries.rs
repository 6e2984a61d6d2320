//! Events on their way to receivers, and what came of every call.
//!
//! Only [`crate::ledger`] owes events. Here they are claimed, and what came of them is recorded.

use super::Stamp;
use domain::ids::{DeliveryId, EventId, WebhookId};
use domain::view::webhooks::{DeliveryRow, TryRow};
use domain::webhook::Event;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A delivery that one worker holds, with everything it says.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Identity.
    pub id: DeliveryId,
    /// To which receiver.
    pub webhook: WebhookId,
    /// What the receiver understands, as stored.
    pub format: String,
    /// Its address, sealed.
    pub url: Vec<u8>,
    /// Which event.
    pub event: EventId,
    /// Its word.
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// What is told.
    pub happening: Value,
    /// This try, from 1 since it was owed or last sent again.
    pub attempt: i32,
}

/// Takes at most one due delivery for each of at most `most` receivers, and none for those that are being called: a slow receiver makes no
/// other one wait.
pub async fn claim(db: &mut PgConnection, worker: &str, lease_s: f64, most: i64) -> sqlx::Result<Vec<Claimed>> {
    let rows = sqlx::query!(
        r#"UPDATE drydock.webhook_delivery AS d
           SET state = 'sending', worker = $1, lease_until = clock_timestamp() + make_interval(secs => $2), attempts = d.attempts + 1
           FROM (SELECT c.id FROM drydock.webhook_delivery c
                 WHERE c.id IN (SELECT DISTINCT ON (n.webhook_id) n.id FROM drydock.webhook_delivery n JOIN drydock.webhook h ON h.id = n.webhook_id AND h.state = 'active'
                                WHERE n.state IN ('waiting', 'sending')
                                  AND ((n.state = 'waiting' AND n.next_at <= clock_timestamp()) OR (n.state = 'sending' AND n.lease_until < clock_timestamp()))
                                  AND NOT EXISTS (SELECT FROM drydock.webhook_delivery s WHERE s.webhook_id = n.webhook_id AND s.state = 'sending' AND s.lease_until >= clock_timestamp())
                                ORDER BY n.webhook_id, n.next_at, n.id)
                   AND ((c.state = 'waiting' AND c.next_at <= clock_timestamp()) OR (c.state = 'sending' AND c.lease_until < clock_timestamp()))
                 ORDER BY c.next_at LIMIT $3 FOR UPDATE SKIP LOCKED) AS due, drydock.webhook h, drydock.webhook_event e
           WHERE d.id = due.id AND h.id = d.webhook_id AND e.id = d.event_id
           RETURNING d.id, d.webhook_id, h.format, h.url, e.id AS event_id, e.event, e.fact_at, e.happening, d.attempts"#,
        worker,
        lease_s,
        most
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Claimed {
            id: DeliveryId(row.id),
            webhook: WebhookId(row.webhook_id),
            format: row.format,
            url: row.url,
            event: EventId(row.event_id),
            kind: row.event,
            at: row.fact_at.to_jiff(),
            happening: row.happening,
            attempt: row.attempts,
        })
        .collect())
}

/// What one try came to.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The receiver took it.
    pub taken: bool,
    /// The receiver says that it is gone.
    pub gone: bool,
    /// HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// How long it took.
    pub took_ms: i64,
    /// In our words.
    pub detail: String,
    /// The beginning of the answer.
    pub excerpt: String,
}

/// Writes a try down.
pub async fn record(db: &mut PgConnection, delivery: DeliveryId, tried: &Tried) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.webhook_try (delivery_id, number, taken, status, took_ms, detail, excerpt)
         SELECT $1, coalesce(max(t.number), 0) + 1, $2, $3, $4, left($5, 1000), left($6, 4000) FROM drydock.webhook_try t WHERE t.delivery_id = $1",
        delivery.0,
        tried.taken,
        tried.status.map(i32::from),
        tried.took_ms,
        tried.detail,
        tried.excerpt
    )
    .execute(db)
    .await
    .map(drop)
}

/// Puts a delivery where it belongs after a try of `worker`: taken, or later, or parked for want of a later. False when another worker has it.
pub async fn settle(db: &mut PgConnection, delivery: DeliveryId, worker: &str, tried: &Tried, later_s: Option<f64>) -> sqlx::Result<bool> {
    let state = match (tried.taken, later_s) {
        (true, _) => "taken",
        (false, Some(_)) => "waiting",
        (false, None) => "parked",
    };
    let done = sqlx::query!(
        "UPDATE drydock.webhook_delivery AS d SET state = $3, taken_at = CASE WHEN $3 = 'taken' THEN clock_timestamp() END, next_at = clock_timestamp() + make_interval(secs => $4),
             last_error = CASE WHEN $3 = 'taken' THEN NULL ELSE left($5, 1000) END, worker = NULL, lease_until = NULL
         WHERE d.id = $1 AND d.worker = $2 AND d.state = 'sending'",
        delivery.0,
        worker,
        state,
        later_s.unwrap_or(0.0),
        tried.detail
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets a delivery be sent again, now; false when it is being sent, or there is none of this receiver.
pub(crate) async fn resend(db: &mut PgConnection, webhook: WebhookId, delivery: DeliveryId) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.webhook_delivery AS d SET state = 'waiting', attempts = 0, next_at = clock_timestamp(), taken_at = NULL WHERE d.id = $1 AND d.webhook_id = $2 AND d.state <> 'sending'",
        delivery.0,
        webhook.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Where a delivery of a receiver is.
pub(crate) async fn delivery_state(db: &mut PgConnection, webhook: WebhookId, delivery: DeliveryId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("SELECT d.state FROM drydock.webhook_delivery d WHERE d.id = $1 AND d.webhook_id = $2", delivery.0, webhook.0)
        .fetch_optional(db)
        .await
}

/// Deliveries of a receiver before one, newest first, with every try.
pub async fn deliveries(db: &mut PgConnection, id: WebhookId, before: Option<DeliveryId>, most: i64) -> sqlx::Result<Vec<DeliveryRow>> {
    let rows = sqlx::query!(
        r#"SELECT d.id, e.event, w.number AS "number?", e.fact_at, d.state, d.attempts, d.next_at, d.last_error, d.taken_at AS "taken_at: Stamp"
           FROM drydock.webhook_delivery d JOIN drydock.webhook_event e ON e.id = d.event_id LEFT JOIN drydock.window w ON w.id = e.window_id
           WHERE d.webhook_id = $1 AND ($2::uuid IS NULL OR d.id < $2) ORDER BY d.id DESC LIMIT $3"#,
        id.0,
        before.map(|delivery| delivery.0),
        most
    )
    .fetch_all(&mut *db)
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let found = sqlx::query!(
        "SELECT t.delivery_id, t.at, t.taken, t.status, t.took_ms, t.detail, t.excerpt FROM drydock.webhook_try t WHERE t.delivery_id = ANY ($1) ORDER BY t.delivery_id, t.number DESC",
        &ids
    )
    .fetch_all(db)
    .await?;
    let mut tries: BTreeMap<Uuid, Vec<TryRow>> = BTreeMap::new();
    for row in found {
        tries.entry(row.delivery_id).or_default().push(TryRow {
            at: row.at.to_jiff(),
            taken: row.taken,
            status: row.status,
            took_ms: row.took_ms,
            detail: row.detail,
            excerpt: row.excerpt,
        });
    }
    Ok(rows
        .into_iter()
        .map(|row| DeliveryRow {
            tries: tries.remove(&row.id).unwrap_or_default(),
            id: DeliveryId(row.id),
            event: Event::from_word(&row.event).map_or(row.event, |event| event.label().to_owned()),
            window: row.number,
            at: row.fact_at.to_jiff(),
            state: row.state,
            attempts: row.attempts,
            next_at: row.next_at.to_jiff(),
            last_error: row.last_error,
            taken_at: row.taken_at.map(Stamp::to_jiff),
        })
        .collect())
}
