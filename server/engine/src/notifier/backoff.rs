//! When a message that was not taken is tried again.

use std::time::Duration;

/// First pause; each later one doubles.
const FIRST: Duration = Duration::from_mins(1);
/// No pause is longer: a mail server that was away for a day is found again within hours, and gets everything that waited for it then.
const LONGEST: Duration = Duration::from_hours(4);
/// Tries before a message is parked. With the pauses between them they span at least 72 hours (RFC 5321 asks for four to five
/// days of a relay; ours is the sender, whose people look at the outbox page meanwhile).
const TRIES: i32 = 26;

/// The pause after try number `attempt` (from 1), or `None` when it was the last one.
///
/// `jitter` is any number; the pause grows by up to a quarter with it, so that a thousand messages do not come back in one second.
#[must_use]
pub fn pause(attempt: i32, jitter: u16) -> Option<Duration> {
    if attempt >= TRIES {
        return None;
    }
    let doublings = u32::try_from(attempt.max(1) - 1).unwrap_or(0).min(16);
    let base = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    Some(base + base.mul_f64(f64::from(jitter) / f64::from(u16::MAX) / 4.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_a_minute_to_four_hours() {
        let minutes: Vec<u64> = (1..=10).map(|attempt| pause(attempt, 0).expect("not the last").as_secs() / 60).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 64, 128, 240, 240]);
        assert_eq!(pause(1, u16::MAX).expect("not the last").as_secs(), 75);
    }

    #[test]
    fn trying_lasts_three_days_at_least_and_ends() {
        let span: Duration = (1..).map_while(|attempt| pause(attempt, 0)).sum();
        assert!(span >= Duration::from_hours(72), "{span:?}");
        let longest: Duration = (1..).map_while(|attempt| pause(attempt, u16::MAX)).sum();
        assert!(longest <= Duration::from_hours(5 * 24), "{longest:?}");
    }
}
