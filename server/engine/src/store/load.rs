//! How busy databases are, by the hour.

use super::{Stamp, stamp};
use crate::error::Result;
use domain::ids::TargetId;
use domain::schedule::load::{DAYS_BACK, Hour, Reading, Week, between};
use domain::target::ages::Ages;
use jiff::tz::TimeZone;
use sqlx::PgConnection;

/// How often each database is read, in seconds.
const EVERY_S: f64 = 600.0;

/// What was read of a database.
#[derive(Debug, Clone)]
pub struct Taken {
    /// How busy it is.
    pub reading: Reading,
    /// How old its transaction ids are.
    pub ages: Ages,
    /// What it holds, in MiB; `None` where that could not be read: what the connection test said counts then.
    pub size_mib: Option<i64>,
}

/// Takes up to `most` databases whose reading is due; each is due again ten minutes later, whatever becomes of it.
pub async fn take_due(db: &mut PgConnection, most: i64) -> Result<Vec<TargetId>> {
    // A new one is due at some time within the first ten minutes, so that not all are read at once.
    sqlx::query!(
        "INSERT INTO drydock.load_reading (target_id, due_at)
         SELECT t.id, clock_timestamp() + make_interval(secs => $1 * (0.1 + 0.9 * random())) FROM drydock.target t
         WHERE t.state = 'ready' AND t.dbms = 'postgresql' AND NOT EXISTS (SELECT FROM drydock.load_reading r WHERE r.target_id = t.id)
         ON CONFLICT DO NOTHING",
        EVERY_S
    )
    .execute(&mut *db)
    .await?;
    let taken = sqlx::query_scalar!(
        "UPDATE drydock.load_reading AS r SET due_at = clock_timestamp() + make_interval(secs => $2)
         WHERE r.target_id IN (SELECT d.target_id FROM drydock.load_reading d JOIN drydock.target t ON t.id = d.target_id
                               WHERE d.due_at <= clock_timestamp() AND t.state = 'ready' ORDER BY d.due_at LIMIT $1 FOR UPDATE OF d SKIP LOCKED)
         RETURNING r.target_id",
        most,
        EVERY_S
    )
    .fetch_all(db)
    .await?;
    Ok(taken.into_iter().map(TargetId).collect())
}

/// Keeps a reading, and what happened since the one before; forgets what is older than five weeks.
pub async fn record(db: &mut PgConnection, target: TargetId, taken: &Taken) -> Result<()> {
    let Taken { reading: now, ages, size_mib } = taken;
    let before = sqlx::query!(
        r#"SELECT r.read_at AS "read_at: Stamp", r.transactions, r.since FROM drydock.load_reading r WHERE r.target_id = $1 FOR UPDATE"#,
        target.0
    )
    .fetch_optional(&mut *db)
    .await?;
    let before = before.and_then(|row| Some(Reading { at: row.read_at?.to_jiff(), transactions: row.transactions?, since: row.since? }));
    if let Some((transactions, seconds)) = before.and_then(|before| between(&before, now)) {
        sqlx::query!(
            "INSERT INTO drydock.load_hour AS h (target_id, hour, transactions, seconds)
             VALUES ($1, date_trunc('hour', $2::timestamptz AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', $3, $4)
             ON CONFLICT (target_id, hour) DO UPDATE SET transactions = h.transactions + excluded.transactions, seconds = h.seconds + excluded.seconds",
            target.0,
            stamp(now.at) as Stamp,
            transactions,
            i32::try_from(seconds).unwrap_or(i32::MAX)
        )
        .execute(&mut *db)
        .await?;
    }
    sqlx::query!(
        "UPDATE drydock.load_reading AS r SET read_at = $2, transactions = $3, since = $4, wraparound_per_mille = $5, freeze_behind = $6,
             size_mib = $7
         WHERE r.target_id = $1",
        target.0,
        stamp(now.at) as Stamp,
        now.transactions,
        now.since,
        ages.per_mille(),
        ages.is_behind(),
        *size_mib
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "DELETE FROM drydock.load_hour h WHERE h.target_id = $1 AND h.hour < $2::timestamptz - make_interval(days => $3)",
        target.0,
        stamp(now.at) as Stamp,
        DAYS_BACK
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A usual week of a database, by the clock of `zone`.
pub async fn week(db: &mut PgConnection, target: TargetId, zone: &TimeZone) -> Result<Week> {
    let rows = sqlx::query!(
        r#"SELECT h.hour AS "hour: Stamp", h.transactions, h.seconds FROM drydock.load_hour h
           WHERE h.target_id = $1 AND h.hour > clock_timestamp() - make_interval(days => $2)"#,
        target.0,
        DAYS_BACK
    )
    .fetch_all(db)
    .await?;
    let hours = rows.into_iter().map(|row| Hour { at: row.hour.to_jiff(), transactions: row.transactions, seconds: row.seconds.into() });
    Ok(Week::of(hours, zone))
}
