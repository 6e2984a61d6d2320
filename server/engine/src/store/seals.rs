//! The sealed chain: what waits for a seal, the batches, and their members.

use super::{Stamp, stamp};
use jiff::Timestamp;
use sqlx::PgConnection;

/// The newest batch, as the next one needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// Position in the chain.
    pub n: i64,
    /// Its hash: the head.
    pub hash: Vec<u8>,
    /// Key that signed it.
    pub public_key: Vec<u8>,
    /// Cluster in which it was sealed.
    pub system_identifier: String,
    /// Transaction id below which every fact of that cluster is sealed; `0` before its own facts began to be.
    pub horizon: String,
    /// When it was sealed.
    pub sealed_at: Timestamp,
}

/// A fact that waits for its seal.
#[derive(Debug, Clone)]
pub struct Unsealed {
    /// The fact.
    pub id: i64,
    /// Its time, part of its key.
    pub at: Timestamp,
    /// Its leaf; a constraint keeps it equal to the hash of the bytes.
    pub leaf: Vec<u8>,
    /// Transaction that wrote it.
    pub xid: String,
}

/// A batch about to be written.
#[derive(Debug)]
pub struct NewBatch {
    /// Header that was hashed.
    pub header: domain::trail::BatchHeader,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
    /// Root over the leaves.
    pub root: [u8; 32],
    /// Hash of the batch before.
    pub previous: [u8; 32],
    /// Hash of this one.
    pub hash: [u8; 32],
    /// Ed25519 over the hash.
    pub signature: [u8; 64],
    /// Key that signed.
    pub public_key: [u8; 32],
    /// See [`Newest::horizon`].
    pub horizon: String,
    /// When.
    pub sealed_at: Timestamp,
}

/// The identity of the cluster we are connected to, and its time.
pub async fn cluster(db: &mut PgConnection) -> sqlx::Result<(String, Timestamp)> {
    let row =
        sqlx::query!(r#"SELECT (pg_control_system()).system_identifier::text AS "id!", clock_timestamp() AS "now!""#).fetch_one(db).await?;
    Ok((row.id, row.now.to_jiff()))
}

/// The newest batch; `None` before the first.
pub async fn newest(db: &mut PgConnection) -> sqlx::Result<Option<Newest>> {
    let row = sqlx::query!(
        r#"SELECT b.n, b.hash, b.public_key, b.system_identifier, b.horizon::text AS "horizon!", b.sealed_at FROM drydock.seal_batch b ORDER BY b.n DESC LIMIT 1"#
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Newest {
        n: row.n,
        hash: row.hash,
        public_key: row.public_key,
        system_identifier: row.system_identifier,
        horizon: row.horizon,
        sealed_at: row.sealed_at.to_jiff(),
    }))
}

/// The batch that has this hash, if there is one.
pub async fn batch_of(db: &mut PgConnection, hash: &[u8]) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("SELECT b.n FROM drydock.seal_batch b WHERE b.hash = $1", hash).fetch_optional(db).await
}

/// Hash of batch `n`, if there is one.
pub async fn hash_of(db: &mut PgConnection, n: i64) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!("SELECT b.hash FROM drydock.seal_batch b WHERE b.n = $1", n).fetch_optional(db).await
}

/// Facts in the batches behind `after`, up to and with `last`.
pub async fn sealed_facts(db: &mut PgConnection, after: i64, last: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT coalesce(sum(b.count), 0)::bigint AS "facts!" FROM drydock.seal_batch b WHERE b.n > $1 AND b.n <= $2"#,
        after,
        last
    )
    .fetch_one(db)
    .await
}

/// Unsealed facts of this cluster whose transaction, and every earlier one, is over; and the horizon they were read below.
///
/// "Up to id n" would lose facts: a slower transaction may hold a lower id and commit later.
pub async fn due(db: &mut PgConnection, own: &str, floor: &str, limit: i64) -> sqlx::Result<(Vec<Unsealed>, String)> {
    let rows = sqlx::query!(
        r#"SELECT f.id, f.at, f.leaf, f.xid::text AS "xid!", pg_snapshot_xmin(pg_current_snapshot())::text AS "horizon!" FROM drydock.fact f
           WHERE f.system_identifier = $1 AND f.xid >= $2::text::xid8 AND f.xid < pg_snapshot_xmin(pg_current_snapshot())
             AND NOT EXISTS (SELECT FROM drydock.seal_member m WHERE m.fact_id = f.id)
           ORDER BY f.xid, f.id LIMIT $3"#,
        own,
        floor,
        limit
    )
    .fetch_all(db)
    .await?;
    let horizon = rows.first().map_or_else(String::new, |row| row.horizon.clone());
    Ok((rows.into_iter().map(|row| Unsealed { id: row.id, at: row.at.to_jiff(), leaf: row.leaf, xid: row.xid }).collect(), horizon))
}

