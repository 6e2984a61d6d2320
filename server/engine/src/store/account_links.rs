//! Links about somebody's own account, as their pages and acts read them.

use crate::error::Result;
use crate::store::votes::secret_hash;
use domain::account_link::AccountLink;
use domain::ids::{LinkId, PersonId};
use domain::view::people::Invitation;
use jiff::Timestamp;
use sqlx::PgConnection;

/// A link that still works, and whose.
#[derive(Debug, Clone)]
pub struct Living {
    /// Which.
    pub id: LinkId,
    /// For whom.
    pub person: PersonId,
    /// As people call them.
    pub name: String,
    /// What signs in.
    pub email: String,
    /// IANA zone of their times.
    pub zone: String,
    /// Works until then.
    pub until: Timestamp,
    /// Administrator who had it made.
    pub made_by: Option<PersonId>,
    /// The administrator saw it.
    pub shown: bool,
    /// Name of this installation.
    pub installation: String,
}

/// The link behind a secret. `None` for every secret that opens nothing, whatever the reason: unknown, used, replaced, expired, for
/// something else, of somebody who was deactivated; an invitation of somebody who has an account, a reset of somebody who has none.
pub async fn living(db: &mut PgConnection, kind: AccountLink, secret: &str) -> Result<Option<Living>> {
    let hash = secret_hash(secret);
    let row = sqlx::query!(
        r#"SELECT l.id, l.person_id, p.name, p.email, p.zone, l.expires_at, l.made_by, l.shown, i.name AS installation
           FROM drydock.link l JOIN drydock.person p ON p.id = l.person_id CROSS JOIN drydock.installation i
           WHERE l.secret_hash = $1 AND l.purpose = $2 AND l.used_at IS NULL AND l.ended_at IS NULL AND l.expires_at > clock_timestamp() AND p.active
             AND EXISTS (SELECT FROM drydock.account a WHERE a.person_id = p.id) = ($2 = 'reset')"#,
        hash.as_slice(),
        kind.word()
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Living {
        id: LinkId(row.id),
        person: PersonId(row.person_id),
        name: row.name,
        email: row.email,
        zone: row.zone,
        until: row.expires_at.to_jiff(),
        made_by: row.made_by.map(PersonId),
        shown: row.shown,
        installation: row.installation,
    }))
}

/// True while the person may accept an invitation.
pub async fn is_invited(db: &mut PgConnection, person: PersonId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.link l WHERE l.person_id = $1 AND l.purpose = 'invite' AND l.used_at IS NULL AND l.ended_at IS NULL
                          AND l.expires_at > clock_timestamp()) AS "invited!""#,
        person.0
    )
    .fetch_one(db)
    .await
}

/// The newest invitation of a person, if it was not accepted.
pub async fn invitation(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Option<Invitation>> {
    let row = sqlx::query!(
        r#"SELECT l.created_at, l.expires_at, l.ended_at IS NULL AND l.expires_at > clock_timestamp() AS "alive!", l.used_at, l.ended_reason, l.shown,
                  (SELECT o.state FROM drydock.outbox o WHERE o.link_id = l.id ORDER BY o.id DESC LIMIT 1) AS mail
           FROM drydock.link l WHERE l.person_id = $1 AND l.purpose = 'invite' ORDER BY l.created_at DESC LIMIT 1"#,
        person.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.filter(|row| row.used_at.is_none()).map(|row| Invitation {
        made: row.created_at.to_jiff(),
        until: row.expires_at.to_jiff(),
        alive: row.alive,
        ended_reason: row.ended_reason,
        shown: row.shown,
        mail: row.mail,
    }))
}

/// Resets mailed to a person lately.
#[derive(Debug, Clone, Copy)]
pub struct Recent {
    /// Seconds since the newest was made; `None` when there was none.
    pub newest_s: Option<f64>,
    /// How many were made within the last 24 hours.
    pub in_a_day: i64,
}

/// How many resets were mailed lately.
pub async fn recent_resets(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Recent> {
    let row = sqlx::query!(
        r#"SELECT extract(epoch FROM clock_timestamp() - max(l.created_at))::float8 AS newest_s,
                  count(*) FILTER (WHERE l.created_at > clock_timestamp() - interval '24 hours') AS "in_a_day!"
           FROM drydock.link l WHERE l.person_id = $1 AND l.purpose = 'reset' AND NOT l.shown"#,
        person.0
    )
    .fetch_one(db)
    .await?;
    Ok(Recent { newest_s: row.newest_s, in_a_day: row.in_a_day })
}

/// Name of the administrator who had a link made.
pub async fn maker(db: &mut PgConnection, link: LinkId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("SELECT p.name FROM drydock.link l JOIN drydock.person p ON p.id = l.made_by WHERE l.id = $1", link.0)
        .fetch_optional(db)
        .await
}
