//! Watches a statement while it runs: progress for the page, a stop that somebody asks for, the end of trust, the deadline.

use super::control::Control;
use super::dispatcher::Work;
use super::{FINISH_WITHIN, Halt, Step, fail_point, lot};
use crate::ledger::Line;
use crate::target::fault::StatementError;
use crate::target::postgres::blockers::Blocker;
use crate::target::postgres::progress::{Progress, progress};
use crate::target::postgres::stop::{Stopped, stop};
use crate::target::postgres::{Tried, execute};
use crate::target::session::{Backend, Guards, Session};
use domain::hold::HoldCause;
use domain::procedure::WorkItem;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// A statement is asked to cancel, and its session ended when it has not after this time (PROCEDURES S10).
pub(super) const CANCEL_WITHIN: Duration = Duration::from_secs(30);
/// A session that was ended is gone after this time.
pub(super) const END_WITHIN: Duration = Duration::from_secs(10);
/// Past its own timer by this much, a statement is stopped from outside: the answer may be lost on the way.
const GRACE: Duration = Duration::from_secs(15);
const PROGRESS_EVERY: Duration = Duration::from_millis(500);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// When a statement was sent and answered.
pub(super) type Span = (Instant, Instant);
/// What was tried, or why not even that is known, of each item in its turn.
type Tries = Vec<(Result<Tried, StatementError>, Span)>;
type Run = JoinHandle<(Arc<Session>, Tries)>;

/// What came of it, and whether a person or the deadline stopped it.
#[derive(Debug)]
pub(super) struct Watched<T> {
    /// What was tried, or why not even that is known.
    pub tried: T,
    /// The session, to look and clean up with.
    pub session: Arc<Session>,
    /// A person asked for the stop.
    pub stopped: Option<Stopped>,
}

/// Executes an item on its session and watches it to its end.
pub(super) async fn run(
    work: &Work,
    control: &Control,
    session: Session,
    item: &WorkItem,
    ordinal: i32,
    budget: Duration,
) -> Step<Watched<Result<Tried, StatementError>>> {
    // What is sent in batches goes on no longer than people approved, and begins none after the cut-off.
    let until = if item.script.as_ref().is_some_and(|script| script.old_rows.is_some()) {
        let part = Duration::from_secs(work.plan.parameters.change_part_max_min.saturating_mul(60));
        Some(Instant::now() + budget.min(part).min(lot::until_cut_off(work).await?))
    } else {
        None
    };
    let trusted = work.lease.may_begin();
    let may_begin = move || until.is_none_or(|until| Instant::now() < until) && trusted();
    let Watched { mut tried, session, stopped } = run_lot(work, control, session, vec![(ordinal, item.clone())], budget, may_begin).await?;
    let (tried, _) = tried.pop().ok_or_else(|| crate::Error::internal("nothing was tried"))?;
    Ok(Watched { tried, session, stopped })
}

/// Executes items one after the other on their session and watches them to their end; `may_begin` is asked before each. One that could not be
/// tried ends it: then nothing is known of those after it, and nothing was sent of them.
pub(super) async fn run_lot(
    work: &Work,
    control: &Control,
    session: Session,
    items: Vec<(i32, WorkItem)>,
    budget: Duration,
    may_begin: impl Fn() -> bool + Send + Sync + 'static,
) -> Step<Watched<Tries>> {
    let backend = session.backend;
    let session = Arc::new(session);
    let end = Instant::now() + budget;
    let turn = Arc::new(AtomicI32::new(items.first().map_or(0, |(ordinal, _)| *ordinal)));
    let _progress = follow(work, control, session.backend, Arc::clone(&turn));
    let mut running = send(work, &session, items, end, &turn, may_begin);
    let deadline = end + GRACE;
    let mut stopping = Stopping::default();
    loop {
        tokio::select! {
            // The answer first: a stop that comes too late stops nothing.
            biased;
            done = &mut running => {
                let (session, tried) = done.map_err(|panic| crate::Error::internal(format!("executing failed: {panic}")))?;
                return Ok(Watched { tried, session, stopped: stopping.done });
            }
            // The statement goes on under the server's own timers; its answer is waited for so that the server can give it.
            () = work.lease.lost() => return Err(Halt::Lost),
            () = work.hand.context.stop.cancelled() => return hand_over(running, session).await,
            () = stopping.due(work) => stopping.carry_out(work, control, backend, turn.load(Ordering::Relaxed)).await?,
            () = tokio::time::sleep_until(deadline) => {
                let ordinal = turn.load(Ordering::Relaxed);
                work.feed.line(Line::new("warning", "Past its time: the statement is stopped on the server.").about(ordinal));
                end_on_server(work, control, backend, ordinal).await?;
                return Err(Halt::Again(crate::Error::internal("a statement outlived its timer and was stopped from outside")));
            }
        }
    }
}

/// A stop that a person asked for, on its way to the server.
#[derive(Debug, Default)]
struct Stopping {
    done: Option<Stopped>,
    again_at: Option<Instant>,
}

impl Stopping {
    async fn due(&self, work: &Work) {
        work.lease.stop().await;
        if let Some(at) = self.again_at {
            tokio::time::sleep_until(at).await;
        }
    }

