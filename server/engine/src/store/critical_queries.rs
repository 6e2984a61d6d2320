//! Queries whose speed matters: timed before and after a window.

use crate::error::Result;
use domain::ids::{PersonId, TargetId};
use sqlx::PgConnection;
use uuid::Uuid;

/// A registered query.
#[derive(Debug, Clone)]
pub struct CriticalQuery {
    /// Identity.
    pub id: Uuid,
    /// As people call it.
    pub name: String,
    /// One SELECT.
    pub sql: String,
    /// Expected time at most, ms.
    pub limit_ms: i32,
}

/// The queries in use, by name.
pub async fn active(db: &mut PgConnection, target: TargetId) -> Result<Vec<CriticalQuery>> {
    let rows = sqlx::query_as!(
        CriticalQuery,
        "SELECT q.id, q.name, q.sql_text AS sql, q.limit_ms FROM drydock.critical_query q WHERE q.target_id = $1 AND q.active ORDER BY q.name",
        target.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Adds one.
pub async fn insert(db: &mut PgConnection, id: Uuid, target: TargetId, name: &str, sql: &str, limit_ms: i32, by: PersonId) -> Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.critical_query (id, target_id, name, sql_text, limit_ms, created_by) VALUES ($1, $2, $3, $4, $5, $6)",
        id,
        target.0,
        name,
        sql,
        limit_ms,
        by.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes one out of use: its name, or `None` if it was already or is another database's.
pub async fn retire(db: &mut PgConnection, target: TargetId, id: Uuid) -> Result<Option<String>> {
    let name = sqlx::query_scalar!(
        "UPDATE drydock.critical_query SET active = false WHERE id = $2 AND target_id = $1 AND active RETURNING name",
        target.0,
        id
    )
    .fetch_optional(db)
    .await?;
    Ok(name)
}

/// Takes all of them out of use.
pub async fn retire_all(db: &mut PgConnection, target: TargetId) -> Result<()> {
    sqlx::query!("UPDATE drydock.critical_query SET active = false WHERE target_id = $1 AND active", target.0).execute(db).await?;
    Ok(())
}
