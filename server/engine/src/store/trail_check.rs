//! What the verification reads: batches with their places, facts in no batch, and the things that facts speak of.

use super::Stamp;
use domain::trail::verify::{SealedBatch, SealedPlace, StoredFact};
use sqlx::PgConnection;
use uuid::Uuid;

/// A batch with what the pure check does not look at.
#[derive(Debug, Clone)]
pub struct SignedBatch {
    /// What was hashed.
    pub batch: SealedBatch,
    /// Over its hash.
    pub signature: Vec<u8>,
    /// Whose.
    pub public_key: Vec<u8>,
}

/// Batches behind `after`, in order.
pub async fn batches(db: &mut PgConnection, after: i64, limit: i64) -> sqlx::Result<Vec<SignedBatch>> {
    let rows = sqlx::query!(
        "SELECT b.n, b.count, b.first_fact_id, b.last_fact_id, b.root, b.previous, b.hash, b.header, b.signature, b.public_key, b.system_identifier, b.sealed_at
         FROM drydock.seal_batch b WHERE b.n > $1 ORDER BY b.n LIMIT $2",
        after,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| SignedBatch {
            batch: SealedBatch {
                n: row.n,
                count: row.count,
                first_fact_id: row.first_fact_id,
                last_fact_id: row.last_fact_id,
                root: row.root,
                previous: row.previous,
                hash: row.hash,
                header: row.header,
                system_identifier: row.system_identifier,
                sealed_at_us: row.sealed_at.to_jiff().as_microsecond(),
            },
            signature: row.signature,
            public_key: row.public_key,
        })
        .collect())
}

/// The places of the batches `first` to `last`, in order, with the number of their batch.
pub async fn places(db: &mut PgConnection, first: i64, last: i64) -> sqlx::Result<Vec<(i64, SealedPlace)>> {
    let rows = sqlx::query!(
        r#"SELECT m.batch, m.position, m.fact_id, m.leaf AS sealed_leaf, f.id AS "id?", f.at AS "at?", f.system_identifier AS "system_identifier?",
                  f.actor_kind AS "actor_kind?", f.actor_id, f.team_id, f.window_id, f.action AS "action?", f.object_kind AS "object_kind?",
                  f.object_id AS "object_id?", f.result AS "result?", f.bytes AS "bytes?", f.leaf AS "leaf?"
           FROM drydock.seal_member m LEFT JOIN drydock.fact f ON f.id = m.fact_id AND f.at = m.fact_at
           WHERE m.batch BETWEEN $1 AND $2 ORDER BY m.batch, m.position, m.fact_id"#,
        first,
        last
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let fact = row.id.map(|id| StoredFact {
                id,
                at_us: row.at.map_or(0, |at| at.to_jiff().as_microsecond()),
                system_identifier: row.system_identifier.unwrap_or_default(),
                actor_kind: row.actor_kind.unwrap_or_default(),
                actor: row.actor_id,
                team: row.team_id,
                window: row.window_id,
                action: row.action.unwrap_or_default(),
                object_kind: row.object_kind.unwrap_or_default(),
                object_id: row.object_id.unwrap_or_default(),
                result: row.result.unwrap_or_default(),
                bytes: row.bytes.unwrap_or_default(),
                leaf: row.leaf.unwrap_or_default(),
            });
            (row.batch, SealedPlace { position: row.position, fact_id: row.fact_id, leaf: row.sealed_leaf, fact })
        })
        .collect())
}

/// A fact that stands in no batch.
#[derive(Debug, Clone)]
pub struct LooseFact {
    /// The fact.
    pub fact: StoredFact,
    /// Its time, part of the key to go on from.
    pub at: Stamp,
    /// Sealing has passed its transaction: it should have been sealed.
    pub passed: bool,
    /// A fact with the same number is sealed.
    pub double: bool,
}

/// Facts in no batch, by id, behind (`id`, `at`). With `recent`, only those that sealing has not passed: what the sealer has yet to do.
pub async fn loose(db: &mut PgConnection, after: (i64, Stamp), recent: bool, limit: i64) -> sqlx::Result<Vec<LooseFact>> {
    let rows = sqlx::query!(
        r#"WITH newest AS (SELECT b.system_identifier, b.horizon FROM drydock.seal_batch b ORDER BY b.n DESC LIMIT 1)
           SELECT f.id, f.at, f.system_identifier, f.actor_kind, f.actor_id, f.team_id, f.window_id, f.action, f.object_kind, f.object_id, f.result, f.bytes, f.leaf,
                  coalesce((SELECT CASE WHEN f.system_identifier = n.system_identifier THEN f.xid < n.horizon ELSE n.horizon <> '0'::xid8 END FROM newest n), false) AS "passed!",
                  EXISTS (SELECT FROM drydock.seal_member m WHERE m.fact_id = f.id) AS "double!"
           FROM drydock.fact f
           WHERE (f.id, f.at) > ($1, $2) AND NOT EXISTS (SELECT FROM drydock.seal_member m WHERE m.fact_id = f.id AND m.fact_at = f.at)
             AND (NOT $3 OR f.xid >= coalesce((SELECT n.horizon FROM newest n), '0'::xid8))
           ORDER BY f.id, f.at LIMIT $4"#,
        after.0,
        after.1 as Stamp,
        recent,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| LooseFact {
            at: row.at,
            fact: StoredFact {
                id: row.id,
                at_us: row.at.to_jiff().as_microsecond(),
                system_identifier: row.system_identifier,
                actor_kind: row.actor_kind,
                actor: row.actor_id,
                team: row.team_id,
                window: row.window_id,
                action: row.action,
                object_kind: row.object_kind,
                object_id: row.object_id,
                result: row.result,
                bytes: row.bytes,
                leaf: row.leaf,
            },
            passed: row.passed,
            double: row.double,
        })
        .collect())
}

