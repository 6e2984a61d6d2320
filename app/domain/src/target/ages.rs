//! How far a database is on its way to wraparound of its transaction ids, when the server refuses to write.

/// Ids that can be told apart: 2³¹.
const WRAPS_AT: i64 = 1 << 31;
/// From here on it is an emergency: half of the way is gone (PG-15).
pub const URGENT_PER_MILLE: i32 = 500;

/// Ages of the oldest ids of a database, and the ages at which the server freezes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// Transactions since the oldest transaction id that is not frozen.
    pub xid: i64,
    /// Multixacts since the oldest one.
    pub mxid: i64,
    /// `autovacuum_freeze_max_age`.
    pub freeze_max: i64,
    /// `autovacuum_multixact_freeze_max_age`.
    pub multixact_freeze_max: i64,
}

impl Ages {
    /// The older of both, in thousandths of the way.
    #[must_use]
    pub fn per_mille(&self) -> i32 {
        let oldest = self.xid.max(self.mxid).clamp(0, WRAPS_AT);
        i32::try_from(oldest * 1000 / WRAPS_AT).unwrap_or(1000)
    }

    /// The server should have frozen it long ago: ages saw-tooth up to its settings, and one is half as much above (PG-15).
    #[must_use]
    pub fn is_behind(&self) -> bool {
        let behind = |age: i64, most: i64| most > 0 && age > most.saturating_add(most / 2);
        behind(self.xid, self.freeze_max) || behind(self.mxid, self.multixact_freeze_max)
    }
}

/// What people read of it; nothing while all is as it should be.
#[must_use]
pub fn said(per_mille: i32, behind: bool) -> Option<String> {
    let way = format!("Its transaction ids are {} % of the way to wraparound", per_mille / 10);
    if per_mille >= URGENT_PER_MILLE {
        Some(format!("{way}, where the server refuses to write: freeze it now."))
    } else {
        behind.then(|| format!("{way}, and the server's own freezing does not keep up: plan a weekly maintenance."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ages(xid: i64, mxid: i64) -> Ages {
        Ages { xid, mxid, freeze_max: 200_000_000, multixact_freeze_max: 400_000_000 }
    }

    #[test]
    fn the_older_of_both_counts() {
        assert_eq!(ages(214_748_365, 10).per_mille(), 100);
        assert_eq!(ages(10, WRAPS_AT).per_mille(), 1000);
        assert_eq!((ages(-5, 0).per_mille(), ages(i64::MAX, 0).per_mille()), (0, 1000));
    }

    #[test]
    fn what_saw_tooths_up_to_its_setting_is_not_behind() {
        assert!(!ages(300_000_000, 600_000_000).is_behind());
        assert!(ages(300_000_001, 0).is_behind() && ages(0, 600_000_001).is_behind());
    }

    #[test]
    fn it_is_said_when_somebody_has_to_do_something() {
        assert_eq!(said(90, false), None);
        assert!(said(150, true).is_some_and(|said| said.contains("15 %") && said.contains("does not keep up")));
        assert!(said(500, false).is_some_and(|said| said.contains("50 %") && said.contains("now")));
    }
}
