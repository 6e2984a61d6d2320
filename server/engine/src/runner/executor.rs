//! One item of the work list, in six steps: intent, open, start, execute, probe, done. Each but the statement itself is committed before
//! the next begins, so that whoever comes after a crash knows how far it got.

use super::control::{Control, epoch, statement};
use super::dispatcher::Work;
use super::floor::Place;
use super::{Halt, Step, cleanup, fail_point, guarded, keep_out, lot, watch};
use crate::actions::start_gate::{Asked, ask};
use crate::error::Error;
use crate::ledger::{Begun, Line, NewAttempt};
use crate::store::runs::{self, Attempt, Item, Run};
use crate::target::fence::{self, Reach};
use crate::target::link::Notice;
use crate::target::postgres::{self, Evidence, ItemResult, Tried};
use crate::target::session::{Guards, Session, SessionName};
use domain::canonical::Digest;
use domain::fact::NewFact;
use domain::gate::StartPath;
use domain::hold::HoldCause;
use domain::ids::{AttemptId, TeamId};
use domain::procedure::{StepClass, WorkItem};
use domain::run::parallel;
use domain::run::retry::MOST_TRIES;
use domain::run::{Fit, LockFailure, Outcome, Retry, Verdict, fits, reserve_ms, retry};
use std::sync::Arc;
use std::time::Duration;

/// An attempt as it is being made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Try {
    /// Which.
    pub id: AttemptId,
    /// Counts tries, from 1.
    pub number: i32,
}

impl From<&Attempt> for Try {
    fn from(attempt: &Attempt) -> Self {
        Self { id: attempt.id, number: attempt.number }
    }
}

/// What is said of an item that has no object any more.
pub(super) const GONE: &str = "The object is gone, or needs nothing any more.";

/// The fact of an intent.
pub(super) fn intended(run: &Run, team: TeamId, ordinal: i32, number: i32, item: &WorkItem, list: Digest) -> NewFact {
    NewFact::done("attempt.intend", "run", run.id)
        .of_window(run.window)
        .of_team(team)
        .with("ordinal", ordinal)
        .with("number", number)
        .with("statement", item.statement.clone())
        .with("plan_digest", run.digest.hex())
        .with("work_list_digest", list.hex())
}

/// The fact of the end of an attempt.
pub(super) fn ended(run: &Run, team: TeamId, ordinal: i32, number: i32, verdict: &Verdict) -> NewFact {
    NewFact::done("attempt.end", "run", run.id)
        .of_window(run.window)
        .of_team(team)
        .with("ordinal", ordinal)
        .with("number", number)
        .with("outcome", verdict.outcome.word())
        .with("detail", verdict.sentence.clone())
}

/// Works on an item until it has its outcome, or somebody asks to stop or to hold (then it may stay open). `kept` is the session of its place,
/// where the one before left it there.
pub(super) async fn work_item(work: &Work, control: &Control, item: &Item, place: &Place, kept: &mut Option<Session>) -> Step<()> {
    let mut waited_ms = 0;
    loop {
        work.go_on()?;
        if place.closes(work) {
            return Ok(());
        }
        // Also before it is tried again: minutes may have passed.
        if item.work.script.is_some() {
            keep_out::keep_out(work, control, &item.work).await?;
            if place.closes(work) {
                return Ok(());
            }
        }
        control.assert(work).await?;
        if tried_out(work, item.ordinal).await? {
            return outcome(work, item.ordinal, Outcome::Failed, "It was tried eight times without a result.").await;
        }
        let Some(budget_ms) = time_left(work, item).await? else { return Ok(()) };
        let before = postgres::evidence(&control.session.link, &item.work).await.map_err(|error| statement(&error))?;
        if before.is_gone() {
            return outcome(work, item.ordinal, Outcome::Skipped, GONE).await;
        }
        let this = match intent(work, item, place.slot).await? {
            Intent::Made(this) => this,
            Intent::Over => return Ok(()),
            Intent::LookAgain => {
                work.lease.pause(LOOK_AGAIN_AFTER).await;
                continue;
            }
        };
        fail_point("after_intent");
        let tried = Attempted { this, before, budget_ms };
        let result = attempt(work, control, item, tried, place.slot, kept).await?;
        fail_point("before_done");
        let wait_ms = match next_try(item.work.class, &result, this.number, waited_ms, budget_ms) {
            Some(wait_ms) if !work.lease.stop_asked() => wait_ms,
            _ => {
                conclude(work, item, this, &result, true).await?;
                fail_point("after_done");
                return Ok(());
            }
        };
        conclude(work, item, this, &result, false).await?;
        waited_ms += wait_ms;
        pause(work, wait_ms, item.ordinal, place).await?;
    }
}

