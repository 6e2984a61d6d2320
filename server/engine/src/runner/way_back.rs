//! A change of design that did not go through: when to go no further, and how it is taken back when a person decides so.
//!
//! What takes it back is text that was approved with the change; of settings it gives each the value that was put on record. It is sent like the change itself: intent, session and what tells whether it
//! ran are on record before; nothing is sent again without proof that it did not run. Neither the end of the window nor a stop hinders it.

use super::control::{Control, epoch, open_failed, statement};
use super::dispatcher::Work;
use super::{Halt, Step, cleanup, executor, fail_point, keep_out};
use crate::error::Error;
use crate::ledger::{Line, NewUndo};
use crate::store::runs::Item;
use crate::store::undo::{self, UndoPart};
use crate::target::fence::{self, Reach};
use crate::target::postgres::{self, Evidence, Tried};
use crate::target::session::{Guards, Session, SessionName};
use domain::change::{self, Change, Script, WayBack};
use domain::fact::NewFact;
use domain::hold::HoldCause;
use domain::procedure::{StepClass, WorkItem};
use domain::run::{Finding, Outcome, Verdict};
use std::time::Duration;

/// Sessions of a way back are told from those of the work list, which has at most 10,000 items.
const FIRST_ITEM: u32 = 20_000;
/// A part that somebody keeps locked is given up after so many tries.
const MOST_TRIES: i32 = 8;
/// Nothing else runs while a change is taken back.
const FIRST_SLOT: i32 = 1;
const BETWEEN_TRIES: Duration = Duration::from_secs(5);

/// Whether a part before this one did not succeed: then no later part is begun. Where others had succeeded, a person decides.
pub(super) async fn stops(work: &Work, before: i32) -> Step<bool> {
    let items = work.items().await?;
    // Rules about old rows do not need each other.
    let is_part = |item: &&Item| item.work.script.as_ref().is_some_and(|script| script.old_rows.is_none());
    let earlier: Vec<_> = items.iter().filter(|item| item.ordinal < before).filter(is_part).collect();
    let Some(broken) = earlier.iter().find(|item| item.outcome.is_some_and(|outcome| !outcome.is_success())) else { return Ok(false) };
    let what = format!("{}: {}", broken.work.object.name, broken.outcome.map(Outcome::label).unwrap_or_default());
    if earlier.iter().any(|item| is_touched(item)) {
        let way = match work.plan.change.as_ref().map(|change| &change.back) {
            Some(WayBack::Statements { .. }) => {
                "Roll it back, and all of the plan's way back is sent, also what undoes parts that were not done: read it first, because somebody else may have made what it removes. Or leave it and validate."
            }
            Some(WayBack::Former) => "Roll it back, and each setting that was changed gets the value it had. Or leave it and validate.",
            _ => "The plan has no way back: look at the database, then leave it and validate, or end it.",
        };
        return Err(Halt::Hold(HoldCause::Half, format!("The change is done in part. {what}. No later part was begun. {way}")));
    }
    for item in items.iter().filter(|item| item.ordinal > broken.ordinal && item.outcome.is_none()) {
        executor::outcome(work, item.ordinal, Outcome::Cancelled, "Not begun: the part before it did not succeed.").await?;
    }
    Ok(true)
}

/// Whether a part left something, or may have.
fn is_touched(item: &Item) -> bool {
    // Batches that went before it ended stay gone, however it ended.
    let begun = item.work.script.as_ref().is_some_and(|script| script.old_rows.is_some()) && cleanup::recorded(item).is_some();
    begun || matches!(item.outcome, Some(Outcome::Done | Outcome::NeedsCleanup | Outcome::Unknown))
}

/// Goes the way back of the plan, where anything of the change was done; says what could not be taken back.
pub(super) async fn go(work: &Work, control: &Control) -> Step<Vec<String>> {
    let Some(plan) = &work.plan.change else { return Ok(Vec::new()) };
    if !work.items().await?.iter().any(|item| item.work.script.is_some() && is_touched(item)) {
        work.feed.line(Line::new("phase", "Nothing of the change was done, so nothing is taken back."));
        return Ok(Vec::new());
    }
    if let WayBack::None { reason } = &plan.back {
        return Ok(vec![format!("The plan has no way back for what was done: {reason}")]);
    }
    let parts = change::items(&scripts(work, plan).await?, &work.plan.parameters);
    for (part, ordinal) in parts.iter().zip(1..) {
        if let Some(left) = take_back(work, control, part, ordinal).await? {
            let rest = parts.len().saturating_sub(usize::try_from(ordinal).unwrap_or(0));
            let more = if rest > 0 { format!(" The {rest} after it were not begun.") } else { String::new() };
            return Ok(vec![format!("{}: {left}{more}", part.object.name)]);
        }
    }
    Ok(Vec::new())
}

