//! Pauses of the whole installation.

use super::targets::meaning;
use super::{Stamp, stamp};
use crate::error::Result;
use domain::ids::{PauseId, PersonId};
use domain::pause::{Pause, PauseLevel};
use domain::view::pauses::PauseRow;
use jiff::Timestamp;
use sqlx::PgConnection;

/// The pause that lasts, if there is one.
pub async fn open(db: &mut PgConnection) -> Result<Option<Pause>> {
    let row = sqlx::query!(
        "SELECT u.level, u.reason, u.paused_at, u.paused_by, p.name FROM drydock.pause u JOIN drydock.person p ON p.id = u.paused_by WHERE u.resumed_at IS NULL"
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Pause {
            level: meaning(PauseLevel::from_word(&row.level), &row.level)?,
            since: row.paused_at.to_jiff(),
            by: PersonId(row.paused_by),
            by_name: row.name,
            reason: row.reason,
        })
    })
    .transpose()
}

/// The pause that lasts, its row taken until the transaction ends.
pub async fn lock_open(db: &mut PgConnection) -> Result<Option<(PauseId, PauseLevel, PersonId)>> {
    let row = sqlx::query!("SELECT u.id, u.level, u.paused_by FROM drydock.pause u WHERE u.resumed_at IS NULL FOR NO KEY UPDATE")
        .fetch_optional(db)
        .await?;
    row.map(|row| Ok((PauseId(row.id), meaning(PauseLevel::from_word(&row.level), &row.level)?, PersonId(row.paused_by)))).transpose()
}

/// Pauses. Waits until what is starting at this moment has started; nothing starts after the commit.
pub async fn insert(db: &mut PgConnection, id: PauseId, level: PauseLevel, reason: &str, by: PersonId) -> Result<()> {
    sqlx::query!("INSERT INTO drydock.pause (id, level, reason, paused_by) VALUES ($1, $2, $3, $4)", id.0, level.word(), reason, by.0)
        .execute(db)
        .await?;
    Ok(())
}

/// Lets an open pause reach farther; false when it is over.
pub async fn raise(db: &mut PgConnection, id: PauseId) -> Result<bool> {
    let done =
        sqlx::query!("UPDATE drydock.pause SET level = 'hold_running' WHERE id = $1 AND resumed_at IS NULL", id.0).execute(db).await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a pause; false when it was over.
pub async fn end(db: &mut PgConnection, id: PauseId, by: PersonId, reason: &str, at: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.pause SET resumed_at = $4, resumed_by = $2, resume_reason = $3 WHERE id = $1 AND resumed_at IS NULL",
        id.0,
        by.0,
        reason,
        stamp(at) as Stamp
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

struct Row {
    level: String,
    reason: String,
    paused_at: Stamp,
    paused_by: String,
    resumed_at: Option<Stamp>,
    resumed_by: Option<String>,
    resume_reason: Option<String>,
}

impl Row {
    fn read(self) -> Result<PauseRow> {
        Ok(PauseRow {
            level: meaning(PauseLevel::from_word(&self.level), &self.level)?,
            reason: self.reason,
            paused_at: self.paused_at.to_jiff(),
            paused_by: self.paused_by,
            resumed: self.resumed_at.zip(self.resumed_by).map(|(at, by)| (at.to_jiff(), by, self.resume_reason.unwrap_or_default())),
        })
    }
}

/// The newest pauses.
pub async fn newest(db: &mut PgConnection, most: i64) -> Result<Vec<PauseRow>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT u.level, u.reason, u.paused_at, p.name AS paused_by, u.resumed_at AS "resumed_at: Stamp", r.name AS "resumed_by?", u.resume_reason
           FROM drydock.pause u JOIN drydock.person p ON p.id = u.paused_by LEFT JOIN drydock.person r ON r.id = u.resumed_by
           ORDER BY u.paused_at DESC LIMIT $1"#,
        most
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// One pause, as a message tells it.
pub async fn told(db: &mut PgConnection, id: PauseId) -> Result<PauseRow> {
    sqlx::query_as!(
        Row,
        r#"SELECT u.level, u.reason, u.paused_at, p.name AS paused_by, u.resumed_at AS "resumed_at: Stamp", r.name AS "resumed_by?", u.resume_reason
           FROM drydock.pause u JOIN drydock.person p ON p.id = u.paused_by LEFT JOIN drydock.person r ON r.id = u.resumed_by WHERE u.id = $1"#,
        id.0
    )
    .fetch_one(db)
    .await?
    .read()
}

/// What a pause meets: windows in progress, and approved ones that start within a day.
pub async fn met(db: &mut PgConnection) -> Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM drydock.run r WHERE r.state IN ('waiting', 'leased')) AS "running!",
                  (SELECT count(*) FROM drydock.window w JOIN drydock.revision v ON v.window_id = w.id AND v.number = w.revision
                   WHERE w.state = 'approved' AND v.start_at < clock_timestamp() + interval '1 day') AS "due!""#
    )
    .fetch_one(db)
    .await?;
    Ok((row.running, row.due))
}
