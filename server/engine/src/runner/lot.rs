//! Many small tables, or small indexes of different tables, in one session. VACUUM or ANALYZE of a table of a few pages takes less time than its
//! bookkeeping, and so does the rebuild of a small index; so that is done for a lot of them at once.
//!
//! The order of things is that of one item. What will be sent, and by which process of the server, is committed before the first statement
//! is sent; each statement is asked for once more right before it; and after a crash each table's own counter, or the index that is another
//! one, says whether it had its turn. Their commits wait for the server's disk once, before the end of any of them is on record. What an
//! interrupted rebuild left is dropped before its end is on record, as for one item.
//! What was not to be done this way, for want of time or of a lock, is done one by one.

use super::control::{Control, epoch, open_failed, statement};
use super::dispatcher::Work;
use super::executor::{self, Try};
use super::floor::Place;
use super::{Halt, Step, cleanup, fail_point, guarded, watch};
use crate::actions::start_gate::{Asked, ask};
use crate::error::{Error, Result};
use crate::ledger::{Begun, Concluded, Line, NewAttempt};
use crate::store::runs::Item;
use crate::target::fault::StatementError;
use crate::target::postgres::{Evidence, ItemResult, Tried, lot, stop};
use crate::target::session::{Guards, Session, SessionName};
use crate::target::{durable, fence};
use domain::gate::StartPath;
use domain::hold::HoldCause;
use domain::procedure::text::plural;
use domain::procedure::{Act, WorkItem};
use domain::run::parallel;
use domain::run::{Fit, Outcome, fits, how_many_fit, reserve_ms};
use std::sync::Arc;
use std::time::Duration;

/// Works on the items of a lot, as many at a time as there is time for. `kept` is the session of its place, where the one before left it there.
pub(super) async fn work_lot(work: &Work, control: &Control, items: &[&Item], place: &Place, kept: &mut Option<Session>) -> Step<()> {
    let mut rest = items;
    while !rest.is_empty() {
        work.go_on()?;
        if place.closes(work) {
            return Ok(());
        }
        let many = how_many(work, rest).await?;
        // The one that there is no time for gets its outcome alone; there may be time for those after it.
        let (now, later) = rest.split_at(many.max(1));
        if many == 0 {
            one_by_one(work, control, now, place, kept).await?;
        } else {
            at_once(work, control, now, place, kept).await?;
        }
        rest = later;
    }
    Ok(())
}

async fn at_once(work: &Work, control: &Control, items: &[&Item], place: &Place, kept: &mut Option<Session>) -> Step<()> {
    control.assert(work).await?;
    let (items, before) = still_there(work, control, items).await?;
    let Some(first) = items.first() else { return Ok(()) };
    let Some((budget_ms, needs_ms)) = budget(work, &items).await? else { return one_by_one(work, control, &items, place, kept).await };
    let session = ready(work, control, first, place, budget_ms, kept.take()).await?;
    // What is set for this lot ends with it: whoever takes over the session begins with its defaults.
    let commits_later = durable::later(&session.link).await.map_err(|error| statement(&error))?;
    let Some(tries) = begin(work, &items, &before, &session, place, needs_ms).await? else {
        *kept = Some(session);
        return one_by_one(work, control, &items, place, kept).await;
    };
    fail_point("after_intent");
    fail_point("after_start");
    if !fence::holds(&session.link, i32::from(place.slot)).await.map_err(|error| statement(&error))? {
        return Err(Halt::Again(Error::internal("the executing session lost its lock before anything was sent")));
    }
    let (budget, left) = (Duration::from_millis(budget_ms), Duration::from_millis(work.left_ms().await?));
    let guarded = guarded::give(work, &control.dialer, &session, budget, left).await;
    work.go_on()?;
    let works: Vec<(i32, WorkItem)> = items.iter().map(|item| (item.ordinal, item.work.clone())).collect();
    let until = std::time::Instant::now() + budget.min(until_cut_off(work).await?);
    let begins = place.may_begin(work);
    // What is not sent by then has its turn, or its outcome, one by one.
    let may_begin = move || std::time::Instant::now() < until && begins();
    let watched = watch::run_lot(work, control, session, works, budget, may_begin).await?;
    guarded.over();
    fail_point("after_execute");
    *kept = Arc::into_inner(watched.session);
    let (mut sent, stopped) = (Vec::new(), watched.stopped.is_some());
    for (tried, times) in watched.tried {
        match tried {
            Ok(Tried::Withheld) if !work.lease.is_trusted() => return Err(Halt::Lost),
            Ok(tried) => sent.push((tried, times)),
            // One of the looks before a statement was what the stop met: what was answered before it is known, and after it nothing was sent.
            Err(error) if stopped && (error.is_cancelled() || error.is_terminated()) => {
                sent.resize_with(items.len(), || (Tried::Withheld, times));
            }
            Err(error) => return Err(statement(&error)),
        }
    }
    if commits_later {
        on_disk(work, control, kept.as_ref().filter(|session| !session.link.is_closed())).await?;
    }
    let works: Vec<&WorkItem> = items.iter().map(|item| &item.work).collect();
    let (tried, times): (Vec<Tried>, Vec<_>) = sent.into_iter().unzip();
    let mut results =
        lot::judge_all(&control.session.link, &works, before, tried, &work.plan.parameters).await.map_err(|error| statement(&error))?;
    if let Some(unknown) = results.iter().find(|result| result.verdict.outcome == Outcome::Unknown) {
        return Err(Halt::Again(Error::internal(unknown.verdict.sentence.clone())));
    }
    for (item, result) in items.iter().zip(&mut results).filter(|(_, result)| result.verdict.outcome == Outcome::NeedsCleanup) {
        // Whoever cleans up has a session of its own in this place.
        release(kept).await;
        // The stop is of one statement of the lot: the one that it ended.
        let ended = result.execution.as_ref().and_then(|done| done.error.as_ref()).is_some_and(StatementError::is_terminated);
        let failed = result.failed_by_itself(stopped && ended);
        result.verdict = cleanup::clean(work, control, item, &result.before, result.verdict.clone(), failed, place.slot).await?;
    }
    fail_point("before_done");
    let again = conclude(work, &items, &tries, results, times).await?;
    fail_point("after_done");
    one_by_one(work, control, &again, place, kept).await
}

