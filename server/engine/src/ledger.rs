//! The only write door: a decision becomes a guarded update, its facts and its messages, in one transaction.
//!
//! Every transition names the state and revision it expects; the loser of a race gets a sentence. Lock order: window, run, item.

mod account_links;
mod attempts;
mod events;
mod kept_out;
mod lanes;
mod lots;
mod outbox;
mod runs;
mod series_votes;
mod undo;
mod vote_codes;
mod votes;
mod windows;

use crate::error::{Error, Result};
use domain::fact::{self, NewFact};
use domain::permission::Permit;
use jiff::Timestamp;
use sqlx::PgConnection;

pub use account_links::Made;
pub use attempts::{Line, NewAttempt};
pub use lanes::Settled;
pub use lots::{Begun, Concluded};
pub use outbox::LinkForMail;
pub use runs::{LEASE_LOST, Pulse, Tenure, hand_over, is_lease_lost, owner_is_gone, pulse, renew};
pub use series_votes::{NewSeriesDigest, NewSeriesVote};
pub use undo::NewUndo;
pub use votes::{NewDelegation, NewVote};
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
        self.facts(vec![new]).await?.pop().ok_or_else(|| Error::internal("a fact without a number"))
    }

    /// Writes facts, in this order.
    pub async fn facts(&mut self, new: Vec<NewFact>) -> Result<Vec<FactRef>> {
        let many = i64::try_from(new.len()).map_err(Error::internal)?;
        let marks = sqlx::query!(
            r#"WITH c AS MATERIALIZED (SELECT (pg_control_system()).system_identifier::text AS system_identifier)
               SELECT nextval('drydock.fact_id_seq') AS "id!", clock_timestamp() AS "at!", c.system_identifier AS "system_identifier!" FROM c, generate_series(1, $1::bigint)"#,
            many
        )
        .fetch_all(&mut *self.db)
        .await?;
        let (actor_kind, actor, _) = fact::actor_of(self.permit.who());
        let (mut written, mut bytes, mut leaves) = (Vec::new(), Vec::new(), Vec::new());
        for (mark, new) in marks.iter().zip(&new) {
            let at = mark.at.to_jiff();
            let of = fact::bytes(new, self.permit.who(), mark.id, at.as_microsecond(), &mark.system_identifier, self.request)?;
            leaves.push(fact::leaf(&of).to_vec());
            bytes.push(of);
            written.push(FactRef { id: mark.id, at });
        }
        let text = |of: fn(&NewFact) -> &str| new.iter().map(|new| of(new).to_owned()).collect::<Vec<_>>();
        sqlx::query!(
            "INSERT INTO drydock.fact (id, at, system_identifier, actor_kind, actor_id, team_id, window_id, action, object_kind, object_id, result, bytes, leaf)
             SELECT u.id, 'epoch'::timestamptz + u.at_us * interval '1 microsecond', $3, $4, $5, u.team_id, u.window_id, u.action, u.object_kind, u.object_id, u.result, u.bytes, u.leaf
             FROM unnest($1::bigint[], $2::bigint[], $6::uuid[], $7::uuid[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bytea[], $13::bytea[])
                  AS u (id, at_us, team_id, window_id, action, object_kind, object_id, result, bytes, leaf)",
            &written.iter().map(|fact| fact.id).collect::<Vec<_>>(),
            &written.iter().map(|fact| fact.at.as_microsecond()).collect::<Vec<_>>(),
            marks.first().map(|mark| mark.system_identifier.clone()).unwrap_or_default(),
            actor_kind,
            actor.map(|person| person.0),
            &new.iter().map(|new| new.team.map(|team| team.0)).collect::<Vec<_>>() as &[Option<uuid::Uuid>],
            &new.iter().map(|new| new.window.map(|window| window.0)).collect::<Vec<_>>() as &[Option<uuid::Uuid>],
            &text(|new| new.action),
            &text(|new| new.object_kind),
            &text(|new| &new.object_id),
            &text(|new| if new.done { "done" } else { "refused" }),
            &bytes,
            &leaves
        )
        .execute(&mut *self.db)
        .await?;
        Ok(written)
    }
}