    async fn carry_out(&mut self, work: &Work, control: &Control, backend: Backend, ordinal: i32) -> Step<()> {
        if self.again_at.is_none() {
            work.feed.line(Line::new("session", "Stopping: the statement is asked to cancel on the server.").about(ordinal));
        }
        let stopped =
            stop(&control.session.link, backend, CANCEL_WITHIN, END_WITHIN).await.map_err(|error| super::control::statement(&error))?;
        // A session idles between the looks before its statement, or one of them was cancelled and the statement is next: only the answer
        // proves that nothing runs any more, so it is asked again until there is one.
        self.again_at = Some(Instant::now() + ASK_AGAIN_AFTER);
        if stopped != Stopped::NothingRan && self.done.is_none() {
            say(work, stopped, backend, ordinal)?;
            self.done = Some(stopped);
        }
        Ok(())
    }
}

/// Sends them in the background; `turn` is the ordinal of the one that runs.
fn send(
    work: &Work,
    session: &Arc<Session>,
    items: Vec<(i32, WorkItem)>,
    end: Instant,
    turn: &Arc<AtomicI32>,
    asked: impl Fn() -> bool + Send + Sync + 'static,
) -> Run {
    let (session, parameters, turn) = (Arc::clone(session), work.plan.parameters.clone(), Arc::clone(turn));
    TaskTracker::new().spawn(async move {
        // This task outlives the trust in the lease, so it asks for itself.
        let may_begin = || {
            let may = asked();
            fail_point("before_send");
            may
        };
        let mut tried = Vec::new();
        for (nth, (ordinal, item)) in items.iter().enumerate() {
            let begun = Instant::now();
            turn.store(*ordinal, Ordering::Relaxed);
            // Nothing is looked at any more for what is not sent.
            if nth > 0 && !asked() {
                tried.push((Ok(Tried::Withheld), (begun, begun)));
                continue;
            }
            // The server's timer is of the first: a later one has what is left, for a rebuild waits for whoever is older.
            if nth > 0 && item.act.is_concurrent() {
                let left_ms = end.saturating_duration_since(begun).as_millis().try_into().unwrap_or(u64::MAX);
                if let Err(error) = session.guard(&Guards::of(item, left_ms, &parameters)).await {
                    tried.push((Err(error), (begun, Instant::now())));
                    break;
                }
            }
            let result = execute(&session, item, &parameters, &may_begin).await;
            let failed = result.is_err();
            tried.push((result, (begun, Instant::now())));
            if failed {
                break;
            }
        }
        (session, tried)
    })
}

async fn hand_over(running: Run, session: Arc<Session>) -> Step<Watched<Tries>> {
    let running = AbortOnDropHandle::new(running);
    match tokio::time::timeout(FINISH_WITHIN, running).await {
        Ok(Ok((session, tried))) => Ok(Watched { tried, session, stopped: None }),
        // Aborted with the handle: our connection closes, the statement goes on or ends on the server, and the next owner looks.
        _ => {
            drop(session);
            Err(Halt::HandOver)
        }
    }
}

async fn end_on_server(work: &Work, control: &Control, backend: Backend, ordinal: i32) -> Step<()> {
    let stopped =
        stop(&control.session.link, backend, CANCEL_WITHIN, END_WITHIN).await.map_err(|error| super::control::statement(&error))?;
    say(work, stopped, backend, ordinal)
}

/// Tells the page what became of it; what nothing stops is a person's to look at.
pub(super) fn say(work: &Work, stopped: Stopped, backend: Backend, ordinal: i32) -> Step<()> {
    work.feed.line(Line::new("session", stopped.sentence()).about(ordinal));
    if stopped == Stopped::StillRuns {
        return Err(Halt::Hold(HoldCause::Unknown, format!("{} (process {})", stopped.sentence(), backend.pid)));
    }
    Ok(())
}

/// Polls the server's progress views on the control session and tells the page what changed, of the item whose `turn` it is.
fn follow(work: &Work, control: &Control, backend: Backend, turn: Arc<AtomicI32>) -> AbortOnDropHandle<()> {
    let (lines, control) = (work.feed.sender(), Arc::clone(&control.session));
    AbortOnDropHandle::new(TaskTracker::new().spawn(async move {
        let mut last = None;
        loop {
            tokio::time::sleep(PROGRESS_EVERY).await;
            let ordinal = turn.load(Ordering::Relaxed);
            let Ok(Some(now)) = progress(&control.link, backend.pid).await else { continue };
            // What was seen while the next one began is of neither.
            if ordinal == turn.load(Ordering::Relaxed) && last.as_ref() != Some(&(ordinal, now.clone())) {
                let _ = lines.try_send(progress_line(ordinal, &now));
                last = Some((ordinal, now));
            }
        }
    }))
}

/// A line with the figures the page draws its bar from.
pub(super) fn progress_line(ordinal: i32, now: &Progress) -> Line {
    let words = |list: &[Blocker]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let detail = json!({
        "phase": now.phase, "done": now.done, "total": now.total, "unit": now.unit,
        "blocked_by": words(&now.blockers), "waited_for_by": words(&now.waiters),
    });
    Line::new("progress", now.to_string()).about(ordinal).with(detail)
}
