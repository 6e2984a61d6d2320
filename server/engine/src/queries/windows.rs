//! Pages about windows: each one read-only snapshot, limited to what the reader may see.

use super::{next_wave, scope, visible_teams, waiting, watchers};
use crate::actions::start_gate::{self, Asked};
use crate::actions::watch_quorum;
use crate::engine::Engine;
use crate::error::Result;
use crate::store::absences;
use crate::store::stand_ins::{self, Counting};
use crate::store::{self, window_list, window_page};
use crate::transaction;
use domain::approval::{Standing, StandingVote};
use domain::decision::Refusal;
use domain::freeze::{Freeze, Phase, may_freeze, may_override};
use domain::gate::StartPath;
use domain::glass::About;
use domain::ids::{PersonId, WindowId};
use domain::lanes::Lane;
use domain::permission::{Actor, Verb, holds};
use domain::plan::Plan;
use domain::view::absences::waited;
use domain::view::checklists::{CheckRow, ChecklistPage};
use domain::view::freezes::FreezeOver;
use domain::view::windows::beside::Beside;
use domain::view::windows::glass::GlassPart;
use domain::view::windows::list::{Filter, ListPage, PAGE_ROWS};
use domain::view::windows::offers::Whole;
use domain::view::windows::page::{Head, LaneLine, RevisionDiff, RunRow, Silent, VoteRow};
use domain::view::windows::{
    Blocker, Change, DecidePage, Offer, Offers, OffersInput, Preview, ShowPage, Situation, blocked, changes, countdown, offers, owes_issues,
};
use domain::voice;
use domain::window::{RunState, WindowState};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use store::watchers::Watched;
use store::window_page::{Loaded, Which};

/// The list of windows.
pub async fn list(engine: &Engine, actor: &Actor, filter: &Filter) -> Result<ListPage> {
    let (actor, filter) = (actor.clone(), filter.clone());
    transaction::read(engine.pool(), "windows_list", move |db| {
        let (actor, filter) = (actor.clone(), filter.clone());
        Box::pin(async move {
            let teams = visible_teams(&actor);
            let mut rows = window_list::rows(db, actor.person, teams.as_deref(), &filter).await?;
            let next = (rows.len() > PAGE_ROWS).then(|| rows[PAGE_ROWS - 1].number);
            rows.truncate(PAGE_ROWS);
            waiting::say(db, &mut rows, &actor.zone).await?;
            Ok(ListPage {
                rows,
                next,
                teams: window_list::teams(db, teams.as_deref()).await?,
                databases: window_list::databases(db, teams.as_deref()).await?,
                may_propose: actor.teams.iter().any(|member| holds(&actor, Verb::ProposeWindow, Some(member.team))),
                filter,
            })
        })
    })
    .await
}

/// The page of window `number`; `compare` asks for the difference between two of its revisions instead of the newest.
pub async fn show(engine: &Engine, actor: &Actor, number: i64, compare: Option<(i32, i32)>) -> Result<ShowPage> {
    let actor = actor.clone();
    transaction::read(engine.pool(), "windows_show", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let near = near(db, &actor, Which::Number(number), Readers::Team).await?;
            let head = &near.loaded.head;
            let revisions = window_page::revisions(db, head.id).await?;
            let diff = difference(db, head.id, compare.unwrap_or((head.revision - 1, head.revision))).await?;
            let ahead = head.state == WindowState::Proposed || head.state.is_live();
            let beside = if ahead { beside(db, &actor, &near.plan, head).await? } else { vec![] };
            let (preview, previews) = previews(&near);
            let lanes: Vec<Lane> = near.lanes.iter().map(|line| line.lane).collect();
            let glass = glass(db, &actor, &near).await?;
            let whole = Whole::of(&actor, head.team, &lanes);
            Ok(ShowPage {
                countdown: countdown(head.state, &head.moments, head.now),
                watchers: watchers(db, &actor, head.team, Watched::Window(head.id)).await?,
                messages: window_page::messages(db, head.id, window_page::MOST_LINES).await?,
                trail: window_page::trail(db, head.id).await?,
                series: store::series_digests::of_window(db, near.loaded.head.id).await?,
                head: near.loaded.head,
                blocked: near.blocked,
                glass,
                freezes: near.freezes,
                beside,
                offers: near.offers,
                plan: near.plan,
                names: near.names,
                waited: near.waited,
                speaks_for: near.speaks_for,
                standing: near.standing,
                silent: near.silent,
                votes: near.votes,
                previews,
                preview,
                checks: near.checks,
                lanes: near.lanes,
                whole,
                runs: near.runs,
                revisions,
                diff,
            })
        })
    })
    .await
}

