//! Votes and links: cast, withdrawn, consumed, ended.

use super::{Ledger, LinkForMail};
use crate::clock;
use crate::error::Result;
use crate::store::votes::{new_secret, secret_hash};
use crate::store::{Stamp, stamp};
use crate::vault::{WorkerPublicKey, seal_for_workers};
use domain::approval::{Assurance, VoteDecision};
use domain::canonical::Digest;
use domain::decision::Refusal;
use domain::ids::{DelegationId, LinkId, PersonId, TeamId, VoteCodeId, VoteId, WindowId};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// A vote about to be written.
#[derive(Debug, Clone)]
pub struct NewVote {
    /// On which window.
    pub window: WindowId,
    /// On exactly these bytes.
    pub digest: Digest,
    /// Whose.
    pub person: PersonId,
    /// What.
    pub decision: VoteDecision,
    /// How the voter was known.
    pub assurance: Assurance,
    /// Why.
    pub comment: String,
    /// The link used.
    pub link: Option<LinkId>,
    /// The mailed code that was typed beside it.
    pub code: Option<VoteCodeId>,
    /// In whose place it is given, too.
    pub in_place_of: BTreeSet<PersonId>,
}

/// A delegation about to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewDelegation {
    /// On which window.
    pub window: WindowId,
    /// On exactly these bytes.
    pub digest: Digest,
    /// Whose seat it is.
    pub person: PersonId,
    /// Who decides.
    pub delegate: PersonId,
    /// The link by which it was said.
    pub link: LinkId,
    /// The mailed code that was typed beside it.
    pub code: Option<VoteCodeId>,
}

