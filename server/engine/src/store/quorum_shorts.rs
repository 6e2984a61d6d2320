//! Proposals that cannot be approved in time any more, as their owners were told.

use crate::error::{Error, Result};
use domain::approval::StageTimes;
use domain::ids::{PersonId, WindowId};
use domain::view::people::Attention;
use sqlx::PgConnection;
use uuid::Uuid;

/// What was told of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Of which revision.
    pub revision: i32,
    /// A sentence for each rule.
    pub said: Vec<String>,
}

/// What was told of a window; `None` while its quorum is in reach.
pub async fn told(db: &mut PgConnection, window: WindowId) -> Result<Option<Told>> {
    let row =
        sqlx::query!("SELECT q.revision, q.said FROM drydock.quorum_short q WHERE q.window_id = $1", window.0).fetch_optional(db).await?;
    row.map(|row| Ok(Told { revision: row.revision, said: serde_json::from_value(row.said).map_err(Error::internal)? })).transpose()
}

/// Remembers what is told from now on.
pub(crate) async fn put(db: &mut PgConnection, window: WindowId, told: &Told) -> Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.quorum_short (window_id, revision, said) VALUES ($1, $2, $3)
         ON CONFLICT (window_id) DO UPDATE SET revision = EXCLUDED.revision, said = EXCLUDED.said",
        window.0,
        told.revision,
        serde_json::to_value(&told.said).map_err(Error::internal)?
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Nothing is short any more.
pub(crate) async fn forget(db: &mut PgConnection, window: WindowId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM drydock.quorum_short AS q WHERE q.window_id = $1", window.0).execute(db).await.map(drop)
}

/// Windows to look at: those that wait, soonest decided first, and those of which something was told.
pub async fn watched(db: &mut PgConnection, most: i64) -> sqlx::Result<Vec<WindowId>> {
    let rows = sqlx::query_scalar!(
        r#"SELECT w.id AS "id!" FROM drydock.window w JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
           WHERE w.state = 'proposed' OR EXISTS (SELECT FROM drydock.quorum_short q WHERE q.window_id = w.id)
           ORDER BY r.decide_by_at, w.id LIMIT $1"#,
        most
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(WindowId).collect())
}

/// When each stage of a revision has to be met, in order.
pub async fn deadlines(db: &mut PgConnection, window: WindowId, revision: i32) -> Result<Vec<StageTimes>> {
    let rows = sqlx::query!(
        "SELECT s.stage, s.decide_by_at, s.escalate_at, s.remind_every_min FROM drydock.revision_stage s WHERE s.window_id = $1 AND s.revision = $2 ORDER BY s.stage",
        window.0,
        revision
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(StageTimes {
                stage: u32::try_from(row.stage).map_err(Error::internal)?,
                escalate_at: row.escalate_at.map(|at| at.to_jiff()),
                decide_by: row.decide_by_at.to_jiff(),
                remind_every_min: row.remind_every_min.and_then(|minutes| u32::try_from(minutes).ok()).unwrap_or(0),
            })
        })
        .collect()
}

/// What the first page says of them.
pub async fn in_need(db: &mut PgConnection, teams: Option<&[Uuid]>, reader: PersonId) -> sqlx::Result<Vec<Attention>> {
    let rows = sqlx::query!(
        r#"SELECT w.number, t.short_name || drydock.more_databases(w.id, w.revision) AS "short_name!" FROM drydock.quorum_short q
           JOIN drydock.window w ON w.id = q.window_id AND w.revision = q.revision AND w.state = 'proposed'
           JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision AND wt.position = 1
           JOIN drydock.target t ON t.id = wt.target_id
           WHERE $1::uuid[] IS NULL OR w.team_id = ANY ($1) OR w.owner_id = $2 ORDER BY q.since DESC, w.number LIMIT 21"#,
        teams as Option<&[Uuid]>,
        reader.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Attention {
            what: format!("#{} {}", row.number, row.short_name),
            why: "It cannot be approved in time any more: too few of those who are asked are there.".to_owned(),
            to: format!("/windows/{}", row.number),
        })
        .collect())
}
