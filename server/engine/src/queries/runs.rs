//! The page of a run: one read-only snapshot, limited to what the reader may see.

use super::windows::{Near, Readers, near};
use crate::actions::start_gate::{self, Asked};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::window_page::Which;
use crate::store::{self, past_lists, run_page};
use crate::transaction;
use domain::canonical::Digest;
use domain::decision::Refusal;
use domain::examination::{Lanes, PreviewAnswer};
use domain::gate::{self, StartPath};
use domain::hold::{HoldVerb, may_be_held};
use domain::ids::{RunId, TargetId};
use domain::permission::{Actor, Verb, authorize};
use domain::plan::Plan;
use domain::procedure::{StepKind, StepTemplate, fair};
use domain::run::AttemptState;
use domain::view::runs::{ItemRow, ListDiff, OutsideRow, Rehearsed, RunPage, list_diff, pre_checks};
use domain::view::windows::{Head, Offer, Preview};
use domain::window::RunState;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;

/// How long a lease lasts after its renewal, in seconds: the renewal itself is a sign of life.
pub(super) const LEASE_S: i64 = 15;

/// Windows that coverage speaks of.
#[expect(clippy::cast_possible_wrap, reason = "a handful")]
pub(super) const COVERED: i64 = fair::COVERED_WINDOWS as i64;

/// The page of a run.
pub async fn show(engine: &Engine, actor: &Actor, run: RunId) -> Result<RunPage> {
    let actor = actor.clone();
    transaction::read(engine.pool(), "runs_show", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let row = run_page::load(db, run).await?;
            let near = near(db, &actor, Which::Id(row.window), Readers::Team).await?;
            let items = run_page::items(db, run).await?;
            let events = run_page::events(db, run).await?;
            let newest = run_page::newest(db, run).await?;
            let progress = run_page::progress(db, &[run]).await?.remove(&run).unwrap_or_default();
            let renewed = row.lease_until.map(|until| until - SignedDuration::from_secs(LEASE_S));
            let (work_list_digest, list) = row.work_list.map_or((None, None), |(digest, list)| (Some(digest), Some(list)));
            let (selected, list) = (list.is_some(), list.unwrap_or_default());
            let team = Some(near.loaded.head.team);
            let may_resolve = may(&actor, Verb::ResolveHold, team, row.state == RunState::Held && row.decision.is_none());
            let continues = may_resolve.is_open() && row.hold_verbs.contains(&HoldVerb::Continue);
            let may_not_go_on = if continues { may_not_go_on(db, &actor, run, &near, row.plan_digest).await? } else { None };
            let rehearsed = rehearsed(&near.plan).filter(|_| near.loaded.head.digest == row.plan_digest);
            let head = of_lane(near.loaded.head, &near.plan, row.target);
            Ok(RunPage {
                id: run,
                revision: row.revision,
                plan_digest: row.plan_digest,
                state: row.state,
                ending: row.ending,
                phase: row.phase,
                opened_at: row.opened_at,
                opened_by: row.opened_by,
                ended_at: row.ended_at,
                owner: row.owner,
                lease_until: row.lease_until,
                may_stop: may(&actor, Verb::StopRun, team, matches!(row.state, RunState::Waiting | RunState::Leased) && row.stop.is_none()),
                may_hold: may(
                    &actor,
                    Verb::HoldRun,
                    team,
                    may_be_held(row.state, row.phase) && row.stop.is_none() && row.hold_asked.is_none(),
                ),
                may_resolve,
                way_back: near.plan.change.as_ref().map(|change| !change.way_back().is_empty()),
                may_not_go_on,
                stop: row.stop,
                hold_asked: row.hold_asked,
                hold_reason: row.hold_reason,
                hold_verbs: row.hold_verbs,
                asks_what_was_found: items.iter().flat_map(|item| &item.attempts).any(|attempt| attempt.state == AttemptState::Unknown),
                asks_of_call: store::run_calls::waiting(db, run).await?.is_some(),
                decision: row.decision,
                pre_checks: row.pre_checks.as_ref().map(pre_checks).unwrap_or_default(),
                work_list_digest,
                coverage: fair::coverage(&past_lists::newest(db, row.target, COVERED).await?),
                diff: against_preview(row.preview, &near.plan, row.target, &items).filter(|_| selected),
                outside: outside(db, run, &near.plan).await?,
                kept_out: store::kept_out::of(db, run).await?,
                left_out: list.left_out,
                findings: list.findings,
                more_findings: list.more_findings,
                progress,
                last_update: latest(&[newest.map(|(_, at)| at), renewed, row.ended_at], row.opened_at),
                seq: newest.map_or(0, |(seq, _)| seq),
                items,
                events,
                window: head,
                rehearsed,
            })
        })
    })
    .await
}