/// What takes it back: as it stands in the plan; or, of settings, the values that were seen before, the last change first.
async fn scripts(work: &Work, plan: &Change) -> Step<Vec<Script>> {
    if plan.back != WayBack::Former {
        return Ok(plan.back_scripts());
    }
    let mut back = Vec::new();
    for item in work.items().await?.iter().rev() {
        let Some(setting) = item.work.script.as_ref().and_then(|script| script.setting.as_ref()) else { continue };
        // One that had no effect may have been written all the same.
        if !is_touched(item) && item.outcome != Some(Outcome::NoEffect) {
            continue;
        }
        let before = item.figures.as_ref().and_then(|figures| figures.get("before"));
        let before: Option<Evidence> = before.map(|before| serde_json::from_value(before.clone())).transpose().map_err(Error::from)?;
        if let Some(Evidence::Setting { state: Some(before) }) = before {
            back.extend(Script::gives_back(setting, &before, back.len() + 1));
        }
    }
    Ok(back)
}

/// One part, until it is done; or what is in its way.
async fn take_back(work: &Work, control: &Control, part: &WorkItem, ordinal: i32) -> Step<Option<String>> {
    loop {
        work.go_on()?;
        let mut db = work.hand.context.pool.acquire().await?;
        let newest = undo::newest(&mut db, work.run.id, ordinal).await?;
        drop(db);
        let tries = newest.as_ref().map_or(0, |newest| newest.number);
        match newest {
            Some(UndoPart { outcome: Some(outcome), .. }) if outcome.is_success() || outcome == Outcome::NoEffect => return Ok(None),
            Some(UndoPart { outcome: Some(outcome), detail, .. }) if !again(part, outcome, tries) => return Ok(Some(detail)),
            Some(UndoPart { outcome: Some(_), .. }) => work.lease.pause(BETWEEN_TRIES).await,
            Some(open) => {
                close(work, control, part, ordinal, &open).await?;
                continue;
            }
            None => {}
        }
        work.go_on()?;
        keep_out::keep_out(work, control, part).await?;
        control.assert(work).await?;
        send(work, control, part, ordinal, tries + 1).await?;
    }
}

/// Whether it may be tried once more: only what proved to have had no effect.
fn again(part: &WorkItem, outcome: Outcome, tries: i32) -> bool {
    matches!(outcome, Outcome::SkippedLock | Outcome::Cancelled) && part.class != StepClass::Once && tries < MOST_TRIES
}

/// An earlier owner began it, and did not write down how it ended.
async fn close(work: &Work, control: &Control, part: &WorkItem, ordinal: i32, open: &UndoPart) -> Step<()> {
    let verdict = match &open.evidence {
        None => Verdict::new(Outcome::Cancelled, "Never sent: the work was interrupted before."),
        Some(evidence) => {
            let before: Evidence = serde_json::from_value(evidence.clone()).map_err(Error::from)?;
            let now = postgres::evidence_since(&control.session.link, part, &before).await.map_err(|error| statement(&error))?;
            match postgres::find(&before, &now) {
                Finding::Done => Verdict::new(Outcome::Done, "Found by looking at the database: nobody got the server's answer."),
                Finding::NotDone => Verdict::new(Outcome::Cancelled, "Ended without effect: the database shows no change."),
                Finding::Partial => Verdict::new(Outcome::NeedsCleanup, "It left an index that is invalid: drop it by hand."),
                Finding::CannotTell => Verdict::new(Outcome::Unknown, "Whether it ran is not known: nobody got the server's answer."),
            }
        }
    };
    done(work, ordinal, open.number, &verdict).await
}