/// As much of it as a decision needs, also for whoever is asked by its plan and sees nothing else of the team's.
pub async fn decide(engine: &Engine, actor: &Actor, number: i64) -> Result<DecidePage> {
    let actor = actor.clone();
    transaction::read(engine.pool(), "windows_decide", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let near = near(db, &actor, Which::Number(number), Readers::TeamOrAsked).await?;
            let (preview, previews) = previews(&near);
            let head = near.loaded.head;
            let sees_team = holds(&actor, Verb::SeeTeam, Some(head.team));
            Ok(DecidePage {
                sees_team,
                series: store::series_digests::of_window(db, head.id).await?,
                votes: near.votes.into_iter().filter(|vote| sees_team || vote.revision == head.revision).collect(),
                head,
                offers: near.offers,
                plan: near.plan,
                names: near.names,
                waited: near.waited,
                speaks_for: near.speaks_for,
                standing: near.standing,
                silent: near.silent,
                preview,
                previews,
            })
        })
    })
    .await
}

/// What a worker found before, and the same on each of several databases.
fn previews(near: &Near) -> (Option<Preview>, Vec<(String, Preview)>) {
    let kept = near.loaded.preview.as_ref();
    let one =
        kept.and_then(|answer| serde_json::from_value(answer.clone()).ok()).map(|answer| Preview::inside(&near.plan.envelope, answer));
    (one, kept.map(|kept| Preview::of_lanes(&near.plan, kept)).unwrap_or_default())
}

/// Break-glass, as this reader may ask for it, confirm and review it.
async fn glass(db: &mut PgConnection, actor: &Actor, near: &Near) -> Result<GlassPart> {
    let head = &near.loaded.head;
    let all = store::glass::of(db, head.id).await?;
    let contributors = store::windows::contributors(db, head.id).await?;
    let voice = if all.is_empty() { None } else { Some(store::voices::one(db, head.id, actor.person).await?) };
    let about = About { team: head.team, state: head.state, plan: &near.plan, digest: head.digest, now: head.now };
    Ok(GlassPart::of(actor, &about, all, &contributors, voice.as_ref()))
}

/// Windows on other databases of the servers that this one's databases are on, each once.
async fn beside(db: &mut PgConnection, actor: &Actor, plan: &Plan, head: &Head) -> Result<Vec<Beside>> {
    let mut found: Vec<Beside> = Vec::new();
    for target in &plan.targets {
        let here = super::proposals::beside(db, actor, target.id, (head.moments.start, head.moments.end), Some(head.id)).await?;
        found.extend(here.into_iter().filter(|other| !found.contains(other)).collect::<Vec<_>>());
    }
    Ok(found)
}

/// The validation list of window `number`.
pub async fn checklist(engine: &Engine, actor: &Actor, number: i64) -> Result<ChecklistPage> {
    let actor = actor.clone();
    transaction::read(engine.pool(), "windows_checklist", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let near = near(db, &actor, Which::Number(number), Readers::Team).await?;
            Ok(ChecklistPage {
                owes_issues: near.owes_issues,
                probing: window_page::probing(db, near.loaded.head.id).await?,
                head: near.loaded.head,
                blocked: near.blocked,
                offers: near.offers,
                checks: near.checks,
            })
        })
    })
    .await
}

