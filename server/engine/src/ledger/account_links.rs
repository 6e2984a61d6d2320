//! Links about somebody's own account: made, ended. They are consumed like every link.

use super::{Ledger, LinkForMail};
use crate::clock;
use crate::error::Result;
use crate::store;
use crate::store::votes::{new_secret, secret_hash};
use crate::store::{Stamp, stamp};
use crate::vault::seal_for_workers;
use domain::account_link::{AccountLink, Way};
use domain::ids::{LinkId, PersonId};
use jiff::Timestamp;
use secrecy::SecretString;

/// A link that was just made.
#[derive(Debug)]
pub enum Made {
    /// For the outbox: its secret is sealed to the notifier.
    ForMail(LinkForMail),
    /// For the eyes of who made it, once: it is stored nowhere.
    ToShow(LinkId, SecretString),
}

impl Made {
    /// Which link.
    #[must_use]
    pub fn id(&self) -> LinkId {
        match self {
            Self::ForMail(link) => link.id,
            Self::ToShow(id, _) => *id,
        }
    }
}

impl Ledger<'_> {
    /// Makes the person's one living link of this kind: 256 random bits, of which only the hash is stored.
    pub async fn account_link(
        &mut self,
        kind: AccountLink,
        person: PersonId,
        way: Way,
        made_by: Option<PersonId>,
        expires_at: Timestamp,
    ) -> Result<Made> {
        self.end_account_links(kind, person, "A newer link was made; use that one.").await?;
        let secret = new_secret();
        let id: LinkId = clock::new_id();
        let hash = secret_hash(&secret);
        sqlx::query!(
            "INSERT INTO drydock.link (id, secret_hash, purpose, person_id, expires_at, made_by, shown) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            id.0,
            hash.as_slice(),
            kind.word(),
            person.0,
            stamp(expires_at) as Stamp,
            made_by.map(|person| person.0),
            way == Way::Show
        )
        .execute(&mut *self.db)
        .await?;
        if way == Way::Show {
            return Ok(Made::ToShow(id, SecretString::from(secret.as_str().to_owned())));
        }
        let workers = store::votes::worker_keys(self.db).await?;
        Ok(Made::ForMail(LinkForMail { id, sealed_secret: seal_for_workers(secret.as_bytes(), &workers)? }))
    }

    /// Ends the person's unused links of this kind; mails that were to carry them do not leave. Gives how many links there were.
    pub async fn end_account_links(&mut self, kind: AccountLink, person: PersonId, reason: &str) -> Result<u64> {
        let ended = sqlx::query_scalar!(
            "UPDATE drydock.link AS l SET ended_at = clock_timestamp(), ended_reason = $3
             WHERE l.person_id = $1 AND l.purpose = $2 AND l.used_at IS NULL AND l.ended_at IS NULL AND l.expires_at > clock_timestamp() RETURNING l.id",
            person.0,
            kind.word(),
            reason
        )
        .fetch_all(&mut *self.db)
        .await?;
        self.supersede(&ended, reason).await?;
        Ok(ended.len() as u64)
    }
}
