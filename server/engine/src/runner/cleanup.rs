//! Drops what an interrupted rebuild left: an invalid index whose name says so. This makes the database safe again, so neither a stop nor
//! the cut-off hinders it; lease, fence and identity it needs like everything else.

use super::control::{Control, epoch, open_failed, statement};
use super::dispatcher::Work;
use super::executor;
use super::{Step, fail_point};
use crate::error::Error;
use crate::ledger::Line;
use crate::store::runs::Item;
use crate::target::fence;
use crate::target::postgres::{self, Evidence, Tried, measure};
use crate::target::session::{Execution, Guards, Session, SessionName};
use domain::fact::NewFact;
use domain::procedure::select::{DebrisKind, DebrisRow, step};
use domain::procedure::{Act, Measure, WorkItem, estimate::estimate};
use domain::run::{Finding, Outcome, Verdict};

/// What a clean-up may take, also after the end of the window. It only waits for older transactions; what they keep it from is listed.
const AT_MOST_MS: u64 = 60_000;

/// Cleans up after an item that needs it, where the plan lets it; the verdict says what was found and what is left.
///
/// `slot` is the place of whoever left it: its next session takes it.
pub(super) async fn clean(
    work: &Work,
    control: &Control,
    item: &Item,
    before: &Evidence,
    verdict: Verdict,
    failed: bool,
    slot: u16,
) -> Step<Verdict> {
    let debris = left_behind(control, item, &known(before)).await?;
    // What an approved statement left unfinished is its own to drop; what a rebuild left needs the plan's step for that.
    let may = item.work.script.is_some() || work.plan.envelope.steps.iter().any(|name| name == step::CLEANUP);
    if debris.is_empty() || !may {
        return Ok(verdict);
    }
    let mut dropped = Vec::new();
    for row in debris {
        let name = row.object.name.to_string();
        let result = drop_one(work, control, item, row, slot).await?;
        if result.outcome != Outcome::Done && result.outcome != Outcome::Skipped {
            return Ok(Verdict::new(
                Outcome::NeedsCleanup,
                format!("{} {name} could not be dropped: {}", verdict.sentence, result.sentence),
            ));
        }
        dropped.push(name);
    }
    let dropped = dropped.join(", ");
    // With only its last phase interrupted, the new index has taken the old one's place already: that is done, and not done again.
    let now = postgres::evidence_since(&control.session.link, &item.work, before).await.map_err(|error| statement(&error))?;
    if postgres::find(before, &now) == Finding::Done {
        let result = postgres::judge(&control.session.link, &item.work, before.clone(), answered(), &work.plan.parameters).await;
        return Ok(Verdict::new(
            result.verdict.outcome,
            format!("{} (Only dropping the old one was interrupted; it is dropped now: {dropped}.)", result.verdict.sentence),
        ));
    }
    let outcome = if failed { Outcome::Failed } else { Outcome::Cancelled };
    Ok(Verdict::new(outcome, format!("{} Dropped again: {dropped}.", verdict.sentence)))
}

/// A statement whose effect is there, whoever got the server's answer.
pub(super) fn answered() -> Tried {
    Tried::Sent { execution: Execution { error: None, notices: Vec::new(), elapsed_ms: 0, answer: None }, blockers: Vec::new() }
}

/// Drops everything that this run left on any table, for a rollback; says what could not be dropped.
pub(super) async fn clean_all(work: &Work, control: &Control, items: &[Item]) -> Step<Vec<String>> {
    let mut left = Vec::new();
    for item in items.iter().filter(|item| item.outcome == Some(Outcome::NeedsCleanup)) {
        let Some(before) = recorded(item) else { continue };
        let found = Verdict::new(Outcome::NeedsCleanup, "Left behind by this run.");
        let mut verdict = clean(work, control, item, &before, found, false, super::ALONE).await?;
        if verdict.outcome == Outcome::NeedsCleanup && left_behind(control, item, &known(&before)).await?.is_empty() {
            verdict = Verdict::new(Outcome::Cancelled, "What it left behind is gone: somebody else dropped it.");
        }
        if verdict.outcome == Outcome::NeedsCleanup {
            left.push(verdict.sentence);
        } else {
            executor::outcome(work, item.ordinal, verdict.outcome, &verdict.sentence).await?;
        }
    }
    Ok(left)
}

