//! Plans that wait for votes: delegates are asked as soon as they may stand in, and owners hear as soon as a quorum went out of reach. One
//! worker looks, for all of them; where two would, the row of the window lets one of them act.
//!
//! A loop of its own: what is said of people keeps no window from its start. One window that fails keeps none of the others.

use crate::actions::ask_delegates::ask_delegates;
use crate::actions::watch_quorum::watch_quorum;
use crate::error::{Error, Result};
use crate::store::service_leases::{self, ServiceLease};
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

/// Among the jobs that one process does at a time.
const JOB: &str = "waiting";

/// The loop.
pub async fn run(context: WorkerContext) -> Result<()> {
    let mut bell = context.bell(Wake::Runner);
    let mut waiting = Waiting::new(context);
    loop {
        waiting.turn().await?;
        if !bell.wait(POLL).await {
            return waiting.stop().await;
        }
    }
}

/// The job in one process, whether it holds it or not.
#[derive(Debug)]
pub struct Waiting {
    context: WorkerContext,
    lease: Option<ServiceLease>,
    turns: usize,
}

impl Waiting {
    /// Holds nothing yet.
    #[must_use]
    pub fn new(context: WorkerContext) -> Self {
        Self { context, lease: None, turns: 0 }
    }

    /// Looks, if this process has the job or can have it. False while another process does it.
    pub async fn turn(&mut self) -> Result<bool> {
        self.hold().await?;
        if self.lease.is_none() {
            return Ok(false);
        }
        tick(&self.context, self.turns).await?;
        self.turns += 1;
        Ok(true)
    }

    /// Gives the job up, so that another process need not wait for the lease to end.
    pub async fn stop(mut self) -> Result<()> {
        if let Some(lease) = self.lease.take() {
            service_leases::release(&mut *self.context.pool.acquire().await?, &lease).await?;
        }
        Ok(())
    }

    async fn hold(&mut self) -> Result<()> {
        let mut db = self.context.pool.acquire().await?;
        let held = match &self.lease {
            Some(lease) => service_leases::renew(&mut db, lease).await?,
            None => false,
        };
        if !held {
            self.lease = service_leases::claim(&mut db, JOB, &self.context.name).await?;
        }
        Ok(())
    }
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
