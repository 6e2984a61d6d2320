//! The only write door: a decision becomes a guarded update, its facts and its messages, in one transaction.
//!
//! Every transition names the state and revision it expects; the loser of a race gets a sentence. Lock order: window, run, item.

mod account_links;
mod attempts;
mod events;
mod lanes;
mod outbox;
mod runs;
mod series_votes;
mod vote_codes;
mod votes;
mod windows;

use crate::error::Result;
use crate::store::{Stamp, stamp};
use domain::fact::{self, NewFact};
use domain::permission::Permit;
use jiff::Timestamp;
use sqlx::PgConnection;

pub use account_links::Made;
pub use attempts::{Line, NewAttempt};
pub use lanes::Settled;
pub use outbox::LinkForMail;
pub use runs::{LEASE_LOST, Pulse, Tenure, hand_over, is_lease_lost, owner_is_gone, pulse, renew};
pub use series_votes::{NewSeriesDigest, NewSeriesVote};
pub use votes::NewVote;
pub(crate) use votes::{link_spent, vote_fact};
pub use windows::NewRevision;

/// A fact that was written in this transaction: transitions and messages point to it.
#[derive(Debug, Clone, Copy)]
pub struct FactRef {
    pub(crate) id: i64,
    pub(crate) at: Timestamp,
}

impl FactRef {
    /// Number of the fact.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.id
    }
    /// When it was written, by the state database's clock.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }
}

/// The write door of one transaction, opened by a permit.
#[derive(Debug)]
pub struct Ledger<'t> {
    db: &'t mut PgConnection,
    permit: &'t Permit,
    request: &'t str,
}

impl<'t> Ledger<'t> {
    /// Opens the door. `request` names the request or process step for the trail.
    pub fn open(db: &'t mut PgConnection, permit: &'t Permit, request: &'t str) -> Self {
        Self { db, permit, request }
    }

    /// The transaction's connection, for reads and for plain rows of `store`.
    pub fn db(&mut self) -> &mut PgConnection {
        self.db
    }

    /// On whose behalf.
    #[must_use]
    pub fn permit(&self) -> &Permit {
        self.permit
    }

    /// Writes a fact.
    pub async fn fact(&mut self, new: NewFact) -> Result<FactRef> {
        let mark =
            sqlx::query!(r#"SELECT nextval('drydock.fact_id_seq') AS "id!", clock_timestamp() AS "at!", (pg_control_system()).system_identifier::text AS "system_identifier!""#)
                .fetch_one(&mut *self.db)
                .await?;
        let at = mark.at.to_jiff();
        let bytes = fact::bytes(&new, self.permit.who(), mark.id, at.as_microsecond(), &mark.system_identifier, self.request)?;
        let leaf = fact::leaf(&bytes);
        let (actor_kind, actor, _) = fact::actor_of(self.permit.who());
        sqlx::query!(
            "INSERT INTO drydock.fact (id, at, system_identifier, actor_kind, actor_id, team_id, window_id, action, object_kind, object_id, result, bytes, leaf)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            mark.id,
            stamp(at) as Stamp,
            mark.system_identifier,
            actor_kind,
            actor.map(|person| person.0),
            new.team.map(|team| team.0),
            new.window.map(|window| window.0),
            new.action,
            new.object_kind,
            new.object_id,
            if new.done { "done" } else { "refused" },
            bytes,
            leaf.as_slice()
        )
        .execute(&mut *self.db)
        .await?;
        Ok(FactRef { id: mark.id, at })
    }
}
