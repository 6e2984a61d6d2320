//! The pages that lead to a proposal or a new revision.

mod approvers;
mod around;
mod rehearsed;
mod times;

pub(super) use approvers::approvers_of_all;
pub(super) use around::{beside, overlaps};
pub use times::check_times;

use self::around::{Around, around, same_server};
use self::times::{other_hours, slots_like, times_of};
use super::scope;
use crate::actions::hide;
use crate::actions::move_window::not_movable;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::slots::DAYS_AHEAD;
use crate::store::own_procedures;
use crate::store::window_forms::{self, Asked};
use crate::store::window_page;
use crate::store::windows::{self, ProposalTarget};
use crate::transaction;
use domain::examination::{ExaminationState, PreviewAnswer};
use domain::ids::{ExaminationId, TargetId, WindowId};
use domain::lanes::waves::TARGETS_MAX;
use domain::permission::{Actor, Verb, authorize, holds};
use domain::plan::{PlanProcedure, limits};
use domain::proposal::several;
use domain::proposal::{Proposal, ProposalForm};
use domain::schedule::load::quiet_first;
use domain::schedule::slots::Slot;
use domain::target::TargetState;
use domain::view::windows::propose::{Again, Database, EditOf, FormPage, Look, MovePage, Proposable, SealPage, form_changes};
use domain::view::windows::{Change, Preview};
use domain::window::WindowState;
use jiff::SignedDuration;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// How far ahead the form shows when the database is taken, in days.
const AHEAD_DAYS: i64 = 60;
/// How many weeks are looked through for a free one, when a window is proposed again.
const WEEKS_AHEAD: i32 = 8;
/// Why a look does not count.
const OTHER_VERSION: &str = "Another version of the procedure was looked at than the one that counts now. Look again.";
/// How many free times are offered when a window is moved.
const MOST_SLOTS: usize = 6;

/// Databases the reader may propose windows on.
pub async fn choose(engine: &Engine, actor: &Actor) -> Result<Vec<Proposable>> {
    let teams: Vec<_> =
        actor.teams.iter().map(|member| member.team).filter(|team| holds(actor, Verb::ProposeWindow, Some(*team))).collect();
    if teams.is_empty() {
        authorize(actor, Verb::ProposeWindow, None)?;
    }
    transaction::read(engine.pool(), "proposals_choose", move |db| {
        let teams = teams.clone();
        Box::pin(async move { window_forms::proposable(db, &teams).await })
    })
    .await
}

/// The form for a new window on a database; `from` brings back what was typed before a look, and `tag` chooses every database that has it.
pub async fn new_form(engine: &Engine, actor: &Actor, database: &str, tag: Option<&str>, from: Option<ExaminationId>) -> Result<FormPage> {
    let (actor, database, tag) = (actor.clone(), database.to_owned(), tag.map(str::to_owned));
    transaction::read(engine.pool(), "proposals_form", move |db| {
        let (actor, database, tag) = (actor.clone(), database.clone(), tag.clone());
        Box::pin(async move {
            let (asked_about, form) = match from {
                Some(id) => typed(db, id).await.map(|(asked, form)| (Some(asked.target), form))?,
                None => (None, ProposalForm { target: database.clone(), ..ProposalForm::blank() }),
            };
            let name = if database.is_empty() { form.target.clone() } else { database };
            let target = proposable(db, &actor, &name).await?;
            if let Some(asked) = asked_about {
                of_target(&target, asked)?;
            }
            let mut form = ProposalForm { target: name, ..form };
            if let Some(tag) = tag {
                let others = window_forms::beside_in_team(db, &target, &BTreeSet::new()).await?;
                let others = others.iter().filter(|other| other.tags.contains(&tag)).take(TARGETS_MAX - 1);
                let chosen = others.map(|other| (other.short_name.as_str(), other.environment.as_str()));
                form.waves = several::production_last(chosen.chain([(target.plan.short_name.as_str(), target.plan.environment.as_str())]));
            }
            form_page(db, &actor, target, form, None).await
        })
    })
    .await
}

