//! Lanes: the databases of one window. Each has a run, a lease and a rollback of its own; they go in waves, and the window's state is a fold
//! of them.
//!
//! A wave is opened when every lane of the waves before ended clean. The first lane that does not stops the waves behind its own: their
//! lanes are *not started*, and named. Lanes of the same wave go on; what waits for a person on one of them holds the window, not the others.

pub mod waves;

pub use waves::{Waves, WavesError};

use crate::ids::TargetId;
use crate::run::Phase;
use crate::window::{Ending, RunState, WindowState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far one database of a window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "lane")]
pub enum LaneState {
    /// Its wave has not been opened.
    Waiting,
    /// Its run is open and looks whether it may begin; nothing was changed.
    Opened,
    /// Its procedure runs.
    Working,
    /// Nothing new begins on it: it is watched and measured once more, or ended as a person decided.
    Settling,
    /// It waits for a person.
    Held,
    /// It waits for a person before anything was changed.
    Blocked,
    /// It is being undone; only the way to its end is open.
    RollingBack,
    /// Its run is over.
    Ended {
        /// How.
        ending: Ending,
        /// Finished, with no item that failed and no probe that is red.
        clean: bool,
    },
    /// Its run is never opened: a wave before did not end clean, or the time was up.
    NotStarted,
}

/// What the tables say about a run, as far as its lane is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunAt {
    /// Its state.
    pub state: RunState,
    /// What it is busy with.
    pub phase: Phase,
    /// How it ended.
    pub ending: Option<Ending>,
    /// The verdict of its end; `None` while it is open, and for runs from before lanes.
    pub clean: Option<bool>,
    /// A person's decision is being carried out.
    pub decided: bool,
    /// Its rollback was taken up.
    pub rolling_back: bool,
}

impl LaneState {
    /// The lane of a database with this run, or without one.
    #[must_use]
    pub fn of(run: Option<RunAt>, not_started: bool) -> Self {
        let Some(run) = run else { return if not_started { Self::NotStarted } else { Self::Waiting } };
        match (run.state, run.phase) {
            (RunState::Ended, _) => {
                let ending = run.ending.unwrap_or(Ending::Failed);
                Self::Ended { ending, clean: run.clean.unwrap_or(ending == Ending::Finished) }
            }
            _ if run.rolling_back => Self::RollingBack,
            (RunState::Held, Phase::PreChecks) => Self::Blocked,
            (RunState::Held, _) => Self::Held,
            (_, Phase::PreChecks) => Self::Opened,
            (_, Phase::Probing | Phase::Over) => Self::Settling,
            _ if run.decided => Self::Settling,
            _ => Self::Working,
        }
    }

    /// Nothing more becomes of it.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Ended { .. } | Self::NotStarted)
    }

    /// Its run is open.
    #[must_use]
    pub fn is_open(self) -> bool {
        !self.is_over() && self != Self::Waiting
    }

    /// Everything on it went as planned.
    #[must_use]
    pub fn is_clean(self) -> bool {
        matches!(self, Self::Ended { clean: true, .. })
    }

    /// Nothing behind its wave is started: it is over and did not end clean, or is being undone, which never ends clean.
    #[must_use]
    pub fn stops_what_follows(self) -> bool {
        self == Self::RollingBack || (self.is_over() && !self.is_clean())
    }

    /// Something may have been changed on the database.
    #[must_use]
    pub fn has_begun(self) -> bool {
        !matches!(self, Self::Waiting | Self::Opened | Self::Blocked | Self::NotStarted | Self::Ended { ending: Ending::NotBegun, .. })
    }

    /// As people read it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Waiting => "Waits for its wave",
            Self::Opened => "Pre-checks",
            Self::Working => "Running",
            Self::Settling => "Measured again",
            Self::Held | Self::Blocked => "On hold",
            Self::RollingBack => "Rolling back",
            Self::Ended { ending: Ending::Finished, clean: false } => "Finished with failures",
            Self::Ended { ending, .. } => ending.label(),
            Self::NotStarted => "Not started",
        }
    }
}

