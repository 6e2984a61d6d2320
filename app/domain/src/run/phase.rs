//! What a run is busy with, and how it ends.

use super::Outcome;
use crate::people::words;
use crate::window::Ending;
use serde::{Deserialize, Serialize};

/// What a run is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Looks whether it may begin; nothing was changed, and the window is still approved.
    PreChecks,
    /// Measures what will be compared afterwards.
    Baseline,
    /// Selects the work and seals the list.
    Selecting,
    /// Works through the list.
    Working,
    /// Measures again.
    Probing,
    /// Over.
    Over,
}

words!(Phase {
    Phase::PreChecks = "pre_checks" / "Pre-checks",
    Phase::Baseline = "baseline" / "Measuring the baseline",
    Phase::Selecting = "selecting" / "Selecting the work",
    Phase::Working = "working" / "Working",
    Phase::Probing = "probing" / "Measuring again",
    Phase::Over = "over" / "Over",
});

/// How a run ends whose items have these outcomes.
#[must_use]
pub fn ending(stopped: bool, outcomes: &[Option<Outcome>]) -> Ending {
    if stopped {
        Ending::Stopped
    } else if outcomes.iter().any(|outcome| matches!(outcome, None | Some(Outcome::Deferred))) {
        Ending::CutOff
    } else {
        Ending::Finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_without_time_cuts_the_run_off() {
        assert_eq!(ending(false, &[Some(Outcome::Done), Some(Outcome::Failed)]), Ending::Finished);
        assert_eq!(ending(false, &[Some(Outcome::Done), Some(Outcome::Deferred)]), Ending::CutOff);
        assert_eq!(ending(false, &[None]), Ending::CutOff);
        assert_eq!(ending(true, &[Some(Outcome::Deferred)]), Ending::Stopped);
        assert_eq!(ending(false, &[]), Ending::Finished);
    }
}