/// Whether something keeps interrupting it: after so many tries it is given up.
async fn tried_out(work: &Work, ordinal: i32) -> Step<bool> {
    let mut db = work.hand.context.pool.acquire().await?;
    Ok(runs::tries(&mut db, work.run.id, ordinal).await?.unsigned_abs() >= MOST_TRIES)
}

/// What its statement may take; `None` when there is not enough time, and the item is deferred.
async fn time_left(work: &Work, item: &Item) -> Step<Option<u64>> {
    let times = &work.plan.times;
    let now = work.now().await?;
    match fits(now, item.work.estimate, reserve_ms(times.start, times.end), times.end, times.cut_off) {
        Fit::Fits { budget_ms } => Ok(Some(budget_ms)),
        late => {
            outcome(work, item.ordinal, Outcome::Deferred, &late.refusal().unwrap_or_default()).await?;
            Ok(None)
        }
    }
}

/// What came of the intent.
enum Intent {
    /// It is on record.
    Made(Try),
    /// Nothing of it begins any more.
    Over,
    /// Something changed between the look at the time and this one; the next look says what.
    LookAgain,
}

const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Step 1: the gate, then the attempt and its fact.
async fn intent(work: &Work, item: &Item, slot: u16) -> Step<Intent> {
    let (tenure, run, item_now) = (work.hand.tenure, work.run.clone(), item.clone());
    let times = work.plan.times.clone();
    let work_list_digest = work.work_list_digest()?;
    let epoch = epoch(work);
    let needs_ms = needs_ms(item.work.estimate.high_ms, reserve_ms(times.start, times.end));
    let made = work.hand.write_with_window("attempt_intent", move |ledger| {
        let (run, item) = (run.clone(), item_now.clone());
        Box::pin(async move {
            let asked = Asked { digest: Some(run.digest), own: Some(run.id), ..Asked::before_the_run(StartPath::Item) };
            let answer = ask(ledger, run.window, asked).await?.into_open()?;
            let number = runs::tries(ledger.db(), run.id, item.ordinal).await? + 1;
            let name = SessionName::new(run.id, epoch, item.ordinal.unsigned_abs(), number.unsigned_abs()).map_err(Error::internal)?;
            let fact = ledger.fact(intended(&run, answer.window.team, item.ordinal, number, &item.work, work_list_digest)).await?;
            let new = NewAttempt {
                ordinal: item.ordinal,
                number,
                plan_digest: run.digest,
                work_list_digest,
                session_name: name.to_string(),
                slot: i16::try_from(slot).map_err(Error::internal)?,
                relation: parallel::relation(&item.work).to_string(),
                needs_ms,
            };
            let id = ledger.intents(tenure, &[new], &[fact]).await?.pop();
            Ok(Try { id: id.ok_or_else(|| Error::internal("an intent without an attempt"))?, number })
        })
    });
    match made.await {
        Ok(this) => Ok(Intent::Made(this)),
        Err(Error::Refused(refusal)) if refusal.code == "moved_on" => Ok(Intent::LookAgain),
        // It stays open, and gets its outcome with the others at the end.
        Err(Error::Refused(refusal)) if refusal.code == "stop_asked" => Ok(Intent::Over),
        Err(Error::Refused(refusal)) if refusal.code == "cut_off" => {
            outcome(work, item.ordinal, Outcome::Deferred, &refusal.message).await?;
            Ok(Intent::Over)
        }
        Err(Error::Refused(refusal)) if refusal.code != crate::ledger::LEASE_LOST => {
            Err(Halt::Hold(HoldCause::Blocked, refusal.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// What `fits` asks for: one and a half times the estimate, and the reserve.
pub(super) fn needs_ms(high_ms: u64, reserve_ms: u64) -> i64 {
    i64::try_from(high_ms.saturating_add(high_ms.div_ceil(2)).saturating_add(reserve_ms)).unwrap_or(i64::MAX / 2)
}

/// An attempt that is on record, and what it begins with.
struct Attempted {
    this: Try,
    before: Evidence,
    /// The longest that its statement may run.
    budget_ms: u64,
}

/// Whether the session of an item may go on to the next one of its place: it sets nothing but the timers and settings that the next one sets
/// anew, and holds no lock but its slot. What is of a design change, of settings or of accounts has a session of its own.
fn shares_session(work: &Work, item: &WorkItem) -> bool {
    item.script.is_none() && work.reach() == Reach::Database
}

/// Steps 2 to 5: open, start, execute, probe.
async fn attempt(
    work: &Work,
    control: &Control,
    item: &Item,
    Attempted { this, before, budget_ms }: Attempted,
    place: u16,
    kept: &mut Option<Session>,
) -> Step<ItemResult> {
    let shares = shares_session(work, &item.work);
    if !shares {
        lot::release(kept).await;
    }
    let name =
        SessionName::new(work.run.id, epoch(work), item.ordinal.unsigned_abs(), this.number.unsigned_abs()).map_err(Error::internal)?;
    let guards = Guards::of(&item.work, budget_ms, &work.plan.parameters);
    let session = lot::open(control, name, &guards, kept.take()).await?;
    if let Some(difference) = session.identity.difference(&work.approved, work.volatile()?.as_ref()) {
        let verdict = Verdict::new(Outcome::Cancelled, format!("Not sent: {difference}"));
        record_try(work, &this, item.ordinal, &verdict, &[], None, false).await?;
        return Err(Halt::Hold(HoldCause::Blocked, difference));
    }
    let slot = i32::from(place);
    if !fence::take_soon(&session.link, slot).await.map_err(|error| statement(&error))? {
        return Err(Halt::Again(Error::internal("the slot of the executing session was not free")));
    }
    if work.reach() == Reach::Server {
        fence::share_server(&session.link).await.map_err(|error| statement(&error))?;
    }
    let before = postgres::script::begin(&session, before).await.map_err(|error| statement(&error))?;
    fail_point("after_open");
    start(work, &session, this, item.ordinal, &before).await?;
    fail_point("after_start");
    if !fence::holds(&session.link, slot).await.map_err(|error| statement(&error))? {
        return Err(Halt::Again(Error::internal("the executing session lost its lock before anything was sent")));
    }
    let (budget, left) = (Duration::from_millis(budget_ms), Duration::from_millis(work.left_ms().await?));
    let guarded = guarded::give(work, &control.dialer, &session, budget, left).await;
    work.go_on()?;
    let watched = watch::run(work, control, session, &item.work, item.ordinal, budget).await?;
    guarded.over();
    fail_point("after_execute");
    let tried = match watched.tried {
        Ok(Tried::Withheld) if !work.lease.is_trusted() => return Err(Halt::Lost),
        Ok(tried) => tried,
        // One of the looks before the statement was what the stop met.
        Err(error) if watched.stopped.is_some() && (error.is_cancelled() || error.is_terminated()) => {
            let verdict = Verdict::new(Outcome::Cancelled, "Stopped before it was sent; nothing was changed.");
            return Ok(ItemResult { verdict, before, after: None, execution: None, blockers: Vec::new() });
        }
        // A broken connection says nothing about the statement: the next look finds the session and asks the object.
        Err(error) => return Err(statement(&error)),
    };
    let mut result = postgres::judge(&control.session.link, &item.work, before, tried, &work.plan.parameters).await;
    if result.verdict.outcome == Outcome::Unknown {
        return Err(Halt::Again(Error::internal(result.verdict.sentence)));
    }
    let session = Arc::into_inner(watched.session);
    if shares && result.verdict.outcome == Outcome::Done && watched.stopped.is_none() {
        *kept = session;
    } else {
        drop(session);
    }
    if result.verdict.outcome == Outcome::NeedsCleanup {
        let failed = result.failed_by_itself(watched.stopped.is_some());
        result.verdict = cleanup::clean(work, control, item, &result.before, result.verdict, failed, place).await?;
    }
    Ok(result)
}

/// Step 3: the session's process is on record before its statement is sent.
async fn start(work: &Work, session: &Session, this: Try, ordinal: i32, before: &Evidence) -> Step<()> {
    let tenure = work.hand.tenure;
    let begun = Begun::new(session, std::slice::from_ref(before))?;
    let (pid, number) = (session.backend.pid, this.number);
    let written = work.hand.write("attempt_start", move |ledger| {
        let begun = begun.clone();
        Box::pin(async move {
            ledger.started(tenure, &[this.id], &begun).await?;
            let line = format!("Attempt {number} runs on the server as process {pid}.");
            ledger.line(tenure, &Line::new("session", line).about(ordinal).with(serde_json::json!({"pid": pid}))).await
        })
    });
    match written.await {
        Err(Error::Refused(refusal)) if refusal.code == "identity" => Err(Halt::Hold(HoldCause::Blocked, refusal.message)),
        other => Ok(other?),
    }
}

/// How long to wait before the next try; `None` when this was the last.
fn next_try(class: StepClass, result: &ItemResult, number: i32, waited_ms: u64, budget_ms: u64) -> Option<u64> {
    if result.verdict.outcome != Outcome::SkippedLock || class == StepClass::Once {
        return None;
    }
    let said = result.execution.as_ref().and_then(|done| done.error.as_ref()).map_or("55P03", |error| error.sqlstate.as_str());
    // One random byte: −200 … 199 thousandths.
    let jitter = i32::from(crate::clock::random::<1>()[0]) * 400 / 256 - 200;
    match retry(LockFailure::Postgresql(said), number.unsigned_abs().min(MOST_TRIES), waited_ms, budget_ms, jitter) {
        Retry::After { wait_ms } => Some(wait_ms),
        Retry::Never | Retry::GiveUp => None,
    }
}

async fn pause(work: &Work, wait_ms: u64, ordinal: i32, place: &Place) -> Step<()> {
    work.feed.line(Line::new("progress", format!("Locked by somebody else; tried again in {} s.", wait_ms.div_ceil(1000))).about(ordinal));
    let until = tokio::time::Instant::now() + Duration::from_millis(wait_ms);
    while tokio::time::Instant::now() < until && !place.closes(work) {
        work.go_on()?;
        work.lease.pause(until.saturating_duration_since(tokio::time::Instant::now()).min(Duration::from_secs(1))).await;
    }
    work.go_on()
}

/// Step 6: the attempt is over; with `last` the item has its outcome too.
async fn conclude(work: &Work, item: &Item, this: Try, result: &ItemResult, last: bool) -> Step<()> {
    let notices = result.execution.as_ref().map(|done| done.notices.as_slice()).unwrap_or_default();
    record_try(work, &this, item.ordinal, &result.verdict, notices, result.after.as_ref(), last).await
}

/// Writes down how an attempt ended, and with `last` that this is the item's outcome.
pub(super) async fn record_try(
    work: &Work,
    this: &Try,
    ordinal: i32,
    verdict: &Verdict,
    notices: &[Notice],
    after: Option<&Evidence>,
    last: bool,
) -> Step<()> {
    let (tenure, run, team, this, verdict) = (work.hand.tenure, work.run.clone(), work.plan.target().team, *this, verdict.clone());
    let notices = serde_json::to_value(notices).map_err(Error::from)?;
    let after = after.map(serde_json::to_value).transpose().map_err(Error::from)?;
    let written = work.hand.write("attempt_done", move |ledger| {
        let (run, verdict, notices, after) = (run.clone(), verdict.clone(), notices.clone(), after.clone());
        Box::pin(async move {
            ledger.fact(ended(&run, team, ordinal, this.number, &verdict)).await?;
            ledger.attempt_done(this.id, verdict.outcome, &verdict.sentence, &notices).await?;
            if last {
                ledger.item_outcome(tenure, ordinal, verdict.outcome, &verdict.sentence, after.as_ref()).await?;
            }
            let words = format!("{}: {}", verdict.outcome.label(), verdict.sentence);
            ledger.line(tenure, &Line::new("outcome", words).about(ordinal)).await
        })
    });
    Ok(written.await?)
}

/// An item gets its outcome without an attempt.
pub(super) async fn outcome(work: &Work, ordinal: i32, outcome: Outcome, detail: &str) -> Step<()> {
    let (tenure, detail) = (work.hand.tenure, detail.to_owned());
    let written = work.hand.write("item_outcome", move |ledger| {
        let detail = detail.clone();
        Box::pin(async move {
            ledger.item_outcome(tenure, ordinal, outcome, &detail, None).await?;
            ledger.line(tenure, &Line::new("outcome", format!("{}: {detail}", outcome.label())).about(ordinal)).await
        })
    });
    Ok(written.await?)
}
