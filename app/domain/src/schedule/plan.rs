//! The planner without hands: what is true becomes what should happen, each with its reason. The scheduler carries it out.

use super::{Due, due};
use crate::ids::WindowId;
use crate::window::{RunState, WindowState};
use jiff::Timestamp;

/// A window that something may have to happen to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowAtHand {
    /// Which.
    pub id: WindowId,
    /// Its number.
    pub number: i64,
    /// Its newest revision.
    pub revision: i32,
    /// Its state.
    pub state: WindowState,
    /// Nothing starts before.
    pub start: Timestamp,
    /// Not begun by then: missed.
    pub latest_start: Timestamp,
    /// Without quorum by then: expired.
    pub decide_by: Timestamp,
    /// Without quorum by then the second group is asked; `None` where there is none, or it was asked.
    pub escalate_at: Option<Timestamp>,
    /// Whoever is waited for is asked again then; `None` where nobody is reminded.
    pub remind_at: Option<Timestamp>,
    /// The run of the newest revision, where one was opened; of several the one that is furthest from its end.
    pub run: Option<RunState>,
}

/// A window of several databases whose next wave may begin: everything before it ended clean, and nothing is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaveAtHand {
    /// Of which window.
    pub id: WindowId,
    /// Its number.
    pub number: i64,
    /// Its newest revision.
    pub revision: i32,
    /// Which wave.
    pub wave: u32,
    /// Not begun by then: it is not started.
    pub begin_by: Timestamp,
}

/// Everything the planner looks at, read in one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The state database's clock.
    pub now: Timestamp,
    /// Proposed and approved windows whose time may have come.
    pub windows: Vec<WindowAtHand>,
    /// Waves that are next.
    pub waves: Vec<WaveAtHand>,
}

/// What should happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Open the run: a worker takes it and does its pre-checks.
    OpenRun,
    /// The proposal ends: nobody decided in time.
    Expire,
    /// The second group is asked: the quorum does not stand in time.
    Escalate,
    /// Whoever is waited for is asked again.
    Remind,
    /// The approved window ends: it was not begun in time.
    MarkMissed,
    /// Open the runs of this wave.
    OpenWave(u32),
    /// This wave and those behind it are not started: its time is up.
    EndWaves(u32),
}

/// A deed on one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intention {
    /// The window.
    pub window: WindowId,
    /// Its number, for the log.
    pub number: i64,
    /// The revision the planner saw; another one by now makes the deed void.
    pub revision: i32,
    /// What.
    pub deed: Deed,
    /// Why, as a sentence for the trail and the page.
    pub reason: String,
}

/// What should happen now, in the order of the start times.
#[must_use]
pub fn plan(snapshot: &Snapshot) -> Vec<Intention> {
    let mut windows: Vec<&WindowAtHand> = snapshot.windows.iter().collect();
    windows.sort_by_key(|window| (window.start, window.number));
    let waves = snapshot.waves.iter().map(|wave| follow(wave, snapshot.now));
    windows.into_iter().filter_map(|window| intend(window, snapshot.now)).chain(waves).collect()
}

fn follow(next: &WaveAtHand, now: Timestamp) -> Intention {
    let wave = next.wave;
    let (deed, reason) = if now <= next.begin_by {
        (Deed::OpenWave(wave), format!("Every database before wave {wave} ended clean."))
    } else {
        (Deed::EndWaves(wave), format!("Wave {wave} had not begun by {}.", at(next.begin_by)))
    };
    Intention { window: next.id, number: next.number, revision: next.revision, deed, reason }
}

fn intend(window: &WindowAtHand, now: Timestamp) -> Option<Intention> {
    let (deed, reason) = match window.state {
        WindowState::Proposed if now >= window.decide_by => {
            (Deed::Expire, format!("Nobody's decision completed the approval by {}.", at(window.decide_by)))
        }
        WindowState::Proposed if window.escalate_at.is_some_and(|escalate_at| now >= escalate_at) => {
            (Deed::Escalate, format!("The quorum did not stand by {}.", window.escalate_at.map(at).unwrap_or_default()))
        }
        WindowState::Proposed if window.remind_at.is_some_and(|at| now >= at) => (Deed::Remind, "Votes are still missing.".to_owned()),
        WindowState::Approved => match (due(window.start, window.latest_start, now), window.run) {
            (Due::Now, None) => (Deed::OpenRun, format!("Due since {}.", at(window.start))),
            // A worker that does the pre-checks says itself that it was too late, with what was red.
            (Due::Missed, None | Some(RunState::Waiting | RunState::Ended)) => {
                (Deed::MarkMissed, format!("It had not begun by its latest start, {}.", at(window.latest_start)))
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(Intention { window: window.id, number: window.number, revision: window.revision, deed, reason })
}

fn at(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
