//! Pages about databases: each one read-only snapshot, limited to what the reader may see.

use super::runs::COVERED;
use super::{scope, visible_teams};
use crate::actions::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::watchers::Watched;
use crate::store::{self, past_lists, target_pages, targets};
use crate::transaction;
use domain::ids::{TargetId, TeamId};
use domain::permission::{Actor, Verb, authorize, holds};
use domain::procedure::fair;
use domain::view::targets::{BackupRow, EditPage, Filter, ListPage, NewPage, PAGE_ROWS, QueryRow, ShowPage, TransferPage, WorkerPresence};
use domain::window::WindowState;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::PgConnection;

/// Entries of each short list on the page of a database.
const MOST_BACKUPS: i64 = 5;
const MOST_WINDOWS: i64 = 10;
/// A worker that was heard of within so many seconds is there.
const PROVES_WITHIN_S: f64 = 60.0;
/// How many quiet hours are named.
const MOST_QUIET: usize = 5;

/// The list of databases.
pub async fn list(engine: &Engine, caller: &Caller, filter: &Filter) -> Result<ListPage> {
    let (actor, filter) = (caller.actor.clone(), filter.clone());
    transaction::read(engine.pool(), "targets_list", move |db| {
        let (actor, filter) = (actor.clone(), filter.clone());
        Box::pin(async move {
            let teams = visible_teams(&actor);
            let mut rows = target_pages::rows(db, teams.as_deref(), &filter).await?;
            let next = (rows.len() > PAGE_ROWS).then(|| rows[PAGE_ROWS - 1].short_name.clone());
            rows.truncate(PAGE_ROWS);
            Ok(ListPage {
                rows,
                next,
                teams: target_pages::teams(db, teams.as_deref()).await?,
                may_register: !manageable(&actor).is_empty(),
                filter,
                now: store::examinations::now(db).await?,
            })
        })
    })
    .await
}

/// The page of one database.
pub async fn show(engine: &Engine, caller: &Caller, id: TargetId) -> Result<ShowPage> {
    let actor = caller.actor.clone();
    transaction::read(engine.pool(), "targets_show", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let target = targets::find(db, id).await?.ok_or(Error::NotFound)?;
            scope(&actor, target.team)?;
            let now = store::examinations::now(db).await?;
            let (team_name, registered_at, registered_by) = target_pages::origin(db, id).await?;
            let past = past_lists::newest(db, id, COVERED).await?;
            Ok(ShowPage {
                coverage: fair::coverage(&past),
                left_out: past.into_iter().next().map(|newest| newest.list.left_out).unwrap_or_default(),
                rotation: target_pages::newest_rotation(db, id).await?,
                same_as_before: target_pages::same_as_before(db, id).await?,
                id,
                team: target.team,
                team_name,
                superuser_reason: target.superuser_reason,
                state: target.state,
                test: target_pages::newest_test(db, id).await?,
                worker: presence(db, now).await?,
                report: target.report.and_then(|report| serde_json::from_value(report).ok()),
                verified_at: target.verified_at,
                password: target_pages::password_note(db, id).await?,
                backups: backups(db, id).await?,
                proof: target_pages::newest_proof(db, id).await?,
                proves_backups: store::secrets::proves_backups(db, PROVES_WITHIN_S).await?,
                queries: queries(db, id).await?,
                stakeholders: target_pages::stakeholders(db, id).await?,
                tags: store::policies::tags(db, id).await?,
                hours: store::hours::of(db, id).await?.to_string(),
                load: load(db, id, &target.registration.zone).await?,
                links: store::target_links::of(db, id, visible_teams(&actor).as_deref()).await?,
                watchers: super::watchers(db, &actor, target.team, Watched::Target(id)).await?,
                windows: target_pages::windows(db, id, visible_teams(&actor).as_deref(), MOST_WINDOWS).await?,
                registered: (registered_at, registered_by),
                registration: target.registration,
                now,
            })
        })
    })
    .await
}