/// The form for a new window like window `number`, whatever became of that one: the same words and limits, at the same local time on the next
/// week on which the database is free.
pub async fn again_form(engine: &Engine, actor: &Actor, number: i64) -> Result<FormPage> {
    let actor = actor.clone();
    transaction::read(engine.pool(), "proposals_again", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let window = window_page::load(db, window_page::Which::Number(number)).await?;
            scope(&actor, window.head.team)?;
            let target = same_database(db, &actor, &window).await?;
            let mut form = window_forms::form_today(db, window.form.clone(), &window.plan()?).await?;
            form.target.clone_from(&window.head.database);
            // Why the last one was at an unusual time is no reason for the next one.
            form.outside_hours.clear();
            // What rehearsed that one may be too old for this one: the newest that counts is taken.
            form.rehearsal.clear();
            let targets = with_others(db, &actor, target.clone(), &form).await?;
            let weeks = slots_like(db, &targets, &form, 7, WEEKS_AHEAD, None).await?;
            if let Some(slot) = weeks.free.first().or(weeks.any.first()) {
                (form.date, form.time, form.fold) = (slot.date(), slot.time(), slot.fold().to_owned());
            }
            let again = Again { number, title: window.head.title.clone(), free: !weeks.free.is_empty() };
            let page = form_page(db, &actor, target, form, None).await?;
            Ok(FormPage { again: Some(again), ..page })
        })
    })
    .await
}

/// The page that moves window `number`; `date` and `time` are what was picked from the free ones.
pub async fn move_form(engine: &Engine, actor: &Actor, number: i64, picked: Option<(String, String)>) -> Result<MovePage> {
    let actor = actor.clone();
    transaction::read(engine.pool(), "proposals_move", move |db| {
        let (actor, picked) = (actor.clone(), picked.clone());
        Box::pin(async move {
            let window = window_page::load(db, window_page::Which::Number(number)).await?;
            scope(&actor, window.head.team)?;
            let target = same_database(db, &actor, &window).await?;
            if !matches!(window.head.state, WindowState::Proposed | WindowState::Approved) {
                return Err(not_movable(window.head.state).into());
            }
            let before = window_forms::form_today(db, window.form.clone(), &window.plan()?).await?;
            let id = window.head.id;
            let targets = with_others(db, &actor, target.clone(), &before).await?;
            let days = slots_like(db, &targets, &before, 1, DAYS_AHEAD, Some(id)).await?;
            let stays = |slot: &Slot| slot.start == window.head.moments.start;
            let slots: Vec<Slot> = quiet_first(days.free.into_iter().filter(|slot| !stays(slot)).collect(), MOST_SLOTS);
            let free = other_hours(db, &targets, &before, (slots, Some(id))).await?;
            let mut form = before.clone();
            if let Some((date, time)) = picked {
                let fold =
                    free.same.iter().chain(&free.others).find(|slot| slot.date() == date && slot.time() == time).map_or("", Slot::fold);
                (form.date, form.time, form.fold) = (date, time, fold.to_owned());
            }
            let edit = edit_of(db, &window, &form, None).await?;
            let page = form_page(db, &actor, target, form, Some((id, edit.clone()))).await?;
            Ok(MovePage {
                database: page.database,
                edit,
                from: (window.head.moments.start, window.head.moments.end),
                form: page.form,
                slots: free.same,
                other_hours: free.others,
                taken: page.taken,
                freezes: page.freezes,
                beside: page.beside,
                approvers: page.approvers,
                now: page.now,
            })
        })
    })
    .await
}

