//! Reads of the trail.

use super::{Stamp, stamp};
use crate::error::Result;
use domain::trail::verify::StoredFact;
use domain::view::trail::{SealView, SignedIn};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// True when there is a fact of this action about this object.
pub async fn exists(db: &mut PgConnection, action: &str, object_id: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.fact f WHERE f.action = $1 AND f.object_id = $2) AS "exists!""#,
        action,
        object_id
    )
    .fetch_one(db)
    .await
}

/// Whether the person was refused at this object within the last minute.
pub async fn was_refused_lately(db: &mut PgConnection, person: Uuid, action: &str, object: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.fact f WHERE f.actor_id = $1 AND f.action = $2 AND f.object_id = $3 AND f.result = 'refused'
           AND f.at > clock_timestamp() - interval '1 minute') AS "yes!""#,
        person,
        action,
        object
    )
    .fetch_one(db)
    .await
}

/// True when this person left a fact of this action and result within the last minutes.
pub async fn did_lately(db: &mut PgConnection, person: Uuid, action: &str, result: &str, minutes: i32) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.fact f WHERE f.actor_id = $1 AND f.action = $2 AND f.result = $3
             AND f.at > clock_timestamp() - make_interval(mins => $4)) AS "did!""#,
        person,
        action,
        result,
        minutes
    )
    .fetch_one(db)
    .await
}

/// True when this person did this to this object within the last minutes.
pub async fn did_lately_with(db: &mut PgConnection, person: Uuid, action: &str, object: &str, minutes: i32) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.fact f WHERE f.actor_id = $1 AND f.action = $2 AND f.object_id = $3
             AND f.at > clock_timestamp() - make_interval(mins => $4)) AS "did!""#,
        person,
        action,
        object,
        minutes
    )
    .fetch_one(db)
    .await
}

/// What facts are looked for; absent parts do not narrow.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// By one of these people.
    pub actors: Option<Vec<Uuid>>,
    /// By an actor of this kind.
    pub actor_kind: Option<String>,
    /// Exactly this action.
    pub action: Option<String>,
    /// An action that begins so.
    pub action_begins: Option<String>,
    /// About this kind of object.
    pub kind: Option<String>,
    /// About one of these objects.
    pub objects: Option<Vec<String>>,
    /// Of this team.
    pub team: Option<Uuid>,
    /// About this window.
    pub window: Option<Uuid>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
    /// `done` or `refused`.
    pub result: Option<String>,
    /// A sign-in from this address.
    pub address: Option<String>,
    /// Of this request or process step.
    pub request: Option<String>,
}

/// A fact with its place in the chain.
#[derive(Debug, Clone)]
pub struct FactRow {
    /// Columns and bytes.
    pub fact: StoredFact,
    /// When.
    pub at: Timestamp,
    /// Batch and place.
    pub sealed: Option<(i64, i32)>,
}

