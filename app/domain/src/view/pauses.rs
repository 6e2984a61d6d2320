//! The page that stops everything, and starts it again.

use crate::pause::{Pause, PauseLevel};
use jiff::Timestamp;

/// A pause as lists and messages tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseRow {
    /// How far it reached.
    pub level: PauseLevel,
    /// Why.
    pub reason: String,
    /// Since when.
    pub paused_at: Timestamp,
    /// Name of who paused.
    pub paused_by: String,
    /// When it ended, who ended it, and why; `None` while it lasts.
    pub resumed: Option<(Timestamp, String, String)>,
}

/// The page `/pause`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PausePage {
    /// The pause that lasts.
    pub open: Option<Pause>,
    /// The reader may pause, or let a pause reach farther.
    pub may_pause: bool,
    /// The reader may resume.
    pub may_resume: bool,
    /// Runs in progress.
    pub running: i64,
    /// Approved windows that start within a day.
    pub due: i64,
    /// Earlier pauses, newest first.
    pub earlier: Vec<PauseRow>,
    /// The moment this is of.
    pub now: Timestamp,
}
