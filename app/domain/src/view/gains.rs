//! What a run changed, in figures: size, dead rows, age of statistics of each object before and after, and the space won in all.

use crate::procedure::text::{count, duration_ms, size};
use crate::view::runs::ItemRow;
use serde_json::Value;

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measured {
    /// Size of an index, or of a table with its TOAST, in bytes.
    SizeBytes,
    /// Dead rows, by the server's count.
    DeadRows,
    /// Rows changed since statistics were taken.
    ChangedRows,
    /// Age of the oldest transaction id, in transactions.
    AgeXids,
    /// Age of the statistics, in seconds.
    StatisticsAgeS,
}

impl Measured {
    const ALL: [Self; 5] = [Self::SizeBytes, Self::DeadRows, Self::ChangedRows, Self::AgeXids, Self::StatisticsAgeS];

    /// Its name in what a worker records.
    const fn key(self) -> &'static str {
        match self {
            Self::SizeBytes => "bytes",
            Self::DeadRows => "dead_rows",
            Self::ChangedRows => "changed_rows",
            Self::AgeXids => "xid_age",
            Self::StatisticsAgeS => "analyzed_s",
        }
    }
    /// As people read it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::SizeBytes => "Size",
            Self::DeadRows => "Dead rows",
            Self::ChangedRows => "Rows changed since statistics",
            Self::AgeXids => "Oldest transaction id",
            Self::StatisticsAgeS => "Age of statistics",
        }
    }
    /// A figure with its unit; an age that is not known is that of something that never was.
    #[must_use]
    pub fn say(self, figure: Option<u64>) -> String {
        match (self, figure) {
            (Self::SizeBytes, Some(bytes)) => size(bytes),
            (Self::DeadRows | Self::ChangedRows, Some(rows)) => count(rows),
            (Self::AgeXids, Some(age)) => format!("{} transactions old", count(age)),
            (Self::StatisticsAgeS, Some(0)) => "just taken".to_owned(),
            (Self::StatisticsAgeS, Some(s)) => duration_ms(s.saturating_mul(1000)),
            (Self::StatisticsAgeS, None) => "never taken".to_owned(),
            (_, None) => "not measured".to_owned(),
        }
    }
}

/// One measure of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gain {
    /// Of what.
    pub measured: Measured,
    /// Right before the work.
    pub before: Option<u64>,
    /// Right after.
    pub after: Option<u64>,
}

/// Everything that a run's items measured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gains {
    /// Object and measure, in the order of work; only what differs.
    pub rows: Vec<(String, Gain)>,
    /// Bytes that are free again; negative where objects grew meanwhile. `None` when no size was measured.
    pub won_bytes: Option<i64>,
    /// Bytes of all objects whose size was measured, before.
    pub before_bytes: u64,
    /// Dead rows removed. `None` when none were counted.
    pub removed_rows: Option<u64>,
    /// Objects with fresh statistics.
    pub analyzed: usize,
}

/// What a worker recorded about an object before and after, as far as both can be compared.
#[must_use]
pub fn gains_of(before: Option<&Value>, after: Option<&Value>) -> Vec<Gain> {
    let (Some(before), Some(after)) = (state(before), state(after)) else { return Vec::new() };
    let one = |measured: Measured| {
        let key = measured.key();
        let (had, has) = (before.get(key), after.get(key)?);
        let gain = Gain { measured, before: had.and_then(Value::as_u64), after: has.as_u64() };
        (gain.after.is_some() && (gain.before.is_some() || had.is_some())).then_some(gain)
    };
    Measured::ALL.into_iter().filter_map(one).collect()
}

/// Evidence of one kind holds its figures in `state`.
fn state(evidence: Option<&Value>) -> Option<&Value> {
    evidence?.get("state").filter(|state| state.is_object())
}

/// Adds up what the items of a run gained.
#[must_use]
pub fn gains(items: &[ItemRow]) -> Gains {
    let mut all = Gains::default();
    for item in items {
        for gain in &item.gains {
            match (gain.measured, gain.before, gain.after) {
                (Measured::SizeBytes, Some(before), Some(after)) => {
                    let won = i64::try_from(before).unwrap_or(i64::MAX).saturating_sub(i64::try_from(after).unwrap_or(i64::MAX));
                    all.won_bytes = Some(all.won_bytes.unwrap_or(0).saturating_add(won));
                    all.before_bytes = all.before_bytes.saturating_add(before);
                }
                (Measured::DeadRows, Some(before), Some(after)) => {
                    all.removed_rows = Some(all.removed_rows.unwrap_or(0).saturating_add(before.saturating_sub(after)));
                }
                (Measured::StatisticsAgeS, before, Some(after)) if before.is_none_or(|before| after < before) => all.analyzed += 1,
                _ => {}
            }
            if gain.before != gain.after {
                all.rows.push((item.work.object.name.to_string(), gain.clone()));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(before: &Value, after: &Value) -> Vec<(&'static str, String, String)> {
        let gains = gains_of(Some(before), Some(after));
        gains.into_iter().map(|gain| (gain.measured.label(), gain.measured.say(gain.before), gain.measured.say(gain.after))).collect()
    }

    #[test]
    fn what_a_worker_recorded_is_read_by_kind() {
        let index = |bytes: u64| json!({"kind": "index", "state": {"oid": 7, "bytes": bytes}, "invalid": []});
        assert_eq!(found(&index(17_293_312), &index(3_145_728)), [("Size", "16 MB".into(), "3 MB".into())]);
        let table = |rows: u64, bytes: u64| json!({"kind": "vacuum", "state": {"dead_rows": rows, "vacuum_count": 1, "bytes": bytes}});
        assert_eq!(
            found(&table(9_000, 8192), &table(0, 8192)),
            [("Size", "8 kB".into(), "8 kB".into()), ("Dead rows", "9,000".into(), "0".into())]
        );
        let statistics = |age: Option<u64>| json!({"kind": "analyze", "state": {"changed_rows": 5, "analyzed_s": age}});
        assert_eq!(found(&statistics(None), &statistics(Some(0)))[1], ("Age of statistics", "never taken".into(), "just taken".into()));
    }

    #[test]
    fn what_was_not_recorded_is_not_made_up() {
        let old = json!({"kind": "vacuum", "state": {"dead_rows": 3, "vacuum_count": 1}});
        let new = json!({"kind": "vacuum", "state": {"dead_rows": 1, "vacuum_count": 2, "bytes": 8192}});
        assert_eq!(gains_of(Some(&old), Some(&new)).len(), 1, "its size before is not known");
        assert!(gains_of(Some(&json!({"kind": "debris", "present": true})), Some(&json!({"kind": "debris", "present": false}))).is_empty());
        assert!(gains_of(None, Some(&new)).is_empty() && gains_of(Some(&json!({"state": null})), Some(&new)).is_empty());
    }
}