/// The steps of its procedure outside the database, with who did them.
async fn outside(db: &mut PgConnection, run: RunId, plan: &Plan) -> Result<Vec<OutsideRow>> {
    let Some(procedure) = plan.procedure.own.as_deref().filter(|procedure| procedure.outside().next().is_some()) else {
        return Ok(vec![]);
    };
    let mut of = store::by_hand::of(db, run).await?;
    of.extend(store::run_calls::of(db, run).await?);
    let row = |step: &StepTemplate| {
        let asked = of.remove(&step.key);
        OutsideRow {
            is_called: step.kind == StepKind::Webhook,
            title: step.name.clone(),
            does: step.does.clone(),
            back: step.rollback.clone(),
            asked: asked.is_some(),
            done: asked.flatten(),
        }
    };
    Ok(procedure.outside().map(row).collect())
}

/// Why the gate would not let this reader decide that the run goes on.
async fn may_not_go_on(db: &mut PgConnection, actor: &Actor, run: RunId, near: &Near, digest: Digest) -> Result<Option<Refusal>> {
    let window = store::windows::load(db, near.loaded.head.id).await?;
    let asked = Asked { digest: Some(digest), own: Some(run), ..Asked::before_the_run(StartPath::Resume) };
    let mut in_the_way = start_gate::look(db, &window, &near.plan, Some(actor.person), asked).await?;
    if store::by_hand::waiting(db, run).await?.is_some() || store::run_calls::waiting(db, run).await?.is_some() {
        in_the_way.retain(|refusal| refusal.code != gate::CUT_OFF);
    }
    Ok((!in_the_way.is_empty()).then(|| gate::together(&in_the_way)))
}

fn may(actor: &Actor, verb: Verb, team: Option<domain::ids::TeamId>, fits: bool) -> Offer {
    if !fits {
        return Offer::Absent;
    }
    match authorize(actor, verb, team) {
        Ok(_) => Offer::Yes,
        Err(refusal) => Offer::No(refusal),
    }
}

/// The head of a run's page speaks of the run's own database, where the window has several: that one is worked on, and its name is typed.
fn of_lane(head: Head, plan: &Plan, target: TargetId) -> Head {
    match plan.lane(target).filter(|_| plan.is_many()) {
        Some(lane) => Head {
            target,
            database: lane.short_name.clone(),
            more_databases: 0,
            database_name: lane.name.clone(),
            environments: lane.environment.clone(),
            on_call: lane.on_call.clone(),
            ..head
        },
        None => head,
    }
}

/// What rehearsed the plan.
fn rehearsed(plan: &Plan) -> Option<Rehearsed> {
    let sealed = plan.rehearsal.as_ref()?;
    Some(Rehearsed { on: sealed.short_name.clone(), figures: sealed.figures(), steps: sealed.steps_said(&plan.procedure) })
}

/// What was selected at the start against what people saw in the preview of this database.
fn against_preview(preview: Option<serde_json::Value>, plan: &Plan, target: TargetId, items: &[ItemRow]) -> Option<ListDiff> {
    let kept = preview?;
    let answer: PreviewAnswer = if plan.is_many() { Lanes::read(&kept).answer(target)? } else { serde_json::from_value(kept).ok()? };
    let seen = Preview::inside(&plan.envelope, answer);
    let list: Vec<_> = items.iter().map(|item| item.work.clone()).collect();
    Some(list_diff(&seen.work.items, &list))
}

fn latest(times: &[Option<Timestamp>], at_least: Timestamp) -> Timestamp {
    times.iter().flatten().copied().max().unwrap_or(at_least).max(at_least)
}