async fn send(work: &Work, control: &Control, part: &WorkItem, ordinal: i32, number: i32) -> Step<()> {
    let item = FIRST_ITEM + ordinal.unsigned_abs();
    let name = SessionName::new(work.run.id, epoch(work), item, number.unsigned_abs()).map_err(Error::internal)?;
    intend(work, part, NewUndo { ordinal, number, statement: part.statement.clone(), session_name: name.to_string() }).await?;
    fail_point("after_undo_intent");
    let guards = Guards::of(part, part.estimate.high_ms, &work.plan.parameters);
    let session = Session::open(&control.dialer, name, &guards).await.map_err(|error| open_failed(&error))?;
    if let Some(difference) = session.identity.difference(&work.approved, work.volatile()?.as_ref()) {
        return done(work, ordinal, number, &Verdict::new(Outcome::Failed, format!("Not sent: {difference}"))).await;
    }
    if !fence::take_soon(&session.link, FIRST_SLOT).await.map_err(|error| statement(&error))? || !work.lease.is_trusted() {
        return Err(Halt::Again(Error::internal("the slot of the executing session was not free")));
    }
    if work.reach() == Reach::Server {
        fence::share_server(&session.link).await.map_err(|error| statement(&error))?;
    }
    let before = postgres::evidence(&session.link, part).await.map_err(|error| statement(&error))?;
    let before = postgres::script::begin(&session, before).await.map_err(|error| statement(&error))?;
    start(work, &session, ordinal, number, &before).await?;
    fail_point("after_undo_start");
    // A stop does not hinder it; the lease was looked at just now.
    let tried = work.unless_over(postgres::execute(&session, part, &work.plan.parameters, &|| true)).await?;
    fail_point("after_undo_execute");
    let tried = match tried {
        Ok(tried) => tried,
        Err(error) if error.is_disconnect() => return Err(statement(&error)),
        Err(error) => Tried::Blocked { reason: format!("It could not be looked at: {error}."), blockers: Vec::new() },
    };
    let result = postgres::judge(&control.session.link, part, before, tried, &work.plan.parameters).await;
    if result.verdict.outcome == Outcome::Unknown {
        return Err(Halt::Again(Error::internal(result.verdict.sentence)));
    }
    done(work, ordinal, number, &result.verdict).await
}

async fn intend(work: &Work, part: &WorkItem, new: NewUndo) -> Step<()> {
    let (tenure, run, team) = (work.hand.tenure, work.run.clone(), work.plan.target().team);
    work.feed.line(Line::new("phase", format!("Taking back: {}.", part.object.name)));
    let written = work.hand.write("undo_intent", move |ledger| {
        let (run, new) = (run.clone(), new.clone());
        Box::pin(async move {
            let fact = NewFact::done("undo.intend", "run", run.id)
                .of_window(run.window)
                .of_team(team)
                .with("ordinal", new.ordinal)
                .with("number", new.number)
                .with("statement", new.statement.clone())
                .with("plan_digest", run.digest.hex());
            let fact = ledger.fact(fact).await?;
            ledger.undo_intent(tenure, &new, fact).await
        })
    });
    Ok(written.await?)
}

async fn start(work: &Work, session: &Session, ordinal: i32, number: i32, before: &Evidence) -> Step<()> {
    let tenure = work.hand.tenure;
    let (backend, before) =
        (serde_json::to_value(session.backend).map_err(Error::from)?, serde_json::to_value(before).map_err(Error::from)?);
    let written = work.hand.write("undo_start", move |ledger| {
        let (backend, before) = (backend.clone(), before.clone());
        Box::pin(async move { ledger.undo_started(tenure, ordinal, number, &backend, &before).await })
    });
    Ok(written.await?)
}

async fn done(work: &Work, ordinal: i32, number: i32, verdict: &Verdict) -> Step<()> {
    let (tenure, run, team, verdict) = (work.hand.tenure, work.run.clone(), work.plan.target().team, verdict.clone());
    let written = work.hand.write("undo_done", move |ledger| {
        let (run, verdict) = (run.clone(), verdict.clone());
        Box::pin(async move {
            let fact = NewFact::done("undo.end", "run", run.id)
                .of_window(run.window)
                .of_team(team)
                .with("ordinal", ordinal)
                .with("number", number)
                .with("outcome", verdict.outcome.word())
                .with("detail", verdict.sentence.clone());
            ledger.fact(fact).await?;
            ledger.undo_done(tenure, ordinal, number, &verdict).await?;
            let words = format!("Way back, part {ordinal}: {}: {}", verdict.outcome.label(), verdict.sentence);
            ledger.line(tenure, &Line::new("outcome", words)).await
        })
    });
    Ok(written.await?)
}
