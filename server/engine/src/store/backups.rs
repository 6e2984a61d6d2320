//! Outside backups that engineers vouch for.

use super::{Stamp, stamp};
use domain::ids::{PersonId, TargetId};
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

/// A backup record.
#[derive(Debug, Clone)]
pub struct Backup {
    /// When the backup ended.
    pub taken_at: Timestamp,
    /// Where it lies.
    pub location: String,
    /// How somebody made sure that it restores.
    pub verified_how: String,
    /// Who vouches.
    pub recorded_by: String,
}

/// Adds a record.
pub async fn insert(
    db: &mut PgConnection,
    id: Uuid,
    target: TargetId,
    taken_at: Timestamp,
    location: &str,
    verified_how: &str,
    by: PersonId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.backup_record (id, target_id, taken_at, location, verified_how, recorded_by) VALUES ($1, $2, $3, $4, $5, $6)",
        id,
        target.0,
        stamp(taken_at) as Stamp,
        location,
        verified_how,
        by.0
    )
    .execute(db)
    .await
    .map(drop)
}

/// The newest backups of a database, at most `most`.
pub async fn newest(db: &mut PgConnection, target: TargetId, most: i64) -> sqlx::Result<Vec<Backup>> {
    let rows = sqlx::query!(
        "SELECT b.taken_at, b.location, b.verified_how, p.name AS recorded_by FROM drydock.backup_record b JOIN drydock.person p ON p.id = b.recorded_by
         WHERE b.target_id = $1 ORDER BY b.taken_at DESC LIMIT $2",
        target.0,
        most
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Backup {
            taken_at: row.taken_at.to_jiff(),
            location: row.location,
            verified_how: row.verified_how,
            recorded_by: row.recorded_by,
        })
        .collect())
}