/// Facts that match, newest first, before number `before`.
pub async fn search(db: &mut PgConnection, search: &Search, before: i64, limit: i64) -> sqlx::Result<Vec<FactRow>> {
    // A plan made for no parameters in particular would read the whole trail; each search gets its own.
    sqlx::query!("SELECT set_config('plan_cache_mode', 'force_custom_plan', true)").fetch_one(&mut *db).await?;
    let rows = sqlx::query!(
        r#"SELECT f.id, f.at, f.system_identifier, f.actor_kind, f.actor_id, f.team_id, f.window_id, f.action, f.object_kind, f.object_id, f.result, f.bytes, f.leaf,
                  m.batch AS "batch?", m.position AS "position?"
           FROM drydock.fact f LEFT JOIN drydock.seal_member m ON m.fact_id = f.id
           WHERE ($1::uuid[] IS NULL OR f.actor_id = ANY ($1)) AND ($2::text IS NULL OR f.actor_kind = $2)
             AND ($3::text IS NULL OR f.action = $3) AND ($4::text IS NULL OR starts_with(f.action, $4)) AND ($5::text IS NULL OR f.object_kind = $5)
             AND ($6::uuid IS NULL OR f.team_id = $6) AND ($7::uuid IS NULL OR f.window_id = $7)
             AND ($8::timestamptz IS NULL OR f.at >= $8) AND ($9::timestamptz IS NULL OR f.at < $9) AND ($10::text IS NULL OR f.result = $10)
             AND ($11::text[] IS NULL OR f.object_id = ANY ($11)) AND ($12::text IS NULL OR drydock.fact_says(f.bytes, 'request') = $12)
             AND ($13::text IS NULL OR (f.action IN ('session.start', 'session.confirm', 'session.password', 'session.factor') AND drydock.fact_says(f.bytes, 'payload', 'address') = $13))
             AND f.id < $14
           ORDER BY f.id DESC LIMIT $15"#,
        search.actors.as_deref(),
        search.actor_kind,
        search.action,
        search.action_begins,
        search.kind,
        search.team,
        search.window,
        search.from.map(stamp) as Option<Stamp>,
        search.to.map(stamp) as Option<Stamp>,
        search.result,
        search.objects.as_deref(),
        search.request,
        search.address,
        before,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| FactRow {
            at: row.at.to_jiff(),
            sealed: row.batch.zip(row.position),
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
        })
        .collect())
}

/// One fact, and its neighbours by number.
pub async fn fact(db: &mut PgConnection, id: i64) -> sqlx::Result<Option<(FactRow, Option<i64>, Option<i64>)>> {
    let found = search(&mut *db, &Search::default(), id.saturating_add(1), 1).await?;
    let Some(row) = found.into_iter().next().filter(|row| row.fact.id == id) else { return Ok(None) };
    let near = sqlx::query!(
        "SELECT (SELECT max(f.id) FROM drydock.fact f WHERE f.id < $1) AS older, (SELECT min(f.id) FROM drydock.fact f WHERE f.id > $1) AS newer",
        id
    )
    .fetch_one(db)
    .await?;
    Ok(Some((row, near.older, near.newer)))
}

/// The batch at a place in the chain, as a fact's page shows it.
pub async fn seal(db: &mut PgConnection, n: i64, position: i32) -> sqlx::Result<Option<SealView>> {
    let row =
        sqlx::query!("SELECT b.count, b.root, b.previous, b.hash, b.public_key, b.sealed_at FROM drydock.seal_batch b WHERE b.n = $1", n)
            .fetch_optional(db)
            .await?;
    let digest = |raw: Vec<u8>| domain::canonical::Digest(raw.try_into().unwrap_or_default());
    Ok(row.map(|row| SealView {
        n,
        position,
        count: row.count,
        root: digest(row.root),
        previous: digest(row.previous),
        hash: digest(row.hash),
        public_key: digest(row.public_key),
        sealed_at: row.sealed_at.to_jiff(),
    }))
}

/// People whose name or address contains this text, at most a hundred.
pub async fn people_like(db: &mut PgConnection, text: &str) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT p.id FROM drydock.person p WHERE position(lower($1) IN lower(p.name)) > 0 OR position(lower($1) IN p.email) > 0 ORDER BY p.id LIMIT 100",
        text
    )
    .fetch_all(db)
    .await
}

/// Ids of what people call so: a person, a team, a database, a policy, `#142`; with the text itself, which may be an id or a path.
pub async fn objects_called(db: &mut PgConnection, text: &str) -> sqlx::Result<Vec<String>> {
    let mut found = sqlx::query_scalar!(
        r#"SELECT p.id::text AS "id!" FROM drydock.person p WHERE lower(p.name) = lower($1) OR p.email = lower($1)
           UNION ALL SELECT t.id::text FROM drydock.team t WHERE t.short_name = lower($1) OR lower(t.name) = lower($1)
           UNION ALL SELECT t.id::text FROM drydock.target t WHERE t.short_name = lower($1) OR lower(t.name) = lower($1)
           UNION ALL SELECT p.id::text FROM drydock.policy p WHERE lower(p.name) = lower($1)
           UNION ALL SELECT w.id::text FROM drydock.window w WHERE '#' || w.number = $1
           LIMIT 100"#,
        text
    )
    .fetch_all(db)
    .await?;
    found.push(text.to_owned());
    Ok(found)
}

