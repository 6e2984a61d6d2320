//! How far away the next thing that matters to a window is.

use crate::procedure::text::duration_ms;
use crate::window::WindowState;
use jiff::Timestamp;

/// The instants of a revision that a page counts down to. Order: start ≤ latest start ≤ cut-off ≤ end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moments {
    /// Nothing starts before.
    pub start: Timestamp,
    /// Not begun by then: missed.
    pub latest_start: Timestamp,
    /// Nothing new begins after.
    pub cut_off: Timestamp,
    /// Everything has ended by then.
    pub end: Timestamp,
    /// A proposal without quorum expires then.
    pub decide_by: Timestamp,
}

/// A count-down in words, with the instant it counts to; the instant is always shown beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Countdown {
    /// `Starts in`, `Ends in`, `Ended` …
    pub says: &'static str,
    /// `3 h 20 min`; empty where there is nothing to count.
    pub distance: String,
    /// What it counts to.
    pub at: Timestamp,
}

/// The distance between two instants in its two largest units, whichever comes first.
#[must_use]
pub fn distance(from: Timestamp, to: Timestamp) -> String {
    duration_ms(u64::try_from(to.duration_since(from).abs().as_secs()).unwrap_or(0).saturating_mul(1000))
}

/// What the header counts down to in this state; `None` once a window is over.
#[must_use]
pub fn countdown(state: WindowState, moments: &Moments, now: Timestamp) -> Option<Countdown> {
    let until = |says, passed, at: Timestamp| {
        let says = if now < at { says } else { passed };
        Some(Countdown { says, distance: distance(now, at), at })
    };
    match state {
        WindowState::Draft => until("Would start in", "Its start has passed since", moments.start),
        WindowState::Proposed if now < moments.decide_by => until("To be decided in", "", moments.decide_by),
        WindowState::Proposed => until("Decision overdue; starts in", "Decision overdue since", moments.start),
        WindowState::Approved if now < moments.start => until("Starts in", "", moments.start),
        WindowState::Approved => until("Due now; missed in", "Latest start passed since", moments.latest_start),
        WindowState::Running if now < moments.cut_off => until("Nothing new begins in", "", moments.cut_off),
        WindowState::Running | WindowState::Hold | WindowState::RollingBack => until("Ends in", "Past its end since", moments.end),
        WindowState::Validating => until("Window ends in", "Window ended since", moments.end),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(min: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + min * 60).expect("in range")
    }

    fn moments() -> Moments {
        Moments { start: at(60), latest_start: at(90), cut_off: at(110), end: at(120), decide_by: at(30) }
    }

    #[test]
    fn each_state_counts_to_what_matters_next() {
        let say = |state, now| countdown(state, &moments(), at(now)).map(|c| format!("{} {}", c.says, c.distance));
        assert_eq!(say(WindowState::Proposed, 0).as_deref(), Some("To be decided in 30 min"));
        assert_eq!(say(WindowState::Proposed, 40).as_deref(), Some("Decision overdue; starts in 20 min"));
        assert_eq!(say(WindowState::Approved, 0).as_deref(), Some("Starts in 1 h"));
        assert_eq!(say(WindowState::Approved, 70).as_deref(), Some("Due now; missed in 20 min"));
        assert_eq!(say(WindowState::Running, 100).as_deref(), Some("Nothing new begins in 10 min"));
        assert_eq!(say(WindowState::Running, 115).as_deref(), Some("Ends in 5 min"));
        assert_eq!(say(WindowState::Hold, 135).as_deref(), Some("Past its end since 15 min"));
        assert_eq!(say(WindowState::Completed, 0), None);
    }
}
