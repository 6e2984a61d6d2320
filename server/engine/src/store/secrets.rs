//! Sealed credentials and the public keys of workers. Nothing here can open anything.

use super::{Stamp, stamp};
use crate::error::Result;
use crate::vault::{Sealed, WorkerPublicKey};
use domain::ids::{PersonId, SecretId, TargetId, WorkerKeyId};
use jiff::Timestamp;
use sqlx::PgConnection;

/// The credential of every database so far.
pub const PASSWORD: &str = "password";

/// A sealed credential as a worker needs it.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Rises with every replacement; part of what it is bound to.
    pub version: i32,
    /// Format byte, nonce, cipher text.
    pub envelope: Vec<u8>,
    /// The data key sealed to the asking worker; `None` when it was sealed to other workers only.
    pub sealed_key: Option<Vec<u8>>,
}

/// When the worker key was last heard of, and whether secrets may be sealed to it.
#[derive(Debug, Clone)]
pub struct WorkerKey {
    /// Identity.
    pub id: WorkerKeyId,
    /// Host and folder the key lives on.
    pub label: String,
    /// Since when secrets are sealed to it.
    pub admitted_at: Option<Timestamp>,
    /// When a worker with it last looked for questions.
    pub seen_at: Timestamp,
}

/// The keys secrets are sealed to.
pub async fn admitted_keys(db: &mut PgConnection) -> Result<Vec<WorkerPublicKey>> {
    let rows = sqlx::query!("SELECT k.id, k.public_key FROM drydock.worker_key k WHERE k.admitted_at IS NOT NULL ORDER BY k.id")
        .fetch_all(db)
        .await?;
    rows.into_iter()
        .map(|row| {
            let key = row.public_key.try_into().map_err(|_| crate::error::Error::internal("a stored worker key has not 32 bytes"))?;
            Ok(WorkerPublicKey { id: WorkerKeyId(row.id), key })
        })
        .collect()
}

/// One worker key.
pub async fn worker_key(db: &mut PgConnection, id: WorkerKeyId) -> Result<Option<WorkerKey>> {
    let row =
        sqlx::query!("SELECT k.label, k.admitted_at, k.seen_at FROM drydock.worker_key k WHERE k.id = $1", id.0).fetch_optional(db).await?;
    Ok(row.map(|row| WorkerKey { id, label: row.label, admitted_at: row.admitted_at.map(Stamp::to_jiff), seen_at: row.seen_at.to_jiff() }))
}

/// Every worker key, the one heard of last first.
pub async fn worker_keys(db: &mut PgConnection) -> Result<Vec<WorkerKey>> {
    let rows =
        sqlx::query!("SELECT k.id, k.label, k.admitted_at, k.seen_at FROM drydock.worker_key k ORDER BY k.seen_at DESC, k.id LIMIT 100")
            .fetch_all(db)
            .await?;
    let read = |at: Option<Stamp>| at.map(Stamp::to_jiff);
    Ok(rows
        .into_iter()
        .map(|row| WorkerKey {
            id: WorkerKeyId(row.id),
            label: row.label,
            admitted_at: read(row.admitted_at),
            seen_at: row.seen_at.to_jiff(),
        })
        .collect())
}

/// Adds a key, admitted if it is the first. Answers whether it was, or `None` if the key was known already. One announcement at a time.
pub async fn announce(db: &mut PgConnection, id: WorkerKeyId, public_key: &[u8; 32], label: &str) -> Result<Option<bool>> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('drydock.worker_key')) IS NULL AS locked").fetch_one(&mut *db).await?;
    if worker_key(db, id).await?.is_some() {
        return Ok(None);
    }
    let admitted = sqlx::query_scalar!(
        r#"INSERT INTO drydock.worker_key (id, public_key, label, admitted_at)
           VALUES ($1, $2, $3, CASE WHEN NOT EXISTS (SELECT FROM drydock.worker_key) THEN clock_timestamp() END) RETURNING admitted_at IS NOT NULL AS "admitted!""#,
        id.0,
        public_key.as_slice(),
        label
    )
    .fetch_one(db)
    .await?;
    Ok(Some(admitted))
}

/// Notes that a worker with this key is alive, and whether it has a folder of backups.
pub async fn seen(db: &mut PgConnection, id: WorkerKeyId, proves_backups: bool) -> Result<()> {
    sqlx::query!("UPDATE drydock.worker_key SET seen_at = clock_timestamp(), proves_backups = $2 WHERE id = $1", id.0, proves_backups)
        .execute(db)
        .await?;
    Ok(())
}

/// Whether an admitted worker that was heard of within so many seconds has a folder of backups.
pub async fn proves_backups(db: &mut PgConnection, within_s: f64) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.worker_key k
                           WHERE k.proves_backups AND k.admitted_at IS NOT NULL AND k.seen_at > clock_timestamp() - make_interval(secs => $1)) AS "found!""#,
        within_s
    )
    .fetch_one(db)
    .await?;
    Ok(found)
}