/// A place in a batch that does not exist, or a fact with two places: constraints forbid both.
pub async fn stray_place(db: &mut PgConnection) -> sqlx::Result<Option<(i64, i64, bool)>> {
    let row = sqlx::query!(
        r#"SELECT m.batch AS "batch!", m.fact_id AS "fact!", false AS "twice!" FROM drydock.seal_member m WHERE NOT EXISTS (SELECT FROM drydock.seal_batch b WHERE b.n = m.batch)
           UNION ALL (SELECT max(m.batch), m.fact_id, true FROM drydock.seal_member m GROUP BY m.fact_id HAVING count(*) > 1)
           ORDER BY 1, 2 LIMIT 1"#
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.batch, row.fact, row.twice)))
}

/// Windows that facts or plans name, behind `after`, in order.
pub async fn windows(db: &mut PgConnection, after: Uuid, limit: i64) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT u.id AS "id!" FROM (
             (SELECT DISTINCT f.window_id AS id FROM drydock.fact f WHERE f.window_id > $1 ORDER BY 1 LIMIT $2)
             UNION (SELECT DISTINCT p.window_id FROM drydock.plan p WHERE p.window_id > $1 ORDER BY 1 LIMIT $2)) u ORDER BY 1 LIMIT $2"#,
        after,
        limit
    )
    .fetch_all(db)
    .await
}

/// Bytes that people or the runner rely on, with the digest stored beside them.
#[derive(Debug, Clone)]
pub struct StoredBytes {
    /// Window concerned.
    pub window: Uuid,
    /// As stored.
    pub digest: Vec<u8>,
    /// What it should be the digest of.
    pub bytes: Vec<u8>,
}

/// The plans of these windows.
pub async fn plans(db: &mut PgConnection, windows: &[Uuid]) -> sqlx::Result<Vec<StoredBytes>> {
    sqlx::query_as!(
        StoredBytes,
        "SELECT p.window_id AS window, p.digest, p.bytes FROM drydock.plan p WHERE p.window_id = ANY($1) ORDER BY p.window_id, p.revision",
        windows
    )
    .fetch_all(db)
    .await
}

/// The work lists of these windows' runs.
pub async fn work_lists(db: &mut PgConnection, windows: &[Uuid]) -> sqlx::Result<Vec<StoredBytes>> {
    sqlx::query_as!(
        StoredBytes,
        "SELECT r.window_id AS window, l.digest, l.bytes FROM drydock.work_list l JOIN drydock.run r ON r.id = l.run_id WHERE r.window_id = ANY($1) ORDER BY r.window_id, r.id",
        windows
    )
    .fetch_all(db)
    .await
}

/// A vote, as its fact must say it.
#[derive(Debug, Clone)]
pub struct StoredVote {
    /// Identity.
    pub id: Uuid,
    /// On which window.
    pub window: Uuid,
    /// On which plan.
    pub digest: Vec<u8>,
    /// Who.
    pub person: Uuid,
    /// What.
    pub decision: String,
    /// How known.
    pub assurance: String,
    /// Why.
    pub comment: String,
    /// Taken back.
    pub withdrawn: bool,
    /// In whose place, too.
    pub in_place_of: Vec<Uuid>,
}

/// The votes on these windows.
pub async fn votes(db: &mut PgConnection, windows: &[Uuid]) -> sqlx::Result<Vec<StoredVote>> {
    sqlx::query_as!(
        StoredVote,
        r#"SELECT v.id, v.window_id AS window, v.digest, v.person_id AS person, v.decision, v.assurance, v.comment, v.withdrawn_at IS NOT NULL AS "withdrawn!", v.in_place_of
           FROM drydock.vote v WHERE v.window_id = ANY($1) ORDER BY v.window_id, v.cast_at, v.id"#,
        windows
    )
    .fetch_all(db)
    .await
}

/// The bytes of facts of some actions about these windows, in order.
pub async fn facts_of(db: &mut PgConnection, windows: &[Uuid], actions: &[String]) -> sqlx::Result<Vec<(Uuid, Vec<u8>)>> {
    let rows = sqlx::query!(
        r#"SELECT f.window_id AS "window!", f.bytes FROM drydock.fact f WHERE f.window_id = ANY($1) AND f.action = ANY($2) ORDER BY f.window_id, f.id"#,
        windows,
        actions
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.window, row.bytes)).collect())
}

