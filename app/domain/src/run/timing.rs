//! When an item may begin: never after the cut-off, and only if it would end in time (PROCEDURES S11).

use crate::procedure::{Estimate, text::duration_ms};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Whether an item may begin now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fit")]
pub enum Fit {
    /// It may begin.
    Fits {
        /// What its statement may take at most: up to the end less the reserve.
        budget_ms: u64,
    },
    /// The cut-off has passed: nothing new begins.
    PastCutOff,
    /// It would not end in time.
    TooLong {
        /// 1.5 times the estimate plus the reserve.
        needed_ms: u64,
        /// What is left until the end.
        left_ms: u64,
    },
}

impl Fit {
    /// The sentence for an item that may not begin; `None` for one that may.
    pub fn refusal(self) -> Option<String> {
        match self {
            Self::Fits { .. } => None,
            Self::PastCutOff => Some("The cut-off has passed: nothing new begins.".to_owned()),
            Self::TooLong { needed_ms, left_ms } => {
                Some(format!("It may need {} with its reserve, and only {} are left.", duration_ms(needed_ms), duration_ms(left_ms)))
            }
        }
    }
}

/// What is kept free before the end: 5 % of the window, at least 60 s.
pub fn reserve_ms(start: Timestamp, end: Timestamp) -> u64 {
    (millis_between(start, end) / 20).max(60_000)
}

/// Whether an item with this estimate may begin at `now`: before `cut_off`, and `now + 1.5 × estimate + reserve ≤ end`.
/// The slow end of the estimate counts.
pub fn fits(now: Timestamp, estimate: Estimate, reserve_ms: u64, end: Timestamp, cut_off: Timestamp) -> Fit {
    if now >= cut_off {
        return Fit::PastCutOff;
    }
    let left_ms = millis_between(now, end);
    let needed_ms = estimate.high_ms.saturating_add(estimate.high_ms.div_ceil(2)).saturating_add(reserve_ms);
    if needed_ms <= left_ms { Fit::Fits { budget_ms: left_ms - reserve_ms } } else { Fit::TooLong { needed_ms, left_ms } }
}

/// How many items with these estimates, in their order, may begin at `now` one after the other: together they keep the rule of [`fits`].
pub fn how_many_fit(
    now: Timestamp,
    estimates: impl Iterator<Item = Estimate>,
    reserve_ms: u64,
    end: Timestamp,
    cut_off: Timestamp,
) -> usize {
    let mut high_ms = 0_u64;
    let fit = |one: &Estimate| {
        high_ms = high_ms.saturating_add(one.high_ms);
        matches!(fits(now, Estimate { high_ms, ..*one }, reserve_ms, end, cut_off), Fit::Fits { .. })
    };
    estimates.take_while(fit).count()
}

/// Whole milliseconds from `from` to `to`; 0 when `to` is not later.
fn millis_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procedure::Basis;
    use proptest::prelude::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_second(s).expect("in range")
    }

    fn estimate(high_ms: u64) -> Estimate {
        Estimate { low_ms: high_ms / 2, high_ms, basis: Basis::Guess }
    }

    #[test]
    fn reserve_is_a_twentieth_but_a_minute_at_least() {
        assert_eq!(reserve_ms(at(0), at(600)), 60_000);
        assert_eq!(reserve_ms(at(0), at(7200)), 360_000);
        assert_eq!(reserve_ms(at(10), at(0)), 60_000);
    }

    #[test]
    fn the_boundary_fits_and_a_millisecond_more_does_not() {
        // 100 s left, 60 s reserve: 40 s for one and a half times the estimate.
        assert_eq!(fits(at(0), estimate(26_666), 60_000, at(100), at(90)), Fit::Fits { budget_ms: 40_000 });
        assert!(matches!(fits(at(0), estimate(26_668), 60_000, at(100), at(90)), Fit::TooLong { left_ms: 100_000, .. }));
        assert_eq!(fits(at(90), estimate(0), 0, at(100), at(90)), Fit::PastCutOff);
        // The same for several: three of 8 s take 36 s with what is added, four would take 48 s.
        let many = |now, each_ms| how_many_fit(at(now), std::iter::repeat_n(estimate(each_ms), 9), 60_000, at(100), at(90));
        assert_eq!([many(0, 8_000), many(0, 1), many(0, 30_000), many(90, 0)], [3, 9, 0, 0]);
        assert!(fits(at(0), estimate(600_000), 60_000, at(100), at(90)).refusal().expect("a sentence").contains("16 min"));
    }

    proptest! {
        #[test]
        fn what_begins_can_end(now in 0_i64..10_000, high_ms in any::<u64>(), reserve in 0_u64..1_000_000, end in 0_i64..10_000, cut_off in 0_i64..10_000) {
            if let Fit::Fits { budget_ms } = fits(at(now), estimate(high_ms), reserve, at(end), at(cut_off)) {
                prop_assert!(now < cut_off && now <= end);
                prop_assert!(high_ms + high_ms / 2 <= budget_ms);
                prop_assert!(now * 1000 + i64::try_from(budget_ms + reserve).expect("small") <= end * 1000);
            }
        }
    }
}