/// What every page about one window is computed from.
pub(super) struct Near {
    pub(super) loaded: Loaded,
    pub(super) plan: Plan,
    pub(super) names: BTreeMap<PersonId, String>,
    pub(super) waited: BTreeMap<PersonId, String>,
    pub(super) speaks_for: Vec<String>,
    pub(super) standing: Standing,
    pub(super) silent: BTreeMap<PersonId, Silent>,
    pub(super) votes: Vec<VoteRow>,
    pub(super) checks: Vec<CheckRow>,
    pub(super) lanes: Vec<LaneLine>,
    pub(super) runs: Vec<RunRow>,
    pub(super) blocked: Vec<Blocker>,
    pub(super) offers: Offers,
    pub(super) owes_issues: bool,
    pub(super) freezes: Vec<FreezeOver>,
}

/// The databases of a window of several.
async fn lanes(db: &mut PgConnection, head: &Head, plan: &Plan) -> Result<Vec<LaneLine>> {
    if !plan.is_many() {
        return Ok(vec![]);
    }
    let rows = store::lanes::of(db, head.id, head.revision).await?;
    let line = |row: store::lanes::LaneRow| LaneLine {
        lane: row.lane,
        name: row.name,
        run: row.run,
        not_started: row.not_started,
        soak_until: row.soak_until.filter(|until| *until > head.now),
    };
    Ok(rows.into_iter().map(line).collect())
}

/// Who may read a page about a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Whoever sees the owner team's work.
    Team,
    /// They, and whoever is asked by its newest plan or decided on it.
    TeamOrAsked,
}

