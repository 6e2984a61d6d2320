//! Decides what is next on a run: phase by phase, from what the tables say. Whoever takes a run over goes on from there.

use super::control::Control;
use super::feed::Feed;
use super::lease::Lease;
use super::transitions::{self, Claimed};
use super::{
    FINISH_WITHIN, Halt, Hand, Step, cleanup, control, executor, floor, letting_in, outside, pre_checks, probes, recovery, selecting,
    way_back,
};
use crate::error::{Error, Result};
use crate::ledger::{self, Line};
use crate::store::{self, checks::List, runs::Item, runs::Run};
use crate::target::fence::Reach;
use crate::target::identity::{StableIdentity, VolatileIdentity};
use crate::wake::{Wake, wake};
use crate::worker::WorkerContext;
use domain::canonical::{Digest, digest};
use domain::checklist::CheckState;
use domain::freeze::FROZEN;
use domain::hold::{HoldCause, HoldVerb};
use domain::pause::PAUSED;
use domain::plan::Plan;
use domain::procedure::{WorkList, library};
use domain::run::{Outcome, Phase, ending};
use domain::window::Ending;
use jiff::{SignedDuration, Timestamp};
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// A database that does not answer, or a fence that somebody else holds, is waited for this long before a person is asked.
const PATIENCE: Duration = Duration::from_secs(120);
/// While a database is watched, a stop that was asked for without a wake-up is seen within this time.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const BACK_OFF_MAX: Duration = Duration::from_secs(10);

/// A run under this worker's lease, with everything its phases need.
pub(super) struct Work {
    /// Writes for it.
    pub hand: Hand,
    /// Whether it may go on.
    pub lease: Lease,
    /// Lines for its page.
    pub feed: Feed,
    /// The run as this pass found it.
    pub run: Run,
    /// The approved plan, opened from its bytes.
    pub plan: Plan,
    /// The identity the plan names.
    pub approved: StableIdentity,
    /// Its place among the runs that this worker drives; given back where it is only watched.
    place: Option<OwnedSemaphorePermit>,
    work_list_digest: OnceLock<Digest>,
}

impl Work {
    /// Whether something may still be begun: the lease is trusted, and nobody stops this worker.
    pub(super) fn go_on(&self) -> Step<()> {
        if !self.lease.is_trusted() {
            return Err(Halt::Lost);
        }
        if self.hand.context.stop.is_cancelled() {
            return Err(Halt::HandOver);
        }
        Ok(())
    }

    /// What its work is on.
    pub(super) fn reach(&self) -> Reach {
        // Accounts are the whole server's, too.
        let keeps_out = self.plan.change.as_ref().is_some_and(|change| change.keep_out.is_some());
        if keeps_out || library::is_of_server(&self.plan.procedure.key) { Reach::Server } else { Reach::Database }
    }

    /// Waits for something on the target, but hardly past the soft stop, and not past the end of trust. What is given up there is only
    /// not waited for any more: whoever takes over finds its session on the server.
    pub(super) async fn unless_over<T>(&self, looking: impl Future<Output = T>) -> Step<T> {
        let stop = async {
            self.hand.context.stop.cancelled().await;
            tokio::time::sleep(FINISH_WITHIN).await;
        };
        tokio::select! {
            biased;
            done = looking => Ok(done),
            () = self.lease.lost() => Err(Halt::Lost),
            () = stop => Err(Halt::HandOver),
        }
    }

    /// The state database's clock.
    pub(super) async fn now(&self) -> Step<Timestamp> {
        let mut db = self.hand.context.pool.acquire().await?;
        Ok(store::runs::now(&mut db).await?)
    }

    /// Milliseconds until the end of the window; 0 when it has passed.
    pub(super) async fn left_ms(&self) -> Step<u64> {
        let left = self.plan.times.end.duration_since(self.now().await?);
        Ok(u64::try_from(left.as_millis()).unwrap_or(0))
    }