/// The newest sign-in of this person before fact `before`: its number, time and address.
pub async fn signed_in(db: &mut PgConnection, person: Uuid, before: i64) -> sqlx::Result<Option<SignedIn>> {
    let row = sqlx::query!(
        r#"SELECT f.id, f.at, drydock.fact_says(f.bytes, 'payload', 'address') AS address FROM drydock.fact f
           WHERE f.actor_id = $1 AND f.id <= $2 AND f.action = 'session.start' AND f.result = 'done' ORDER BY f.id DESC LIMIT 1"#,
        person,
        before
    )
    .fetch_optional(db)
    .await?;
    Ok(row.and_then(|row| Some(SignedIn { fact: row.id, address: row.address?, at: row.at.to_jiff() })))
}

/// The rules of a policy's version and of the one before it, as JSON.
pub async fn policy_rules(db: &mut PgConnection, policy: Uuid, version: i32) -> Result<Option<(Value, Value)>> {
    let rows = sqlx::query_scalar!(
        "SELECT v.bytes FROM drydock.policy_version v WHERE v.policy_id = $1 AND v.version IN ($2 - 1, $2) ORDER BY v.version",
        policy,
        version
    )
    .fetch_all(db)
    .await?;
    let [before, after] = rows.as_slice() else { return Ok(None) };
    Ok(Some((serde_json::from_slice(before)?, serde_json::from_slice(after)?)))
}

/// A team by its short name.
pub async fn team_named(db: &mut PgConnection, short_name: &str) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!("SELECT t.id FROM drydock.team t WHERE t.short_name = $1", short_name).fetch_optional(db).await
}

/// A window by its number.
pub async fn window_numbered(db: &mut PgConnection, number: i64) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!("SELECT w.id FROM drydock.window w WHERE w.number = $1", number).fetch_optional(db).await
}

/// Every team: short name and name.
pub async fn teams(db: &mut PgConnection) -> sqlx::Result<Vec<(String, String)>> {
    let rows = sqlx::query!("SELECT t.short_name, t.name FROM drydock.team t ORDER BY t.name").fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (row.short_name, row.name)).collect())
}

/// What people call the things with these ids: kind, name, and the tail of its page's address.
pub async fn names(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<HashMap<Uuid, (String, String)>> {
    let rows = sqlx::query!(
        r#"SELECT p.id AS "id!", p.name AS "name!", '/people/' || p.id AS "page!" FROM drydock.person p WHERE p.id = ANY ($1)
           UNION ALL SELECT t.id, t.name, '/teams/' || t.id FROM drydock.team t WHERE t.id = ANY ($1)
           UNION ALL SELECT t.id, t.short_name, '/databases/' || t.id FROM drydock.target t WHERE t.id = ANY ($1)
           UNION ALL SELECT w.id, '#' || w.number, '/windows/' || w.number FROM drydock.window w WHERE w.id = ANY ($1)
           UNION ALL SELECT r.id, 'run of #' || w.number, '/runs/' || r.id FROM drydock.run r JOIN drydock.window w ON w.id = r.window_id WHERE r.id = ANY ($1)
           UNION ALL SELECT s.id, s.title, '/series/' || s.id FROM drydock.series s WHERE s.id = ANY ($1)
           UNION ALL SELECT p.id, p.name, '/policies' FROM drydock.policy p WHERE p.id = ANY ($1)
           UNION ALL SELECT o.id, o.name || ', version ' || o.version, '/procedures/' || o.key FROM drydock.own_procedure o WHERE o.id = ANY ($1)"#,
        ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, (row.name, row.page))).collect())
}