/// The form for a new revision of window `number`. `expected` is the revision the person began from, where that was earlier.
pub async fn edit_form(
    engine: &Engine,
    actor: &Actor,
    number: i64,
    from: Option<ExaminationId>,
    expected: Option<i32>,
) -> Result<FormPage> {
    let actor = actor.clone();
    transaction::read(engine.pool(), "proposals_edit", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let window = window_page::load(db, window_page::Which::Number(number)).await?;
            let target = proposable(db, &actor, &window.head.database).await?;
            let form = match from {
                Some(id) => typed(db, id).await.and_then(|(asked, form)| of_target(&target, asked.target).map(|()| form))?,
                None => window_forms::form_today(db, window.form.clone(), &window.plan()?).await?,
            };
            let edit = edit_of(db, &window, &form, expected).await?;
            form_page(db, &actor, target, form, Some((window.head.id, edit))).await
        })
    })
    .await
}

/// Everything once more before it is sealed: a new window, or a new revision of window `edits` that began from revision `expected`.
pub async fn seal(engine: &Engine, actor: &Actor, look: ExaminationId, edits: Option<(i64, i32)>) -> Result<SealPage> {
    let (actor, engine_of_work) = (actor.clone(), engine.clone());
    transaction::read(engine.pool(), "proposals_seal", move |db| {
        let (actor, engine) = (actor.clone(), engine_of_work.clone());
        Box::pin(async move {
            let (asked, form) = typed(db, look).await?;
            let target = proposable(db, &actor, &form.target).await?;
            of_target(&target, asked.target)?;
            let edit = match edits {
                Some((number, expected)) => {
                    let window = window_page::load(db, window_page::Which::Number(number)).await?;
                    of_target(&target, window.target)?;
                    Some((window.head.id, edit_of(db, &window, &form, Some(expected)).await?))
                }
                None => None,
            };
            let targets = with_others(db, &actor, target, &form).await?;
            seal_page(&engine, db, &actor, &targets, (asked, form), edit).await
        })
    })
    .await
}

async fn seal_page(
    engine: &Engine,
    db: &mut PgConnection,
    actor: &Actor,
    targets: &[ProposalTarget],
    (asked, form): (Asked, ProposalForm),
    edit: Option<(WindowId, EditOf)>,
) -> Result<SealPage> {
    let (target, others) = targets.split_first().ok_or(Error::NotFound)?;
    let window = edit.as_ref().map(|(id, _)| *id);
    let shelf = own_procedures::shelf(db).await?;
    let proposal = form.parse_with(&shelf, &crate::change::read_typed);
    let times = match &proposal {
        Ok(proposal) => times_of(proposal, target, engine.clock().now())?,
        Err(errors) => Err(errors.clone()),
    };
    let Around { overlaps, freezes, beside } = match &times {
        Ok(times) => around(db, actor, targets, (times.start, times.end), window).await?,
        Err(_) => Around::default(),
    };
    let proposed = proposal.as_ref().ok();
    // What was looked at by another version says nothing about this one.
    let asked = match proposed {
        Some(proposal) if asked.question.own.as_deref() != Some(&proposal.procedure).filter(|one| one.is_own()) => {
            Asked { state: ExaminationState::Failed, failure: Some(OTHER_VERSION.to_owned()), ..asked }
        }
        _ => asked,
    };
    let mut more = Vec::new();
    for other in others {
        let look = match asked.question.also.get(&other.plan.id) {
            Some(id) => window_forms::asked(db, *id).await?.filter(|asked| asked.target == other.plan.id),
            None => None,
        };
        let look =
            look.map_or_else(|| Look::Failed("Nobody has looked at it: look again.".to_owned()), |asked| self::look(asked, proposed));
        more.push((database(other), look));
    }
    let rehearsal = match (proposed, &times) {
        (Some(proposal), Ok(times)) => rehearsed::rehearsed(db, proposal, targets, times.start).await?,
        _ => Ok(None),
    };
    let order = proposal.as_ref().ok().and_then(|proposal| proposal.several.clone());
    Ok(SealPage {
        change: proposal.as_ref().ok().and_then(|proposal| proposal.change.clone()),
        database: database(target),
        same_server: same_server(db, targets, order.as_ref()).await?,
        order,
        more,
        title: proposal.as_ref().map_or_else(|_| form.title.clone(), |proposal| proposal.title.clone()),
        procedure: shelf.by_key(&form.procedure),
        look: look(asked, proposed),
        times,
        rehearsal,
        approvers: approvers_of_all(db, actor, targets, &form, window).await?,
        overlaps,
        freezes,
        beside,
        edit: edit.map(|(_, edit)| edit),
        form,
        now: window_forms::now(db).await?,
    })
}

