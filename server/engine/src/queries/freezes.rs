//! The pages about freezes.

use super::{holding, scope, visible_teams};
use crate::actions::import_freezes;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::freezes::{self, Whose};
use crate::{store, transaction};
use domain::freeze::{Phase, may_freeze, may_freeze_something};
use domain::ids::FreezeId;
use domain::permission::{Actor, Verb, holds};
use domain::view::freezes::{FreezePage, FreezesPage, ImportPage, NewFreezePage, Part};
use uuid::Uuid;

/// Freezes that are over, on one page.
const PAST: i64 = 50;

/// A part of the page `/freezes`.
pub async fn list(engine: &Engine, actor: &Actor, part: Part) -> Result<FreezesPage> {
    let actor = actor.clone();
    transaction::read(engine.pool(), "freezes_list", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let teams = visible_teams(&actor);
            let at = store::examinations::now(db).await?;
            let (standing, more) = match part {
                Part::First => freezes::standing(db, teams.as_deref(), None).await?,
                Part::After(last) => freezes::standing(db, teams.as_deref(), Some(last)).await?,
                Part::Before(_) => (vec![], false),
            };
            let later = standing.last().map(|row| row.freeze.id).filter(|_| more);
            let (mut now, coming): (Vec<_>, Vec<_>) = standing.into_iter().partition(|row| row.freeze.phase(at) == Phase::Now);
            now.sort_by_key(|row| row.freeze.end);
            let mut past = match part {
                Part::First => freezes::past(db, teams.as_deref(), None, PAST + 1).await?,
                Part::Before(last) => freezes::past(db, teams.as_deref(), Some(last), PAST + 1).await?,
                Part::After(_) => vec![],
            };
            let more = i64::try_from(past.len()).is_ok_and(|found| found > PAST);
            past.truncate(usize::try_from(PAST).unwrap_or(usize::MAX));
            let older = past.last().map(|row| row.freeze.id).filter(|_| more);
            Ok(FreezesPage { now, coming, later, past, older, may_freeze: may_freeze_something(&actor).is_ok(), at })
        })
    })
    .await
}

/// What the reader may freeze; refused to those who may freeze nothing.
pub async fn new_form(engine: &Engine, actor: &Actor) -> Result<NewFreezePage> {
    may_freeze_something(actor)?;
    let actor = actor.clone();
    transaction::read(engine.pool(), "freezes_new", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let everywhere = holds(&actor, Verb::Freeze, None);
            let own = holding(&actor, Verb::Freeze);
            let teams = store::teams::rows(db).await?.into_iter().filter(|team| everywhere || own.contains(&team.id));
            let tags = if everywhere { store::policies::all_tags(db).await? } else { vec![] };
            Ok(NewFreezePage { everywhere, tags, teams: teams.map(|team| (team.id, team.name)).collect() })
        })
    })
    .await
}

/// The page of one freeze; one over databases of a team that the reader does not see does not exist.
pub async fn show(engine: &Engine, actor: &Actor, id: FreezeId) -> Result<FreezePage> {
    let actor = actor.clone();
    transaction::read(engine.pool(), "freezes_show", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = freezes::find(db, id).await?.ok_or(Error::NotFound)?;
            if let Some(team) = row.freeze.scope.team() {
                scope(&actor, team)?;
            }
            let at = store::examinations::now(db).await?;
            let teams = visible_teams(&actor);
            let whose = teams.as_deref().map_or(Whose::Everybody, Whose::Teams);
            let standing = matches!(row.freeze.phase(at), Phase::Coming | Phase::Now);
            let windows = if standing { freezes::met(db, id, whose).await? } else { vec![] };
            Ok(FreezePage { windows, may_change: standing && may_freeze(&actor, &row.freeze.scope).is_ok(), row, at })
        })
    })
    .await
}

/// A calendar file before it becomes freezes, for whoever chose it.
pub async fn import(engine: &Engine, actor: &Actor, id: Uuid) -> Result<ImportPage> {
    let (actor, now) = (actor.clone(), engine.clock().now());
    transaction::read(engine.pool(), "freezes_import", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let draft = store::freeze_imports::find(db, id, actor.person).await?.ok_or(Error::NotFound)?;
            let rows = import_freezes::rows(db, &draft, now).await?;
            Ok(ImportPage { id: draft.id, covers: draft.covers, zone: draft.zone, rows })
        })
    })
    .await
}
