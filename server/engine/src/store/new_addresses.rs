//! Addresses that wait to be confirmed by whoever reads them.

use crate::error::Result;
use crate::store::votes::secret_hash;
use domain::ids::{LinkId, PersonId};
use jiff::Timestamp;
use sqlx::PgConnection;

/// A link to a new address that can still be used.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The link.
    pub link: LinkId,
    /// Whose address it becomes.
    pub person: PersonId,
    /// As others call them.
    pub name: String,
    /// Their zone.
    pub zone: String,
    /// The address they have now.
    pub email: String,
    /// The one they want.
    pub address: String,
    /// Dead from then.
    pub until: Timestamp,
}

/// What a secret still opens.
pub async fn waiting(db: &mut PgConnection, secret: &str) -> Result<Option<Waiting>> {
    let hash = secret_hash(secret);
    let row = sqlx::query!(
        "SELECT l.id, l.person_id, p.name, p.zone, p.email, n.address, l.expires_at
         FROM drydock.link l JOIN drydock.new_address n ON n.link_id = l.id JOIN drydock.person p ON p.id = l.person_id
         WHERE l.secret_hash = $1 AND l.purpose = 'address' AND l.used_at IS NULL AND l.ended_at IS NULL AND l.expires_at > clock_timestamp() AND p.active",
        hash.as_slice()
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Waiting {
        link: LinkId(row.id),
        person: PersonId(row.person_id),
        name: row.name,
        zone: row.zone,
        email: row.email,
        address: row.address,
        until: row.expires_at.to_jiff(),
    }))
}

/// The address a person waits to have confirmed.
pub async fn of(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT n.address FROM drydock.link l JOIN drydock.new_address n ON n.link_id = l.id
         WHERE l.person_id = $1 AND l.purpose = 'address' AND l.used_at IS NULL AND l.ended_at IS NULL AND l.expires_at > clock_timestamp() ORDER BY l.created_at DESC LIMIT 1",
        person.0
    )
    .fetch_optional(db)
    .await
}

/// Remembers which address a link is about.
pub(crate) async fn put(db: &mut PgConnection, link: LinkId, address: &str) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO drydock.new_address (link_id, address) VALUES ($1, $2)", link.0, address).execute(db).await.map(drop)
}

/// Active administrators with an account, whom somebody can turn to: name and address, at most five.
pub async fn administrators(db: &mut PgConnection) -> sqlx::Result<Vec<(String, String)>> {
    let rows = sqlx::query!(
        "SELECT p.name, p.email FROM drydock.global_role g JOIN drydock.person p ON p.id = g.person_id JOIN drydock.account a ON a.person_id = p.id
         WHERE g.role = 'admin' AND p.active ORDER BY lower(p.name) LIMIT 5"
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.email)).collect())
}
