//! What an earlier owner left: sessions on the target that may still work, and attempts whose outcome nobody wrote down.
//!
//! First its sessions are found by name, process and start time. An idle one is ended. One that still works is observed to its end:
//! its statement is bounded by the server's own timers, and everything in today's procedures may be observed. Only when all are gone
//! the fence can be raised, and only then the object itself is asked what became of the attempt.

use super::control::{Control, statement};
use super::dispatcher::Work;
use super::{Halt, Step, cleanup, executor, watch};
use crate::error::Error;
use crate::ledger::Line;
use crate::store::runs::{self, Attempt, Item};
use crate::target::fence::{self, OldSession};
use crate::target::postgres::{self, Evidence, Tried, stop};
use crate::target::session::{Execution, Session};
use domain::hold::{Found, HoldCause};
use domain::run::{AttemptState, Finding, Outcome, Verdict};
use std::collections::BTreeSet;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_millis(500);
const END_WITHIN: Duration = Duration::from_secs(5);
/// The server counts a moment after it answers.
const COUNTED_WITHIN: Duration = Duration::from_secs(3);

/// Ends idle sessions of this run and observes working ones to their end, until none is left.
pub(super) async fn clear(work: &Work, control: &Session) -> Step<()> {
    let mut told = BTreeSet::new();
    let mut stopping = false;
    loop {
        let found = fence::sessions_of(&control.link, work.run.id).await.map_err(|error| statement(&error))?;
        if found.is_empty() {
            return Ok(());
        }
        for old in &found {
            work.go_on()?;
            if !old.is_active() || old.name.is_control() {
                stop::end(&control.link, old.backend, END_WITHIN).await.map_err(|error| statement(&error))?;
                continue;
            }
            observe(work, control, old, &mut told, &mut stopping).await?;
        }
        work.lease.pause(LOOK_EVERY).await;
        work.go_on()?;
    }
}

async fn observe(work: &Work, control: &Session, old: &OldSession, told: &mut BTreeSet<i32>, stopping: &mut bool) -> Step<()> {
    let ordinal = i32::try_from(old.name.item()).unwrap_or_default();
    if told.insert(old.backend.pid) {
        let line = format!(
            "A statement of an earlier worker still runs on the server (process {}) and is observed: {}",
            old.backend.pid, old.statement
        );
        work.feed.line(Line::new("session", line).about(ordinal).with(serde_json::json!({"pid": old.backend.pid})));
    }
    if let Ok(Some(progress)) = postgres::progress::progress(&control.link, old.backend.pid).await {
        work.feed.line(watch::progress_line(ordinal, &progress));
    }
    if work.lease.stop_asked() && !*stopping {
        *stopping = true;
        let stopped =
            stop::stop(&control.link, old.backend, watch::CANCEL_WITHIN, watch::END_WITHIN).await.map_err(|error| statement(&error))?;
        work.feed.line(Line::new("session", stopped.sentence()).about(ordinal));
    }
    Ok(())
}

/// Finds out what became of every attempt that is not over. The fence is up: nothing of an earlier owner can act any more.
pub(super) async fn settle(work: &Work, control: &Control) -> Step<()> {
    let mut db = work.hand.context.pool.acquire().await?;
    let open = runs::open_attempts(&mut db, work.run.id).await?;
    drop(db);
    if open.is_empty() {
        return Ok(());
    }
    let items = work.items().await?;
    for attempt in open {
        work.go_on()?;
        let item =
            items.iter().find(|item| item.ordinal == attempt.ordinal).ok_or_else(|| Error::internal("an attempt without its item"))?;
        match attempt.state {
            AttemptState::Intent => {
                let verdict = Verdict::new(Outcome::Cancelled, "Never sent: its worker went away before.");
                executor::record_try(work, &attempt.into(), item.ordinal, &verdict, &[], None, false).await?;
            }
            AttemptState::Started => ask_the_object(work, control, attempt, item).await?,
            AttemptState::Unknown => ask_the_person(work, attempt, item).await?,
            AttemptState::Done => {}
        }
    }
    Ok(())
}

