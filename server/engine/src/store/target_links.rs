//! Databases that people linked: replicas, and servers on the same machine.

use super::targets::meaning;
use crate::error::Result;
use domain::ids::{PersonId, TargetId, TeamId};
use domain::target::{LinkKind, Linked};
use domain::view::targets::LinkRow;
use sqlx::PgConnection;

/// The links of a database that is not deleted to others that are not, by name. `teams` are those whose databases the reader sees (`None`: all).
pub async fn of(db: &mut PgConnection, target: TargetId, teams: Option<&[TeamId]>) -> Result<Vec<LinkRow>> {
    let rows = sqlx::query!(
        r#"SELECT t.id, t.short_name, t.team_id, m.name AS team, l.kind, l.target_id = $1 AS "own!"
           FROM drydock.target_link l JOIN drydock.target t ON t.id = CASE WHEN l.target_id = $1 THEN l.other_id ELSE l.target_id END AND t.state <> 'deleted'
           JOIN drydock.team m ON m.id = t.team_id
           WHERE $1 IN (l.target_id, l.other_id) ORDER BY t.short_name"#,
        target.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let seen = teams.is_none_or(|teams| teams.contains(&TeamId(row.team_id)));
            let kind = meaning(LinkKind::from_word(&row.kind), &row.kind)?;
            let (other, how) = (TargetId(row.id), Linked::of(kind, row.own));
            Ok(LinkRow { other, name: seen.then_some(row.short_name), team: row.team, how })
        })
        .collect()
}

/// Pairs of these databases that are linked with each other.
pub async fn among(db: &mut PgConnection, targets: &[TargetId]) -> sqlx::Result<Vec<(TargetId, TargetId)>> {
    let ids: Vec<uuid::Uuid> = targets.iter().map(|target| target.0).collect();
    let rows = sqlx::query!(
        "SELECT l.target_id, l.other_id FROM drydock.target_link l WHERE l.target_id = ANY ($1) AND l.other_id = ANY ($1)",
        &ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (TargetId(row.target_id), TargetId(row.other_id))).collect())
}

/// A database that is not deleted, by the name people type: identity and owner team.
pub async fn named(db: &mut PgConnection, short_name: &str) -> sqlx::Result<Option<(TargetId, TeamId)>> {
    let row = sqlx::query!("SELECT t.id, t.team_id FROM drydock.target t WHERE t.short_name = $1 AND t.state <> 'deleted'", short_name)
        .fetch_optional(db)
        .await?;
    Ok(row.map(|row| (TargetId(row.id), TeamId(row.team_id))))
}

/// Links two. False where they are linked already, from whichever side.
pub(crate) async fn add(db: &mut PgConnection, target: TargetId, other: TargetId, kind: LinkKind, by: PersonId) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO drydock.target_link (target_id, other_id, kind, added_by) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        target.0,
        other.0,
        kind.word(),
        by.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes a link away, from whichever side it was said. False where there is none.
pub(crate) async fn remove(db: &mut PgConnection, target: TargetId, other: TargetId) -> sqlx::Result<bool> {
    let done =
        sqlx::query!("DELETE FROM drydock.target_link AS l WHERE (l.target_id, l.other_id) IN (($1, $2), ($2, $1))", target.0, other.0)
            .execute(db)
            .await?;
    Ok(done.rows_affected() == 1)
}