/// A server with all it needs answers within moments; one that waits for a synchronous standby which is gone never does.
const ON_DISK_WITHIN: Duration = Duration::from_secs(30);

/// Waits until what was committed is on the server's disk, and on its synchronous standbys: before that nothing of it is called done. Where that
/// takes too long a person decides: trying again would only wait again.
///
/// By a session of its own, or by the one that is given: the control session has others to watch.
pub(super) async fn on_disk(work: &Work, control: &Control, given: Option<&Session>) -> Step<()> {
    let opened;
    let session = if let Some(given) = given {
        given
    } else {
        let name = SessionName::control(work.run.id, epoch(work)).map_err(Error::internal)?;
        opened = Session::open(&control.dialer, name, &Guards::reading()).await.map_err(|error| open_failed(&error))?;
        &opened
    };
    let halt = match work.unless_over(tokio::time::timeout(ON_DISK_WITHIN, durable::wait(&session.link))).await {
        Ok(Ok(done)) => return done.map_err(|error| statement(&error)),
        Ok(Err(_)) => Halt::Hold(
            HoldCause::Blocked,
            format!(
                "The server did not say within {} s that what was done is on its disk and on its synchronous standbys. Nothing of it is called done before. See to the standbys, then go on.",
                ON_DISK_WITHIN.as_secs()
            ),
        ),
        Err(halt) => halt,
    };
    // While it waits for a standby its process hears neither of a timer nor of our leaving. Whoever lost the lease ends nothing.
    if !matches!(halt, Halt::Lost) {
        stop::end(&control.session.link, session.backend, watch::END_WITHIN).await.map_err(|error| statement(&error))?;
    }
    Err(halt)
}

/// Those whose object is still there, with their states; the others are skipped.
async fn still_there<'i>(work: &Work, control: &Control, items: &[&'i Item]) -> Step<(Vec<&'i Item>, Vec<Evidence>)> {
    let works: Vec<&WorkItem> = items.iter().map(|item| &item.work).collect();
    let found = lot::evidence_of_all(&control.session.link, &works).await.map_err(|error| statement(&error))?;
    let (mut there, mut before) = (Vec::new(), Vec::new());
    for (item, state) in items.iter().zip(found) {
        if state.is_gone() {
            executor::outcome(work, item.ordinal, Outcome::Skipped, executor::GONE).await?;
        } else {
            there.push(*item);
            before.push(state);
        }
    }
    Ok((there, before))
}

