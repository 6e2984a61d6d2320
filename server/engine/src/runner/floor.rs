//! Works through the list, several items at once: each place is a slot of the fence with one session at a time.
//!
//! A step begins when the one before is over, and no two items of one table run together. Where something must not go on, nothing new
//! begins, and what runs is waited for: a held run has nothing running on its database.

use super::control::{Control, statement};
use super::dispatcher::{Work, hold_if_asked};
use super::pace::{self, Pace};
use super::{FINISH_WITHIN, Halt, SLOTS, Step, executor, keep_out, letting_in, lot, outside, way_back};
use crate::ledger::Line;
use crate::store::{self, runs::Item};
use crate::target::postgres::preflight;
use crate::target::session::Session;
use domain::hold::HoldCause;
use domain::procedure::WorkItem;
use domain::run::parallel;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where items are worked on, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Slot of the fence that its executing session takes.
    pub slot: u16,
    closing: Arc<AtomicBool>,
}

impl Place {
    /// Whether nothing new begins here: somebody asked to stop or to hold, or another item made the run stop.
    pub(super) fn closes(&self, work: &Work) -> bool {
        work.lease.stop_asked() || work.lease.hold_asked() || self.closing.load(Ordering::Relaxed)
    }

    /// Asks later, also from another task: whether the next statement of a lot may be sent.
    pub(super) fn may_begin(&self, work: &Work) -> impl Fn() -> bool + Send + Sync + use<> {
        let (trusted, held, barred) = (work.lease.may_begin(), work.lease.is_held(), work.lease.is_barred());
        let closing = Arc::clone(&self.closing);
        let stop = work.hand.context.stop.clone();
        move || trusted() && !held() && !barred() && !closing.load(Ordering::Relaxed) && !stop.is_cancelled()
    }
}

/// Works on every item without an outcome, until all have one, or the run must stop.
pub(super) async fn work_through(work: &Work, control: &Control) -> Step<()> {
    let items = work.items().await?;
    let waiting: Vec<&Item> = items.iter().filter(|item| item.outcome.is_none()).collect();
    if waiting.is_empty() {
        return Ok(());
    }
    let mut db = work.hand.context.pool.acquire().await?;
    let tried = store::runs::tried(&mut db, work.run.id).await?;
    drop(db);
    let places = places(work, control).await?;
    let floor = Floor {
        work,
        control,
        closing: Arc::default(),
        places: usize::from(places),
        waiting,
        tried,
        free: (1..=places).map(|slot| (slot, None)).collect(),
        running: FuturesUnordered::new(),
        beside: Vec::new(),
        pace: Pace::default(),
        halt: None,
        over: Vec::new(),
    };
    floor.through().await
}

/// How many items run at once: what the plan lets, as far as the server has connections for it.
async fn places(work: &Work, control: &Control) -> Step<u16> {
    let jobs = work.plan.parameters.jobs;
    if jobs == 1 {
        return Ok(1);
    }
    let connections = preflight::connections(&control.session.link).await.map_err(|error| statement(&error))?;
    let free = u64::from(connections.usable.saturating_sub(connections.used));
    let places = u16::try_from(parallel::places(jobs, free)).unwrap_or(SLOTS).min(SLOTS);
    if u64::from(places) < jobs {
        let words = format!("The plan lets {jobs} items run at once; the server has {free} connections left, so it is {places}.");
        work.feed.line(Line::new("warning", words));
    }
    Ok(places)
}

/// A place that is free again, with the session that stays in it, and what became of its items.
struct Back {
    slot: u16,
    kept: Option<Session>,
    ordinals: Vec<i32>,
    done: Step<()>,
}

/// What runs, and what may begin beside it.
struct Floor<'f> {
    work: &'f Work,
    control: &'f Control,
    closing: Arc<AtomicBool>,
    places: usize,
    waiting: Vec<&'f Item>,
    /// Ordinals of items that were tried before.
    tried: BTreeSet<i32>,
    /// Slots that nothing runs in.
    free: BTreeMap<u16, Option<Session>>,
    running: FuturesUnordered<BoxFuture<'f, Back>>,
    beside: Vec<&'f Item>,
    pace: Pace,
    halt: Option<Halt>,
    /// Over while something else was looked at.
    over: Vec<Back>,
}

/// What a look says of the item that is next.
enum Looked {
    /// It begins.
    Begins,
    /// Not now: a standby or the server lags behind.
    Waits,
    /// Somebody asked to stop.
    Closed,
    /// One before it did not succeed: neither it nor any after it begins.
    Stopped,
}