/// One database of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// Which database.
    pub target: TargetId,
    /// In which wave, from 1.
    pub wave: u32,
    /// How far it is.
    pub state: LaneState,
}

/// The window's state as a fold of its lanes, once its revision was approved; `None` where they leave it as it is: nothing has begun, or what
/// is left of its one lane begins nothing any more.
#[must_use]
pub fn fold(lanes: &[Lane]) -> Option<WindowState> {
    let any = |state: LaneState| lanes.iter().any(|lane| lane.state == state);
    if !lanes.iter().any(|lane| lane.state.has_begun()) {
        return None;
    }
    if any(LaneState::Held) || any(LaneState::Blocked) {
        return Some(WindowState::Hold);
    }
    if goes_on(lanes) {
        return Some(WindowState::Running);
    }
    if any(LaneState::Settling) {
        // A window of one that a person took off its hold goes on to its validation from there, and starts nothing in between.
        return (lanes.len() > 1).then_some(WindowState::Running);
    }
    if any(LaneState::RollingBack) {
        return Some(WindowState::RollingBack);
    }
    let endings = || lanes.iter().filter(|lane| lane.state.has_begun()).map(|lane| lane.state);
    let is = |state: LaneState, wanted: Ending| matches!(state, LaneState::Ended { ending, .. } if ending == wanted);
    Some(if endings().all(|state| is(state, Ending::RolledBack)) {
        WindowState::RolledBack
    } else if endings().all(|state| is(state, Ending::RolledBack) || is(state, Ending::Failed)) {
        WindowState::Failed
    } else {
        WindowState::Validating
    })
}

/// The first wave with a lane that will not end clean any more: nothing behind it is started.
#[must_use]
pub fn failed_wave(lanes: &[Lane]) -> Option<u32> {
    lanes.iter().filter(|lane| lane.state.stops_what_follows()).map(|lane| lane.wave).min()
}

/// Lanes that wait for a wave that will not come.
#[must_use]
pub fn cut_off_by_failure(lanes: &[Lane]) -> Vec<TargetId> {
    let Some(failed) = failed_wave(lanes) else { return Vec::new() };
    lanes.iter().filter(|lane| lane.state == LaneState::Waiting && lane.wave > failed).map(|lane| lane.target).collect()
}

fn next_may_come(lanes: &[Lane]) -> bool {
    let failed = failed_wave(lanes).unwrap_or(u32::MAX);
    lanes.iter().any(|lane| lane.state == LaneState::Waiting && lane.wave <= failed)
}

/// Whether something is worked on, or begins, once a window has left its hold: with nothing but measurements and rollbacks left it does not go
/// on, it comes to its end.
#[must_use]
pub fn goes_on(lanes: &[Lane]) -> bool {
    lanes.iter().any(|lane| matches!(lane.state, LaneState::Working | LaneState::Opened)) || next_may_come(lanes)
}

/// The wave to be opened next: it waits, and every lane of the waves before ended clean.
#[must_use]
pub fn next_wave(lanes: &[Lane]) -> Option<u32> {
    let next = lanes.iter().filter(|lane| lane.state == LaneState::Waiting).map(|lane| lane.wave).min()?;
    lanes.iter().filter(|lane| lane.wave < next).all(|lane| lane.state.is_clean()).then_some(next)
}

/// Until when a lane of this wave has to begin, of a window with these times (start, latest start, cut-off): the first wave by the latest start, a
/// later one with the same patience after `since`, and before the cut-off.
#[must_use]
pub fn begin_by((start, latest_start, cut_off): (Timestamp, Timestamp, Timestamp), wave: u32, since: Timestamp) -> Timestamp {
    if wave <= 1 { latest_start } else { cut_off.min(since + latest_start.duration_since(start)) }
}

/// Every lane that is over and did not end clean, in the order given: what “completed with failures” names.
#[must_use]
pub fn failures(lanes: &[Lane]) -> Vec<Lane> {
    lanes.iter().filter(|lane| lane.state.is_over() && !lane.state.is_clean()).copied().collect()
}

#[cfg(test)]
#[path = "lanes/tests.rs"]
mod tests;
