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

/// Whether everything on a database went as planned, so that the databases of the next wave may follow: it finished, no item of it failed, left
/// something behind or is unknown, and no probe is red.
#[must_use]
pub fn is_clean(ending: Ending, outcomes: &[Option<Outcome>], red: bool) -> bool {
    let bad = |outcome: &Option<Outcome>| matches!(outcome, None | Some(Outcome::Failed | Outcome::NeedsCleanup | Outcome::Unknown));
    ending == Ending::Finished && !red && !outcomes.iter().any(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_wave_follows_only_what_went_as_planned() {
        let fine = [Some(Outcome::Done), Some(Outcome::Skipped), Some(Outcome::SkippedLock), Some(Outcome::NoEffect)];
        assert!(is_clean(Ending::Finished, &fine, false) && is_clean(Ending::Finished, &[], false));
        assert!(!is_clean(Ending::Finished, &fine, true), "a red probe");
        for ending in Ending::ALL.iter().filter(|ending| **ending != Ending::Finished) {
            assert!(!is_clean(*ending, &fine, false), "{ending:?}");
        }
        for outcome in [None, Some(Outcome::Failed), Some(Outcome::NeedsCleanup), Some(Outcome::Unknown)] {
            assert!(!is_clean(Ending::Finished, &[outcome], false), "{outcome:?}");
        }
    }

    #[test]
    fn an_item_without_time_cuts_the_run_off() {
        assert_eq!(ending(false, &[Some(Outcome::Done), Some(Outcome::Failed)]), Ending::Finished);
        assert_eq!(ending(false, &[Some(Outcome::Done), Some(Outcome::Deferred)]), Ending::CutOff);
        assert_eq!(ending(false, &[None]), Ending::CutOff);
        assert_eq!(ending(true, &[Some(Outcome::Deferred)]), Ending::Stopped);
        assert_eq!(ending(false, &[]), Ending::Finished);
    }
}