fn look(asked: Asked, proposed: Option<&Proposal>) -> Look {
    match asked.state {
        ExaminationState::Asked | ExaminationState::Working => Look::Waiting(asked.asked_at),
        ExaminationState::Failed => Look::Failed(asked.failure.unwrap_or_else(|| "The worker gave no reason.".to_owned())),
        ExaminationState::Answered => {
            let answer = asked.answer.and_then(|answer| serde_json::from_value::<PreviewAnswer>(answer).ok());
            match answer.zip(proposed) {
                Some((answer, proposal)) => Look::Found(Box::new(Preview::inside(&limits(proposal), answer))),
                None => Look::Failed("The answer cannot be read by this version. Ask again.".to_owned()),
            }
        }
    }
}

async fn form_page(
    db: &mut PgConnection,
    actor: &Actor,
    target: ProposalTarget,
    form: ProposalForm,
    edit: Option<(WindowId, EditOf)>,
) -> Result<FormPage> {
    let now = window_forms::now(db).await?;
    let until = now + SignedDuration::from_hours(24 * AHEAD_DAYS);
    let window = edit.as_ref().map(|(id, _)| *id);
    let chosen: BTreeSet<String> = form.waves.keys().cloned().collect();
    let candidates = window_forms::beside_in_team(db, &target, &chosen).await?;
    let database = database(&target);
    let targets = with_others(db, actor, target, &form).await?;
    let Around { overlaps, freezes, beside } = around(db, actor, &targets, (now, until), window).await?;
    Ok(FormPage {
        database,
        approvers: approvers_of_all(db, actor, &targets, &form, window).await?,
        shelf: own_procedures::shelf(db).await?,
        candidates,
        form,
        taken: overlaps,
        freezes,
        beside,
        edit: edit.map(|(_, edit)| edit),
        again: None,
        now,
    })
}

/// The same page with the approvers whom another procedure asks: the one that was chosen and is not saved yet.
pub async fn for_procedure(engine: &Engine, actor: &Actor, page: FormPage, chosen: Option<&str>) -> Result<FormPage> {
    let Some(chosen) = chosen.filter(|chosen| *chosen != page.form.procedure && page.shelf.by_key(chosen).is_some()) else {
        return Ok(page);
    };
    let form = ProposalForm { procedure: chosen.to_owned(), ..page.form.clone() };
    let (actor, edits) = (actor.clone(), page.edit.as_ref().map(|edit| edit.number));
    let approvers = transaction::read(engine.pool(), "proposals_for_procedure", move |db| {
        let (actor, form) = (actor.clone(), form.clone());
        Box::pin(async move {
            let target = proposable(db, &actor, &form.target).await?;
            let window = match edits {
                Some(number) => {
                    let window = windows::by_number(db, number).await?;
                    of_target(&target, window.target)?;
                    Some(window.id)
                }
                None => None,
            };
            let targets = with_others(db, &actor, target, &form).await?;
            approvers_of_all(db, &actor, &targets, &form, window).await
        })
    });
    Ok(FormPage { approvers: approvers.await?, ..page })
}

