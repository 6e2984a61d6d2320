//! Policies and their versions.

use super::groups;
use crate::error::{Error, Result};
use domain::approval::{Electorate, Policy};
use domain::canonical::Digest;
use domain::ids::{PersonId, PolicyId, TargetId, TeamId};
use jiff::Timestamp;
use sqlx::PgConnection;

/// A policy at its current version.
#[derive(Debug, Clone)]
pub struct Row {
    /// Identity.
    pub id: PolicyId,
    /// Its name.
    pub name: String,
    /// Environments it rules.
    pub environments: Vec<String>,
    /// Current version.
    pub version: i32,
    /// Its rules.
    pub rules: Policy,
    /// Digest of the rules.
    pub digest: Digest,
    /// Who saved this version; `None` for the first one.
    pub saved_by: Option<String>,
    /// When.
    pub saved_at: Timestamp,
}

/// All policies, by name.
pub async fn all(db: &mut PgConnection) -> Result<Vec<Row>> {
    let rows = sqlx::query!(
        r#"SELECT p.id, p.name, p.environments, v.version, v.bytes, v.digest, v.created_at, c.name AS "saved_by?"
           FROM drydock.policy p JOIN drydock.policy_version v ON v.policy_id = p.id AND v.version = p.current_version
           LEFT JOIN drydock.person c ON c.id = v.created_by ORDER BY p.name"#
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Row {
                id: PolicyId(row.id),
                name: row.name,
                environments: row.environments,
                version: row.version,
                rules: serde_json::from_slice(&row.bytes)?,
                digest: Digest::from_slice(&row.digest).ok_or_else(|| Error::internal("a digest has 32 bytes"))?,
                saved_by: row.saved_by,
                saved_at: row.created_at.to_jiff(),
            })
        })
        .collect()
}

/// Takes the policy's row for this transaction; two people who save at once do so one after the other.
pub async fn lock(db: &mut PgConnection, id: PolicyId) -> Result<i32> {
    sqlx::query_scalar!("SELECT p.current_version FROM drydock.policy p WHERE p.id = $1 FOR UPDATE", id.0)
        .fetch_optional(db)
        .await?
        .ok_or(Error::NotFound)
}

/// Adds a version and makes it the current one.
pub async fn add_version(db: &mut PgConnection, id: PolicyId, version: i32, policy: &Policy, by: PersonId) -> Result<Digest> {
    let (bytes, digest) = policy.seal()?;
    sqlx::query!(
        "INSERT INTO drydock.policy_version (policy_id, version, bytes, digest, created_by) VALUES ($1, $2, $3, $4, $5)",
        id.0,
        version,
        bytes,
        digest.0.as_slice(),
        by.0
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("UPDATE drydock.policy AS p SET current_version = $2 WHERE p.id = $1", id.0, version).execute(db).await?;
    Ok(digest)
}

/// One database a policy rules, with the people its rules would be counted over.
#[derive(Debug, Clone)]
pub struct Ruled {
    /// Short name of the database.
    pub target: String,
    /// Who may propose there.
    pub proposers: Vec<(PersonId, String)>,
    /// Who may vote today.
    pub people: Electorate,
}

/// Every database in these environments that is not retired.
pub async fn ruled(db: &mut PgConnection, environments: &[String]) -> Result<Vec<Ruled>> {
    let targets = sqlx::query!(
        "SELECT t.id, t.team_id, t.short_name FROM drydock.target t WHERE t.environment = ANY ($1) AND t.state IN ('unverified', 'ready') ORDER BY t.short_name",
        environments
    )
    .fetch_all(&mut *db)
    .await?;
    let mut ruled = Vec::with_capacity(targets.len());
    for target in targets {
        let team = TeamId(target.team_id);
        ruled.push(Ruled {
            target: target.short_name,
            proposers: groups::proposers(db, team).await?,
            people: groups::eligible(db, TargetId(target.id), team).await?,
        });
    }
    Ok(ruled)
}
