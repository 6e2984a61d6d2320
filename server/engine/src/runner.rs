//! Runs: taken under a lease, fenced on the target, worked through item by item, and told as they are.
//!
//! The lease (ours, 15 s) is for liveness; the fence (session locks on the target) is for safety. Every write names run and epoch.
//! Before a statement is sent, the intent and the session that will send it are committed; so whoever comes after a crash knows where
//! to look, and never starts anything a second time without proof that the first did not run.
//!
//! At the soft stop, and at the end of trust, nothing is begun any more; what runs on the target is not waited for, and whoever comes next
//! finds it there, observes it to its end, and asks the object what became of it. A watchdog, a process of its own that can do nothing but
//! cancel, ends it at its time, also when nobody comes. Tests let the process die at each of the fail points
//! (`test_support::fail_points`), and judge by the target's own account.
//!
//! | file | does |
//! |---|---|
//! | `lease` | keeps the lease, ends the trust in it |
//! | `dispatcher` | decides what is next: phase by phase |
//! | `control` | the control session and the fence |
//! | `recovery` | finds what an earlier owner left on the target |
//! | `floor` | works through the list: what runs beside what |
//! | `pre_checks`, `selecting`, `executor`, `cleanup`, `probes` | one phase or step each |
//! | `pace` | when something new may begin, for standbys and for the server's load |
//! | `lot` | small tables many at a time |
//! | `outside` | steps that people and other programs do: holds, or calls, before what comes after them |
//! | `calling` | calls another program, until it says yes |
//! | `way_back` | takes a change of design back, when a person decides so |
//! | `keep_out` | accounts: out while a change is sent |
//! | `letting_in` | in again, however the run ends |
//! | `guarded` | tells the watchdog of each statement, and when it is over |
//! | `watch` | a statement while it runs: its progress, a stop, the end of trust, the deadline |
//! | `transitions` | changes of state, each with its fact and messages |
//! | `feed` | lines for the run's page |

mod calling;
mod cleanup;
mod control;
mod dispatcher;
mod executor;
mod feed;
mod floor;
mod guarded;
mod keep_out;
mod lease;
pub mod letting_in;
mod lot;
mod outside;
mod pace;
mod pre_checks;
pub mod probes;
mod recovery;
mod selecting;
mod transitions;
mod watch;
mod way_back;

use crate::error::{Error, Result};
use crate::ledger::{Ledger, Tenure, is_lease_lost};
use crate::wake::Wake;
use crate::worker::WorkerContext;
use crate::{store, transaction};
use domain::hold::HoldCause;
use domain::ids::WindowId;
use domain::permission::Permit;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Another worker's run is taken over, and a due one begun, within this time, wake-up or not.
const POLL: Duration = Duration::from_secs(1);
/// The lease's end must have passed when it is looked at.
const A_MOMENT_S: f64 = 0.01;
/// Runs that one worker works on at once: each holds two or three connections to its database. What is only watched does not count.
pub const AT_ONCE: usize = 8;
/// At the soft stop what runs on a target may still finish within this time, before the next worker observes it instead.
const FINISH_WITHIN: Duration = Duration::from_secs(2);
/// Slots of the fence above the control session's: one for each item that any plan lets run at once. All are looked at when the fence is
/// raised, also where the plan asks for fewer.
#[expect(clippy::cast_possible_truncation, reason = "a handful")]
const SLOTS: u16 = domain::run::parallel::MOST_JOBS as u16;
/// Where nothing else runs: what an earlier owner left is settled and cleaned up one after the other.
const ALONE: u16 = 1;

/// Why the work on a run stops here.
#[derive(Debug)]
enum Halt {
    /// The lease is over: nothing more is written, and nothing more is begun.
    Lost,
    /// The soft stop: the next worker goes on.
    HandOver,
    /// A person decides.
    Hold(HoldCause, String),
    /// Something failed on the way; after a while it is tried again from what the tables say.
    Again(Error),
}

type Step<T> = std::result::Result<T, Halt>;

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        if is_lease_lost(&error) { Self::Lost } else { Self::Again(error) }
    }
}

impl From<sqlx::Error> for Halt {
    fn from(error: sqlx::Error) -> Self {
        Error::from(error).into()
    }
}

