//! Standbys: new items wait while one is far behind (PROCEDURES S16). Running work is not cancelled for it.

use crate::procedure::Parameters;
use crate::procedure::text::{duration_ms, size};
use serde::{Deserialize, Serialize};

/// A standby, as the primary sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaLag {
    /// What it calls itself.
    pub name: String,
    /// How far its replay is behind in time.
    pub lag_s: u64,
    /// How much it has still to receive or replay.
    pub lag_bytes: u64,
}

/// Why no new item begins now; `None` when every standby keeps up.
pub fn pause(standbys: &[ReplicaLag], parameters: &Parameters) -> Option<String> {
    let most_bytes = parameters.replica_max_lag_mib.saturating_mul(1024 * 1024);
    let late = standbys.iter().filter(|standby| standby.lag_s > parameters.replica_max_lag_s || standby.lag_bytes > most_bytes);
    let worst = late.max_by_key(|standby| (standby.lag_s, standby.lag_bytes))?;
    let time = duration_ms(worst.lag_s.saturating_mul(1000));
    Some(format!(
        "The standby \"{}\" is {time} and {} behind; nothing new begins until it has caught up.",
        worst.name,
        size(worst.lag_bytes)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_late_standby_pauses() {
        let standby = |lag_s, lag_bytes| ReplicaLag { name: "b".to_owned(), lag_s, lag_bytes };
        let parameters = Parameters::default();
        assert_eq!(pause(&[], &parameters), None);
        assert_eq!(pause(&[standby(30, 1 << 30)], &parameters), None);
        assert!(pause(&[standby(0, 0), standby(31, 0)], &parameters).expect("late").contains("31 s"));
        assert!(pause(&[standby(0, (1 << 30) + 1)], &parameters).expect("late").contains("1 GB"));
    }
}