impl Ledger<'_> {
    /// Lets somebody else decide on one plan.
    pub async fn delegate(&mut self, new: &NewDelegation) -> Result<DelegationId> {
        let id: DelegationId = clock::new_id();
        sqlx::query!(
            "INSERT INTO drydock.delegation (id, window_id, digest, person_id, delegate_id, link_id, code_id) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            id.0,
            new.window.0,
            new.digest.0.as_slice(),
            new.person.0,
            new.delegate.0,
            new.link.0,
            new.code.map(|code| code.0)
        )
        .execute(&mut *self.db)
        .await?;
        Ok(id)
    }

    /// Takes a delegation back. False when it was taken back before.
    pub async fn end_delegation(&mut self, delegation: DelegationId, reason: &str) -> Result<bool> {
        let done = sqlx::query!(
            "UPDATE drydock.delegation AS d SET ended_at = clock_timestamp(), ended_reason = $2 WHERE d.id = $1 AND d.ended_at IS NULL",
            delegation.0,
            reason
        )
        .execute(&mut *self.db)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Writes a vote.
    pub async fn vote(&mut self, vote: &NewVote) -> Result<VoteId> {
        let id: VoteId = clock::new_id();
        sqlx::query!(
            "INSERT INTO drydock.vote (id, window_id, digest, person_id, decision, assurance, comment, link_id, code_id, in_place_of) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            id.0,
            vote.window.0,
            vote.digest.0.as_slice(),
            vote.person.0,
            vote.decision.word(),
            vote.assurance.word(),
            vote.comment,
            vote.link.map(|link| link.0),
            vote.code.map(|code| code.0),
            &vote.in_place_of.iter().map(|person| person.0).collect::<Vec<_>>()
        )
        .execute(&mut *self.db)
        .await?;
        Ok(id)
    }

    /// Takes a vote back. False when it was taken back before.
    pub async fn withdraw_vote(&mut self, vote: VoteId, reason: &str) -> Result<bool> {
        let done = sqlx::query!("UPDATE drydock.vote AS v SET withdrawn_at = clock_timestamp(), withdrawn_reason = $2 WHERE v.id = $1 AND v.withdrawn_at IS NULL", vote.0, reason)
            .execute(&mut *self.db)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Makes a personal link: 256 random bits, of which only the hash is stored, and the sealed text for the mail.
    pub async fn link(
        &mut self,
        purpose: &str,
        person: PersonId,
        about: Option<(WindowId, Digest)>,
        expires_at: Timestamp,
        workers: &[WorkerPublicKey],
    ) -> Result<LinkForMail> {
        let secret = new_secret();
        let id: LinkId = clock::new_id();
        let hash = secret_hash(&secret);
        sqlx::query!(
            "INSERT INTO drydock.link (id, secret_hash, purpose, person_id, window_id, digest, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            id.0,
            hash.as_slice(),
            purpose,
            person.0,
            about.map(|(window, _)| window.0),
            about.map(|(_, digest)| digest.0.to_vec()),
            stamp(expires_at) as Stamp
        )
        .execute(&mut *self.db)
        .await?;
        Ok(LinkForMail { id, sealed_secret: seal_for_workers(secret.as_bytes(), workers)? })
    }

    /// Lets a link decide, once: the loser of a race, a stale, expired or ended link learns that it did not.
    pub async fn consume_link(&mut self, link: LinkId, about: Option<(WindowId, Digest)>) -> Result<()> {
        let done = sqlx::query!(
            "UPDATE drydock.link AS l SET used_at = clock_timestamp() WHERE l.id = $1 AND l.used_at IS NULL AND l.ended_at IS NULL AND l.expires_at > clock_timestamp()
             AND l.digest IS NOT DISTINCT FROM $2",
            link.0,
            about.map(|(_, digest)| digest.0.to_vec())
        )
        .execute(&mut *self.db)
        .await?;
        if done.rows_affected() == 1 {
            return Ok(());
        }
        Err(link_spent().into())
    }

    /// Ends every unused decision link of a window: after an edit, a veto or a cancellation. Messages that carry them are superseded.
    pub async fn end_links(&mut self, window: WindowId, reason: &str) -> Result<()> {
        sqlx::query!(
            "UPDATE drydock.link AS l SET ended_at = clock_timestamp(), ended_reason = $2 WHERE l.window_id = $1 AND l.purpose = 'approve' AND l.used_at IS NULL AND l.ended_at IS NULL",
            window.0,
            reason
        )
        .execute(&mut *self.db)
        .await?;
        sqlx::query!(
            "UPDATE drydock.outbox AS o SET state = 'superseded', link_secret = NULL, last_error = $2 WHERE o.window_id = $1 AND o.kind IN ('approval_needed', 'vote_code') AND o.state IN ('waiting', 'parked')",
            window.0,
            reason
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }

    /// Ends every unused link of a person but "this was not me": whoever reads the mailbox they went to is not who may decide any more. With
    /// `team`, only decision links on windows of that team. Messages that carry them are superseded.
    pub async fn end_links_of(&mut self, person: PersonId, team: Option<TeamId>, reason: &str) -> Result<()> {
        let ended = sqlx::query_scalar!(
            "UPDATE drydock.link AS l SET ended_at = clock_timestamp(), ended_reason = $3
             WHERE l.person_id = $1 AND l.purpose <> 'object' AND l.used_at IS NULL AND l.ended_at IS NULL
               AND ($2::uuid IS NULL OR EXISTS (SELECT FROM drydock.window w WHERE w.id = l.window_id AND w.team_id = $2)) RETURNING l.id",
            person.0,
            team.map(|team| team.0),
            reason
        )
        .fetch_all(&mut *self.db)
        .await?;
        // Whom they let decide by such a link decides no more, either.
        sqlx::query!(
            "UPDATE drydock.delegation AS d SET ended_at = clock_timestamp(), ended_reason = $3 WHERE d.person_id = $1 AND d.ended_at IS NULL
               AND ($2::uuid IS NULL OR EXISTS (SELECT FROM drydock.window w WHERE w.id = d.window_id AND w.team_id = $2))",
            person.0,
            team.map(|team| team.0),
            reason
        )
        .execute(&mut *self.db)
        .await?;
        self.supersede(&ended, reason).await
    }

    /// Ends a person's unused links to a new address, before another one is made.
    pub async fn end_address_links(&mut self, person: PersonId, reason: &str) -> Result<()> {
        let ended = sqlx::query_scalar!(
            "UPDATE drydock.link AS l SET ended_at = clock_timestamp(), ended_reason = $2
             WHERE l.person_id = $1 AND l.purpose = 'address' AND l.used_at IS NULL AND l.ended_at IS NULL RETURNING l.id",
            person.0,
            reason
        )
        .fetch_all(&mut *self.db)
        .await?;
        self.supersede(&ended, reason).await
    }

    /// Messages that were to carry these links do not leave, and the outbox says why.
    pub(super) async fn supersede(&mut self, ended: &[uuid::Uuid], reason: &str) -> Result<()> {
        sqlx::query!(
            "UPDATE drydock.outbox AS o SET state = 'superseded', link_secret = NULL, last_error = $2 WHERE o.link_id = ANY ($1) AND o.state IN ('waiting', 'parked')",
            ended,
            reason
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }

    /// Ends one person's unused links on a window, before a fresh one is made.
    pub async fn replace_links(&mut self, window: WindowId, person: PersonId) -> Result<()> {
        sqlx::query!(
            "UPDATE drydock.link AS l SET ended_at = clock_timestamp(), ended_reason = 'A fresh link was mailed; use the newest mail.' WHERE l.window_id = $1 AND l.person_id = $2 AND l.purpose = 'approve' AND l.used_at IS NULL AND l.ended_at IS NULL",
            window.0,
            person.0
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }
}

/// What is said by a link that decides nothing.
pub(crate) fn link_spent() -> Refusal {
    Refusal::new(
        "link_spent",
        "This link no longer decides: it was used, replaced, or the plan was edited meanwhile.",
        "Open it again to see why, and have a fresh link mailed to you.",
    )
}

/// The fact behind a vote: who, on which digest, how known.
pub(crate) fn vote_fact(vote: &NewVote, team: domain::ids::TeamId) -> domain::fact::NewFact {
    let fact = domain::fact::NewFact::done("vote.cast", "window", vote.window)
        .of_window(vote.window)
        .of_team(team)
        .with("decision", vote.decision.word())
        .with("digest", vote.digest.hex())
        .with("assurance", vote.assurance.word())
        .with("voter", vote.person.to_string())
        .with("comment", vote.comment.clone());
    if vote.in_place_of.is_empty() {
        return fact;
    }
    fact.with("in_place_of", vote.in_place_of.iter().map(ToString::to_string).collect::<Vec<_>>())
}