    /// The volatile identity of the first gate; `None` before it.
    pub(super) fn volatile(&self) -> Step<Option<VolatileIdentity>> {
        self.run.volatile.clone().map(serde_json::from_value).transpose().map_err(|error| Error::from(error).into())
    }

    /// Digest of the sealed work list.
    pub(super) fn work_list_digest(&self) -> Step<Digest> {
        self.work_list_digest.get().copied().ok_or_else(|| Error::internal("an item without its sealed list").into())
    }

    /// The items, their work read from the sealed bytes and from nothing else.
    pub(super) async fn items(&self) -> Step<Vec<Item>> {
        let mut db = self.hand.context.pool.acquire().await?;
        let Some((bytes, sealed)) = store::runs::work_list(&mut db, self.run.id).await? else { return Ok(Vec::new()) };
        let mut items = store::runs::items(&mut db, self.run.id).await?;
        drop(db);
        if digest("work_list", &bytes) != sealed {
            return Err(Halt::Hold(HoldCause::Blocked, "The stored work list is not the one that was sealed: its digest differs.".into()));
        }
        let list = WorkList::from_bytes(&bytes).map_err(Error::from)?;
        if list.items.len() != items.len() {
            return Err(Halt::Hold(HoldCause::Blocked, "The stored items are not those of the sealed work list.".into()));
        }
        for (item, work) in items.iter_mut().zip(list.items) {
            item.work = work;
        }
        let _ = self.work_list_digest.set(sealed);
        Ok(items)
    }
}

/// Drives a run until it ends, waits for a person, or another worker takes over.
pub(super) async fn drive(context: WorkerContext, claimed: Claimed, place: OwnedSemaphorePermit) {
    let Claimed { tenure, sent, run } = claimed;
    let hand = Hand { context: context.clone(), tenure, window: run.window };
    let mut lease = Some(Lease::keep(&context, tenure, sent));
    let (mut trouble, mut place) = (Trouble::default(), Some(place));
    while let Some(kept) = lease.take() {
        let feed = Feed::new(hand.clone());
        let (halt, kept, feed) = match pass(&hand, kept, feed, &mut place).await {
            (Ok(()), _, feed) => return feed.close().await,
            (Err(halt), kept, feed) => (halt, kept, feed),
        };
        feed.close().await;
        let error = match halt {
            Halt::Lost => {
                return tracing::warn!(run = %tenure.run, epoch = tenure.epoch, "the lease of a run was lost; nothing more is done");
            }
            Halt::HandOver => return hand_over(&hand).await,
            Halt::Hold(cause, reason) => match transitions::hold(&hand, cause, &reason).await {
                Ok(()) => return,
                Err(error) => error,
            },
            Halt::Again(error) => error,
        };
        if ledger::is_lease_lost(&error) {
            return;
        }
        tracing::warn!(run = %tenure.run, %error, "the work on a run was interrupted");
        if trouble.lasts() && transitions::hold(&hand, HoldCause::Blocked, &error.to_string()).await.is_ok() {
            return;
        }
        kept.pause(trouble.back_off()).await;
        lease = Some(kept);
    }
}

/// Interruptions that follow each other closely.
#[derive(Debug, Default)]
struct Trouble {
    since: Option<Instant>,
    last: Option<Instant>,
    times: u32,
}

impl Trouble {
    /// Counts one more; true when it has lasted so long that a person is asked.
    fn lasts(&mut self) -> bool {
        let now = Instant::now();
        // Work went on in between: this is another trouble.
        if self.last.is_none_or(|last| now - last > BACK_OFF_MAX * 3) {
            (self.since, self.times) = (Some(now), 0);
        }
        (self.last, self.times) = (Some(now), self.times + 1);
        self.since.is_some_and(|since| now - since > PATIENCE)
    }
    fn back_off(&self) -> Duration {
        (Duration::from_millis(125) * 2_u32.saturating_pow(self.times.min(10))).min(BACK_OFF_MAX)
    }
}

async fn hand_over(hand: &Hand) {
    if let Err(error) = ledger::hand_over(&hand.context.heartbeats, hand.tenure).await {
        tracing::warn!(run = %hand.tenure.run, %error, "a lease was not given back; the next worker waits for its end");
    }
    wake(&hand.context.pool, &[Wake::Runner]).await;
}

