//! The guard row: the highest time any worker saw, and of which cluster.

use super::{Stamp, stamp};
use jiff::Timestamp;
use sqlx::PgConnection;

/// Time, cluster and timeline, seen together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `clock_timestamp()`.
    pub at: Timestamp,
    /// The cluster's own number.
    pub system_identifier: String,
    /// Rises with every promotion and restore.
    pub timeline: i32,
}

/// What the clock says now, and what the guard row says.
pub async fn look(db: &mut PgConnection) -> sqlx::Result<(Seen, Option<Seen>)> {
    let row = sqlx::query!(
        r#"SELECT clock_timestamp() AS "at!", (pg_control_system()).system_identifier::text AS "system_identifier!", (pg_control_checkpoint()).timeline_id AS "timeline!",
                  g.highest_at AS "highest_at?", g.system_identifier AS "guard_system?", g.timeline AS "guard_timeline?"
           FROM (SELECT 1) one LEFT JOIN drydock.clock_guard g ON true"#
    )
    .fetch_one(db)
    .await?;
    let now = Seen { at: row.at.to_jiff(), system_identifier: row.system_identifier, timeline: row.timeline };
    let guard = match (row.highest_at, row.guard_system, row.guard_timeline) {
        (Some(at), Some(system_identifier), Some(timeline)) => Some(Seen { at: at.to_jiff(), system_identifier, timeline }),
        _ => None,
    };
    Ok((now, guard))
}

/// Moves the guard row on. A problem freezes starts, and stays until it is acknowledged: the row is left as it was then.
pub async fn advance(db: &mut PgConnection, now: &Seen, problem: Option<&str>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.clock_guard AS g (highest_at, system_identifier, timeline, frozen_reason) VALUES ($1, $2, $3, $4)
         ON CONFLICT (singleton) DO UPDATE SET
           highest_at = CASE WHEN $4::text IS NULL THEN greatest(g.highest_at, excluded.highest_at) ELSE g.highest_at END,
           frozen_reason = coalesce(g.frozen_reason, $4)
         WHERE $4::text IS NOT NULL OR excluded.highest_at > g.highest_at + interval '1 s'",
        stamp(now.at) as Stamp,
        now.system_identifier,
        now.timeline,
        problem
    )
    .execute(db)
    .await
    .map(drop)
}

/// An administrator looked into it: the guard starts anew from what is true now. False when nothing was frozen.
pub async fn acknowledge(db: &mut PgConnection) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.clock_guard AS g SET frozen_reason = NULL, highest_at = clock_timestamp(), system_identifier = (pg_control_system()).system_identifier::text,
                timeline = (pg_control_checkpoint()).timeline_id WHERE g.frozen_reason IS NOT NULL"
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
