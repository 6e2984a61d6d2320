//! When a freeze is: its edges by a wall clock, and how long it may last.

use super::MOST_DAYS;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};

/// Which edge of a freeze a wall time is: where the clocks change, a freeze rather reaches too far than not far enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// The earlier of two instants; without a time of day the day's first one.
    First,
    /// The later of two; without a time of day the day's end.
    Last,
}

impl Edge {
    /// The instant that a clock of this zone shows so; `None` where it is too far away.
    pub(super) fn instant(self, local: civil::DateTime, zone: &TimeZone) -> Option<Timestamp> {
        let ambiguous = zone.to_ambiguous_timestamp(local);
        match self {
            Self::First => ambiguous.earlier(),
            Self::Last => ambiguous.later(),
        }
        .ok()
    }
}

/// Why two edges make no freeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Both are the same instant.
    Empty,
    /// The end lies before the start.
    Backwards,
    /// It would last longer than [`MOST_DAYS`].
    Long,
}

/// Whether a freeze may be from `start` to `end`.
pub(super) fn fit(start: Timestamp, end: Timestamp) -> Result<(), Unfit> {
    match end.duration_since(start) {
        SignedDuration::ZERO => Err(Unfit::Empty),
        length if length.is_negative() => Err(Unfit::Backwards),
        length if length > SignedDuration::from_hours(24 * MOST_DAYS) => Err(Unfit::Long),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freeze_has_a_length_and_a_longest_one() {
        let start: Timestamp = "2026-12-20T00:00:00Z".parse().expect("an instant");
        let longest = start + SignedDuration::from_hours(24 * MOST_DAYS);
        let second = SignedDuration::from_secs(1);
        assert_eq!(fit(start, start), Err(Unfit::Empty));
        assert_eq!(fit(start, start - second), Err(Unfit::Backwards));
        assert_eq!((fit(start, start + second), fit(start, longest)), (Ok(()), Ok(())));
        assert_eq!(fit(start, longest + second), Err(Unfit::Long));
    }
}
