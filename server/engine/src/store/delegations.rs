//! Whom people let decide in their place, each on one plan.

use super::Stamp;
use crate::error::Result;
use domain::canonical::Digest;
use domain::ids::{DelegationId, PersonId, VoteId, WindowId};
use jiff::Timestamp;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// A delegation that holds.
#[derive(Debug, Clone)]
pub struct Delegation {
    /// Identity.
    pub id: DelegationId,
    /// Who decides.
    pub delegate: PersonId,
    /// Their name.
    pub name: String,
    /// Since when.
    pub at: Timestamp,
}

/// Whom this person lets decide on this plan.
pub async fn of(db: &mut PgConnection, window: WindowId, digest: Digest, person: PersonId) -> Result<Option<Delegation>> {
    let row = sqlx::query!(
        r#"SELECT d.id, d.delegate_id, p.name, d.at AS "at: Stamp" FROM drydock.delegation d JOIN drydock.person p ON p.id = d.delegate_id
           WHERE d.window_id = $1 AND d.digest = $2 AND d.person_id = $3 AND d.ended_at IS NULL"#,
        window.0,
        digest.0.as_slice(),
        person.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Delegation { id: DelegationId(row.id), delegate: PersonId(row.delegate_id), name: row.name, at: row.at.to_jiff() }))
}

/// How many people this person has named for this plan, one after the other.
pub async fn given(db: &mut PgConnection, window: WindowId, digest: Digest, person: PersonId) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM drydock.delegation d WHERE d.window_id = $1 AND d.digest = $2 AND d.person_id = $3"#,
        window.0,
        digest.0.as_slice(),
        person.0
    )
    .fetch_one(db)
    .await?;
    Ok(count)
}

/// Everybody who lets somebody else decide on this plan.
pub async fn givers(db: &mut PgConnection, window: WindowId, digest: Digest) -> Result<BTreeSet<PersonId>> {
    let rows = sqlx::query_scalar!(
        "SELECT d.person_id FROM drydock.delegation d WHERE d.window_id = $1 AND d.digest = $2 AND d.ended_at IS NULL",
        window.0,
        digest.0.as_slice()
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(PersonId).collect())
}

/// Everybody who was let decide on this plan.
pub async fn delegates(db: &mut PgConnection, window: WindowId, digest: Digest) -> Result<BTreeSet<PersonId>> {
    let rows = sqlx::query_scalar!(
        "SELECT d.delegate_id FROM drydock.delegation d WHERE d.window_id = $1 AND d.digest = $2 AND d.ended_at IS NULL",
        window.0,
        digest.0.as_slice()
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(PersonId).collect())
}

/// The vote that was given in this person's place on this plan, and by whom.
pub async fn vote_in_place(
    db: &mut PgConnection,
    window: WindowId,
    digest: Digest,
    person: PersonId,
) -> Result<Option<(VoteId, PersonId)>> {
    let row = sqlx::query!(
        "SELECT v.id, v.person_id FROM drydock.vote v WHERE v.window_id = $1 AND v.digest = $2 AND v.withdrawn_at IS NULL AND v.in_place_of @> ARRAY[$3::uuid]",
        window.0,
        digest.0.as_slice(),
        person.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (VoteId(row.id), PersonId(row.person_id))))
}
