//! Runs as they are watched: whatever the number of people who look, the tables are read a few times a second, once for all runs that
//! somebody watches, and what is new is fanned out in memory. Reading is the truth here; there is no signal that could be missed.
//!
//! A stream proves nothing by having been opened: session and rights of everybody who watches are looked up again every second, in one
//! statement for all. Whoever lost them hears so and is cut off; where they cannot be looked up, everybody is, before five seconds pass.
//!
//! | file | does |
//! |---|---|
//! | `feed` | one run: what is new since the last look, as bytes that all its streams share |
//! | `stream` | one open page: whole at first, then what is new, and a sign of life where nothing is |

mod feed;
mod stream;

use crate::lifecycle::Lifecycle;
use domain::ids::{PersonId, RunId, TeamId};
use domain::permission::{Verb, holds};
use domain::view::live::Over;
use engine::Engine;
use engine::queries::live::{self, Key};
use feed::Feed;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::task::TaskTracker;

pub use stream::Stream;

/// Time between two looks at the watched runs.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Time between two proofs of session and rights, and the longest that one may take.
const PROVE_EVERY: Duration = Duration::from_secs(1);
/// A stream whose right to be was not proven for this long is closed; with one more failed proof it stays below five seconds.
const PROVEN_FOR: Duration = Duration::from_millis(3_500);

/// How many streams there may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of one person: a browser opens no more than six connections to one place anyway.
    pub of_a_person: usize,
    /// Of all together in this process.
    pub of_all: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { of_a_person: 6, of_all: 600 }
    }
}

/// No room for one more stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The person watches as much as one may at once.
    Person(usize),
    /// This process serves as many as it can.
    Process(usize),
}

/// Who watches, by which session, and whose run.
#[derive(Debug, Clone, Copy)]
pub struct Watcher {
    /// The session's key.
    pub key: Key,
    /// Its person.
    pub person: PersonId,
    /// The run.
    pub run: RunId,
    /// Team of its window.
    pub team: TeamId,
}

/// Everything that is watched in this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Live(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Engine,
    lifecycle: Lifecycle,
    limits: Limits,
    watched: Mutex<Watched>,
    /// Somebody came: look at once.
    came: Notify,
}

#[derive(Debug, Default)]
struct Watched {
    feeds: BTreeMap<RunId, Arc<Feed>>,
    streams: BTreeMap<u64, Open>,
    opened: u64,
    at_work: bool,
}

/// An open stream as the proofs see it.
#[derive(Debug)]
struct Open {
    watcher: Watcher,
    proven: Instant,
    over: watch::Sender<Option<Over>>,
}

impl Live {
    /// Nothing is watched yet. `engine` should have connections of its own: pages in a hurry must not keep streams from their proofs.
    pub fn new(engine: Engine, lifecycle: Lifecycle, limits: Limits) -> Self {
        Self(Arc::new(Inner { engine, lifecycle, limits, watched: Mutex::default(), came: Notify::new() }))
    }

    /// One that shares the connections of pages, and stops for nobody: for tests of other things.
    pub fn beside(engine: &Engine) -> Self {
        Self::new(engine.clone(), Lifecycle::default(), Limits::default())
    }

    /// The tasks of the process, for which its stop waits.
    pub fn tasks(&self) -> &TaskTracker {
        &self.0.lifecycle.tasks
    }

    /// Opens a stream. `after`: number of the newest line the page has.
    ///
    /// # Errors
    /// When there is no room.
    pub fn watch(&self, watcher: Watcher, after: Option<i64>) -> Result<Stream, Full> {
        let (over, closing) = watch::channel(None);
        let mut watched = self.watched();
        let limits = self.0.limits;
        if watched.streams.len() >= limits.of_all {
            return Err(Full::Process(limits.of_all));
        }
        if watched.streams.values().filter(|open| open.watcher.person == watcher.person).count() >= limits.of_a_person {
            return Err(Full::Person(limits.of_a_person));
        }
        watched.opened += 1;
        let id = watched.opened;
        let feed = Arc::clone(watched.feeds.entry(watcher.run).or_default());
        watched.streams.insert(id, Open { watcher, proven: Instant::now(), over });
        if !std::mem::replace(&mut watched.at_work, true) {
            self.0.lifecycle.tasks.spawn(self.clone().work());
        }
        drop(watched);
        self.0.came.notify_one();
        Ok(Stream::new(self.clone(), id, feed, closing, after))
    }

    /// Streams that are open.
    pub fn count(&self) -> usize {
        self.watched().streams.len()
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        // Nothing between lock and unlock leaves the maps half changed.
        self.0.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left(&self, id: u64) {
        let mut watched = self.watched();
        let Some(gone) = watched.streams.remove(&id) else { return };
        if !watched.streams.values().any(|open| open.watcher.run == gone.watcher.run) {
            watched.feeds.remove(&gone.watcher.run);
        }
    }

    /// Looks and proves until nobody watches any more, or the process stops.
    async fn work(self) {
        let _guard = NobodyProves(&self);
        tokio::select! {
            () = self.look() => {}
            () = self.prove() => {}
            () = self.0.lifecycle.soft.cancelled() => {}
        }
    }

    /// Every stream is told the same, and ends.
    fn close_all(&self, why: Over) {
        for open in self.watched().streams.values() {
            open.over.send_if_modified(|over| over.is_none() && over.replace(why).is_none());
        }
    }

    async fn look(&self) {
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failed = false;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = self.0.came.notified() => {}
            }
            let feeds = {
                let mut watched = self.watched();
                if watched.streams.is_empty() {
                    watched.at_work = false;
                    return;
                }
                watched.feeds.clone()
            };
            match live::look(&self.0.engine, feeds.iter().map(|(run, feed)| feed.known(*run)).collect()).await {
                Ok(fresh) => {
                    failed = false;
                    for news in fresh {
                        if let Some(feed) = feeds.get(&news.run) {
                            feed.take(news);
                        }
                    }
                }
                // The streams fall silent, and every page says by itself that it has no news.
                Err(error) if !std::mem::replace(&mut failed, true) => tracing::warn!(%error, "watched runs could not be read"),
                Err(_) => {}
            }
        }
    }

    async fn prove(&self) {
        loop {
            tokio::time::sleep(PROVE_EVERY).await;
            let asked = Instant::now();
            let mut keys: Vec<Key> = self.watched().streams.values().map(|open| open.watcher.key).collect();
            keys.sort_unstable();
            keys.dedup();
            // Dropped at its time, the look ends in a task of its own.
            let answer = timeout(PROVE_EVERY, live::watchers(&self.0.engine, keys.clone())).await;
            let mut watched = self.watched();
            if let Ok(Ok(actors)) = &answer {
                for open in watched.streams.values_mut().filter(|open| keys.binary_search(&open.watcher.key).is_ok()) {
                    let actor = actors.get(&open.watcher.key);
                    if actor.is_some_and(|actor| holds(actor, Verb::SeeTeam, Some(open.watcher.team))) {
                        open.proven = asked;
                    } else {
                        open.over.send_replace(Some(Over::Refused));
                    }
                }
            }
            for open in watched.streams.values().filter(|open| open.proven.elapsed() > PROVEN_FOR) {
                open.over.send_if_modified(|over| over.is_none() && over.replace(Over::Unproven).is_none());
            }
        }
    }
}

/// Should the work end by a defect, nobody is left who proves anything: the streams end too, and the next one begins anew.
struct NobodyProves<'a>(&'a Live);

impl Drop for NobodyProves<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.watched().at_work = false;
            self.0.close_all(Over::Unproven);
        }
    }
}