/// One pass over a run, from what the tables say now.
async fn pass(hand: &Hand, lease: Lease, feed: Feed, place: &mut Option<OwnedSemaphorePermit>) -> (Step<()>, Lease, Feed) {
    let (run, plan) = match load(hand).await {
        Ok(loaded) => loaded,
        Err(error) => return (Err(error.into()), lease, feed),
    };
    let approved = match approved(&plan, &run) {
        Ok(approved) => approved,
        Err(error) => return (Err(error.into()), lease, feed),
    };
    let mut work = Work { hand: hand.clone(), lease, feed, run, plan, approved, place: place.take(), work_list_digest: OnceLock::new() };
    let done = phases(&mut work).await;
    let done = letting_in::after(&work, done).await;
    *place = work.place;
    (done, work.lease, work.feed)
}

/// The identity that the plan names for the run's database.
fn approved(plan: &Plan, run: &Run) -> Result<StableIdentity> {
    let lane = plan.lane(run.target).ok_or_else(|| Error::internal("a run on a database that its plan does not name"))?;
    Ok(serde_json::from_value(lane.identity.clone())?)
}

async fn load(hand: &Hand) -> Result<(Run, Plan)> {
    let mut db = hand.context.pool.acquire().await?;
    let run = store::runs::load(&mut db, hand.tenure.run).await?;
    let bytes = store::runs::plan_bytes(&mut db, run.window, run.digest).await?;
    let plan = Plan::open(&bytes, run.digest).map_err(Error::internal)?;
    Ok((run, plan))
}

async fn phases(work: &mut Work) -> Step<()> {
    work.go_on()?;
    if let Some(verb) = work.run.decision {
        match transitions::take_up(&work.hand, verb).await {
            // Everything was paused, or a freeze began, after the decision: it waits for another one.
            Err(Error::Refused(refusal)) if matches!(refusal.code.as_str(), PAUSED | FROZEN) => {
                return Err(Halt::Hold(HoldCause::Blocked, refusal.to_string()));
            }
            done => done?,
        }
        reload(work).await?;
        match verb {
            HoldVerb::Fail if work.run.phase == Phase::PreChecks => {
                return Ok(transitions::called_off(&work.hand, &work.plan, "A person decided to end it before it began.").await?);
            }
            HoldVerb::Fail => return fail(work).await,
            HoldVerb::RollBack => return roll_back(work).await,
            HoldVerb::Continue | HoldVerb::Validate => {}
        }
    }
    if work.run.phase == Phase::PreChecks && !pre_checks::run(work).await? {
        return Ok(());
    }
    reload(work).await?;
    if work.run.phase < Phase::Probing {
        let control = control::establish(work).await?;
        letting_in::let_in(work).await?;
        recovery::settle(work, &control).await?;
        before_probing(work, &control).await?;
    }
    probe_and_end(work).await
}

async fn reload(work: &mut Work) -> Step<()> {
    work.run = as_it_is(work).await?;
    Ok(())
}

/// The run as the table says now.
async fn as_it_is(work: &Work) -> Step<Run> {
    let mut db = work.hand.context.pool.acquire().await?;
    Ok(store::runs::load(&mut db, work.run.id).await?)
}