impl Floor<'_> {
    async fn through(mut self) -> Step<()> {
        loop {
            let waits = self.fill().await;
            let back = match self.over.pop() {
                Some(back) => Some(back),
                None if waits => self.next_or_look_again().await,
                None => self.next().await,
            };
            let Some(back) = back else {
                if waits {
                    continue;
                }
                break;
            };
            self.free.insert(back.slot, back.kept);
            self.beside.retain(|item| !back.ordinals.contains(&item.ordinal));
            if let Err(halt) = back.done {
                self.close(halt);
            }
            // Its statements go on under the server's timers, and its sessions are found by whoever comes next.
            if matches!(self.halt, Some(Halt::Lost)) {
                break;
            }
        }
        match self.halt {
            // A stop is stronger than a hold that was asked for before it.
            Some(Halt::Hold(HoldCause::Asked, _)) if self.work.lease.stop_asked() => Ok(()),
            halt => halt.map_or(Ok(()), Err),
        }
    }

    /// What is over next; `None` when nothing runs. At the soft stop the others have their own moment to finish, and no more.
    async fn next(&mut self) -> Option<Back> {
        if matches!(self.halt, Some(Halt::HandOver)) {
            return tokio::time::timeout(FINISH_WITHIN, self.running.next()).await.ok().flatten();
        }
        self.running.next().await
    }

    /// The same, but no longer than until it is time to look whether something may begin again.
    async fn next_or_look_again(&mut self) -> Option<Back> {
        tokio::select! {
            Some(back) = self.running.next() => Some(back),
            () = self.work.lease.pause(pace::LOOK_EVERY) => None,
        }
    }

    /// Begins as many as may run beside each other. True when something could begin, and waits for standbys or for the server.
    async fn fill(&mut self) -> bool {
        while self.halt.is_none() && !self.free.is_empty() {
            let chosen = self.choose();
            if chosen.is_empty() {
                return false;
            }
            match self.look(chosen[0]).await {
                Ok(Looked::Begins) => self.begin(&chosen),
                Ok(Looked::Waits) => return true,
                Ok(Looked::Closed) => return false,
                Ok(Looked::Stopped) => {
                    self.waiting.clear();
                    return false;
                }
                Err(halt) => {
                    self.close(halt);
                    return false;
                }
            }
        }
        false
    }

    /// Whether the item at this position begins now. What runs goes on meanwhile: a place that nobody polls would keep its transaction, and
    /// with it the rows that a stop, a hold and the lease need.
    async fn look(&mut self, at: usize) -> Step<Looked> {
        let Self { work, control, waiting, pace, running, over, .. } = self;
        let (work, item) = (*work, waiting[at]);
        let look = async {
            // What comes after a text was meant for a database on which it had succeeded.
            if work.plan.change.is_some() && way_back::stops(work, item.ordinal).await? {
                return Ok(Looked::Stopped);
            }
            if !may_begin(work).await? {
                return Ok(Looked::Closed);
            }
            // Nobody is kept out for what sends no text, nor while it waits.
            if item.work.script.is_none() {
                letting_in::let_in(work).await?;
            }
            outside::holds(work, Some(item.work.step.as_str()), false).await?;
            let begins = pace.lets_begin(work, control).await?;
            match (begins, item.work.script.is_some()) {
                (true, true) => keep_out::keep_out(work, control, &item.work).await?,
                (false, true) => letting_in::let_in(work).await?,
                (_, false) => {}
            }
            Ok(if begins { Looked::Begins } else { Looked::Waits })
        };
        let look = work.unless_over(look);
        tokio::pin!(look);
        loop {
            tokio::select! {
                looked = &mut look => return looked?,
                Some(back) = running.next() => over.push(back),
            }
        }
    }

    /// Positions of what may begin next: one item, or a lot of small ones.
    fn choose(&self) -> Vec<usize> {
        let running: Vec<&WorkItem> = self.beside.iter().map(|item| &item.work).collect();
        let waiting: Vec<&WorkItem> = self.waiting.iter().map(|item| &item.work).collect();
        parallel::next(&waiting, &running, self.places, |at| !self.tried.contains(&self.waiting[at].ordinal))
    }

    fn begin(&mut self, chosen: &[usize]) {
        let Some((slot, mut kept)) = self.free.pop_first() else { return };
        let items: Vec<&Item> = chosen.iter().map(|at| self.waiting[*at]).collect();
        let ordinals: Vec<i32> = items.iter().map(|item| item.ordinal).collect();
        self.waiting.retain(|item| !ordinals.contains(&item.ordinal));
        self.beside.extend(&items);
        let (work, control, place) = (self.work, self.control, Place { slot, closing: Arc::clone(&self.closing) });
        self.running.push(Box::pin(async move {
            let done = match items.as_slice() {
                [item] => executor::work_item(work, control, item, &place, &mut kept).await,
                several => lot::work_lot(work, control, several, &place, &mut kept).await,
            };
            Back { slot, kept, ordinals, done }
        }));
    }

    /// Nothing new begins. The first reason counts, unless a later one leaves no choice.
    fn close(&mut self, halt: Halt) {
        self.closing.store(true, Ordering::Relaxed);
        if self.halt.is_none() && !self.running.is_empty() && !matches!(halt, Halt::Lost | Halt::HandOver) {
            self.work.feed.line(Line::new("session", "Nothing new begins; what else runs is waited for."));
        }
        let rank = |halt: &Halt| match halt {
            Halt::Again(_) => 0,
            Halt::Hold(..) => 1,
            Halt::HandOver => 2,
            Halt::Lost => 3,
        };
        if self.halt.as_ref().is_none_or(|known| rank(known) < rank(&halt)) {
            self.halt = Some(halt);
        }
    }
}

async fn may_begin(work: &Work) -> Step<bool> {
    work.go_on()?;
    if work.lease.stop_asked() {
        return Ok(false);
    }
    hold_if_asked(work).await?;
    Ok(true)
}
