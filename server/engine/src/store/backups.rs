//! Outside backups: those that engineers vouch for, and those that a worker restored.

use super::{Stamp, stamp};
use domain::ids::{ExaminationId, PersonId, TargetId};
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
    /// Who vouches, or who asked for the proof.
    pub recorded_by: String,
    /// A worker restored it.
    pub proven: bool,
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

/// What a worker proved.
#[derive(Debug)]
pub struct Proven<'a> {
    /// Of which database.
    pub target: TargetId,
    /// When the dump began.
    pub taken_at: Timestamp,
    /// Where it lies.
    pub location: &'a str,
    /// What was done, as a sentence.
    pub said: &'a str,
    /// Who asked.
    pub by: PersonId,
    /// By which question.
    pub examination: ExaminationId,
    /// What was found.
    pub proof: &'a serde_json::Value,
}

/// Adds a backup that a worker restored.
pub async fn insert_proven(db: &mut PgConnection, id: Uuid, proven: &Proven<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.backup_record (id, target_id, taken_at, location, verified_how, recorded_by, examination_id, proof) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        id,
        proven.target.0,
        stamp(proven.taken_at) as Stamp,
        proven.location,
        proven.said,
        proven.by.0,
        proven.examination.0,
        proven.proof
    )
    .execute(db)
    .await
    .map(drop)
}

/// When the newest backup that a worker restored was taken; of the database that is registered now, and not of one that was before.
pub async fn newest_proven(db: &mut PgConnection, target: TargetId) -> sqlx::Result<Option<Timestamp>> {
    let found = sqlx::query_scalar!(
        r#"SELECT b.taken_at AS "at: Stamp" FROM drydock.backup_record b JOIN drydock.target t ON t.id = b.target_id
           WHERE b.target_id = $1 AND b.proof IS NOT NULL AND b.proof -> 'of' = t.identity ORDER BY b.taken_at DESC LIMIT 1"#,
        target.0
    )
    .fetch_optional(db)
    .await?;
    Ok(found.map(Stamp::to_jiff))
}

/// The newest backups of a database, at most `most`.
pub async fn newest(db: &mut PgConnection, target: TargetId, most: i64) -> sqlx::Result<Vec<Backup>> {
    let rows = sqlx::query!(
        r#"SELECT b.taken_at, b.location, b.verified_how, p.name AS recorded_by, b.proof IS NOT NULL AS "proven!" FROM drydock.backup_record b JOIN drydock.person p ON p.id = b.recorded_by
         WHERE b.target_id = $1 ORDER BY b.taken_at DESC LIMIT $2"#,
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
            proven: row.proven,
        })
        .collect())
}