/// Baseline, selection, work; a stop that was asked for skips what is left of it.
///
/// A hold that was asked for is taken up between them, where nothing runs on the database; a stop is stronger.
async fn before_probing(work: &mut Work, control: &Control) -> Step<()> {
    hold_if_asked(work).await?;
    if work.run.phase == Phase::Baseline && !work.lease.stop_asked() {
        probes::baseline(work, &control.dialer).await?;
        transitions::phase(&work.hand, Phase::Selecting).await?;
        reload(work).await?;
        hold_if_asked(work).await?;
    }
    if work.run.phase == Phase::Selecting && !work.lease.stop_asked() {
        selecting::run(work, control).await?;
        reload(work).await?;
        hold_if_asked(work).await?;
    }
    if !work.lease.stop_asked() {
        floor::work_through(work, control).await?;
        hold_if_asked(work).await?;
    }
    let mut stopped = false;
    if work.plan.change.is_some() && !work.lease.stop_asked() {
        stopped = way_back::stops(work, i32::MAX).await?;
    }
    // Before anybody sends traffic back.
    letting_in::let_in(work).await?;
    // Also where nothing needed work, or what was sent had no effect: what people were to put back is put back.
    if !work.lease.stop_asked() {
        outside::holds(work, None, stopped).await?;
    }
    // Somebody may ask until the very write, also where the list is empty.
    while !transitions::probing(&work.hand).await? {
        hold_if_asked(work).await?;
    }
    reload(work).await
}

/// Holds where a person asked for it. The wake-up may come late, so the table is asked, not the pulse.
pub(super) async fn hold_if_asked(work: &Work) -> Step<()> {
    if work.lease.stop_asked() {
        return Ok(());
    }
    let mut db = work.hand.context.pool.acquire().await?;
    match store::runs::hold_asked(&mut db, work.run.id).await? {
        Some((who, reason)) => Err(Halt::Hold(HoldCause::Asked, format!("{who} asked to hold it here: {reason}"))),
        None => Ok(()),
    }
}

/// What was not begun gets its outcome, the probes run, and the window is validated.
async fn probe_and_end(work: &mut Work) -> Step<()> {
    let stopped = work.run.stop_reason.clone();
    close_open_attempts(work).await?;
    let why = if stopped.is_some() { "the run was stopped" } else { "the rest was left by decision" };
    let outcomes = close_open_items(work, why).await?;
    work.go_on()?;
    // Nothing is measured, and nothing watched for hours, while traffic is still kept away.
    let out = letting_in::still_out(work).await?;
    let unclosed = outside::close(work).await?;
    probes::after(work).await?;
    let ending = ending(stopped.is_some(), &outcomes);
    if ending == Ending::Finished && unclosed.is_empty() && out.is_none() && watched(work).await? {
        probes::after(work).await?;
    }
    let said = format!("{}{}", summary(&outcomes), leaves(work).await?);
    Ok(transitions::end(&work.hand, ending, &said).await?)
}

/// Watches the database until the next wave may begin, where one follows and nothing is red yet. True when that time has passed.
///
/// It may take hours, and works on nothing: its place goes to other runs, whose decided holds wait for one too.
async fn watched(work: &mut Work) -> Step<bool> {
    let Some(soak) = work.plan.soak(work.run.target) else { return Ok(false) };
    let mut db = work.hand.context.pool.acquire().await?;
    let list = List::of(&work.plan, work.run.target);
    let checks = store::checks::list(&mut db, list.window, list.revision).await?;
    drop(db);
    if checks.iter().any(|check| list.holds(check) && check.state == CheckState::Failed) {
        return Ok(false);
    }
    if work.run.soak_until.is_none() {
        transitions::soak(&work.hand, soak, work.plan.times.cut_off).await?;
    }
    if work.place.take().is_some() {
        work.hand.context.ring(Wake::Runner);
    }
    loop {
        work.go_on()?;
        let (run, at) = (as_it_is(work).await?, work.now().await?);
        let left = run.soak_until.map_or(SignedDuration::ZERO, |until| until.duration_since(at));
        if left <= SignedDuration::ZERO {
            return Ok(true);
        }
        if run.stop_reason.is_some() {
            return Ok(false);
        }
        work.lease.pause(Duration::try_from(left).unwrap_or_default().min(LOOK_EVERY)).await;
    }
}

/// A hold that was ended with “validate” may leave an attempt open: the database is asked once more, and what it does not tell is said.
async fn close_open_attempts(work: &Work) -> Step<()> {
    if recovery::open_attempts(work).await?.is_empty() {
        return Ok(());
    }
    let unknown = match control::establish(work).await {
        Ok(control) => recovery::close(work, Some(&control), "the database does not tell").await?,
        // Another database than the approved one tells nothing about this one.
        Err(Halt::Hold(_, difference)) => recovery::close(work, None, &format!("it was not asked: {difference}")).await?,
        Err(halt) => return Err(halt),
    };
    for sentence in unknown {
        work.feed.line(Line::new("warning", sentence));
    }
    Ok(())
}

