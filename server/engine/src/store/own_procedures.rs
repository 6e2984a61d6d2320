//! Procedures that people composed, in all their versions.

use super::{Stamp, policies::digest};
use crate::error::{Error, Result};
use domain::canonical::Digest;
use domain::ids::{OwnProcedureId, PersonId};
use domain::procedure::own::is_carried;
use domain::procedure::{Procedure, Shelf};
use jiff::Timestamp;
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// One version.
#[derive(Debug, Clone)]
pub struct Version {
    /// Identity.
    pub id: OwnProcedureId,
    /// The procedure as this version has it.
    pub procedure: Procedure,
    /// Digest of that.
    pub digest: Digest,
    /// Who proposed it.
    pub proposed_by: PersonId,
    /// Their name.
    pub proposer: String,
    /// When.
    pub proposed_at: Timestamp,
    /// Who agreed, and when; `None` while it waits.
    pub agreed: Option<(String, Timestamp)>,
    /// Who ended it, and when.
    pub ended: Option<(String, Timestamp)>,
}

impl Version {
    /// Whether windows can be proposed with it.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.agreed.is_some() && self.ended.is_none()
    }
    /// Whether somebody has to agree first.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.agreed.is_none() && self.ended.is_none()
    }
}

/// Own procedures are changed one after another.
pub async fn lock(db: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('drydock.own_procedure')) IS NULL AS locked").fetch_one(db).await?;
    Ok(())
}

/// What can be proposed now.
pub async fn shelf(db: &mut PgConnection) -> Result<Shelf> {
    let rows = sqlx::query_scalar!(
        "SELECT o.bytes FROM drydock.own_procedure o WHERE o.agreed_at IS NOT NULL AND o.ended_at IS NULL ORDER BY lower(o.name), o.key"
    )
    .fetch_all(db)
    .await?;
    // What this program cannot read, or carries no more, is no reason to offer nothing at all.
    let read = |bytes: &Vec<u8>| match serde_json::from_slice::<Procedure>(bytes) {
        Ok(procedure) => Some(procedure).filter(is_carried),
        Err(error) => {
            tracing::warn!(%error, "an own procedure cannot be read by this program");
            None
        }
    };
    Ok(Shelf { own: rows.iter().filter_map(read).collect() })
}

/// Keys and names of those that call the receiver of this name: those that can be proposed now, and those of windows that are not over, which
/// keep the version that they were proposed with. By name.
pub async fn calling(db: &mut PgConnection, receiver: &str) -> Result<Vec<(String, String)>> {
    let calls = |procedure: &Procedure| procedure.calls().iter().any(|call| call.receiver == receiver);
    let mut all: BTreeMap<String, String> =
        shelf(db).await?.own.into_iter().filter(calls).map(|procedure| (procedure.key, procedure.name)).collect();
    let planned = sqlx::query!(
        r#"SELECT DISTINCT x.of ->> 'key' AS "key!", x.of ->> 'name' AS "name!"
           FROM drydock.window w JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision
           CROSS JOIN LATERAL (SELECT convert_from(p.bytes, 'UTF8')::jsonb -> 'procedure' AS of) x
           WHERE w.state IN ('proposed', 'approved', 'running', 'hold', 'rolling_back')
             AND x.of -> 'own' -> 'own' -> 'webhook' @> jsonb_build_array(jsonb_build_object('receiver', $1::text))"#,
        receiver
    );
    for row in planned.fetch_all(db).await? {
        all.entry(row.key).or_insert(row.name);
    }
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by_key(|(_, name)| name.to_lowercase());
    Ok(all)
}

/// The versions of one procedure, or those of all that wait or count; the newest first.
pub async fn versions(db: &mut PgConnection, key: Option<&str>) -> Result<Vec<Version>> {
    let rows = sqlx::query!(
        r#"SELECT o.id, o.bytes, o.digest, o.proposed_by, p.name AS proposer, o.proposed_at, a.name AS "agreed_by?", o.agreed_at AS "agreed_at: Stamp",
                  e.name AS "ended_by?", o.ended_at AS "ended_at: Stamp"
           FROM drydock.own_procedure o JOIN drydock.person p ON p.id = o.proposed_by
           LEFT JOIN drydock.person a ON a.id = o.agreed_by LEFT JOIN drydock.person e ON e.id = o.ended_by
           WHERE CASE WHEN $1::text IS NULL THEN o.ended_at IS NULL ELSE o.key = $1 END
           ORDER BY lower(o.name), o.key, o.version DESC"#,
        key
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Version {
                id: OwnProcedureId(row.id),
                procedure: serde_json::from_slice(&row.bytes)?,
                digest: digest(&row.digest)?,
                proposed_by: PersonId(row.proposed_by),
                proposer: row.proposer,
                proposed_at: row.proposed_at.to_jiff(),
                agreed: row.agreed_by.zip(row.agreed_at.map(Stamp::to_jiff)),
                ended: row.ended_by.zip(row.ended_at.map(Stamp::to_jiff)),
            })
        })
        .collect()
}

/// The key of the procedure of a version.
pub async fn key_of(db: &mut PgConnection, id: OwnProcedureId) -> Result<String> {
    sqlx::query_scalar!("SELECT o.key FROM drydock.own_procedure o WHERE o.id = $1", id.0).fetch_optional(db).await?.ok_or(Error::NotFound)
}

/// Names of the procedures of which a version waits that this person did not propose.
pub async fn waiting_for(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Vec<(String, String)>> {
    let rows = sqlx::query!(
        "SELECT o.key, o.name FROM drydock.own_procedure o WHERE o.agreed_at IS NULL AND o.ended_at IS NULL AND o.proposed_by <> $1 ORDER BY o.proposed_at",
        person.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.key, row.name)).collect())
}

/// Writes a version that waits.
pub async fn insert(db: &mut PgConnection, id: OwnProcedureId, procedure: &Procedure, by: PersonId) -> Result<()> {
    let digest = procedure.digest();
    sqlx::query!(
        "INSERT INTO drydock.own_procedure (id, key, version, name, bytes, digest, proposed_by) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id.0,
        procedure.key,
        i32::try_from(procedure.version).map_err(Error::internal)?,
        procedure.name,
        procedure.bytes(),
        digest.0.as_slice(),
        by.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Lets it count.
pub async fn agree(db: &mut PgConnection, id: OwnProcedureId, by: PersonId) -> sqlx::Result<()> {
    sqlx::query!("UPDATE drydock.own_procedure AS o SET agreed_by = $2, agreed_at = clock_timestamp() WHERE o.id = $1", id.0, by.0)
        .execute(db)
        .await?;
    Ok(())
}

/// Lets it count no more, or not at all.
pub async fn end(db: &mut PgConnection, id: OwnProcedureId, by: PersonId) -> sqlx::Result<()> {
    sqlx::query!("UPDATE drydock.own_procedure AS o SET ended_by = $2, ended_at = clock_timestamp() WHERE o.id = $1", id.0, by.0)
        .execute(db)
        .await?;
    Ok(())
}
