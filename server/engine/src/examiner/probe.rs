//! Probes on demand: how the items that machines can answer read now, outside any window.

use super::connection::refused;
use super::preview::same_database;
use crate::error::Result;
use crate::store::critical_queries::{self, CriticalQuery};
use crate::store::examinations::{self, Claimed};
use crate::target::connect::Dialer;
use crate::target::link::Link;
use crate::target::probe;
use crate::transaction;
use crate::worker::{WorkerContext, address};
use domain::examination::{ProbeAnswer, QueryReading};
use std::sync::Arc;

/// A query is cut off after three times its own limit, and after half a minute at most.
const QUERY_AT_MOST_MS: u64 = 30_000;

/// Takes every reading and keeps the answer.
pub(super) async fn look(context: &WorkerContext, claimed: &Claimed) -> Result<()> {
    let (target, address) = address(context, claimed.target).await?;
    let id = claimed.target;
    let queries = transaction::read(&context.pool, "probe_queries", move |db| Box::pin(critical_queries::active(db, id))).await?;
    let dialer = Dialer::new(address).await.map_err(refused)?;
    let link = dialer.connect("drydock:probe").await.map_err(refused)?;
    same_database(&target, &link).await?;
    let mut readings = Vec::with_capacity(queries.len());
    for query in &queries {
        readings.push(read(&link, query).await);
    }
    let answer = ProbeAnswer {
        measured_at: context.clock.now().to_string(),
        queries: readings,
        connections: probe::connections(&link).await.ok(),
        invalid_indexes: probe::invalid_indexes(&link).await.ok(),
        not_writable: probe::writable(&dialer).await.result.err(),
    };
    let (id, name, value) = (claimed.id, Arc::clone(&context.name), serde_json::to_value(answer)?);
    transaction::run(&context.pool, "conclude_probe", move |db| {
        let (name, value) = (Arc::clone(&name), value.clone());
        Box::pin(async move { examinations::finish(db, id, &name, Ok(&value)).await.map(drop) })
    })
    .await
}

async fn read(link: &Link, query: &CriticalQuery) -> QueryReading {
    let limit_ms = u64::from(query.limit_ms.unsigned_abs());
    let timed = probe::time_query(link, &query.sql, limit_ms.saturating_mul(3).clamp(1_000, QUERY_AT_MOST_MS)).await;
    let (timing, failed) = match timed {
        Ok(timing) => (Some(timing), None),
        Err(error) => (None, Some(error.said)),
    };
    QueryReading { name: query.name.clone(), limit_ms, timing, failed }
}