/// Policy versions whose bytes do not have the digest stored beside them.
pub async fn false_policies(db: &mut PgConnection) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        r#"SELECT format('version %s of policy %s', v.version, v.policy_id) AS "which!" FROM drydock.policy_version v
           WHERE v.digest <> sha256('policy'::bytea || '\x00'::bytea || v.bytes) ORDER BY v.policy_id, v.version LIMIT 1"#
    )
    .fetch_optional(db)
    .await
}

/// Dates of one series that were put together, and the votes on them.
#[derive(Debug, Clone)]
pub struct StoredSeries {
    /// Digest and bytes of each.
    pub digests: Vec<(Vec<u8>, Vec<u8>)>,
    /// The votes.
    pub votes: Vec<StoredSeriesVote>,
}

/// A vote on dates of a series, as its fact must say it.
#[derive(Debug, Clone)]
pub struct StoredSeriesVote {
    /// Identity.
    pub id: Uuid,
    /// On which bytes.
    pub digest: Vec<u8>,
    /// Who.
    pub person: Uuid,
    /// How known.
    pub assurance: String,
    /// What was said.
    pub comment: String,
    /// Taken back.
    pub withdrawn: bool,
}

/// Series behind `after` of which dates were put together, or of which a fact says so.
pub async fn series(db: &mut PgConnection, after: Uuid, limit: i64) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT u.id AS "id!" FROM (
             SELECT d.series_id AS id FROM drydock.series_digest d
             UNION SELECT f.object_id::uuid FROM drydock.fact f WHERE f.action IN ('series.ask', 'series.vote') AND f.result = 'done') u
           WHERE u.id > $1 ORDER BY 1 LIMIT $2"#,
        after,
        limit
    )
    .fetch_all(db)
    .await
}

/// What is stored of one series.
pub async fn stored_series(db: &mut PgConnection, series: Uuid) -> sqlx::Result<StoredSeries> {
    let digests =
        sqlx::query!("SELECT d.digest, d.bytes FROM drydock.series_digest d WHERE d.series_id = $1 ORDER BY d.asked_at, d.id", series)
            .fetch_all(&mut *db)
            .await?;
    let votes = sqlx::query_as!(
        StoredSeriesVote,
        r#"SELECT v.id, v.digest, v.person_id AS person, v.assurance, v.comment, v.withdrawn_at IS NOT NULL AS "withdrawn!"
           FROM drydock.series_vote v JOIN drydock.series_digest d ON d.id = v.series_digest_id WHERE d.series_id = $1 ORDER BY v.cast_at, v.id"#,
        series
    )
    .fetch_all(db)
    .await?;
    Ok(StoredSeries { digests: digests.into_iter().map(|row| (row.digest, row.bytes)).collect(), votes })
}

/// The bytes of facts of some actions about a series, in order.
pub async fn facts_of_series(db: &mut PgConnection, series: Uuid, actions: &[String]) -> sqlx::Result<Vec<Vec<u8>>> {
    sqlx::query_scalar!(
        "SELECT f.bytes FROM drydock.fact f WHERE f.object_id = $1 AND f.object_kind = 'series' AND f.result = 'done' AND f.action = ANY ($2) ORDER BY f.id",
        series.to_string(),
        actions
    )
    .fetch_all(db)
    .await
}

/// How many windows are covered by dates of their series.
pub async fn covers(db: &mut PgConnection) -> sqlx::Result<u64> {
    let count = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM drydock.series_cover c"#).fetch_one(db).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The first covered window whose fact says something else, or is not there: window, its plan, and the dates.
pub async fn covers_without_fact(db: &mut PgConnection) -> sqlx::Result<Option<(Uuid, Vec<u8>, Vec<u8>)>> {
    let row = sqlx::query!(
        r#"SELECT c.window_id, c.plan_digest, coalesce(d.digest, ''::bytea) AS "digest!" FROM drydock.series_cover c LEFT JOIN drydock.series_digest d ON d.id = c.series_digest_id
           WHERE NOT EXISTS (SELECT FROM drydock.fact f WHERE f.id = c.fact_id AND f.at = c.fact_at AND f.action = 'series.cover' AND f.window_id = c.window_id
                               AND drydock.fact_says(f.bytes, 'payload', 'digest') = encode(c.plan_digest, 'hex')
                               AND drydock.fact_says(f.bytes, 'payload', 'series_digest') = encode(d.digest, 'hex'))
           ORDER BY c.window_id LIMIT 1"#
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.window_id, row.plan_digest, row.digest)))
}

/// The first fact that says that a window is covered which is not.
pub async fn fact_without_cover(db: &mut PgConnection) -> sqlx::Result<Option<(i64, Uuid)>> {
    let row = sqlx::query!(
        r#"SELECT f.id, f.window_id AS "window!" FROM drydock.fact f WHERE f.action = 'series.cover' AND f.result = 'done'
             AND NOT EXISTS (SELECT FROM drydock.series_cover c WHERE c.fact_id = f.id AND c.fact_at = f.at) ORDER BY f.id LIMIT 1"#
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.id, row.window)))
}
