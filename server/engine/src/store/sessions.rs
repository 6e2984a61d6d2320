//! Browser sessions. A save is an update only: nothing brings back a session that was ended.
//!
//! Idle end 30 minutes, absolute end 12 hours: OWASP's range for applications of high value, and one working day at most.

use domain::ids::{PersonId, SessionId};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};

/// What lies in a session, and until when.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Flash messages and typed form text; never identity.
    pub data: Value,
    /// Idle end.
    pub expires_at: Timestamp,
}

/// Who a session belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    /// What pages call the session.
    pub id: SessionId,
    /// The person who signed in; `None` before.
    pub person: Option<PersonId>,
    /// False after the idle or the absolute end.
    pub alive: bool,
    /// The password was typed lately.
    pub elevated: bool,
    /// The second factor was shown, and is there still.
    pub factor: bool,
}

/// Adds a session; false when the key exists.
pub async fn create(pool: &PgPool, key: &[u8; 32], data: &Value) -> sqlx::Result<bool> {
    let made = sqlx::query!(
        "INSERT INTO drydock.session (key, data, expires_at, absolute_end_at)
         VALUES ($1, $2, clock_timestamp() + interval '30 minutes', clock_timestamp() + interval '12 hours') ON CONFLICT DO NOTHING",
        key.as_slice(),
        data
    )
    .execute(pool)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// Keeps the data of a session that still lives; without one nothing happens.
pub async fn save(pool: &PgPool, key: &[u8; 32], data: &Value) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE drydock.session AS s SET data = $2, version = s.version + 1 WHERE s.key = $1 AND s.expires_at > clock_timestamp() AND s.absolute_end_at > clock_timestamp()",
        key.as_slice(),
        data
    )
    .execute(pool)
    .await
    .map(drop)
}

/// The data of a session that still lives.
pub async fn load(pool: &PgPool, key: &[u8; 32]) -> sqlx::Result<Option<Stored>> {
    let row = sqlx::query!(
        "SELECT s.data, s.expires_at FROM drydock.session s WHERE s.key = $1 AND s.expires_at > clock_timestamp() AND s.absolute_end_at > clock_timestamp()",
        key.as_slice()
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| Stored { data: row.data, expires_at: row.expires_at.to_jiff() }))
}

/// Ends a session.
pub async fn delete(pool: &PgPool, key: &[u8; 32]) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM drydock.session AS s WHERE s.key = $1", key.as_slice()).execute(pool).await.map(drop)
}

/// Who a session belongs to; also of one that ended lately, so that its person can be told so.
pub async fn holder(pool: &PgPool, key: &[u8; 32]) -> sqlx::Result<Option<Holder>> {
    let row = sqlx::query!(
        r#"SELECT s.id, s.person_id, (s.expires_at > clock_timestamp() AND s.absolute_end_at > clock_timestamp()) AS "alive!", (s.elevated_until > clock_timestamp()) AS "elevated!",
                  (s.factor AND EXISTS (SELECT FROM drydock.factor f WHERE f.person_id = s.person_id AND f.confirmed_at IS NOT NULL)) AS "factor!"
           FROM drydock.session s WHERE s.key = $1"#,
        key.as_slice()
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| Holder {
        id: SessionId(row.id),
        person: row.person_id.map(PersonId),
        alive: row.alive,
        elevated: row.elevated,
        factor: row.factor,
    }))
}

/// The sessions among these that live, with their people. Looks only: a session is not kept alive by being watched.
pub async fn living(db: &mut PgConnection, keys: &[[u8; 32]]) -> sqlx::Result<Vec<([u8; 32], PersonId)>> {
    let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.to_vec()).collect();
    let rows = sqlx::query!(
        r#"SELECT s.key, s.person_id AS "person_id!" FROM drydock.session s
           WHERE s.key = ANY($1) AND s.person_id IS NOT NULL AND s.expires_at > clock_timestamp() AND s.absolute_end_at > clock_timestamp()"#,
        &keys
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.key.try_into().ok()?, PersonId(row.person_id)))).collect())
}

/// Moves the idle end, at most once a minute, and never past the absolute end.
pub async fn touch(pool: &PgPool, key: &[u8; 32]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE drydock.session AS s SET last_seen_at = clock_timestamp(), expires_at = least(clock_timestamp() + interval '30 minutes', s.absolute_end_at)
         WHERE s.key = $1 AND s.last_seen_at < clock_timestamp() - interval '1 minute' AND s.expires_at > clock_timestamp() AND s.absolute_end_at > clock_timestamp()",
        key.as_slice()
    )
    .execute(pool)
    .await
    .map(drop)
}

/// True when somebody signed in from this network lately, written as `192.0.2.44/32`.
pub(crate) async fn knows_network(pool: &PgPool, network: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.session s WHERE s.person_id IS NOT NULL AND CASE WHEN s.address = '' THEN false ELSE s.address::inet <<= $1::text::inet END) AS "known!""#,
        network
    )
    .fetch_one(pool)
    .await
}

/// Forgets sessions that ended more than a day ago. Called at sign-ins.
pub async fn sweep(pool: &PgPool) -> sqlx::Result<u64> {
    let gone =
        sqlx::query!("DELETE FROM drydock.session AS s WHERE s.expires_at < clock_timestamp() - interval '1 day'").execute(pool).await?;
    Ok(gone.rows_affected())
}

/// What a form's first submission is known by: a hash over session, token, path and body.
pub type SubmissionKey = [u8; 32];

/// Takes a submission for this request; false when an equal one was taken before.
pub async fn claim_submission(pool: &PgPool, key: &SubmissionKey, session: &[u8; 32]) -> sqlx::Result<bool> {
    let claimed = sqlx::query!(
        "INSERT INTO drydock.submission (key, session_key) SELECT $1, s.key FROM drydock.session s WHERE s.key = $2 ON CONFLICT DO NOTHING",
        key.as_slice(),
        session.as_slice()
    )
    .execute(pool)
    .await?;
    Ok(claimed.rows_affected() == 1)
}

/// Remembers what a submission was answered with.
pub async fn answer_submission(pool: &PgPool, key: &SubmissionKey, answer: &Value) -> sqlx::Result<()> {
    sqlx::query!("UPDATE drydock.submission AS u SET answer = $2 WHERE u.key = $1", key.as_slice(), answer).execute(pool).await.map(drop)
}

/// Gives a submission back: it changed nothing, so the same text may be sent again.
pub async fn release_submission(pool: &PgPool, key: &SubmissionKey) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM drydock.submission AS u WHERE u.key = $1", key.as_slice()).execute(pool).await.map(drop)
}

/// The answer of a submission: outer `None` when nobody claimed it, inner `None` while it is worked on.
pub async fn submission(pool: &PgPool, key: &SubmissionKey) -> sqlx::Result<Option<Option<Value>>> {
    sqlx::query_scalar!("SELECT u.answer FROM drydock.submission u WHERE u.key = $1", key.as_slice()).fetch_optional(pool).await
}
