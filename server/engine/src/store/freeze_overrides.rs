//! The approvals with which one plan of a window passes a freeze.

use crate::error::Result;
use domain::canonical::Digest;
use domain::ids::{FreezeId, OverrideId, PersonId, WindowId};
use domain::view::freezes::Passed;
use sqlx::PgConnection;

/// The freezes that one plan of a window may pass, and who said so: as long as that person holds the right.
pub async fn passed(db: &mut PgConnection, window: WindowId, digest: Digest) -> Result<Vec<(FreezeId, Passed)>> {
    let rows = sqlx::query!(
        "SELECT o.freeze_id, g.name, o.reason, o.granted_at FROM drydock.freeze_override o JOIN drydock.person g ON g.id = o.granted_by
         JOIN drydock.freeze f ON f.id = o.freeze_id
         WHERE o.window_id = $1 AND o.digest = $2 AND o.withdrawn_at IS NULL AND drydock.may_freeze(o.granted_by, f)",
        window.0,
        digest.0.as_slice()
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (FreezeId(row.freeze_id), Passed { by: row.name, reason: row.reason, at: row.granted_at.to_jiff() }))
        .collect())
}

/// Lets exactly this plan of a window pass a freeze. What somebody said who has lost the right since counts no more, and makes room.
pub async fn grant(
    db: &mut PgConnection,
    id: OverrideId,
    freeze: FreezeId,
    (window, digest): (WindowId, Digest),
    by: PersonId,
    reason: &str,
) -> Result<()> {
    sqlx::query!(
        "UPDATE drydock.freeze_override o SET withdrawn_at = clock_timestamp(), withdrawn_by = $4, withdraw_reason = 'Who said so had lost the right; somebody else let it pass anew.'
         FROM drydock.freeze f WHERE f.id = o.freeze_id AND f.id = $1 AND o.window_id = $2 AND o.digest = $3 AND o.withdrawn_at IS NULL AND NOT drydock.may_freeze(o.granted_by, f)",
        freeze.0,
        window.0,
        digest.0.as_slice(),
        by.0
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO drydock.freeze_override (id, freeze_id, window_id, digest, reason, granted_by) VALUES ($1, $2, $3, $4, $5, $6)",
        id.0,
        freeze.0,
        window.0,
        digest.0.as_slice(),
        reason,
        by.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes that back; false when there is nothing to take back.
pub async fn withdraw(
    db: &mut PgConnection,
    freeze: FreezeId,
    (window, digest): (WindowId, Digest),
    by: PersonId,
    reason: &str,
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.freeze_override SET withdrawn_at = clock_timestamp(), withdrawn_by = $4, withdraw_reason = $5
         WHERE freeze_id = $1 AND window_id = $2 AND digest = $3 AND withdrawn_at IS NULL",
        freeze.0,
        window.0,
        digest.0.as_slice(),
        by.0,
        reason
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
