//! The life of a window: states, and the only moves between them.

pub mod certainty;

use crate::people::words;
use serde::{Deserialize, Serialize};

/// Where a window is in its life (the table in the design, and `drydock.transition` in the database).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowState {
    /// Being written, or sent back for changes.
    Draft,
    /// Sealed, waits for votes.
    Proposed,
    /// Quorum reached; runs at its start.
    Approved,
    /// The procedure runs.
    Running,
    /// Stopped; a person decides.
    Hold,
    /// Work is over; the validation list is ticked.
    Validating,
    /// The approved rollback runs.
    RollingBack,
    /// Taken back by its proposer.
    Withdrawn,
    /// Voted down.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// Called off after approval.
    Cancelled,
    /// Not begun by the latest start.
    Missed,
    /// Done and signed off.
    Completed,
    /// Undone from the backup.
    RolledBack,
    /// Ended without success.
    Failed,
}

words!(WindowState {
    WindowState::Draft = "draft" / "Draft",
    WindowState::Proposed = "proposed" / "Waiting for approval",
    WindowState::Approved = "approved" / "Approved",
    WindowState::Running = "running" / "Running",
    WindowState::Hold = "hold" / "On hold",
    WindowState::Validating = "validating" / "Validating",
    WindowState::RollingBack = "rolling_back" / "Rolling back",
    WindowState::Withdrawn = "withdrawn" / "Withdrawn",
    WindowState::Rejected = "rejected" / "Rejected",
    WindowState::Expired = "expired" / "Expired",
    WindowState::Cancelled = "cancelled" / "Cancelled",
    WindowState::Missed = "missed" / "Missed",
    WindowState::Completed = "completed" / "Completed",
    WindowState::RolledBack = "rolled_back" / "Rolled back",
    WindowState::Failed = "failed" / "Failed",
});

impl WindowState {
    /// From approved to rolling back: the target is taken for its time.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Approved | Self::Running | Self::Hold | Self::Validating | Self::RollingBack)
    }
    /// No way leads out.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        self.moves().is_empty()
    }
    /// It ended otherwise than planned, after it had begun: what went wrong is owed in writing.
    #[must_use]
    pub fn went_wrong(self) -> bool {
        matches!(self, Self::Failed | Self::RolledBack)
    }
    /// Where it can go from here.
    #[must_use]
    pub fn moves(self) -> &'static [WindowState] {
        use WindowState as W;
        match self {
            W::Draft => &[W::Proposed, W::Withdrawn],
            W::Proposed => &[W::Approved, W::Draft, W::Rejected, W::Expired, W::Withdrawn],
            W::Approved => &[W::Running, W::Proposed, W::Cancelled, W::Missed],
            // Rolled back at once where the last of several databases was not even begun; see `lanes`.
            W::Running => &[W::Validating, W::Hold, W::RollingBack, W::RolledBack, W::Failed],
            W::Hold => &[W::Running, W::Validating, W::RollingBack, W::Failed],
            W::Validating => &[W::Completed, W::Hold, W::RollingBack],
            // Validating where another of several databases has work to be looked at.
            W::RollingBack => &[W::RolledBack, W::Failed, W::Validating],
            W::Withdrawn | W::Rejected | W::Expired | W::Cancelled | W::Missed | W::Completed | W::RolledBack | W::Failed => &[],
        }
    }
}

/// How far the run of a window on one target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Opened; no worker has it.
    Waiting,
    /// A worker holds its lease.
    Leased,
    /// Stopped; waits for a person.
    Held,
    /// Over.
    Ended,
}

words!(RunState {
    RunState::Waiting = "waiting" / "Waiting for a worker",
    RunState::Leased = "leased" / "Running",
    RunState::Held = "held" / "On hold",
    RunState::Ended = "ended" / "Ended",
});

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Every item was tried.
    Finished,
    /// Time ran out; what is left is listed.
    CutOff,
    /// Somebody stopped it.
    Stopped,
    /// It could not go on.
    Failed,
    /// Undone.
    RolledBack,
    /// Its pre-checks stayed red, or the window was called off meanwhile: nothing was changed.
    NotBegun,
}

words!(Ending {
    Ending::Finished = "finished" / "Finished",
    Ending::CutOff = "cut_off" / "Cut off by the end of the window",
    Ending::Stopped = "stopped" / "Stopped",
    Ending::Failed = "failed" / "Failed",
    Ending::RolledBack = "rolled_back" / "Rolled back",
    Ending::NotBegun = "not_begun" / "Not begun",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_states_are_those_of_the_design() {
        let terminal: Vec<_> = WindowState::ALL.iter().filter(|state| state.is_terminal()).map(|state| state.word()).collect();
        assert_eq!(terminal, ["withdrawn", "rejected", "expired", "cancelled", "missed", "completed", "rolled_back", "failed"]);
    }

    #[test]
    fn the_database_knows_the_same_moves() {
        let files = [include_str!("../../../migrations/0004_windows.sql"), include_str!("../../../migrations/0090_lanes.sql")];
        let sql: String = files.map(|sql| sql.split("INSERT INTO drydock.transition").nth(1).expect("the table is filled there")).concat();
        let mut moves = 0;
        for from in WindowState::ALL {
            for to in WindowState::ALL {
                let row = format!("('window', '{}', '{}')", from.word(), to.word());
                assert_eq!(sql.contains(&row), from.moves().contains(to), "{row}");
                moves += usize::from(from.moves().contains(to));
            }
        }
        assert_eq!(sql.matches("('window', '").count(), moves);
    }
}
