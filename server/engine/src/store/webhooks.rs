//! Receivers of events and what they are called of. Nothing here can open an address or a secret.

use super::{Stamp, stamp};
use domain::ids::{PersonId, TeamId, WebhookId};
use domain::view::webhooks::WebhookRow;
use domain::webhook::{Event, Filter, Format};
use jiff::Timestamp;
use sqlx::PgConnection;

/// Receivers that are not deleted, by name.
pub async fn list(db: &mut PgConnection, only: Option<WebhookId>) -> sqlx::Result<Vec<WebhookRow>> {
    let rows = sqlx::query!(
        r#"SELECT h.id, h.name, h.origin, h.format, h.events, h.team_id, t.name AS "team?", h.environment, h.state, h.paused_reason, h.failing_since AS "failing_since: Stamp",
                  h.revision, h.created_at, c.name AS created_by, d.waiting AS "waiting!", d.parked AS "parked!"
           FROM drydock.webhook h LEFT JOIN drydock.team t ON t.id = h.team_id JOIN drydock.person c ON c.id = h.created_by
           CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE d.state IN ('waiting', 'sending')) AS waiting, count(*) FILTER (WHERE d.state = 'parked') AS parked
                               FROM drydock.webhook_delivery d WHERE d.webhook_id = h.id AND d.state <> 'taken') d
           WHERE h.state <> 'deleted' AND ($1::uuid IS NULL OR h.id = $1) ORDER BY lower(h.name), h.id"#,
        only.map(|id| id.0)
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| WebhookRow {
            id: WebhookId(row.id),
            name: row.name,
            origin: row.origin,
            format: Format::from_word(&row.format).unwrap_or(Format::CloudEvents),
            filter: Filter {
                events: row.events.iter().filter_map(|word| Event::from_word(word)).collect(),
                team: row.team_id.map(TeamId),
                environment: row.environment,
            },
            team: row.team,
            paused: row.paused_reason.filter(|_| row.state == "paused"),
            failing_since: row.failing_since.map(Stamp::to_jiff),
            revision: row.revision,
            created_at: row.created_at.to_jiff(),
            created_by: row.created_by,
            waiting: row.waiting,
            parked: row.parked,
        })
        .collect())
}

/// A registered receiver, as a call looks for it.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// Identity.
    pub id: WebhookId,
    /// Scheme, host and port.
    pub origin: String,
    /// What it understands.
    pub format: Format,
    /// Why nothing is sent to it now.
    pub paused: Option<String>,
    /// Of whose windows it is told.
    pub filter: Filter,
    /// The whole address, sealed to the workers.
    pub url: Vec<u8>,
}

/// Receivers of this name.
pub async fn receivers(db: &mut PgConnection, name: &str) -> sqlx::Result<Vec<Receiver>> {
    let rows = sqlx::query!(
        "SELECT h.id, h.origin, h.format, h.paused_reason, h.team_id, h.environment, h.url FROM drydock.webhook h WHERE h.name = $1 AND h.state <> 'deleted' ORDER BY h.id",
        name
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Receiver {
            id: WebhookId(row.id),
            origin: row.origin,
            format: Format::from_word(&row.format).unwrap_or(Format::CloudEvents),
            paused: row.paused_reason,
            filter: Filter { team: row.team_id.map(TeamId), environment: row.environment, ..Filter::default() },
            url: row.url,
        })
        .collect())
}

/// Takes a receiver's row for this transaction, and lets transitions owe it events meanwhile: its revision, and whether it is paused. `None` where it was deleted or never was.
pub(crate) async fn lock(db: &mut PgConnection, id: WebhookId) -> sqlx::Result<Option<(i32, bool)>> {
    let row =
        sqlx::query!("SELECT h.revision, h.state FROM drydock.webhook h WHERE h.id = $1 AND h.state <> 'deleted' FOR NO KEY UPDATE", id.0)
            .fetch_optional(db)
            .await?;
    Ok(row.map(|row| (row.revision, row.state == "paused")))
}

/// How many receivers there are. One is added after another.
pub(crate) async fn count(db: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('drydock.webhook')) IS NULL AS locked").fetch_one(&mut *db).await?;
    sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM drydock.webhook h WHERE h.state <> 'deleted'"#).fetch_one(db).await
}

/// Where a receiver is: what may be shown, and the whole of it sealed.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) origin: String,
    pub(crate) sealed: Vec<u8>,
}

/// Keeps a new receiver.
pub(crate) async fn add(
    db: &mut PgConnection,
    id: WebhookId,
    name: &str,
    format: Format,
    filter: &Filter,
    place: &Place,
    by: PersonId,
) -> sqlx::Result<()> {
    let events = words(filter);
    sqlx::query!(
        "INSERT INTO drydock.webhook (id, name, origin, url, format, events, team_id, environment, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        id.0,
        name,
        place.origin,
        place.sealed,
        format.word(),
        &events,
        filter.team.map(|team| team.0),
        filter.environment,
        by.0
    )
    .execute(db)
    .await
    .map(drop)
}

fn words(filter: &Filter) -> Vec<String> {
    filter.events.iter().map(|event| event.word().to_owned()).collect()
}

/// Changes a receiver; without a place it stays where it is.
pub(crate) async fn edit(db: &mut PgConnection, id: WebhookId, name: &str, filter: &Filter, place: Option<&Place>) -> sqlx::Result<()> {
    let events = words(filter);
    sqlx::query!(
        "UPDATE drydock.webhook AS h SET name = $2, events = $3, team_id = $4, environment = $5, origin = coalesce($6, h.origin), url = coalesce($7, h.url), revision = h.revision + 1 WHERE h.id = $1",
        id.0,
        name,
        &events,
        filter.team.map(|team| team.0),
        filter.environment,
        place.map(|place| place.origin.clone()),
        place.map(|place| place.sealed.clone())
    )
    .execute(db)
    .await
    .map(drop)
}

