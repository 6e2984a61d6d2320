//! Dates of a series together: asked, approved, taken back, and the windows they cover.

use super::{FactRef, Ledger};
use crate::clock;
use crate::error::Result;
use crate::store::{Stamp, stamp};
use domain::approval::Assurance;
use domain::canonical::Digest;
use domain::ids::{PersonId, SeriesDigestId, SeriesId, TeamId, VoteId, WindowId};
use jiff::Timestamp;

/// Dates about to be asked for.
#[derive(Debug, Clone)]
pub struct NewSeriesDigest {
    /// Of which series.
    pub series: SeriesId,
    /// Its owner team.
    pub team: TeamId,
    /// Its revision.
    pub revision: i32,
    /// Of the bytes.
    pub digest: Digest,
    /// Canonical.
    pub bytes: Vec<u8>,
    /// When the first and the last date start.
    pub starts: (Timestamp, Timestamp),
    /// Who asks.
    pub by: PersonId,
}

/// An approval about to be written.
#[derive(Debug, Clone)]
pub struct NewSeriesVote {
    /// Of which dates.
    pub asked: SeriesDigestId,
    /// Of exactly these bytes.
    pub digest: Digest,
    /// Whose.
    pub person: PersonId,
    /// How the voter was known.
    pub assurance: Assurance,
    /// What the voter wants to say.
    pub comment: String,
}

impl Ledger<'_> {
    /// Writes down what is asked about. From then on it is the one of its series that counts.
    pub async fn ask_series(&mut self, new: &NewSeriesDigest) -> Result<SeriesDigestId> {
        let id: SeriesDigestId = clock::new_id();
        sqlx::query!(
            "INSERT INTO drydock.series_digest (id, series_id, team_id, revision, digest, bytes, first_start_at, last_start_at, asked_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            id.0,
            new.series.0,
            new.team.0,
            new.revision,
            new.digest.0.as_slice(),
            new.bytes,
            stamp(new.starts.0) as Stamp,
            stamp(new.starts.1) as Stamp,
            new.by.0
        )
        .execute(&mut *self.db)
        .await?;
        Ok(id)
    }

    /// Writes an approval.
    pub async fn series_vote(&mut self, vote: &NewSeriesVote) -> Result<VoteId> {
        let id: VoteId = clock::new_id();
        sqlx::query!(
            "INSERT INTO drydock.series_vote (id, series_digest_id, digest, person_id, assurance, comment) VALUES ($1, $2, $3, $4, $5, $6)",
            id.0,
            vote.asked.0,
            vote.digest.0.as_slice(),
            vote.person.0,
            vote.assurance.word(),
            vote.comment
        )
        .execute(&mut *self.db)
        .await?;
        Ok(id)
    }

    /// Takes an approval back.
    pub async fn withdraw_series_vote(&mut self, vote: VoteId, reason: &str) -> Result<()> {
        sqlx::query!(
            "UPDATE drydock.series_vote AS v SET withdrawn_at = clock_timestamp(), withdrawn_reason = $2 WHERE v.id = $1 AND v.withdrawn_at IS NULL",
            vote.0,
            reason
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }

    /// A window that was just born is covered. Refused by the table where its plan is not what was asked about.
    pub async fn cover(&mut self, window: WindowId, plan: Digest, asked: SeriesDigestId, fact: FactRef) -> Result<()> {
        sqlx::query!(
            "INSERT INTO drydock.series_cover (window_id, plan_digest, series_digest_id, fact_id, fact_at) VALUES ($1, $2, $3, $4, $5)",
            window.0,
            plan.0.as_slice(),
            asked.0,
            fact.id,
            stamp(fact.at) as Stamp
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }
}
