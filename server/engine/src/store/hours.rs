//! The hours in which databases may be maintained.

use crate::error::{Error, Result};
use domain::ids::TargetId;
use domain::schedule::hours::Hours;
use jiff::tz::TimeZone;
use sqlx::PgConnection;

/// Reads what is kept.
///
/// # Errors
/// When it is nothing that was saved here.
pub fn read(kept: &str) -> Result<Hours> {
    Hours::parse("hours", kept).map_err(|error| Error::internal(format!("stored hours: {}", error.message)))
}

/// Those of a database.
pub async fn of(db: &mut PgConnection, target: TargetId) -> Result<Hours> {
    let kept = sqlx::query_scalar!("SELECT t.allowed_hours FROM drydock.target t WHERE t.id = $1", target.0).fetch_optional(db).await?;
    read(&kept.ok_or(Error::NotFound)?)
}

/// Those of several databases, each with the zone whose clock they mean.
pub async fn of_all(db: &mut PgConnection, targets: &[TargetId]) -> Result<Vec<(Hours, TimeZone)>> {
    let ids: Vec<uuid::Uuid> = targets.iter().map(|target| target.0).collect();
    let rows = sqlx::query!("SELECT t.allowed_hours, t.zone FROM drydock.target t WHERE t.id = ANY ($1) AND t.allowed_hours <> ''", &ids)
        .fetch_all(db)
        .await?;
    rows.into_iter()
        .map(|row| {
            let zone = TimeZone::get(&row.zone).map_err(|_| Error::internal(format!("unknown zone {}", row.zone)))?;
            Ok((read(&row.allowed_hours)?, zone))
        })
        .collect()
}

/// Sets those of a database. False when it is gone.
pub async fn set(db: &mut PgConnection, target: TargetId, hours: &Hours) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.target AS t SET allowed_hours = $2 WHERE t.id = $1 AND t.state <> 'deleted'",
        target.0,
        hours.to_string()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