/// Gives every item without an outcome its own, and returns them all.
async fn close_open_items(work: &Work, why: &str) -> Step<Vec<Option<Outcome>>> {
    let mut outcomes = Vec::new();
    let mut db = work.hand.context.pool.acquire().await?;
    let tried = store::runs::tried(&mut db, work.run.id).await?;
    drop(db);
    for item in work.items().await? {
        if item.outcome.is_none() {
            let begun = tried.contains(&item.ordinal);
            let words = if begun { format!("Begun without result, and not again: {why}.") } else { format!("Not begun: {why}.") };
            executor::outcome(work, item.ordinal, Outcome::Cancelled, &words).await?;
        }
        outcomes.push(Some(item.outcome.unwrap_or(Outcome::Cancelled)));
    }
    Ok(outcomes)
}

/// A person ends it as it is: what nobody found out stays unknown, and nothing looks as if it still ran.
async fn fail(work: &Work) -> Step<()> {
    let closed = async {
        recovery::close(work, None, "the run was ended without asking the database").await?;
        close_open_items(work, "the run was ended").await
    };
    match closed.await {
        // A work list that cannot be trusted names nothing; the run ends all the same.
        Ok(_) | Err(Halt::Hold(..)) => {}
        Err(halt) => return Err(halt),
    }
    let said = format!("A person decided to end it.{}", leaves(work).await?);
    Ok(transitions::end(&work.hand, Ending::Failed, &said).await?)
}

/// What a run leaves that ends: accounts that are still out, and steps outside the database, as sentences beside its end.
async fn leaves(work: &Work) -> Step<String> {
    let out = letting_in::still_out(work).await?.map(|sentence| format!(" {sentence}")).unwrap_or_default();
    Ok(format!("{out}{}", outside::left(work).await?))
}

/// The run in a sentence: how many of which outcome.
fn summary(outcomes: &[Option<Outcome>]) -> String {
    let mut parts = Vec::new();
    for outcome in Outcome::ALL {
        let count = outcomes.iter().filter(|one| **one == Some(*outcome)).count();
        if count > 0 {
            parts.push(format!("{count} {}", outcome.label()));
        }
    }
    if parts.is_empty() { "Nothing needed work.".to_owned() } else { format!("Items: {}.", parts.join(", ")) }
}

/// Cleans up what this run left behind; settings are put back by their sessions' end.
async fn roll_back(work: &mut Work) -> Step<()> {
    let control = control::establish(work).await?;
    let mut left = recovery::close(work, Some(&control), "the database does not tell").await?;
    left.extend(cleanup::clean_all(work, &control, &work.items().await?).await?);
    close_open_items(work, "the run was rolled back").await?;
    let stands = way_back::go(work, &control).await?;
    if !stands.is_empty() {
        left.extend(stands);
        let reason = format!("It is not taken back: {} Put it right by hand and try again, or end it as failed.", left.join(" "));
        return Err(Halt::Hold(HoldCause::Half, reason));
    }
    for sentence in &left {
        work.feed.line(Line::new("warning", sentence.clone()));
    }
    let reason = if left.is_empty() {
        "Rolled back: nothing of this run is left on the database.".to_owned()
    } else {
        format!("Rolled back, but not everything is as before: {}", left.join(" "))
    };
    let said = format!("{reason}{}", leaves(work).await?);
    Ok(transitions::end(&work.hand, Ending::RolledBack, &said).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts() {
        let outcomes = [Some(Outcome::Done), Some(Outcome::Done), Some(Outcome::Cancelled)];
        assert_eq!(summary(&outcomes), "Items: 2 done, 1 cancelled.");
        assert_eq!(summary(&[]), "Nothing needed work.");
    }
}