/// The loop: takes runs that wait, were decided on, or whose owner is gone.
pub async fn run(context: WorkerContext) -> Result<()> {
    let mut bell = context.bell(Wake::Runner);
    let room = Arc::new(Semaphore::new(context.config.runs_at_once));
    loop {
        context.bury_the_dead().await?;
        let again = take_runs(&context, &room).await?;
        if !bell.wait(again).await {
            return Ok(());
        }
    }
}

/// Takes as many runs as there is room for. Says when to look again: no later than the moment at which a lease of somebody else may be
/// taken over, so that what is left of the 20 s is not spent on a poll.
async fn take_runs(context: &WorkerContext, room: &Arc<Semaphore>) -> Result<Duration> {
    let mut db = context.pool.acquire().await?;
    let key = store::secrets::worker_key(&mut db, context.keyring.id()).await?;
    // A key that is not admitted opens no password: the runs are left to workers whose keys do.
    if key.is_none_or(|key| key.admitted_at.is_none()) {
        return Ok(POLL);
    }
    let runs = store::runs::claimable(&mut db, 32).await?;
    let takeover_s = store::runs::next_takeover_s(&mut db, &context.name).await?;
    drop(db);
    for run in runs {
        let Ok(place) = Arc::clone(room).try_acquire_owned() else { return Ok(POLL) };
        if let Some(claimed) = transitions::claim(context, run).await? {
            context.tasks.spawn(dispatcher::drive(context.clone(), claimed, place));
        }
    }
    Ok(look_again(takeover_s))
}

/// A moment after the lease's end and its three seconds; overdue ones that were not to be had are left to the poll.
fn look_again(takeover_s: Option<f64>) -> Duration {
    match takeover_s.map(|s| s + A_MOMENT_S) {
        Some(s) if s > 0.0 && s < POLL.as_secs_f64() => Duration::from_secs_f64(s),
        _ => POLL,
    }
}

/// The hand that writes for one run: every transaction proves first that its lease holds.
#[derive(Debug, Clone)]
struct Hand {
    context: WorkerContext,
    tenure: Tenure,
    window: WindowId,
}

impl Hand {
    /// Runs `work` with the run's row taken under this tenure.
    async fn write<T, W>(&self, name: &'static str, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: for<'l> Fn(&'l mut Ledger<'_>) -> BoxFuture<'l, Result<T>> + Send + Sync + 'static,
    {
        self.write_locked(name, false, work).await
    }

    /// The same with the window's row taken first: for whatever changes the window's state or begins an item.
    async fn write_with_window<T, W>(&self, name: &'static str, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: for<'l> Fn(&'l mut Ledger<'_>) -> BoxFuture<'l, Result<T>> + Send + Sync + 'static,
    {
        self.write_locked(name, true, work).await
    }

    async fn write_locked<T, W>(&self, name: &'static str, with_window: bool, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: for<'l> Fn(&'l mut Ledger<'_>) -> BoxFuture<'l, Result<T>> + Send + Sync + 'static,
    {
        let (worker, tenure, window, work) = (Arc::clone(&self.context.name), self.tenure, self.window, Arc::new(work));
        transaction::run(&self.context.pool, name, move |db| {
            let (worker, work) = (Arc::clone(&worker), Arc::clone(&work));
            Box::pin(async move {
                let permit = Permit::worker(&worker);
                let request = format!("run {} epoch {}", tenure.run, tenure.epoch);
                let mut ledger = Ledger::open(db, &permit, &request);
                if with_window {
                    ledger.lock_window(window).await?;
                }
                ledger.keep(tenure).await?;
                work(&mut ledger).await
            })
        })
        .await
    }
}

/// Stops the process here when a test armed this point; nothing in a release build.
#[cfg(feature = "test-support")]
pub(crate) fn fail_point(name: &str) {
    crate::test_support::fail_points::reach(name);
}

#[cfg(not(feature = "test-support"))]
pub(crate) const fn fail_point(_name: &str) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_takeover_does_not_wait_for_the_poll() {
        assert_eq!(look_again(None), POLL);
        assert_eq!(look_again(Some(0.24)), Duration::from_millis(250));
        assert_eq!(look_again(Some(7.0)), POLL);
        assert_eq!(look_again(Some(-2.0)), POLL, "it was not to be had: not asked again and again at once");
    }
}