/// The evidence that was put on record before an item began.
pub(super) fn recorded(item: &Item) -> Option<Evidence> {
    item.figures.as_ref().and_then(|figures| figures.get("before")).and_then(|before| serde_json::from_value(before.clone()).ok())
}

/// Invalid indexes that were there before: they are somebody else's.
fn known(before: &Evidence) -> Vec<String> {
    match before {
        Evidence::Index { invalid, .. } => invalid.clone(),
        _ => Vec::new(),
    }
}

async fn left_behind(control: &Control, item: &Item, known: &[String]) -> Step<Vec<DebrisRow>> {
    let rows = measure::debris_rows(&control.session.link, control.session.major).await.map_err(|error| statement(&error))?;
    if item.work.script.is_some() {
        let Evidence::NamedIndex { index: Some(index), .. } =
            postgres::evidence(&control.session.link, &item.work).await.map_err(|error| statement(&error))?
        else {
            return Ok(Vec::new());
        };
        return Ok(rows.into_iter().filter(|row| row.object.oid == index.oid).collect());
    }
    let ours = |row: &DebrisRow| {
        row.object.table == item.work.object.table && row.kind != DebrisKind::Owners && !known.contains(&row.object.name.to_string())
    };
    Ok(rows.into_iter().filter(ours).collect())
}

async fn drop_one(work: &Work, control: &Control, item: &Item, row: DebrisRow, slot: u16) -> Step<Verdict> {
    let measure = Measure::new("Left by this run's own rebuild.", [("index_bytes", row.bytes)]);
    let drop = WorkItem::new(
        if item.work.script.is_some() { domain::change::STEP } else { step::CLEANUP },
        Act::DropInvalidIndex,
        row.object,
        measure,
        estimate(Act::DropInvalidIndex, row.bytes, &[]),
        row.bytes,
        row.bytes,
    );
    intend(work, item.ordinal, &drop).await?;
    fail_point("after_debris_intent");
    let name = SessionName::new(work.run.id, epoch(work), item.ordinal.unsigned_abs(), 0).map_err(Error::internal)?;
    let guards = Guards::acting(drop.act, AT_MOST_MS, &work.plan.parameters);
    let session = Session::open(&control.dialer, name, &guards).await.map_err(|error| open_failed(&error))?;
    if let Some(difference) = session.identity.difference(&work.approved, work.volatile()?.as_ref()) {
        return Ok(Verdict::new(Outcome::NeedsCleanup, difference));
    }
    let taken = fence::take_soon(&session.link, i32::from(slot)).await.map_err(|error| statement(&error))?;
    if !taken || !work.lease.is_trusted() {
        return Ok(Verdict::new(Outcome::NeedsCleanup, "the fence was not to be had"));
    }
    let before = Evidence::Debris { present: true };
    // A stop does not hinder it; the lease was looked at just now.
    let tried = match work.unless_over(postgres::execute(&session, &drop, &work.plan.parameters, &|| true)).await? {
        Ok(tried) => tried,
        Err(error) => Tried::Blocked { reason: format!("It could not be looked at: {error}."), blockers: Vec::new() },
    };
    fail_point("after_debris_drop");
    let result = postgres::judge(&control.session.link, &drop, before, tried, &work.plan.parameters).await;
    work.feed.line(Line::new("outcome", format!("{}: {}", drop.statement, result.verdict.sentence)).about(item.ordinal));
    Ok(result.verdict)
}

/// The intent of a clean-up is a fact of its own, committed before anything is sent.
async fn intend(work: &Work, ordinal: i32, drop: &WorkItem) -> Step<()> {
    let (run, window, team, statement) = (work.run.id, work.run.window, work.plan.target().team, drop.statement.clone());
    let written = work.hand.write("debris_intent", move |ledger| {
        let statement = statement.clone();
        Box::pin(async move {
            let fact = NewFact::done("debris.drop", "run", run)
                .of_window(window)
                .of_team(team)
                .with("ordinal", ordinal)
                .with("statement", statement);
            ledger.fact(fact).await.map(drop_fact)
        })
    });
    Ok(written.await?)
}

fn drop_fact(_fact: crate::ledger::FactRef) {}
