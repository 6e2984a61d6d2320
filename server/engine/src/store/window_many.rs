//! Windows that could be called off together, and what came of those that were.

use super::window_list::{ids, state};
use super::{Stamp, stamp};
use crate::error::Result;
use domain::ids::{PersonId, TeamId};
use domain::view::windows::many::{Filter, ManyRow};
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

/// Proposed and approved windows of these teams that are about the range, the first to start first, at most `most`.
pub async fn rows(
    db: &mut PgConnection,
    teams: &[TeamId],
    (from, to): (Timestamp, Timestamp),
    filter: &Filter,
    most: i64,
) -> Result<Vec<ManyRow>> {
    let teams = ids(Some(teams));
    let rows = sqlx::query!(
        r#"SELECT w.number, w.revision, r.title, w.state, t.short_name || drydock.more_databases(w.id, w.revision) AS "short_name!", drydock.environments(w.id, w.revision) AS "environments!", m.name AS team, r.start_at, r.end_at
         FROM drydock.window w
         JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
         JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision
         JOIN drydock.target t ON t.id = wt.target_id
         JOIN drydock.team m ON m.id = w.team_id
         WHERE w.team_id = ANY ($1) AND w.state IN ('proposed', 'approved') AND r.end_at > $2 AND r.start_at < $3
           AND ($4 = '' OR m.short_name = $4) AND ($5 = '' OR t.short_name = $5) AND ($6 = '' OR t.environment = $6)
           AND drydock.first_found(w.id, w.revision, wt.position, $5, $6)
         ORDER BY r.start_at, w.number LIMIT $7"#,
        teams.as_deref() as Option<&[Uuid]>,
        stamp(from) as Stamp,
        stamp(to) as Stamp,
        filter.team,
        filter.database,
        filter.environment,
        most
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(ManyRow {
                number: row.number,
                revision: row.revision,
                title: row.title,
                state: state(&row.state)?,
                database: row.short_name,
                environments: row.environments,
                team: row.team,
                start: row.start_at.to_jiff(),
                end: row.end_at.to_jiff(),
            })
        })
        .collect()
}

/// The bytes of the fact that tells what came of a batch, for whoever did it.
pub async fn batch(db: &mut PgConnection, batch: &str, by: PersonId) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!(
        "SELECT f.bytes FROM drydock.fact f WHERE f.action = 'windows.cancel' AND f.actor_id = $2 AND f.object_id = $1 ORDER BY f.id DESC LIMIT 1",
        batch,
        by.0
    )
    .fetch_optional(db)
    .await
}
