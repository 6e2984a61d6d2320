//! The page that calls many windows off.

use super::holding;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::{window_forms, window_list, window_many};
use crate::transaction;
use domain::fact::FactBytes;
use domain::permission::{Actor, Verb, authorize};
use domain::view::windows::many::{CancelPage, Filter, MOST_AT_ONCE, Outcome, Outcomes};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::PgConnection;

/// Windows in a range of time that the reader may call off; `batch` shows what came of those just called off.
pub async fn page(engine: &Engine, actor: &Actor, filter: &Filter, batch: Option<&str>) -> Result<CancelPage> {
    let teams = holding(actor, Verb::CancelWindow);
    if teams.is_empty() {
        authorize(actor, Verb::CancelWindow, None)?;
    }
    let (actor, filter, batch) = (actor.clone(), filter.clone(), batch.map(str::to_owned));
    transaction::read(engine.pool(), "windows_cancel", move |db| {
        let (actor, filter, batch, teams) = (actor.clone(), filter.clone(), batch.clone(), teams.clone());
        Box::pin(async move {
            let zone = TimeZone::get(&actor.zone).unwrap_or(TimeZone::UTC);
            let filter = filter.or_tonight(window_forms::now(db).await?.to_zoned(zone.clone()).datetime());
            let range = filter.range().and_then(|(from, to)| {
                let at = |local| zone.to_timestamp(local).ok();
                at(from).zip(at(to))
            });
            let most = i64::try_from(MOST_AT_ONCE + 1).map_err(Error::internal)?;
            let mut rows = match range {
                Some(range) => window_many::rows(db, &teams, range, &filter, most).await?,
                None => vec![],
            };
            let more = rows.len() > MOST_AT_ONCE;
            rows.truncate(MOST_AT_ONCE);
            let outcomes = match batch {
                Some(batch) => outcomes(db, &actor, &batch).await?,
                None => None,
            };
            Ok(CancelPage {
                problem: range.is_none().then_some("Give a date and time for both ends; the second one later than the first."),
                zone: actor.zone,
                rows,
                more,
                teams: window_list::teams(db, Some(&teams)).await?,
                databases: window_list::databases(db, Some(&teams)).await?,
                outcomes,
                filter,
            })
        })
    })
    .await
}

/// What came of a batch of the reader's own.
async fn outcomes(db: &mut PgConnection, actor: &Actor, batch: &str) -> Result<Option<Outcomes>> {
    let Some(bytes) = window_many::batch(db, batch, actor.person).await? else { return Ok(None) };
    let fact: FactBytes = serde_json::from_slice(&bytes)?;
    let text = |value: &serde_json::Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let windows = fact.payload.get("windows").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    let list = windows
        .iter()
        .map(|one| Outcome {
            number: one["number"].as_i64().unwrap_or_default(),
            done: one["done"].as_bool().unwrap_or_default(),
            said: text(one, "said"),
        })
        .collect();
    let reason = fact.payload.get("reason").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    Ok(Some(Outcomes { reason, at: Timestamp::from_microsecond(fact.at_us).map_err(Error::internal)?, list }))
}
