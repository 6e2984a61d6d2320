//! When a refused lock is asked for again (PROCEDURES S6). A cancelled or timed-out statement never is.

/// The server's code for what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockFailure<'a> {
    /// A five-character SQLSTATE.
    Postgresql(&'a str),
    /// An error number.
    Mariadb(u16),
}

impl LockFailure<'_> {
    /// Whether asking again may help: lock timeout, NOWAIT or deadlock, and nothing else.
    pub fn is_about_locks(self) -> bool {
        match self {
            Self::Postgresql(state) => matches!(state, "55P03" | "40P01"),
            Self::Mariadb(number) => matches!(number, 1205 | 1213),
        }
    }
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Look for debris, wait, and try again.
    After {
        /// How long.
        wait_ms: u64,
    },
    /// Not a lock failure: trying again would not help, or would do it twice.
    Never,
    /// Tried often or long enough: the outcome is `skipped_lock`.
    GiveUp,
}

/// At most this many tries of one item.
pub const MOST_TRIES: u32 = 8;

/// Decides after the `tries`-th failure (from 1). `waited_ms` is what earlier waits took, `budget_ms` the item's time;
/// all waits together take at most a quarter of it. `jitter_permille` lies in −200…200 and comes from the caller.
pub fn retry(failure: LockFailure<'_>, tries: u32, waited_ms: u64, budget_ms: u64, jitter_permille: i32) -> Retry {
    if !failure.is_about_locks() {
        return Retry::Never;
    }
    if tries >= MOST_TRIES {
        return Retry::GiveUp;
    }
    let base_ms = 2_000_u64.saturating_mul(1 << tries.saturating_sub(1).min(5)).min(60_000);
    let factor = u64::try_from(1000 + jitter_permille.clamp(-200, 200)).unwrap_or(1000);
    let wait_ms = base_ms * factor / 1000;
    if waited_ms.saturating_add(wait_ms) > budget_ms / 4 { Retry::GiveUp } else { Retry::After { wait_ms } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_lock_failures_are_tried_again() {
        for (failure, expected) in [
            (LockFailure::Postgresql("55P03"), true),
            (LockFailure::Postgresql("40P01"), true),
            // Cancelled, by a person or by the deadline.
            (LockFailure::Postgresql("57014"), false),
            (LockFailure::Postgresql("23505"), false),
            (LockFailure::Mariadb(1205), true),
            (LockFailure::Mariadb(1317), false),
        ] {
            assert_eq!(retry(failure, 1, 0, 1_000_000, 0) != Retry::Never, expected, "{failure:?}");
        }
    }

    #[test]
    fn waits_double_to_a_minute() {
        let locked = LockFailure::Postgresql("55P03");
        let waits: Vec<_> = (1..=8).map(|tries| retry(locked, tries, 0, u64::MAX, 0)).collect();
        let after = |s: u64| Retry::After { wait_ms: s * 1000 };
        assert_eq!(waits, [after(2), after(4), after(8), after(16), after(32), after(60), after(60), Retry::GiveUp]);
        assert_eq!(retry(locked, 1, 0, u64::MAX, 200), Retry::After { wait_ms: 2_400 });
        assert_eq!(retry(locked, 1, 0, u64::MAX, -9_999), Retry::After { wait_ms: 1_600 });
    }

    proptest! {
        #[test]
        fn waiting_takes_at_most_a_quarter(budget_ms in 0_u64..10_000_000, jitter in -500_i32..500) {
            let mut waited = 0;
            let mut tries = 0;
            loop {
                tries += 1;
                match retry(LockFailure::Mariadb(1213), tries, waited, budget_ms, jitter) {
                    Retry::After { wait_ms } => waited += wait_ms,
                    _ => break,
                }
            }
            prop_assert!(waited <= budget_ms / 4 && tries <= MOST_TRIES);
        }
    }
}
