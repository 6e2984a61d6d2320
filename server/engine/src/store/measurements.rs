//! What was measured on databases, to be compared with later.

use crate::error::{Error, Result};
use domain::ids::TargetId;
use domain::procedure::memory::{INDEX_REBUILT, Measurement, QUERY, QUERY_LOG};
use domain::procedure::{Act, ObjectName, WorkItem};
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// Kept for so many days: a year, and the month in which somebody looks back.
const DAYS_KEPT: i32 = 400;
/// What was counted of statements is compared over two looks, and one look counts up to a thousand of them: kept for so many days.
const QUERY_DAYS_KEPT: i32 = 100;
/// One look reads no more measurements than this.
const MOST_READ: i64 = 50_000;

/// Everything that was measured on a database, and what its own rebuilds left of indexes.
pub async fn known(db: &mut PgConnection, target: TargetId) -> Result<Vec<Measurement>> {
    let rows = sqlx::query!(
        r#"SELECT m.kind, m.object, greatest(extract(epoch FROM clock_timestamp() - m.measured_at), 0)::bigint AS "age_s!", m.figures
           FROM drydock.measurement m WHERE m.target_id = $1 ORDER BY m.day DESC, m.kind, m.object LIMIT $2"#,
        target.0,
        MOST_READ
    )
    .fetch_all(&mut *db)
    .await?;
    let mut found = Vec::new();
    for row in rows {
        let figures: BTreeMap<String, i64> = serde_json::from_value(row.figures).map_err(Error::internal)?;
        found.push(Measurement { kind: row.kind, object: row.object, age_s: u64::try_from(row.age_s).unwrap_or(0), figures });
    }
    found.extend(rebuilt(db, target).await?);
    Ok(found)
}

/// Sizes of indexes right after our own rebuilds, whether they won anything or not.
async fn rebuilt(db: &mut PgConnection, target: TargetId) -> Result<Vec<Measurement>> {
    let rows = sqlx::query!(
        r#"SELECT i.detail, (i.figures #>> '{after,state,bytes}')::bigint AS "bytes!", greatest(extract(epoch FROM clock_timestamp() - max(a.ended_at)), 0)::bigint AS "age_s!"
           FROM drydock.run r JOIN drydock.item i ON i.run_id = r.id JOIN drydock.attempt a ON a.run_id = i.run_id AND a.ordinal = i.ordinal
           WHERE r.target_id = $1 AND i.outcome IN ('done', 'no_effect') AND i.detail ->> 'act' = 'reindex_concurrently'
             AND i.detail #>> '{measure,figures,live_rows}' IS NOT NULL AND i.figures #>> '{after,state,oid}' <> i.figures #>> '{before,state,oid}'
           GROUP BY i.run_id, i.ordinal, i.detail, i.figures HAVING max(a.ended_at) IS NOT NULL ORDER BY max(a.ended_at) DESC LIMIT 2000"#,
        target.0
    )
    .fetch_all(db)
    .await?;
    let mut found = Vec::new();
    for row in rows {
        let WorkItem { act, object, measure, .. } = serde_json::from_value(row.detail).map_err(Error::internal)?;
        let Some(live_rows) = measure.figures.get("live_rows").filter(|_| act == Act::ReindexConcurrently) else { continue };
        let name: ObjectName = object.name;
        let figures = [("index_bytes".to_owned(), row.bytes), ("live_rows".to_owned(), *live_rows)];
        found.push(Measurement {
            kind: INDEX_REBUILT.to_owned(),
            object: name.to_string(),
            age_s: u64::try_from(row.age_s).unwrap_or(0),
            figures: figures.into(),
        });
    }
    Ok(found)
}

/// Keeps what a look measured: of several looks on one day the newest. Forgets what is older than [`DAYS_KEPT`], of statements than
/// [`QUERY_DAYS_KEPT`].
pub async fn keep(db: &mut PgConnection, target: TargetId, measured: &[Measurement]) -> Result<()> {
    let kinds: Vec<String> = measured.iter().map(|one| one.kind.clone()).collect();
    let objects: Vec<String> = measured.iter().map(|one| one.object.clone()).collect();
    let figures: Vec<serde_json::Value> =
        measured.iter().map(|one| serde_json::to_value(&one.figures)).collect::<std::result::Result<_, _>>()?;
    sqlx::query!(
        "INSERT INTO drydock.measurement AS m (target_id, kind, object, day, figures)
         SELECT DISTINCT ON (u.kind, u.object) $1, u.kind, u.object, (clock_timestamp() AT TIME ZONE 'UTC')::date, u.figures
         FROM unnest($2::text[], $3::text[], $4::jsonb[]) u (kind, object, figures) WHERE length(u.object) BETWEEN 1 AND 300
         ON CONFLICT (target_id, kind, object, day) DO UPDATE SET figures = excluded.figures, measured_at = clock_timestamp()",
        target.0,
        &kinds,
        &objects,
        &figures
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "DELETE FROM drydock.measurement m WHERE m.target_id = $1
         AND (m.day < (clock_timestamp() AT TIME ZONE 'UTC')::date - $2::integer
              OR (m.kind = ANY ($3) AND m.day < (clock_timestamp() AT TIME ZONE 'UTC')::date - $4::integer))",
        target.0,
        DAYS_KEPT,
        &[QUERY.to_owned(), QUERY_LOG.to_owned()],
        QUERY_DAYS_KEPT
    )
    .execute(db)
    .await?;
    Ok(())
}