/// The first database with the others that a form names; what cannot be planned together is left out here, and refused by name when it is sent.
pub(super) async fn with_others(
    db: &mut PgConnection,
    actor: &Actor,
    first: ProposalTarget,
    form: &ProposalForm,
) -> Result<Vec<ProposalTarget>> {
    let (mine, mut found) = (first.plan.clone(), vec![first]);
    for (name, _) in form.waves.iter().filter(|(_, wave)| !wave.trim().is_empty()).take(TARGETS_MAX) {
        match proposable(db, actor, name).await {
            Ok(other) if other.plan.id != mine.id && other.plan.team == mine.team && other.plan.dbms == mine.dbms => found.push(other),
            Ok(_) | Err(Error::NotFound | Error::Refused(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(found)
}

/// The look and the form that was typed for it.
async fn typed(db: &mut PgConnection, id: ExaminationId) -> Result<(Asked, ProposalForm)> {
    let asked = window_forms::asked(db, id).await?.ok_or(Error::NotFound)?;
    let form = asked.question.form.clone().ok_or(Error::NotFound)?;
    Ok((asked, form))
}

/// The database with this short name, if the reader may propose windows on it; foreign ones do not exist.
pub(super) async fn proposable(db: &mut PgConnection, actor: &Actor, short_name: &str) -> Result<ProposalTarget> {
    let target = windows::proposal_target(db, short_name).await?;
    let team = target.plan.team;
    authorize(actor, Verb::ProposeWindow, Some(team)).map_err(|refusal| hide(actor, team, refusal))?;
    Ok(target)
}

/// Passes for what is about this database: looks and windows of others, named in an address, do not exist here.
fn of_target(target: &ProposalTarget, other: TargetId) -> Result<()> {
    if target.plan.id == other { Ok(()) } else { Err(Error::NotFound) }
}

/// The database of a window. A deleted one plans nothing, and another one may bear its name by now.
async fn same_database(db: &mut PgConnection, actor: &Actor, window: &window_page::Loaded) -> Result<ProposalTarget> {
    if window.head.database_deleted {
        domain::target::in_use(TargetState::Deleted)?;
    }
    let target = proposable(db, actor, &window.head.database).await?;
    if target.plan.id == window.target { Ok(target) } else { Err(Error::NotFound) }
}

pub(super) fn database(target: &ProposalTarget) -> Database {
    Database {
        short_name: target.plan.short_name.clone(),
        name: target.plan.name.clone(),
        environment: target.plan.environment.clone(),
        zone: target.zone.clone(),
        ready: target.state == "ready",
        hours: target.hours.to_string(),
    }
}

/// What editing a window means: votes that are lost, and what changed since the person's form began.
async fn edit_of(db: &mut PgConnection, window: &window_page::Loaded, form: &ProposalForm, expected: Option<i32>) -> Result<EditOf> {
    let head = &window.head;
    let expected = expected.unwrap_or(head.revision);
    let votes = window_page::votes(db, head.id, window_page::MOST_LINES).await?;
    let plan = window.plan()?;
    let current = window_forms::form_today(db, window.form.clone(), &plan).await?;
    let mut changes = form_changes(&current, form);
    // The form names the procedure, and another version of it counts by now.
    let counts = own_procedures::shelf(db).await?.by_key(&form.procedure).map(|procedure| PlanProcedure::of(&procedure));
    if let Some(counts) = counts.filter(|counts| counts.key == plan.procedure.key && counts.digest != plan.procedure.digest) {
        changes.push(Change { place: "procedure".into(), before: Some(plan.procedure.said()), after: Some(counts.said()) });
    }
    Ok(EditOf {
        number: head.number,
        title: head.title.clone(),
        state: head.state,
        revision: head.revision,
        expected,
        votes: votes.iter().filter(|vote| vote.revision == head.revision && vote.withdrawn.is_none()).count(),
        meanwhile: if expected < head.revision { super::windows::difference(db, head.id, (expected, head.revision)).await? } else { None },
        changes,
    })
}
