//! What an earlier owner left: sessions on the target that may still work, and attempts whose outcome nobody wrote down.
//!
//! First its sessions are found by name, process and start time. An idle one is ended. One that still works is observed to its end:
//! its statement is bounded by the server's own timers, and everything in today's procedures may be observed. Only when all are gone
//! the fence can be raised, and only then the object itself is asked what became of the attempt.

use super::control::{Control, epoch, statement};
use super::dispatcher::Work;
use super::{Halt, Step, cleanup, executor, lot, watch};
use crate::error::Error;
use crate::ledger::Line;
use crate::store::runs::{self, Attempt, Item};
use crate::target::durable;
use crate::target::fence::{self, OldSession};
use crate::target::postgres::{self, Evidence, stop};
use crate::target::session::Session;
use domain::hold::{Found, HoldCause};
use domain::run::{AttemptState, Finding, Outcome, Verdict};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A guard that has nothing to wait for any more lets everybody in within this time; longer it is not waited for.
const GUARDS_WITHIN: Duration = Duration::from_secs(10);
const END_WITHIN: Duration = Duration::from_secs(5);
/// The server counts a moment after it answers.
const COUNTED_WITHIN: Duration = Duration::from_secs(3);

/// Ends idle sessions of this run and observes working ones to their end, until none is left.
pub(super) async fn clear(work: &Work, control: &Session) -> Step<()> {
    let mut told = BTreeSet::new();
    let mut stopping = BTreeSet::new();
    let patience = Instant::now() + GUARDS_WITHIN;
    loop {
        let found = fence::sessions_of(&control.link, work.run.id).await.map_err(|error| statement(&error))?;
        if found.is_empty() {
            return Ok(());
        }
        // Nobody has a higher epoch than the owner: whoever sees one is the earlier owner himself, and ends nothing of the later one.
        if found.iter().any(|old| old.name.epoch() > epoch(work)) {
            return Err(Halt::Lost);
        }
        for old in &found {
            work.go_on()?;
            // With the control session it waits for, it lets everybody in and ends.
            if old.name.is_guard() && old.is_active() && patience > Instant::now() {
                continue;
            }
            if !old.is_active() || old.name.is_control() || old.name.is_guard() {
                stop::end(&control.link, old.backend, END_WITHIN).await.map_err(|error| statement(&error))?;
                continue;
            }
            observe(work, control, old, &mut told, &mut stopping).await?;
        }
        work.lease.pause(LOOK_EVERY).await;
        work.go_on()?;
    }
}

async fn observe(work: &Work, control: &Session, old: &OldSession, told: &mut BTreeSet<i32>, stopping: &mut BTreeSet<i32>) -> Step<()> {
    let ordinal = i32::try_from(old.name.item()).unwrap_or_default();
    if told.insert(old.backend.pid) {
        let line =
            format!("A statement sent earlier still runs on the server (process {}) and is observed: {}", old.backend.pid, old.statement);
        work.feed.line(Line::new("session", line).about(ordinal).with(serde_json::json!({"pid": old.backend.pid})));
    }
    if let Ok(Some(progress)) = postgres::progress::progress(&control.link, old.backend.pid).await {
        work.feed.line(watch::progress_line(ordinal, &progress));
    }
    // Each of several is stopped, once.
    if work.lease.stop_asked() && stopping.insert(old.backend.pid) {
        let stopped =
            stop::stop(&control.link, old.backend, watch::CANCEL_WITHIN, watch::END_WITHIN).await.map_err(|error| statement(&error))?;
        watch::say(work, stopped, old.backend, ordinal)?;
    }
    Ok(())
}

/// Finds out what became of every attempt that is not over. The fence is up: nothing of an earlier owner can act any more.
///
/// Several may have been sent at once: all are looked at before a person is asked about the first that stays unknown.
pub(super) async fn settle(work: &Work, control: &Control) -> Step<()> {
    let items = work.items().await?;
    let mut unknown = None;
    // Nothing runs any more: what counts late counts soon, whatever the number of tries.
    let counted = Instant::now() + COUNTED_WITHIN;
    let attempts = open_attempts(work).await?;
    outlive(work, control, &attempts).await?;
    for attempt in attempts {
        work.go_on()?;
        let item = item_of(&items, &attempt)?;
        match attempt.state {
            AttemptState::Intent => never_sent(work, &attempt).await?,
            AttemptState::Started => {
                if !ask_the_object(work, control, &attempt, item, counted).await? {
                    let id = attempt.id;
                    work.hand.write("attempt_unknown", move |ledger| Box::pin(async move { ledger.attempt_unknown(id).await })).await?;
                    unknown.get_or_insert_with(|| not_known(item, "the database does not tell"));
                }
            }
            AttemptState::Unknown => {
                if !ask_the_person(work, &attempt).await? {
                    unknown.get_or_insert_with(|| not_known(item, "nobody has said so"));
                }
            }
            AttemptState::Done => {}
        }
    }
    unknown.map_or(Ok(()), |sentence| Err(Halt::Hold(HoldCause::Unknown, sentence)))
}

