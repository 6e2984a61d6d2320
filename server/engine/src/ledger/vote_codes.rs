//! Codes to approve: made, tried, used, ended.

use super::{Ledger, LinkForMail};
use crate::clock;
use crate::error::Result;
use crate::store;
use crate::vault::seal_for_workers;
use crate::vote_code::Fresh;
use domain::approval::code::MOST_TRIES;
use domain::canonical::Digest;
use domain::decision::Refusal;
use domain::ids::{LinkId, VoteCodeId};
use secrecy::ExposeSecret as _;

impl Ledger<'_> {
    /// Makes the one living code of a link: one that was mailed before is dead, and if it waits to be mailed it does not leave. What the mail
    /// carries are its digits, sealed to the notifier.
    pub(crate) async fn vote_code(&mut self, link: LinkId, digest: Digest, fresh: &Fresh) -> Result<(VoteCodeId, LinkForMail)> {
        self.end_vote_codes(link).await?;
        let id: VoteCodeId = clock::new_id();
        let (browser_hash, mac) = fresh.stored(link, digest)?;
        sqlx::query!(
            "INSERT INTO drydock.vote_code (id, link_id, digest, browser_hash, mac) VALUES ($1, $2, $3, $4, $5)",
            id.0,
            link.0,
            digest.0.as_slice(),
            browser_hash.as_slice(),
            mac.as_slice()
        )
        .execute(&mut *self.db)
        .await?;
        let workers = store::votes::worker_keys(self.db).await?;
        Ok((id, LinkForMail { id: link, sealed_secret: seal_for_workers(fresh.digits.expose_secret().as_bytes(), &workers)? }))
    }

    /// Ends the living code of a link, and the message that was to carry it.
    async fn end_vote_codes(&mut self, link: LinkId) -> Result<()> {
        sqlx::query!(
            "UPDATE drydock.vote_code AS c SET ended_at = clock_timestamp() WHERE c.link_id = $1 AND c.used_at IS NULL AND c.ended_at IS NULL",
            link.0
        )
        .execute(&mut *self.db)
        .await?;
        sqlx::query!(
            "UPDATE drydock.outbox AS o SET state = 'superseded', link_secret = NULL, last_error = 'A newer code was asked for.'
             WHERE o.link_id = $1 AND o.kind = 'vote_code' AND o.state IN ('waiting', 'parked')",
            link.0
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }

    /// Counts a wrong code, which ends it with the last try. Gives how many tries are left.
    pub(crate) async fn wrong_vote_code(&mut self, code: VoteCodeId) -> Result<i32> {
        let tries = sqlx::query_scalar!(
            "UPDATE drydock.vote_code AS c SET tries = c.tries + 1, ended_at = CASE WHEN c.tries + 1 >= $2 THEN clock_timestamp() END
             WHERE c.id = $1 AND c.used_at IS NULL AND c.ended_at IS NULL RETURNING c.tries",
            code.0,
            MOST_TRIES
        )
        .fetch_optional(&mut *self.db)
        .await?;
        Ok(tries.map_or(0, |tries| MOST_TRIES - tries))
    }

    /// Lets a code confirm an approval, once: the loser of a race learns that it did not.
    pub(crate) async fn use_vote_code(&mut self, code: VoteCodeId) -> Result<()> {
        let done = sqlx::query!(
            "UPDATE drydock.vote_code AS c SET used_at = clock_timestamp()
             WHERE c.id = $1 AND c.used_at IS NULL AND c.ended_at IS NULL AND c.expires_at > clock_timestamp()",
            code.0
        )
        .execute(&mut *self.db)
        .await?;
        if done.rows_affected() == 1 {
            return Ok(());
        }
        Err(Refusal::new("code_spent", "This code was used, replaced, or its ten minutes passed.", "Have a new one mailed.").into())
    }
}