/// Loads a window with its surroundings; foreign ones do not exist.
pub(super) async fn near(db: &mut PgConnection, actor: &Actor, which: Which, readers: Readers) -> Result<Near> {
    let loaded = window_page::load(db, which).await?;
    let head = &loaded.head;
    if readers == Readers::Team {
        scope(actor, head.team)?;
    }
    let plan = loaded.plan()?;
    let votes = window_page::votes(db, head.id, window_page::MOST_LINES).await?;
    let contributors = store::windows::contributors(db, head.id).await?;
    let people = store::groups::of_plan(db, &plan, Some(Timestamp::MAX)).await?;
    let polls = plan.today(&people, &loaded.escalated);
    let wants_factor = plan.wants_factor_of(&people, actor.person);
    let checks = window_page::checks(db, head, &plan).await?;
    let lanes = lanes(db, head, &plan).await?;
    let runs = window_page::runs(db, head.id).await?;
    let overlaps = if head.state == WindowState::Proposed { window_page::overlaps(db, head, &plan).await? } else { vec![] };
    let voters = plan.voters();
    let counting = Counting { window: head.id, digest: head.digest, team: head.team, voters: &voters };
    let stand_ins = stand_ins::of(db, &counting).await?;
    let people: BTreeSet<PersonId> = voters
        .iter()
        .copied()
        .chain(contributors.iter().copied())
        .chain(votes.iter().map(|vote| vote.person))
        .chain(stand_ins.iter().map(|one| one.delegate))
        .collect();
    let names = window_page::names(db, &people).await?;
    let away = absences::now(db, &people.iter().copied().collect::<Vec<_>>()).await?;
    let waited = waited(&names, &away, &stand_ins, &TimeZone::get(&actor.zone).unwrap_or(TimeZone::UTC));

    let counted = counted(&votes, head.revision);
    let polls = polls.with_stand_ins(&stand_ins);
    let known_too_little = polls.must_be_known_better(actor.person, actor.known());
    let asked = polls.eligible();
    let is_asked = polls.asked().contains(&actor.person);
    let own_vote = counted.iter().find(|vote| vote.person == actor.person);
    if !is_asked && !wants_factor && own_vote.is_none() {
        scope(actor, head.team)?;
    }
    let voices = store::voices::of(db, head.id, &polls.asked()).await?;
    let silent = voice::silent(&voices, &counted.iter().map(|vote| vote.person).collect());
    let speaks_for = polls.in_place_of(actor.person).iter().filter_map(|person| names.get(person).cloned()).collect();
    let standing = polls.without(&silent).count(&counted);
    let open_run = runs.iter().find(|run| run.state != RunState::Ended);
    let listed: Vec<_> = checks.iter().map(|check| (check.title.clone(), check.state)).collect();
    let states: Vec<_> = checks.iter().map(|check| check.state).collect();
    let held = !runs.is_empty() && store::runs::was_held(db, head.id).await?;
    let owes_issues = owes_issues(&runs, &lanes, &checks, head.state, held);
    let short = match head.state {
        WindowState::Proposed => {
            let window = store::windows::load(db, head.id).await?;
            watch_quorum::short(db, &window, &plan, &TimeZone::get(&actor.zone).unwrap_or(TimeZone::UTC)).await?
        }
        _ => None,
    };
    let pause = store::pauses::open(db).await?;
    let freezes = freezes_over(db, actor, &loaded, &plan, &contributors).await?;
    let kept: Vec<Freeze> = freezes.iter().filter(|over| over.passed.is_none()).map(|over| over.freeze.clone()).collect();
    let next_wave = next_wave::of(db, head, &plan).await?;
    let gate = match head.state {
        WindowState::Approved => {
            let window = store::windows::load(db, head.id).await?;
            start_gate::look(db, &window, &plan, Some(actor.person), Asked::before_the_run(StartPath::ByHand)).await?
        }
        WindowState::Proposed => unrehearsed(db, &plan).await?,
        _ => vec![],
    };
    let blocked = blocked(&Situation {
        pause: pause.as_ref(),
        freezes: &kept,
        state: head.state,
        state_reason: head.state_reason.as_deref(),
        now: head.now,
        moments: head.moments,
        standing: Some(&standing),
        names: &names,
        waited: &waited,
        short: short.as_deref(),
        overlaps: &overlaps,
        next_wave: next_wave.as_ref(),
        hold_reason: runs.iter().filter(|run| run.state == RunState::Held).find_map(|run| run.hold_reason.as_deref()),
        own_run: open_run.map(|run| run.state == RunState::Leased),
        gate: &gate,
        red_checks: open_run.map_or(&[], |run| run.red_checks.as_slice()),
        checks: &listed,
        owes_issues: head.state.went_wrong() && head.issues_met.is_none(),
    });
    let offers = offers(&OffersInput {
        actor,
        team: head.team,
        state: head.state,
        now: head.now,
        moments: head.moments,
        contributors: &contributors,
        eligible: Some(&asked),
        known_too_little,
        wants_factor,
        own_vote,
        voice: voices.get(&actor.person),
        own_run: open_run.is_some_and(|run| run.state != RunState::Held),
        stop_asked: open_run.is_some_and(|run| run.stop_asked),
        checks: &states,
        issues_written: head.issues_met.is_some(),
        gate: &gate,
    });
    let silent = silent.iter().filter_map(|person| Some((*person, voices.get(person)?.reason()?)));
    let silent = silent.map(|(person, (why, until))| (person, Silent { why, until })).collect();
    Ok(Near {
        loaded,
        plan,
        names,
        waited,
        speaks_for,
        standing,
        silent,
        votes,
        checks,
        lanes,
        runs,
        blocked,
        offers,
        owes_issues,
        freezes,
    })
}

/// What a plan that waits for votes lacks of a rehearsal, by its own policies and by what rules its databases today.
async fn unrehearsed(db: &mut PgConnection, plan: &Plan) -> Result<Vec<Refusal>> {
    let today = store::policies::ruling_today(db, plan).await?;
    let lacks = plan.targets.iter().filter_map(|target| {
        let lacks = start_gate::unrehearsed(plan, target, &today)?;
        let on = if plan.is_many() { format!("{}: ", target.short_name) } else { String::new() };
        Some(Refusal { message: format!("{on}{}", lacks.message), ..lacks })
    });
    Ok(lacks.collect())
}