/// Pauses a receiver for a reason.
pub(crate) async fn pause(db: &mut PgConnection, id: WebhookId, reason: &str) -> sqlx::Result<()> {
    sqlx::query!("UPDATE drydock.webhook AS h SET state = 'paused', paused_reason = $2 WHERE h.id = $1", id.0, reason)
        .execute(db)
        .await
        .map(drop)
}

/// Lets a receiver be called again: what waited and what was given up is due at once, with all its tries before it.
pub(crate) async fn resume(db: &mut PgConnection, id: WebhookId) -> sqlx::Result<()> {
    sqlx::query!("UPDATE drydock.webhook AS h SET state = 'active', paused_reason = NULL, failing_since = NULL WHERE h.id = $1", id.0)
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "UPDATE drydock.webhook_delivery AS d SET state = 'waiting', attempts = 0, next_at = clock_timestamp()
         WHERE d.webhook_id = $1 AND (d.state IN ('waiting', 'parked') OR (d.state = 'sending' AND d.lease_until < clock_timestamp()))",
        id.0
    )
    .execute(db)
    .await
    .map(drop)
}

/// Deletes a receiver: its address and secrets are destroyed, its log stays in the database, and nothing more is sent.
pub(crate) async fn delete(db: &mut PgConnection, id: WebhookId) -> sqlx::Result<()> {
    sqlx::query!("UPDATE drydock.webhook AS h SET state = 'deleted', paused_reason = NULL, url = '' WHERE h.id = $1", id.0)
        .execute(&mut *db)
        .await?;
    sqlx::query!("UPDATE drydock.webhook_delivery AS d SET state = 'parked' WHERE d.webhook_id = $1 AND d.state = 'waiting'", id.0)
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "UPDATE drydock.webhook_secret AS s SET sealed = NULL, ends_at = least(s.ends_at, clock_timestamp()) WHERE s.webhook_id = $1",
        id.0
    )
    .execute(db)
    .await
    .map(drop)
}

/// The version the next secret gets, from 1; the newest so far signs until `ends_at`, those whose end was promised earlier until then, and what is
/// over is destroyed.
pub(crate) async fn next_secret(db: &mut PgConnection, id: WebhookId, ends_at: Timestamp) -> sqlx::Result<i32> {
    sqlx::query!(
        "UPDATE drydock.webhook_secret AS s SET sealed = CASE WHEN s.ends_at IS NULL OR s.ends_at > clock_timestamp() THEN s.sealed END, ends_at = coalesce(s.ends_at, $2) WHERE s.webhook_id = $1",
        id.0,
        stamp(ends_at) as Stamp
    )
    .execute(&mut *db)
    .await?;
    sqlx::query_scalar!(
        r#"SELECT coalesce(max(s.version), 0) + 1 AS "version!" FROM drydock.webhook_secret s WHERE s.webhook_id = $1"#,
        id.0
    )
    .fetch_one(db)
    .await
}

/// Keeps a secret.
pub(crate) async fn add_secret(db: &mut PgConnection, id: WebhookId, version: i32, sealed: &[u8], by: PersonId) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.webhook_secret (webhook_id, version, sealed, made_by) VALUES ($1, $2, $3, $4)",
        id.0,
        version,
        sealed,
        by.0
    )
    .execute(db)
    .await
    .map(drop)
}

/// Secrets that sign now, the newest first: version, and the sealed value.
pub async fn secrets(db: &mut PgConnection, id: WebhookId) -> sqlx::Result<Vec<(i32, Vec<u8>)>> {
    let rows = sqlx::query!(
        r#"SELECT s.version, s.sealed AS "sealed!" FROM drydock.webhook_secret s
           WHERE s.webhook_id = $1 AND s.sealed IS NOT NULL AND (s.ends_at IS NULL OR s.ends_at > clock_timestamp()) ORDER BY s.version DESC"#,
        id.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.version, row.sealed)).collect())
}

/// When the newest secret was made and by whom, and until when the one before still signs.
pub async fn secret_dates(db: &mut PgConnection, id: WebhookId) -> sqlx::Result<Option<(Timestamp, String, Option<Timestamp>)>> {
    let row = sqlx::query!(
        r#"SELECT s.made_at, p.name, (SELECT max(o.ends_at) FROM drydock.webhook_secret o WHERE o.webhook_id = s.webhook_id AND o.ends_at > clock_timestamp()) AS "former: Stamp"
           FROM drydock.webhook_secret s JOIN drydock.person p ON p.id = s.made_by WHERE s.webhook_id = $1 AND s.ends_at IS NULL"#,
        id.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.made_at.to_jiff(), row.name, row.former.map(Stamp::to_jiff))))
}

/// Notes how a receiver does; gives since when it fails, and what time it is.
pub async fn note_health(db: &mut PgConnection, id: WebhookId, taken: bool) -> sqlx::Result<(Option<Timestamp>, Timestamp)> {
    let row = sqlx::query!(
        r#"UPDATE drydock.webhook AS h SET failing_since = CASE WHEN $2 THEN NULL ELSE coalesce(h.failing_since, clock_timestamp()) END WHERE h.id = $1
           RETURNING h.failing_since AS "since: Stamp", clock_timestamp() AS "now!""#,
        id.0,
        taken
    )
    .fetch_one(db)
    .await?;
    Ok((row.since.map(Stamp::to_jiff), row.now.to_jiff()))
}
