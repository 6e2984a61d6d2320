//! What streams of watched runs are fed with: one read-only snapshot for all of them, and one look at who still may watch.

use super::scope;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::queries::runs::LEASE_S;
use crate::store::{live, people, run_page, sessions};
use crate::transaction;
use domain::ids::{RunId, TeamId};
use domain::permission::Actor;
use domain::view::live::{Doing, Head, Item, Line, ms};
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// What a feed has of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Which.
    pub run: RunId,
    /// Number of the newest line it has; `None` before the first look.
    pub seq: Option<i64>,
    /// Version of its items.
    pub version: i64,
}

/// What is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh {
    /// Which.
    pub run: RunId,
    /// Where it stands now.
    pub head: Head,
    /// Version of its items.
    pub version: i64,
    /// All its items, when one changed.
    pub items: Option<Vec<Item>>,
    /// Lines that are new, oldest first; at the first look the newest of all.
    pub lines: Vec<Line>,
}

/// Looks at these runs. What did not change costs nothing besides the two statements for all.
pub async fn look(engine: &Engine, known: Vec<Known>) -> Result<Vec<Fresh>> {
    transaction::read(engine.pool(), "runs_live", move |db| {
        let known = known.clone();
        Box::pin(async move {
            let runs: Vec<RunId> = known.iter().map(|one| one.run).collect();
            let mut found = Vec::new();
            for row in live::rows(db, &runs).await? {
                let Some(had) = known.iter().find(|one| one.run == row.run) else { continue };
                let seq = row.newest.map_or(0, |(seq, _)| seq);
                let lines = match had.seq {
                    None => run_page::events(db, row.run).await?.iter().rev().map(Line::from).collect(),
                    Some(had) if had < seq => run_page::events_after(db, row.run, had).await?.iter().map(Line::from).collect(),
                    Some(_) => Vec::new(),
                };
                let changed = had.seq.is_none() || had.version != row.version;
                let items = if changed { Some(run_page::items(db, row.run).await?.iter().map(Item::from).collect()) } else { None };
                found.push(Fresh { run: row.run, version: row.version, head: head(&row, seq), items, lines });
            }
            Ok(found)
        })
    })
    .await
}

fn head(row: &live::Row, seq: i64) -> Head {
    let renewed = row.lease_until.map(|until| until - SignedDuration::from_secs(LEASE_S));
    let heard = [row.newest.map(|(_, at)| at), renewed, row.ended_at].into_iter().flatten().max();
    Head {
        now_ms: ms(row.now),
        seq,
        state: row.state,
        ending: row.ending,
        phase: row.phase,
        selected: row.selected,
        stop_asked: row.stop_asked,
        hold_asked: row.hold_asked,
        decided: row.decided,
        opened_ms: ms(row.opened_at),
        ended_ms: row.ended_at.map(ms),
        cut_off_ms: ms(row.cut_off_at),
        end_ms: ms(row.end_at),
        heard_ms: ms(heard.unwrap_or(row.opened_at).max(row.opened_at)),
        owner: row.owner.clone(),
        progress: row.progress.iter().map(|(ordinal, progress)| Doing::of(*ordinal, progress)).collect(),
    }
}

/// Lets somebody watch a run: says whose it is. For everybody who may not see it, it does not exist.
pub async fn admit(engine: &Engine, actor: &Actor, run: RunId) -> Result<TeamId> {
    let actor = actor.clone();
    transaction::read(engine.pool(), "runs_admit", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let team = live::team(db, run).await?.ok_or(Error::NotFound)?;
            scope(&actor, team)?;
            Ok(team)
        })
    })
    .await
}

/// A session's key.
pub type Key = [u8; 32];

/// Who is behind these sessions, with today's rights; sessions that ended and people without account are left out. Two statements,
/// whatever their number; neither extends a session.
pub async fn watchers(engine: &Engine, keys: Vec<Key>) -> Result<BTreeMap<Key, Actor>> {
    transaction::read(engine.pool(), "runs_watchers", move |db| {
        let keys = keys.clone();
        Box::pin(async move {
            let holders = sessions::living(db, &keys).await?;
            let persons: Vec<_> = holders.iter().map(|(_, person)| *person).collect();
            let actors: BTreeMap<_, _> = people::actors(db, &persons).await?.into_iter().map(|actor| (actor.person, actor)).collect();
            let known = |(key, person)| actors.get(&person).filter(|actor| actor.active).map(|actor| (key, actor.clone()));
            Ok(holders.into_iter().filter_map(known).collect())
        })
    })
    .await
}
