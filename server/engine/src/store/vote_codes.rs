//! Codes to approve, as those who ask for one or type one need them.

use super::Stamp;
use super::votes::secret_hash;
use domain::ids::{LinkId, VoteCodeId};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::PgConnection;

/// A code that can still be typed.
#[derive(Debug, Clone)]
pub struct VoteCode {
    /// Identity.
    pub id: VoteCodeId,
    /// What the digits are compared with.
    pub mac: Vec<u8>,
    /// Hash of the secret of the browser that asked.
    browser_hash: Vec<u8>,
    /// Wrong codes so far.
    pub tries: i32,
    /// Dead from then.
    pub expires_at: Timestamp,
}

impl VoteCode {
    /// Whether this browser asked for it.
    #[must_use]
    pub fn is_of(&self, browser: Option<&SecretString>) -> bool {
        browser.is_some_and(|browser| secret_hash(browser.expose_secret()).as_slice() == self.browser_hash)
    }
}

/// The code of a link that can still be typed, if there is one.
pub async fn alive(db: &mut PgConnection, link: LinkId) -> sqlx::Result<Option<VoteCode>> {
    let row = sqlx::query!(
        "SELECT c.id, c.mac, c.browser_hash, c.tries, c.expires_at FROM drydock.vote_code c
         WHERE c.link_id = $1 AND c.used_at IS NULL AND c.ended_at IS NULL AND c.expires_at > clock_timestamp()",
        link.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| VoteCode {
        id: VoteCodeId(row.id),
        mac: row.mac,
        browser_hash: row.browser_hash,
        tries: row.tries,
        expires_at: row.expires_at.to_jiff(),
    }))
}

/// Seconds since the newest code of a link was asked for; `None` when there was none.
pub async fn newest_age_s(db: &mut PgConnection, link: LinkId) -> sqlx::Result<Option<f64>> {
    sqlx::query_scalar!(
        "SELECT extract(epoch FROM clock_timestamp() - max(c.created_at))::float8 FROM drydock.vote_code c WHERE c.link_id = $1",
        link.0
    )
    .fetch_one(db)
    .await
}

/// Until when the code of a message is good; `None` once it opens nothing any more.
pub async fn good_until(db: &mut PgConnection, code: VoteCodeId) -> sqlx::Result<Option<Timestamp>> {
    let until = sqlx::query_scalar!(
        "SELECT c.expires_at FROM drydock.vote_code c WHERE c.id = $1 AND c.used_at IS NULL AND c.ended_at IS NULL AND c.expires_at > clock_timestamp()",
        code.0
    )
    .fetch_optional(db)
    .await?;
    Ok(until.map(Stamp::to_jiff))
}
