//! The evidence of one window, in one read-only snapshot: a fixed number of statements, however long its history is.

use super::scope;
use super::trail::{all_named, lines};
use super::windows::consecutive;
use crate::actions::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::trail::{FactRow, Search};
use crate::store::window_page::{self, Which};
use crate::store::{self, run_page, seals};
use crate::transaction;
use domain::canonical::Digest;
use domain::fact::FactBytes;
use domain::ids::{TeamId, VoteId, WindowId};
use domain::view::evidence::{
    Evidence, FactEvidence, MOST_FACTS, MOST_LINES, RevisionEvidence, RunEvidence, TogetherEvidence, is_about_dates, line_of,
};
use domain::view::trail::{payload_changes, said};
use sqlx::PgConnection;
use uuid::Uuid;

/// What window `number` is, for whoever may see its team; foreign ones do not exist.
pub async fn window(engine: &Engine, caller: &Caller, number: i64) -> Result<(WindowId, TeamId)> {
    let actor = caller.actor.clone();
    transaction::read(engine.pool(), "evidence_window", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let head = window_page::load(db, Which::Number(number)).await?.head;
            scope(&actor, head.team)?;
            Ok((head.id, head.team))
        })
    })
    .await
}

/// Everything about window `number`, in the order in which it happened.
pub async fn show(engine: &Engine, caller: &Caller, number: i64) -> Result<Evidence> {
    let actor = caller.actor.clone();
    transaction::read(engine.pool(), "evidence", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let loaded = window_page::load(db, Which::Number(number)).await?;
            scope(&actor, loaded.head.team)?;
            let plan = loaded.plan()?;
            let window = loaded.head.id;
            let mut votes = window_page::votes(db, window, MOST_LINES).await?;
            let mut messages = window_page::messages(db, window, MOST_LINES).await?;
            votes.reverse();
            messages.reverse();
            let mut glasses = store::glass::of(db, window).await?;
            glasses.reverse();
            let together = together(db, window).await?;
            let (facts, older_facts) = facts(db, window).await?;
            let newest = seals::newest(db).await?;
            Ok(Evidence {
                revisions: revisions(db, window).await?,
                runs: runs(db, window).await?,
                checks: window_page::checks(db, &loaded.head, &plan).await?,
                chain: newest.and_then(|newest| Some((newest.n, Digest::from_slice(&newest.hash)?, newest.sealed_at))),
                head: loaded.head,
                plan,
                votes,
                together,
                glasses,
                messages,
                facts,
                older_facts,
            })
        })
    })
    .await
}

async fn revisions(db: &mut PgConnection, window: WindowId) -> Result<Vec<RevisionEvidence>> {
    let rows = store::evidence::revisions(db, window).await?;
    let plans = rows.iter().map(|(_, bytes)| serde_json::from_slice(bytes)).collect::<serde_json::Result<Vec<_>>>()?;
    let changes = std::iter::once(vec![]).chain(consecutive(db, &plans).await?);
    Ok(rows.into_iter().zip(changes).map(|((row, bytes), changes)| RevisionEvidence { row, bytes, changes }).collect())
}

async fn runs(db: &mut PgConnection, window: WindowId) -> Result<Vec<RunEvidence>> {
    let mut runs = store::evidence::runs(db, window).await?;
    let ids: Vec<Uuid> = runs.iter().map(|run| run.id.0).collect();
    let mut items = run_page::items_of(db, &ids).await?;
    let resolutions = store::evidence::resolutions(db, &ids).await?;
    for run in &mut runs {
        run.items = items.remove(&run.id).unwrap_or_default();
        run.resolutions = resolutions.iter().filter(|(of, _)| *of == run.id).map(|(_, resolution)| resolution.clone()).collect();
    }
    Ok(runs)
}

/// The dates of its series that cover a window. Facts about them belong to the series, and to each of its windows as much.
async fn together(db: &mut PgConnection, window: WindowId) -> Result<Option<TogetherEvidence>> {
    let Some((series, title, asked)) = store::series_digests::covering(db, window).await? else { return Ok(None) };
    let votes: Vec<VoteId> = store::series_digests::votes(db, asked.id).await?.into_iter().map(|vote| vote.id).collect();
    let search = Search {
        kind: Some("series".to_owned()),
        objects: Some(vec![series.to_string()]),
        result: Some("done".to_owned()),
        ..Search::default()
    };
    let mut rows = store::trail::search(db, &search, i64::MAX, i64::try_from(MOST_FACTS).unwrap_or(i64::MAX)).await?;
    rows.retain(|row| is_about_dates(&payload(row), asked.digest, &votes));
    rows.reverse();
    Ok(Some(TogetherEvidence {
        series,
        title,
        digest: asked.digest,
        bytes: asked.bytes().to_vec(),
        facts: evident(db, rows).await?,
        asked_by: asked.asked_by_name,
        asked_at: asked.asked_at,
    }))
}

/// The newest facts, oldest first, and whether there are older ones.
async fn facts(db: &mut PgConnection, window: WindowId) -> Result<(Vec<FactEvidence>, bool)> {
    let search = Search { window: Some(window.0), ..Search::default() };
    let most = i64::try_from(MOST_FACTS).unwrap_or(i64::MAX);
    let mut rows = store::trail::search(db, &search, i64::MAX, most + 1).await?;
    let older = rows.len() > MOST_FACTS;
    rows.truncate(MOST_FACTS);
    rows.reverse();
    Ok((evident(db, rows).await?, older))
}

/// The same with what they say.
async fn evident(db: &mut PgConnection, rows: Vec<FactRow>) -> Result<Vec<FactEvidence>> {
    let payloads: Vec<_> = rows.iter().map(payload).collect();
    let said = all_named(db, payloads.iter().map(said).collect()).await?;
    let lines = lines(db, &rows).await?;
    let facts = rows.into_iter().zip(lines).zip(payloads.iter().zip(&said)).map(|((row, line), (payload, said))| {
        Ok(FactEvidence {
            said: line_of(&payload_changes(&line.action, payload), said),
            line,
            leaf: Digest::from_slice(&row.fact.leaf).ok_or_else(|| Error::internal("a leaf has 32 bytes"))?,
            bytes: row.fact.bytes,
            position: row.sealed.map(|(_, position)| position),
        })
    });
    facts.collect()
}

fn payload(row: &FactRow) -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_slice::<FactBytes>(&row.fact.bytes).map(|said| said.payload).unwrap_or_default()
}
