//! A run: what an attempt can end in, when an item may begin, when it may be tried again, and what proves its effect.

pub mod load;
pub mod parallel;
pub mod phase;
pub mod replica;
pub mod retry;
pub mod timing;
pub mod verify;

pub use phase::{Phase, ending};
pub use replica::ReplicaLag;
pub use retry::{LockFailure, Retry, retry};
pub use timing::{Fit, fits, how_many_fit, reserve_ms};
pub use verify::{
    AnalyzeState, Finding, FreezeState, IndexState, UpkeepState, VacuumState, Verdict, verify_analyze, verify_cleanup, verify_freeze,
    verify_reindex, verify_vacuum,
};

pub use crate::procedure::{WorkItem, WorkList};

use crate::people::words;
use serde::{Deserialize, Serialize};

/// How an item ended. One enum for the runner, the pages, the mails and the facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ran and its effect was verified.
    Done,
    /// No longer needed when its turn came: below the threshold.
    Skipped,
    /// Somebody else held the lock; the blocker is recorded.
    SkippedLock,
    /// Not begun: it would not have ended in time.
    Deferred,
    /// The server said yes and nothing changed. Not success.
    NoEffect,
    /// The server said no.
    Failed,
    /// Stopped by a person or a timer, and nothing is left behind.
    Cancelled,
    /// Stopped or failed, and something is left behind that is listed.
    NeedsCleanup,
    /// Whether it ran is not known; a person must look.
    Unknown,
}

words!(Outcome {
    Outcome::Done = "done" / "done",
    Outcome::Skipped = "skipped" / "skipped: no longer needed",
    Outcome::SkippedLock = "skipped_lock" / "skipped: locked by somebody else",
    Outcome::Deferred = "deferred" / "deferred: no time left",
    Outcome::NoEffect = "no_effect" / "no effect",
    Outcome::Failed = "failed" / "failed",
    Outcome::Cancelled = "cancelled" / "cancelled",
    Outcome::NeedsCleanup = "needs_cleanup" / "needs cleaning up",
    Outcome::Unknown = "unknown" / "unknown: a person must look",
});

impl Outcome {
    /// Whether the item has what it was meant to reach.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Done | Self::Skipped)
    }
    /// Whether the item is still to be done, now or in the next window.
    pub const fn is_left(self) -> bool {
        !self.is_success()
    }
    /// Whether the run must wait for a person before it goes on.
    pub const fn holds(self) -> bool {
        matches!(self, Self::Unknown)
    }
}

/// Where an attempt stands. At most one of an item's attempts is open (all but `Done`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// The gate was passed and this was written down; nothing was sent yet.
    Intent,
    /// The session that executes is on record; from here on the statement may have run.
    Started,
    /// Its owner is gone and the target did not tell yet.
    Unknown,
    /// It is over and has an outcome, of whatever kind.
    Done,
}

words!(AttemptState {
    AttemptState::Intent = "intent" / "decided, not sent",
    AttemptState::Started = "started" / "running",
    AttemptState::Unknown = "unknown" / "not known",
    AttemptState::Done = "done" / "over",
});

impl AttemptState {
    /// Whether it may have touched the target.
    pub const fn may_have_run(self) -> bool {
        matches!(self, Self::Started | Self::Unknown)
    }
    /// Whether this may follow that.
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Intent, Self::Started | Self::Done) | (Self::Started, Self::Unknown | Self::Done) | (Self::Unknown, Self::Done)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_and_match_the_serialised_form() {
        for &outcome in Outcome::ALL {
            assert_eq!(Outcome::from_word(outcome.word()), Some(outcome));
            assert_eq!(serde_json::to_value(outcome).expect("a word"), outcome.word());
        }
        for word in ["intent", "started", "unknown", "done"] {
            assert_eq!(AttemptState::from_word(word).map(AttemptState::word), Some(word));
        }
        assert_eq!(Outcome::from_word("fine"), None);
    }

    #[test]
    fn no_effect_is_not_success() {
        assert!(!Outcome::NoEffect.is_success());
        assert_eq!(Outcome::ALL.iter().filter(|outcome| outcome.is_success()).count(), 2);
    }

    #[test]
    fn attempts_only_move_forward() {
        use AttemptState::{Done, Intent, Started, Unknown};
        assert!(Intent.may_become(Started) && Started.may_become(Unknown) && Unknown.may_become(Done));
        assert!(!Done.may_become(Started) && !Started.may_become(Intent) && !Intent.may_become(Unknown));
        assert!(!Intent.may_have_run());
    }
}