/// Lets secrets be sealed to a key from now on; false if it was admitted already or does not exist.
pub async fn admit(db: &mut PgConnection, id: WorkerKeyId, at: Timestamp) -> Result<bool> {
    let done =
        sqlx::query!("UPDATE drydock.worker_key SET admitted_at = $2 WHERE id = $1 AND admitted_at IS NULL", id.0, stamp(at) as Stamp)
            .execute(db)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// The version the next credential of this database gets, from 1.
pub async fn next_version(db: &mut PgConnection, target: TargetId) -> Result<i32> {
    let version = sqlx::query_scalar!(
        r#"SELECT coalesce(max(s.version), 0) + 1 AS "version!" FROM drydock.sealed_secret s WHERE s.target_id = $1 AND s.field = $2"#,
        target.0,
        PASSWORD
    )
    .fetch_one(db)
    .await?;
    Ok(version)
}

/// Stores a credential, and destroys the keys of the ones before: they can never be opened again.
pub async fn replace(db: &mut PgConnection, id: SecretId, target: TargetId, version: i32, sealed: &Sealed, by: PersonId) -> Result<()> {
    destroy(db, target).await?;
    insert(db, id, target, version, sealed, by, "current").await
}

/// Stores a credential that is not proven yet, beside the one in use. Refused by the database while a run is open.
pub async fn add_candidate(
    db: &mut PgConnection,
    id: SecretId,
    target: TargetId,
    version: i32,
    sealed: &Sealed,
    by: PersonId,
) -> Result<()> {
    insert(db, id, target, version, sealed, by, "candidate").await
}

async fn insert(
    db: &mut PgConnection,
    id: SecretId,
    target: TargetId,
    version: i32,
    sealed: &Sealed,
    by: PersonId,
    state: &str,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.sealed_secret (id, target_id, field, version, envelope, set_by, state) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id.0,
        target.0,
        PASSWORD,
        version,
        sealed.envelope,
        by.0,
        state
    )
    .execute(&mut *db)
    .await?;
    for (worker, key) in &sealed.keys {
        sqlx::query!("INSERT INTO drydock.sealed_key (secret_id, worker_key_id, sealed) VALUES ($1, $2, $3)", id.0, worker.0, key)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// The candidate is the credential in use; the keys of the one before are destroyed. False when it is no candidate any more.
pub async fn promote(db: &mut PgConnection, target: TargetId, candidate: SecretId) -> Result<bool> {
    let before = sqlx::query_scalar!("SELECT s.id FROM drydock.sealed_secret s WHERE s.target_id = $1 AND s.state = 'current'", target.0)
        .fetch_optional(&mut *db)
        .await?;
    if let Some(before) = before {
        put_away(db, SecretId(before)).await?;
    }
    let done = sqlx::query!("UPDATE drydock.sealed_secret SET state = 'current' WHERE id = $1 AND state = 'candidate'", candidate.0)
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// One credential is not used any more, and can never be opened again.
pub async fn put_away(db: &mut PgConnection, id: SecretId) -> Result<()> {
    sqlx::query!("UPDATE drydock.sealed_secret SET state = 'former' WHERE id = $1 AND state <> 'former'", id.0).execute(&mut *db).await?;
    sqlx::query!("DELETE FROM drydock.sealed_key k WHERE k.secret_id = $1", id.0).execute(db).await?;
    Ok(())
}

/// Removes every credential of a database, cipher text and all.
pub async fn erase(db: &mut PgConnection, target: TargetId) -> Result<()> {
    sqlx::query!("DELETE FROM drydock.sealed_secret s WHERE s.target_id = $1", target.0).execute(db).await?;
    Ok(())
}

/// Destroys the data keys of every credential of a database.
pub async fn destroy(db: &mut PgConnection, target: TargetId) -> Result<()> {
    sqlx::query!("UPDATE drydock.sealed_secret SET state = 'former' WHERE target_id = $1 AND state <> 'former'", target.0)
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "DELETE FROM drydock.sealed_key k WHERE k.secret_id IN (SELECT s.id FROM drydock.sealed_secret s WHERE s.target_id = $1)",
        target.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether a credential waits for its proof.
pub async fn has_candidate(db: &mut PgConnection, target: TargetId) -> Result<bool> {
    has(db, target, "candidate").await
}

/// Whether a credential is in use.
pub async fn has_current(db: &mut PgConnection, target: TargetId) -> Result<bool> {
    has(db, target, "current").await
}

async fn has(db: &mut PgConnection, target: TargetId, state: &str) -> Result<bool> {
    let there = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.sealed_secret s WHERE s.target_id = $1 AND s.state = $2) AS "there!""#,
        target.0,
        state
    )
    .fetch_one(db)
    .await?;
    Ok(there)
}

/// The credential that waits for its proof, with the data key sealed to `worker`.
pub async fn candidate(db: &mut PgConnection, target: TargetId, worker: WorkerKeyId) -> Result<Option<(SecretId, Stored)>> {
    let row = sqlx::query!(
        r#"SELECT s.id, s.version, s.envelope, k.sealed AS "sealed?" FROM drydock.sealed_secret s
           LEFT JOIN drydock.sealed_key k ON k.secret_id = s.id AND k.worker_key_id = $2 WHERE s.target_id = $1 AND s.state = 'candidate'"#,
        target.0,
        worker.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (SecretId(row.id), Stored { version: row.version, envelope: row.envelope, sealed_key: row.sealed })))
}

/// The credential in use of a database, with the data key sealed to `worker`; `None` where there never was one, or its keys were destroyed.
pub async fn newest(db: &mut PgConnection, target: TargetId, worker: WorkerKeyId) -> Result<Option<Stored>> {
    let row = sqlx::query!(
        r#"SELECT s.version, s.envelope, k.sealed AS "sealed?" FROM drydock.sealed_secret s
           LEFT JOIN drydock.sealed_key k ON k.secret_id = s.id AND k.worker_key_id = $3
           WHERE s.target_id = $1 AND s.field = $2 AND s.state = 'current' AND EXISTS (SELECT FROM drydock.sealed_key any_key WHERE any_key.secret_id = s.id)
           ORDER BY s.version DESC LIMIT 1"#,
        target.0,
        PASSWORD,
        worker.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Stored { version: row.version, envelope: row.envelope, sealed_key: row.sealed }))
}