/// The quietest hours of a database, with what is usual.
async fn load(db: &mut PgConnection, id: TargetId, zone: &str) -> Result<Option<(Vec<(String, i64)>, i64)>> {
    let zone = TimeZone::get(zone).map_err(|_| Error::internal(format!("unknown zone {zone}")))?;
    let week = store::load::week(db, id, &zone).await?;
    Ok(week.usual().map(|usual| (week.quietest(MOST_QUIET), usual)))
}

/// What the registration form needs to know.
///
/// # Errors
/// A refusal for people who may register databases in no team.
pub async fn register(engine: &Engine, caller: &Caller) -> Result<NewPage> {
    let teams = manageable(&caller.actor);
    if teams.is_empty() {
        authorize(&caller.actor, Verb::ManageTarget, None)?;
    }
    transaction::read(engine.pool(), "targets_register", move |db| {
        let teams = teams.clone();
        Box::pin(async move {
            let now = store::examinations::now(db).await?;
            Ok(NewPage { teams: target_pages::team_names(db, &teams).await?, problem: presence(db, now).await?.problem() })
        })
    })
    .await
}

/// What a form that changes a database is filled with. `verb` is what the form's action will ask for.
pub async fn edit(engine: &Engine, caller: &Caller, id: TargetId, verb: Verb) -> Result<EditPage> {
    let actor = caller.actor.clone();
    transaction::read(engine.pool(), "targets_edit", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let target = targets::find(db, id).await?.ok_or(Error::NotFound)?;
            scope(&actor, target.team)?;
            authorize(&actor, verb, Some(target.team))?;
            let stakeholders = target_pages::stakeholders(db, id).await?;
            let draft = EditPage::draft(&target.registration, &stakeholders);
            let registration = target.registration;
            Ok(EditPage { id, name: registration.name, short_name: registration.short_name, revision: target.revision, draft })
        })
    })
    .await
}

/// The page that gives a database to another team.
pub async fn transfer(engine: &Engine, caller: &Caller, id: TargetId) -> Result<TransferPage> {
    let actor = caller.actor.clone();
    transaction::read(engine.pool(), "targets_transfer", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let target = targets::find(db, id).await?.ok_or(Error::NotFound)?;
            scope(&actor, target.team)?;
            authorize(&actor, Verb::TransferTarget, Some(target.team))?;
            domain::target::in_use(target.state)?;
            let wanted = targets::open_windows(db, id).await?;
            Ok(TransferPage {
                id,
                name: target.registration.name,
                short_name: target.registration.short_name,
                owner: target_pages::origin(db, id).await?.0,
                teams: target_pages::other_teams(db, target.team).await?,
                wanted: wanted.into_iter().filter_map(|(number, state)| Some((number, WindowState::from_word(&state)?))).collect(),
            })
        })
    })
    .await
}

/// Teams in which the actor may register databases.
fn manageable(actor: &Actor) -> Vec<TeamId> {
    actor.teams.iter().map(|member| member.team).filter(|team| holds(actor, Verb::ManageTarget, Some(*team))).collect()
}

async fn presence(db: &mut PgConnection, now: Timestamp) -> Result<WorkerPresence> {
    let keys: Vec<_> = store::secrets::worker_keys(db).await?.into_iter().map(|key| (key.admitted_at.is_some(), key.seen_at)).collect();
    Ok(WorkerPresence::of(&keys, now))
}

async fn backups(db: &mut PgConnection, id: TargetId) -> Result<Vec<BackupRow>> {
    let rows = store::backups::newest(db, id, MOST_BACKUPS).await?;
    let row = |row: store::backups::Backup| BackupRow {
        taken_at: row.taken_at,
        location: row.location,
        verified_how: row.verified_how,
        recorded_by: row.recorded_by,
        proven: row.proven,
    };
    Ok(rows.into_iter().map(row).collect())
}

async fn queries(db: &mut PgConnection, id: TargetId) -> Result<Vec<QueryRow>> {
    let rows = store::critical_queries::active(db, id).await?;
    Ok(rows.into_iter().map(|row| QueryRow { id: row.id.to_string(), name: row.name, sql: row.sql, limit_ms: row.limit_ms }).collect())
}
