//! Plans that wait for votes: delegates are asked as soon as they may stand in, and owners hear as soon as a quorum went out of reach. Every
//! worker looks; the row of the window lets one of them act.
//!
//! A loop of its own: what is said of people keeps no window from its start. One window that fails keeps none of the others.

use crate::actions::ask_delegates::ask_delegates;
use crate::actions::watch_quorum::watch_quorum;
use crate::error::{Error, Result};
use crate::store::{quorum_shorts, stand_ins};
use crate::transaction;
use crate::wake::Wake;
use crate::worker::WorkerContext;
use domain::ids::WindowId;
use domain::permission::Permit;
use std::collections::BTreeSet;
use std::time::Duration;

/// Whoever may be asked waits at most this long, wake-up or not.
const POLL: Duration = Duration::from_secs(5);

/// Windows watched at most: those that are decided soonest.
const MOST: i64 = 5000;

/// Windows watched in one turn. With more of them the others have the next one: however many wait, votes and pages come between.
const EACH: usize = 200;

/// The loop.
pub async fn run(context: WorkerContext) -> Result<()> {
    let mut bell = context.bell(Wake::Runner);
    for turn in 0.. {
        tick(&context, turn).await?;
        if !bell.wait(POLL).await {
            break;
        }
    }
    Ok(())
}

/// One look at what waits: at delegates who may have to be asked, and at quorums; both of this turn's windows.
pub async fn tick(context: &WorkerContext, turn: usize) -> Result<()> {
    let unasked = transaction::read(&context.pool, "unasked", |db| Box::pin(stand_ins::unasked(db, None))).await?;
    let unasked: BTreeSet<WindowId> = unasked.into_iter().map(|one| one.window).collect();
    let turns = unasked.len().div_ceil(EACH).max(1);
    for window in unasked.into_iter().skip(turn % turns * EACH).take(EACH) {
        said(window, ask_delegates(&context.pool, &Permit::system(), window).await);
    }
    let watched =
        transaction::read(&context.pool, "watched", |db| Box::pin(async move { Ok(quorum_shorts::watched(db, MOST).await?) })).await?;
    let turns = watched.len().div_ceil(EACH).max(1);
    for window in watched.into_iter().skip(turn % turns * EACH).take(EACH) {
        said(window, watch_quorum(&context.pool, &Permit::system(), window).await.map(usize::from));
    }
    Ok(())
}

/// A refusal is a window that moved on; everything else is said in the log, and tried again.
fn said(window: WindowId, done: Result<usize>) {
    match done {
        Ok(0) => {}
        Ok(told) => tracing::info!(%window, told, "people were asked, or told"),
        Err(Error::Refused(refusal)) => tracing::debug!(%window, code = refusal.code, "not done"),
        Err(error) => tracing::error!(%window, %error, "a window that waits could not be looked at"),
    }
}