/// The same where nothing more is begun: what cannot be found out any more is written down as unknown. Without a control session the
/// database is not asked; `why_not` says why.
pub(super) async fn close(work: &Work, control: Option<&Control>, why_not: &str) -> Step<Vec<String>> {
    let items = work.items().await?;
    let mut unknown = Vec::new();
    let counted = Instant::now() + COUNTED_WITHIN;
    let attempts = open_attempts(work).await?;
    if let Some(control) = control {
        outlive(work, control, &attempts).await?;
    }
    for attempt in attempts {
        work.go_on()?;
        let item = item_of(&items, &attempt)?;
        let told = match (attempt.state, control) {
            (AttemptState::Done, _) => true,
            (AttemptState::Intent, _) => {
                never_sent(work, &attempt).await?;
                true
            }
            (AttemptState::Unknown, _) => ask_the_person(work, &attempt).await?,
            (AttemptState::Started, Some(control)) => ask_the_object(work, control, &attempt, item, counted).await?,
            (AttemptState::Started, None) => false,
        };
        if !told {
            let sentence = not_known(item, why_not);
            let verdict = Verdict::new(Outcome::Unknown, sentence.clone());
            executor::record_try(work, &(&attempt).into(), item.ordinal, &verdict, &[], None, true).await?;
            unknown.push(sentence);
        }
    }
    Ok(unknown)
}

/// Before the objects are asked: what they show may not have reached the disk yet, where it was sent with many others.
async fn outlive(work: &Work, control: &Control, attempts: &[Attempt]) -> Step<()> {
    let sent = attempts.iter().any(|attempt| attempt.state == AttemptState::Started);
    if sent && durable::may_wait(&control.session.link).await.map_err(|error| statement(&error))? {
        lot::on_disk(work, control, None).await?;
    }
    Ok(())
}

/// The attempts that are not over.
pub(super) async fn open_attempts(work: &Work) -> Step<Vec<Attempt>> {
    let mut db = work.hand.context.pool.acquire().await?;
    Ok(runs::open_attempts(&mut db, work.run.id).await?)
}

fn item_of<'a>(items: &'a [Item], attempt: &Attempt) -> Step<&'a Item> {
    let item = items.iter().find(|item| item.ordinal == attempt.ordinal);
    item.ok_or_else(|| Error::internal("an attempt without its item").into())
}

fn not_known(item: &Item, why: &str) -> String {
    format!("Whether “{}” had its effect is not known: nobody got the server's answer, and {why}.", item.work.statement)
}

async fn never_sent(work: &Work, attempt: &Attempt) -> Step<()> {
    let verdict = Verdict::new(Outcome::Cancelled, "Never sent: the work was interrupted before.");
    executor::record_try(work, &attempt.into(), attempt.ordinal, &verdict, &[], None, false).await
}

/// Writes down what the object tells about a started attempt; false when it does not.
async fn ask_the_object(work: &Work, control: &Control, attempt: &Attempt, item: &Item, counted: Instant) -> Step<bool> {
    let before = cleanup::recorded(item).ok_or_else(|| Error::internal("a started attempt without figures from before"))?;
    let (finding, now) = look(work, control, item, &before, counted).await?;
    let this = attempt.into();
    match finding {
        Finding::Done => {
            let result = postgres::judge(&control.session.link, &item.work, before, cleanup::answered(), &work.plan.parameters).await;
            let words = format!("{} (Found by looking at the database: nobody got the server's answer.)", result.verdict.sentence);
            let verdict = Verdict::new(result.verdict.outcome, words);
            executor::record_try(work, &this, item.ordinal, &verdict, &[], result.after.as_ref(), true).await?;
        }
        Finding::NotDone => {
            let words = postgres::interrupted(&before, &now).unwrap_or_else(|| {
                "Without effect: it was not sent, or nobody got the server's answer, and the database shows no change.".to_owned()
            });
            let verdict = Verdict::new(Outcome::Cancelled, words);
            executor::record_try(work, &this, item.ordinal, &verdict, &[], Some(&now), false).await?;
        }
        Finding::Partial => {
            let verdict = Verdict::new(Outcome::NeedsCleanup, "Nobody got the server's answer, and something is left behind.");
            let verdict = cleanup::clean(work, control, item, &before, verdict, false, super::ALONE).await?;
            // What is clean again may be taken up again: then the item stays open.
            let over = verdict.outcome != Outcome::Cancelled;
            executor::record_try(work, &this, item.ordinal, &verdict, &[], Some(&now), over).await?;
        }
        Finding::CannotTell => return Ok(false),
    }
    Ok(true)
}

/// What the object says now; a counter that has not moved is given until `counted`.
async fn look(work: &Work, control: &Control, item: &Item, before: &Evidence, counted: Instant) -> Step<(Finding, Evidence)> {
    loop {
        work.go_on()?;
        let now = postgres::evidence_since(&control.session.link, &item.work, before).await.map_err(|error| statement(&error))?;
        let finding = postgres::find(before, &now);
        let counts = matches!(now, Evidence::Vacuum { .. } | Evidence::Freeze { .. } | Evidence::Analyze { .. });
        if finding != Finding::NotDone || !counts || Instant::now() >= counted {
            return Ok((finding, now));
        }
        work.lease.pause(Duration::from_millis(200)).await;
    }
}

/// Writes down what a person found out about an attempt; false when nobody has said it.
async fn ask_the_person(work: &Work, attempt: &Attempt) -> Step<bool> {
    let mut db = work.hand.context.pool.acquire().await?;
    let Some((name, found, reason)) = runs::resolution(&mut db, attempt.id).await? else { return Ok(false) };
    drop(db);
    let (verdict, over) = match found {
        Found::Ran => (Verdict::new(Outcome::Done, format!("{name} found that it ran: {reason}")), true),
        Found::DidNotRun => (Verdict::new(Outcome::Cancelled, format!("{name} found that it did not run: {reason}")), false),
    };
    executor::record_try(work, &attempt.into(), attempt.ordinal, &verdict, &[], None, over).await?;
    Ok(true)
}
