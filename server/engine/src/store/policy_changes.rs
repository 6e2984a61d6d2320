//! Proposed versions of policies, and who agreed to them.

use super::policies::digest;
use crate::error::{Error, Result};
use domain::approval::Policy;
use domain::approval::change::Agreement;
use domain::canonical::Digest;
use domain::ids::{PersonId, PolicyChangeId, PolicyId};
use jiff::Timestamp;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// A proposed version.
#[derive(Debug, Clone)]
pub struct Change {
    /// Identity.
    pub id: PolicyChangeId,
    /// Of which policy.
    pub policy: PolicyId,
    /// Its name.
    pub name: String,
    /// The version it would follow; 0 for a new policy.
    pub base_version: i32,
    /// What it would be.
    pub rules: Policy,
    /// Digest of that.
    pub digest: Digest,
    /// Who proposed it.
    pub proposed_by: PersonId,
    /// When.
    pub proposed_at: Timestamp,
    /// Whose agreement it needs.
    pub agreement: Agreement,
    /// Who has and is still active, and when.
    pub agreed: Vec<(PersonId, Timestamp)>,
}

impl Change {
    /// Who has agreed.
    #[must_use]
    pub fn who_agreed(&self) -> BTreeSet<PersonId> {
        self.agreed.iter().map(|(person, _)| *person).collect()
    }
}

/// Changes that wait, oldest first.
pub async fn waiting(db: &mut PgConnection) -> Result<Vec<Change>> {
    let ids = sqlx::query_scalar!("SELECT c.id FROM drydock.policy_change c WHERE c.ended_at IS NULL ORDER BY c.proposed_at")
        .fetch_all(&mut *db)
        .await?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.extend(load(db, PolicyChangeId(id)).await?);
    }
    Ok(found)
}

/// Names of the policies whose change waits for this person's agreement, and where it would count now.
pub async fn waiting_for(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "SELECT c.name FROM drydock.policy_change c WHERE c.ended_at IS NULL AND $1 = ANY (c.asked)
           AND NOT EXISTS (SELECT FROM drydock.policy_agreement a WHERE a.change_id = c.id AND a.person_id = $1)
           AND NOT EXISTS (SELECT FROM drydock.person p WHERE p.id = $1 AND p.may_vote_from > clock_timestamp())
           AND NOT EXISTS (SELECT FROM drydock.identity_change i
                           WHERE i.person_id = $1 AND i.changed_by = c.proposed_by AND c.proposed_at < i.at + interval '24 hours')
         ORDER BY c.proposed_at",
        person.0
    )
    .fetch_all(db)
    .await
}

/// A change that waits, taken for this transaction; `None` when there is none, or it has ended.
pub async fn lock(db: &mut PgConnection, id: PolicyChangeId) -> Result<Option<Change>> {
    sqlx::query!("SELECT c.id FROM drydock.policy_change c WHERE c.id = $1 FOR UPDATE", id.0).fetch_optional(&mut *db).await?;
    load(db, id).await
}

async fn load(db: &mut PgConnection, id: PolicyChangeId) -> Result<Option<Change>> {
    let row = sqlx::query!(
        "SELECT c.policy_id, c.name, c.base_version, c.bytes, c.digest, c.proposed_by, c.proposed_at, c.seats
         FROM drydock.policy_change c WHERE c.id = $1 AND c.ended_at IS NULL",
        id.0
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let agreed = sqlx::query!(
        "SELECT a.person_id, a.agreed_at FROM drydock.policy_agreement a JOIN drydock.person p ON p.id = a.person_id
         WHERE a.change_id = $1 AND p.active ORDER BY a.agreed_at",
        id.0
    )
    .fetch_all(db)
    .await?;
    Ok(Some(Change {
        id,
        policy: PolicyId(row.policy_id),
        name: row.name,
        base_version: row.base_version,
        rules: serde_json::from_slice(&row.bytes)?,
        digest: digest(&row.digest)?,
        proposed_by: PersonId(row.proposed_by),
        proposed_at: row.proposed_at.to_jiff(),
        agreement: serde_json::from_value(row.seats)?,
        agreed: agreed.into_iter().map(|row| (PersonId(row.person_id), row.agreed_at.to_jiff())).collect(),
    }))
}

/// A change about to be written.
#[derive(Debug)]
pub struct NewChange<'a> {
    /// Identity.
    pub id: PolicyChangeId,
    /// Of which policy.
    pub policy: PolicyId,
    /// Its name.
    pub name: &'a str,
    /// The version it would follow.
    pub base_version: i32,
    /// What it would be.
    pub rules: &'a Policy,
    /// Who proposes it.
    pub by: PersonId,
    /// Who has to agree.
    pub agreement: &'a Agreement,
}

/// Writes a proposed version.
pub async fn insert(db: &mut PgConnection, new: &NewChange<'_>) -> Result<Digest> {
    let (bytes, digest) = new.rules.seal()?;
    let asked: Vec<uuid::Uuid> = new.agreement.by().iter().map(|person| person.0).collect();
    sqlx::query!(
        "INSERT INTO drydock.policy_change (id, policy_id, name, base_version, bytes, digest, proposed_by, needed, asked, seats) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        new.id.0,
        new.policy.0,
        new.name,
        new.base_version,
        bytes,
        digest.0.as_slice(),
        new.by.0,
        i32::try_from(new.agreement.needed()).map_err(Error::internal)?,
        &asked,
        serde_json::to_value(new.agreement)?
    )
    .execute(db)
    .await?;
    Ok(digest)
}

/// Writes an agreement.
pub async fn agree(db: &mut PgConnection, change: PolicyChangeId, person: PersonId) -> Result<()> {
    sqlx::query!("INSERT INTO drydock.policy_agreement (change_id, person_id) VALUES ($1, $2)", change.0, person.0).execute(db).await?;
    Ok(())
}

/// Ends a change: adopted, or taken back. False when it had ended.
pub async fn end(db: &mut PgConnection, change: PolicyChangeId, by: PersonId, adopted: bool) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.policy_change AS c SET ended_at = clock_timestamp(), ended_by = $2, adopted = $3 WHERE c.id = $1 AND c.ended_at IS NULL",
        change.0,
        by.0,
        adopted
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
