//! Only the state database's clock decides, so it is watched: a clock that went back, that jumped ahead of this process's monotonic
//! clock, or a database that was promoted or restored freezes all starts until an administrator acknowledges it.

use crate::error::Result;
use crate::store::clock_guard::{self, Seen};
use jiff::{SignedDuration, Timestamp};
use sqlx::PgPool;
use std::time::Duration;
use tokio::time::Instant;

/// Time may go back by this much: two servers of one cluster never differ, and slewing never goes back.
const BACK_AT_MOST: SignedDuration = SignedDuration::from_secs(1);
/// Time may run ahead of the monotonic clock by this much between two looks.
const AHEAD_AT_MOST: SignedDuration = SignedDuration::from_secs(2);
/// A look that took longer says nothing about the moment it is for.
const LOOK_AT_MOST: Duration = Duration::from_millis(500);

/// What this process saw last.
#[derive(Debug, Default)]
pub(super) struct ClockGuard {
    last: Option<(Instant, Timestamp)>,
}

impl ClockGuard {
    /// Compares the clock with the guard row and with this process's own passing of time; freezes starts when they disagree.
    pub(super) async fn look(&mut self, pool: &PgPool) -> Result<()> {
        let sent = Instant::now();
        let mut db = pool.acquire().await?;
        let (now, guard) = clock_guard::look(&mut db).await?;
        let received = Instant::now();
        let problem = guard.as_ref().and_then(|guard| against_guard(&now, guard)).or_else(|| self.against_own(sent, received, now.at));
        self.last = (received - sent < LOOK_AT_MOST).then_some((received, now.at));
        if let Some(problem) = &problem {
            tracing::error!(problem, "starts are frozen");
        }
        clock_guard::advance(&mut db, &now, problem.as_deref()).await?;
        Ok(())
    }

    fn against_own(&self, sent: Instant, received: Instant, at: Timestamp) -> Option<String> {
        let (then, was) = self.last?;
        if received - sent >= LOOK_AT_MOST {
            return None;
        }
        let passed = SignedDuration::try_from(received - then).ok()?;
        let ahead = at.duration_since(was) - passed;
        (ahead > AHEAD_AT_MOST).then(|| format!("the state database's clock jumped ahead by {} s, to {at}.", ahead.as_secs()))
    }
}

fn against_guard(now: &Seen, guard: &Seen) -> Option<String> {
    if now.system_identifier != guard.system_identifier {
        return Some(format!(
            "the state database is another cluster ({}) than before ({}).",
            now.system_identifier, guard.system_identifier
        ));
    }
    if now.timeline != guard.timeline {
        return Some(format!("the state database was promoted or restored: its timeline is {}, was {}.", now.timeline, guard.timeline));
    }
    let back = guard.at.duration_since(now.at);
    (back > BACK_AT_MOST).then(|| format!("the state database's clock went back by {} s, to {}.", back.as_secs(), now.at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(second: i64) -> Seen {
        Seen { at: Timestamp::from_second(second).expect("in range"), system_identifier: "7".into(), timeline: 1 }
    }

    #[test]
    fn small_steps_pass_and_jumps_do_not() {
        assert_eq!(against_guard(&seen(100), &seen(101)), None);
        assert!(against_guard(&seen(100), &seen(102)).is_some_and(|why| why.contains("went back by 2 s")));
        assert!(against_guard(&Seen { timeline: 2, ..seen(100) }, &seen(100)).is_some_and(|why| why.contains("timeline is 2")));
        assert!(
            against_guard(&Seen { system_identifier: "8".into(), ..seen(100) }, &seen(100))
                .is_some_and(|why| why.contains("another cluster"))
        );
    }

    #[test]
    fn a_clock_ahead_of_our_own_is_noticed() {
        let then = Instant::now();
        let guard = ClockGuard { last: Some((then, seen(100).at)) };
        let now = then + Duration::from_secs(10);
        assert_eq!(guard.against_own(now, now, seen(112).at), None);
        assert!(guard.against_own(now, now, seen(113).at).is_some_and(|why| why.contains("jumped ahead by 3 s")));
        assert_eq!(guard.against_own(now, now + LOOK_AT_MOST, seen(200).at), None, "a slow answer proves nothing");
    }
}