/// Freezes over the time of a window that is not over, each with whom let its plan pass, and whether the reader may.
async fn freezes_over(
    db: &mut PgConnection,
    actor: &Actor,
    loaded: &Loaded,
    plan: &Plan,
    contributors: &BTreeSet<PersonId>,
) -> Result<Vec<FreezeOver>> {
    let head = &loaded.head;
    if !matches!(head.state, WindowState::Proposed | WindowState::Approved | WindowState::Running | WindowState::Hold) {
        return Ok(vec![]);
    }
    let mut passed: BTreeMap<_, _> = store::freeze_overrides::passed(db, head.id, head.digest).await?.into_iter().collect();
    let mut found: Vec<Freeze> = Vec::new();
    for target in &plan.targets {
        let over = store::freezes::over(db, target.id, head.moments.start, head.moments.end, None).await?;
        found.extend(over.into_iter().filter(|freeze| found.iter().all(|known| known.id != freeze.id)).collect::<Vec<_>>());
    }
    let ahead = found.into_iter().filter(|freeze| matches!(freeze.phase(head.now), Phase::Coming | Phase::Now));
    Ok(ahead
        .map(|freeze| {
            let passed = passed.remove(&freeze.id);
            let may = match passed {
                Some(_) => may_freeze(actor, &freeze.scope),
                None => may_override(actor, &freeze.scope, contributors),
            };
            FreezeOver { passed, offer: may.map_or_else(Offer::No, |_| Offer::Yes), freeze }
        })
        .collect())
}

/// Votes on the newest revision that stand, oldest first, as counting needs them.
fn counted(votes: &[VoteRow], revision: i32) -> Vec<StandingVote> {
    votes
        .iter()
        .rev()
        .filter(|vote| vote.revision == revision && vote.withdrawn.is_none())
        .map(|vote| StandingVote { person: vote.person, decision: vote.decision, assurance: vote.assurance, at: vote.at })
        .collect()
}

/// The difference between two revisions, people named; `None` when one of them does not exist.
pub(super) async fn difference(db: &mut PgConnection, window: WindowId, (from, to): (i32, i32)) -> Result<Option<RevisionDiff>> {
    if from < 1 || from == to {
        return Ok(None);
    }
    let changes = revision_changes(db, window, from, to).await?;
    Ok(changes.map(|changes| RevisionDiff { from, to, changes }))
}

/// What changed between two revisions, people named; `None` when one of them does not exist.
pub(crate) async fn revision_changes(db: &mut PgConnection, window: WindowId, from: i32, to: i32) -> Result<Option<Vec<Change>>> {
    let before = window_page::plan_value(db, window, from).await?;
    let after = window_page::plan_value(db, window, to).await?;
    let Some((before, after)) = before.zip(after) else { return Ok(None) };
    Ok(Some(consecutive(db, &[before, after]).await?.pop().unwrap_or_default()))
}

/// What changed from each plan to the next, people named.
pub(super) async fn consecutive(db: &mut PgConnection, plans: &[Value]) -> Result<Vec<Vec<Change>>> {
    let mut all: Vec<Vec<Change>> = plans.iter().zip(plans.iter().skip(1)).map(|(before, after)| changes(before, after)).collect();
    for changes in &mut all {
        changes.retain(|change| change.place != "revision");
    }
    let said = || all.iter().flatten().flat_map(|change| change.before.iter().chain(&change.after));
    let people: BTreeSet<PersonId> = said().flat_map(|text| ids_in(text)).collect();
    let names = window_page::names(db, &people).await?;
    let texts = all.iter_mut().flatten().flat_map(|change| change.before.iter_mut().chain(change.after.iter_mut()));
    for text in texts.filter(|text| ids_in(text).next().is_some()) {
        for (id, name) in &names {
            *text = text.replace(&id.to_string(), name);
        }
    }
    Ok(all)
}

fn ids_in(text: &str) -> impl Iterator<Item = PersonId> {
    text.split(", ").filter_map(|part| part.parse().ok())
}