/// A session under this name: the one that stayed in its place, if it still answers, or a new one.
pub(super) async fn open(control: &Control, name: SessionName, guards: &Guards, kept: Option<Session>) -> Step<Session> {
    if let Some(kept) = kept.filter(|session| !session.link.is_closed()) {
        match kept.again(name, guards).await {
            Ok(session) => return Ok(session),
            // The server may end what idles; it lets go of the slot with it.
            Err(error) => tracing::info!(session = %name, %error, "the session that stayed in its place is gone"),
        }
    }
    Session::open(&control.dialer, name, guards).await.map_err(|error| open_failed(&error))
}

/// How many of them, in their order, there is time for.
async fn how_many(work: &Work, items: &[&Item]) -> Step<usize> {
    let (times, now) = (&work.plan.times, work.now().await?);
    let estimates = items.iter().map(|item| item.work.estimate);
    Ok(how_many_fit(now, estimates, reserve_ms(times.start, times.end), times.end, times.cut_off))
}

/// What its statements may take, and the least time that all of them need; `None` where there is not enough for all.
async fn budget(work: &Work, items: &[&Item]) -> Step<Option<(u64, i64)>> {
    let (times, now) = (&work.plan.times, work.now().await?);
    let reserve_ms = reserve_ms(times.start, times.end);
    let all = parallel::one_after_the_other(items.iter().map(|item| item.work.estimate));
    match fits(now, all, reserve_ms, times.end, times.cut_off) {
        Fit::Fits { budget_ms } => Ok(Some((budget_ms, executor::needs_ms(all.high_ms, reserve_ms)))),
        Fit::PastCutOff | Fit::TooLong { .. } => Ok(None),
    }
}

/// How long something new may begin.
pub(super) async fn until_cut_off(work: &Work) -> Step<Duration> {
    let left = work.plan.times.cut_off.duration_since(work.now().await?);
    Ok(Duration::try_from(left).unwrap_or_default())
}

/// A session in its place, with the guards of these statements, on the database of the plan.
async fn ready(work: &Work, control: &Control, first: &Item, place: &Place, budget_ms: u64, kept: Option<Session>) -> Step<Session> {
    let name = SessionName::new(work.run.id, epoch(work), first.ordinal.unsigned_abs(), 1).map_err(Error::internal)?;
    let guards = Guards::acting(first.work.act, budget_ms, &work.plan.parameters);
    let session = open(control, name, &guards, kept).await?;
    if let Some(difference) = session.identity.difference(&work.approved, work.volatile()?.as_ref()) {
        return Err(Halt::Hold(HoldCause::Blocked, difference));
    }
    if !fence::take_soon(&session.link, i32::from(place.slot)).await.map_err(|error| statement(&error))? {
        return Err(Halt::Again(Error::internal("the slot of the executing session was not free")));
    }
    fail_point("after_open");
    Ok(session)
}