/// Unsealed facts that came from an earlier cluster, by id: its transactions are over, and its ids say nothing here.
pub async fn inherited(db: &mut PgConnection, own: &str, limit: i64) -> sqlx::Result<Vec<Unsealed>> {
    let rows = sqlx::query!(
        r#"SELECT f.id, f.at, f.leaf, f.xid::text AS "xid!" FROM drydock.fact f
           WHERE f.system_identifier <> $1 AND NOT EXISTS (SELECT FROM drydock.seal_member m WHERE m.fact_id = f.id) ORDER BY f.id LIMIT $2"#,
        own,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| Unsealed { id: row.id, at: row.at.to_jiff(), leaf: row.leaf, xid: row.xid }).collect())
}

/// Writes a batch and its members, in the order given. Constraints refuse a batch that does not follow, and a fact that is sealed already.
pub async fn insert(db: &mut PgConnection, batch: &NewBatch, facts: &[Unsealed]) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.seal_batch (n, count, first_fact_id, last_fact_id, root, previous, hash, header, signature, public_key, system_identifier, horizon, sealed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text::xid8, $13)",
        batch.header.n,
        batch.header.count,
        batch.header.first_fact_id,
        batch.header.last_fact_id,
        batch.root.as_slice(),
        batch.previous.as_slice(),
        batch.hash.as_slice(),
        batch.bytes,
        batch.signature.as_slice(),
        batch.public_key.as_slice(),
        batch.header.system_identifier,
        batch.horizon,
        stamp(batch.sealed_at) as Stamp
    )
    .execute(&mut *db)
    .await?;
    let ids: Vec<i64> = facts.iter().map(|fact| fact.id).collect();
    let times: Vec<Stamp> = facts.iter().map(|fact| stamp(fact.at)).collect();
    let leaves: Vec<Vec<u8>> = facts.iter().map(|fact| fact.leaf.clone()).collect();
    sqlx::query!(
        "INSERT INTO drydock.seal_member (fact_id, fact_at, batch, position, leaf)
         SELECT u.id, u.at, $1, (u.place - 1)::integer, u.leaf FROM unnest($2::bigint[], $3::timestamptz[], $4::bytea[]) WITH ORDINALITY AS u (id, at, leaf, place)",
        batch.header.n,
        &ids,
        &times as &[Stamp],
        &leaves
    )
    .execute(db)
    .await
    .map(drop)
}

/// Facts of this cluster that wait for a seal, and the age of the oldest in seconds: the seal lag.
pub async fn lag(db: &mut PgConnection) -> sqlx::Result<(i64, f64)> {
    let row = sqlx::query!(
        r#"WITH me AS (SELECT (pg_control_system()).system_identifier::text AS id),
                newest AS (SELECT b.horizon FROM drydock.seal_batch b, me WHERE b.n = (SELECT max(x.n) FROM drydock.seal_batch x) AND b.system_identifier = me.id)
           SELECT count(*) AS "waiting!", coalesce(extract(epoch FROM clock_timestamp() - min(f.at)), 0)::float8 AS "oldest_s!" FROM drydock.fact f
           WHERE f.system_identifier = (SELECT me.id FROM me) AND f.xid >= coalesce((SELECT n.horizon FROM newest n), '0'::xid8)
             AND NOT EXISTS (SELECT FROM drydock.seal_member m WHERE m.fact_id = f.id)"#
    )
    .fetch_one(db)
    .await?;
    Ok((row.waiting, row.oldest_s))
}

/// How many of the newest batches hold at most `facts` facts together.
pub async fn newest_within(db: &mut PgConnection, facts: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "batches!" FROM (SELECT sum(b.count) OVER (ORDER BY b.n DESC) AS so_far FROM drydock.seal_batch b ORDER BY b.n DESC LIMIT $1) u WHERE u.so_far <= $1"#,
        facts
    )
    .fetch_one(db)
    .await
}
