//! Votes and the links that carry them.

use super::Stamp;
use crate::clock;
use crate::error::{Error, Result};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::approval::{Assurance, StandingVote, VoteDecision};
use domain::canonical::Digest;
use domain::ids::{LinkId, PersonId, VoteId, WindowId};
use jiff::Timestamp;
use sqlx::PgConnection;
use zeroize::Zeroizing;

/// Votes on one digest that were not withdrawn, oldest first: those given on the window, and those given with its series.
pub async fn standing(db: &mut PgConnection, window: WindowId, digest: Digest) -> Result<Vec<(VoteId, StandingVote)>> {
    let rows = sqlx::query!(
        r#"SELECT v.id AS "id!", v.person_id AS "person_id!", v.decision AS "decision!", v.assurance AS "assurance!", v.cast_at AS "cast_at!: Stamp" FROM drydock.plan_vote v WHERE v.window_id = $1 AND v.digest = $2 AND v.withdrawn_at IS NULL ORDER BY v.cast_at"#,
        window.0,
        digest.0.as_slice()
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let unknown = || Error::internal("a vote has an unknown word");
            Ok((
                VoteId(row.id),
                StandingVote {
                    person: PersonId(row.person_id),
                    decision: VoteDecision::from_word(&row.decision).ok_or_else(unknown)?,
                    assurance: Assurance::from_word(&row.assurance).ok_or_else(unknown)?,
                    at: row.cast_at.to_jiff(),
                },
            ))
        })
        .collect()
}

/// A link, found by its secret.
#[derive(Debug, Clone)]
pub struct Link {
    /// Identity.
    pub id: LinkId,
    /// `approve`, `object`, `invite` or `reset`.
    pub purpose: String,
    /// For whom.
    pub person: PersonId,
    /// About which window.
    pub window: Option<WindowId>,
    /// About which plan.
    pub digest: Option<Digest>,
    /// Dead from then.
    pub expires_at: Timestamp,
    /// When it decided.
    pub used_at: Option<Timestamp>,
    /// When it was killed or replaced.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub ended_reason: Option<String>,
    /// Past its time by the state database's clock.
    pub expired: bool,
}

impl Link {
    /// Whether it can still decide on this plan.
    #[must_use]
    pub fn decides(&self, digest: Digest) -> bool {
        self.used_at.is_none() && self.ended_at.is_none() && !self.expired && self.digest == Some(digest)
    }
}

/// A secret for an address: 256 random bits as text that needs no escaping there. Only its hash is stored.
#[must_use]
pub fn new_secret() -> Zeroizing<String> {
    Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(clock::random::<32>()))
}

/// SHA-256 of a link's secret: what is stored and looked up.
#[must_use]
pub fn secret_hash(secret: &str) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(secret.as_bytes()).into()
}

/// The link with this secret, if there is one.
pub async fn link(db: &mut PgConnection, secret: &str) -> Result<Option<Link>> {
    let hash = secret_hash(secret);
    let row = sqlx::query!(
        r#"SELECT l.id, l.purpose, l.person_id, l.window_id, l.digest, l.expires_at, l.used_at, l.ended_at, l.ended_reason,
                  l.expires_at <= clock_timestamp() AS "expired!" FROM drydock.link l WHERE l.secret_hash = $1"#,
        hash.as_slice()
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Link {
        id: LinkId(row.id),
        purpose: row.purpose,
        person: PersonId(row.person_id),
        window: row.window_id.map(WindowId),
        digest: row.digest.as_deref().and_then(Digest::from_slice),
        expires_at: row.expires_at.to_jiff(),
        used_at: row.used_at.map(|at| at.to_jiff()),
        ended_at: row.ended_at.map(|at| at.to_jiff()),
        ended_reason: row.ended_reason,
        expired: row.expired,
    }))
}

/// Notes that a link was opened, by whom is not known: the one mark a GET leaves (excepted by name).
pub async fn mark_opened(db: &mut PgConnection, link: LinkId) -> sqlx::Result<()> {
    sqlx::query!("UPDATE drydock.link AS l SET opened_at = clock_timestamp() WHERE l.id = $1 AND l.opened_at IS NULL", link.0)
        .execute(db)
        .await
        .map(drop)
}

/// Public keys of all admitted workers.
pub async fn worker_keys(db: &mut PgConnection) -> Result<Vec<crate::vault::WorkerPublicKey>> {
    let rows = sqlx::query!("SELECT k.id, k.public_key FROM drydock.worker_key k WHERE k.admitted_at IS NOT NULL ORDER BY k.id")
        .fetch_all(db)
        .await?;
    rows.into_iter()
        .map(|row| {
            let key = row.public_key.as_slice().try_into().map_err(|_| Error::internal("a worker key has 32 bytes"))?;
            Ok(crate::vault::WorkerPublicKey { id: row.id.into(), key })
        })
        .collect()
}