/// Steps 1 and 3 of all: the gate, then the attempts with their facts and the process that will send them. `None` where something changed
/// since the look at the time: one by one, each finds out what.
async fn begin(
    work: &Work,
    items: &[&Item],
    before: &[Evidence],
    session: &Session,
    place: &Place,
    needs_ms: i64,
) -> Step<Option<Vec<Try>>> {
    let (tenure, run, list) = (work.hand.tenure, work.run.clone(), work.work_list_digest()?);
    let works: Arc<Vec<(i32, WorkItem)>> = Arc::new(items.iter().map(|item| (item.ordinal, item.work.clone())).collect());
    let begun = Arc::new(Begun::new(session, before)?);
    let (slot, name, pid) = (i16::try_from(place.slot).map_err(Error::internal)?, session.name.to_string(), session.backend.pid);
    let made = work.hand.write_with_window("lot_begin", move |ledger| {
        let (run, works, begun, name) = (run.clone(), Arc::clone(&works), Arc::clone(&begun), name.clone());
        Box::pin(async move {
            let asked = Asked { digest: Some(run.digest), own: Some(run.id), ..Asked::before_the_run(StartPath::Item) };
            let answer = ask(ledger, run.window, asked).await?.into_open()?;
            let team = answer.window.team;
            let facts = works.iter().map(|(ordinal, item)| executor::intended(&run, team, *ordinal, 1, item, list)).collect();
            let facts = ledger.facts(facts).await?;
            let new = works.iter().map(|(ordinal, item)| NewAttempt {
                ordinal: *ordinal,
                number: 1,
                plan_digest: run.digest,
                work_list_digest: list,
                session_name: name.clone(),
                slot,
                relation: parallel::relation(item).to_string(),
                needs_ms,
            });
            let ids = ledger.lot_begun(tenure, &new.collect::<Vec<_>>(), &facts, &begun).await?;
            let many = works.len() as u64;
            let many = match works.first().map(|(_, work)| work.act) {
                Some(Act::ReindexConcurrently) => plural(many, "small index", "small indexes"),
                _ => plural(many, "small table", "small tables"),
            };
            let line = format!("{many}, one after the other, on the server as process {pid}.");
            ledger.line(tenure, &Line::new("session", line).with(serde_json::json!({"pid": pid}))).await?;
            Ok(ids.into_iter().map(|id| Try { id, number: 1 }).collect())
        })
    });
    match made.await {
        Ok(tries) => Ok(Some(tries)),
        Err(Error::Refused(refusal)) if refusal.code == "identity" => Err(Halt::Hold(HoldCause::Blocked, refusal.message)),
        Err(Error::Refused(refusal)) if refusal.code != crate::ledger::LEASE_LOST => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Step 6 of all. Gives those that are to be tried again: locked by somebody else, or not sent because of a hold.
async fn conclude<'i>(
    work: &Work,
    items: &[&'i Item],
    tries: &[Try],
    results: Vec<ItemResult>,
    times: Vec<watch::Span>,
) -> Step<Vec<&'i Item>> {
    let stopped = work.lease.stop_asked();
    let (mut ended, mut again) = (Vec::new(), Vec::new());
    for (((item, this), result), span) in items.iter().zip(tries).zip(results).zip(times) {
        let unsent = result.execution.is_none();
        let last = if unsent { stopped } else { result.verdict.outcome != Outcome::SkippedLock };
        if !last && !stopped {
            again.push(*item);
        }
        ended.push(Concluded::new(this.id, item.ordinal, &result, last, span)?);
    }
    let (tenure, run, team, ended) = (work.hand.tenure, work.run.clone(), work.plan.target().team, Arc::new(ended));
    let written = work.hand.write("lot_done", move |ledger| {
        let (run, ended) = (run.clone(), Arc::clone(&ended));
        Box::pin(async move {
            let facts = ended.iter().map(|one| executor::ended(&run, team, one.ordinal, 1, &one.verdict)).collect();
            ledger.facts(facts).await?;
            ledger.lot_done(tenure, &ended).await
        })
    });
    written.await?;
    Ok(again)
}

/// Each on its own, in the session of their place.
async fn one_by_one(work: &Work, control: &Control, items: &[&Item], place: &Place, kept: &mut Option<Session>) -> Step<()> {
    for item in items {
        executor::work_item(work, control, item, place, kept).await?;
    }
    Ok(())
}

/// Lets go of the slot, and of the session; one that is gone let go of it by that.
pub(super) async fn release(kept: &mut Option<Session>) {
    let Some(session) = kept.take() else { return };
    if let Err(error) = fence::release_all(&session.link).await {
        tracing::info!(session = %session.name, %error, "the session that stayed in its place is gone");
    }
}

/// What was put together for the tables of the state database.
fn json(value: &impl serde::Serialize) -> Result<serde_json::Value> {
    Ok(serde_json::to_value(value)?)
}

impl Begun {
    /// What is put on record of a session and of the objects it will work on.
    pub(super) fn new(session: &Session, before: &[Evidence]) -> Result<Self> {
        let before = before.iter().map(json).collect::<Result<_>>()?;
        let (backend, identity) = (json(&session.backend)?, &session.identity);
        Ok(Self { backend, stable: json(&identity.stable)?, volatile: json(&identity.volatile)?, before })
    }
}

impl Concluded {
    fn new(attempt: domain::ids::AttemptId, ordinal: i32, result: &ItemResult, last: bool, (begun, ended): watch::Span) -> Result<Self> {
        let notices = result.execution.as_ref().map(|done| done.notices.as_slice()).unwrap_or_default();
        let us_ago = |at: tokio::time::Instant| i64::try_from(at.elapsed().as_micros()).unwrap_or(i64::MAX);
        Ok(Self {
            attempt,
            ordinal,
            verdict: result.verdict.clone(),
            notices: json(&notices)?,
            after: result.after.as_ref().map(json).transpose()?,
            last,
            begun_ago_us: us_ago(begun),
            ended_ago_us: us_ago(ended),
        })
    }
}
