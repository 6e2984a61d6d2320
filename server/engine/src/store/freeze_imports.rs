//! Calendar files that somebody looks at before they become freezes.

use super::freezes::{columns, scope_of};
use crate::error::Result;
use domain::freeze::Scope;
use domain::freeze::import::{Before, During};
use domain::ids::{FreezeId, PersonId};
use domain::view::freezes::covers;
use sqlx::PgConnection;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A file that is looked at.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Identity.
    pub id: Uuid,
    /// What its freezes would cover.
    pub scope: Scope,
    /// The same, as people read it.
    pub covers: String,
    /// IANA zone of its whole days.
    pub zone: String,
    /// The file.
    pub ics: String,
}

/// Keeps a file for its person, in the place of an earlier one.
pub async fn put(db: &mut PgConnection, id: Uuid, person: PersonId, scope: &Scope, zone: &str, ics: &str) -> Result<()> {
    let of = columns(scope);
    sqlx::query!("DELETE FROM drydock.freeze_import WHERE person_id = $1", person.0).execute(&mut *db).await?;
    sqlx::query!(
        "INSERT INTO drydock.freeze_import (id, person_id, scope, environment, team_id, target_id, zone, ics, tag)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        id,
        person.0,
        scope.word(),
        of.environment,
        of.team,
        of.target,
        zone,
        ics,
        of.tag
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The file that this person looks at; nobody else's.
pub async fn find(db: &mut PgConnection, id: Uuid, person: PersonId) -> Result<Option<Draft>> {
    let row = sqlx::query!(
        r#"SELECT i.id, i.scope, i.environment, i.tag, i.team_id, i.target_id, t.team_id AS "owner?", coalesce(m.name, t.short_name) AS scope_name, i.zone, i.ics
           FROM drydock.freeze_import i LEFT JOIN drydock.team m ON m.id = i.team_id LEFT JOIN drydock.target t ON t.id = i.target_id
           WHERE i.id = $1 AND i.person_id = $2"#,
        id,
        person.0
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let scope = scope_of(&row.scope, row.environment.or(row.tag), row.team_id, row.target_id.zip(row.owner))?;
        Ok(Draft { id: row.id, covers: covers(&scope, row.scope_name.as_deref()), scope, zone: row.zone, ics: row.ics })
    })
    .transpose()
}

/// Takes a file away.
pub async fn remove(db: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query!("DELETE FROM drydock.freeze_import WHERE id = $1", id).execute(db).await?;
    Ok(())
}

/// What events with these identities became before, for this scope.
pub async fn before(db: &mut PgConnection, scope: &Scope, uids: &[String]) -> Result<BTreeMap<String, Before>> {
    let of = columns(scope);
    let rows = sqlx::query!(
        r#"SELECT f.id, f.source_uid AS "uid!", f.start_at, f.end_at, f.lifted_at IS NOT NULL AS "lifted!" FROM drydock.freeze f
           WHERE f.source_uid = ANY ($1) AND f.scope = $2 AND f.environment IS NOT DISTINCT FROM $3 AND f.team_id IS NOT DISTINCT FROM $4
             AND f.target_id IS NOT DISTINCT FROM $5 AND f.tag IS NOT DISTINCT FROM $6"#,
        uids,
        scope.word(),
        of.environment,
        of.team,
        of.target,
        of.tag
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let during = During { start: row.start_at.to_jiff(), end: row.end_at.to_jiff() };
            (row.uid, Before { id: FreezeId(row.id), during, lifted: row.lifted })
        })
        .collect())
}