async fn ask_the_object(work: &Work, control: &Control, attempt: Attempt, item: &Item) -> Step<()> {
    let before: Evidence = item
        .figures
        .as_ref()
        .and_then(|figures| figures.get("before"))
        .and_then(|before| serde_json::from_value(before.clone()).ok())
        .ok_or_else(|| Error::internal("a started attempt without figures from before"))?;
    let (finding, now) = look(work, control, item, &before).await?;
    let this = (&attempt).into();
    match finding {
        Finding::Done => {
            let sent = Tried::Sent { execution: Execution { error: None, notices: Vec::new(), elapsed_ms: 0 }, blockers: Vec::new() };
            let result = postgres::judge(&control.session.link, &item.work, before, sent, &work.plan.parameters).await;
            let verdict = Verdict::new(
                result.verdict.outcome,
                format!("{} (Found by looking at the database: its worker was gone.)", result.verdict.sentence),
            );
            executor::record_try(work, &this, item.ordinal, &verdict, &[], result.after.as_ref(), true).await
        }
        Finding::NotDone => {
            let verdict = Verdict::new(Outcome::Cancelled, "Ended without effect: its worker was gone, and the database shows no change.");
            executor::record_try(work, &this, item.ordinal, &verdict, &[], Some(&now), false).await
        }
        Finding::Partial => {
            let verdict = Verdict::new(Outcome::NeedsCleanup, "Its worker was gone, and something is left behind.");
            let verdict = cleanup::clean(work, control, item, &before, verdict, false).await?;
            // What is clean again may be taken up again: the item stays open.
            let final_word = verdict.outcome == Outcome::NeedsCleanup;
            executor::record_try(work, &this, item.ordinal, &verdict, &[], Some(&now), final_word).await
        }
        Finding::CannotTell => {
            let id = attempt.id;
            work.hand.write("attempt_unknown", move |ledger| Box::pin(async move { ledger.attempt_unknown(id).await })).await?;
            Err(Halt::Hold(
                HoldCause::Unknown,
                format!(
                    "Whether “{}” had its effect is not known: its worker was gone, and the database does not tell.",
                    item.work.statement
                ),
            ))
        }
    }
}

/// What the object says now; a counter that has not moved is given a moment.
async fn look(work: &Work, control: &Control, item: &Item, before: &Evidence) -> Step<(Finding, Evidence)> {
    let until = tokio::time::Instant::now() + COUNTED_WITHIN;
    loop {
        work.go_on()?;
        let now = postgres::evidence(&control.session.link, &item.work).await.map_err(|error| statement(&error))?;
        let finding = postgres::find(before, &now);
        let counts = matches!(now, Evidence::Vacuum { .. } | Evidence::Analyze { .. });
        if finding != Finding::NotDone || !counts || tokio::time::Instant::now() >= until {
            return Ok((finding, now));
        }
        work.lease.pause(Duration::from_millis(200)).await;
    }
}

async fn ask_the_person(work: &Work, attempt: Attempt, item: &Item) -> Step<()> {
    let mut db = work.hand.context.pool.acquire().await?;
    let Some((name, found, reason)) = runs::resolution(&mut db, attempt.id).await? else {
        return Err(Halt::Hold(
            HoldCause::Unknown,
            format!("Whether “{}” had its effect is not known, and nobody has said so.", item.work.statement),
        ));
    };
    drop(db);
    let (verdict, over) = match found {
        Found::Ran => (Verdict::new(Outcome::Done, format!("{name} found that it ran: {reason}")), true),
        Found::DidNotRun => (Verdict::new(Outcome::Cancelled, format!("{name} found that it did not run: {reason}")), false),
    };
    executor::record_try(work, &attempt.into(), item.ordinal, &verdict, &[], None, over).await
}
