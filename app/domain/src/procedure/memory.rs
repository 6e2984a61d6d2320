//! What was measured earlier, and what a look measures now: the memory by which a procedure tells growth from size.

use std::collections::BTreeMap;
use std::fmt::Display;

/// The kind of a table's size: `total_bytes`.
pub const TABLE_SIZE: &str = "table_size";
/// The kind of an index's size per row: `index_bytes`, `live_rows`, `file_node`, and `rebuilt` (0 or 1).
pub const INDEX_SIZE: &str = "index_size";
/// The kind of an index's size right after our own rebuild: `index_bytes`, `live_rows`.
pub const INDEX_REBUILT: &str = "index_rebuilt";
/// The kind of what the server counted of a statement: `calls`, `total_us`, `blocks`, `min_ns`, `max_ns`, `since_s` (when the count began),
/// `major`.
pub const QUERY: &str = "query";
/// The kind of what it counted of all statements: `total_us`, `since_s`, `least_us` (what one that is not listed took at most), `hidden`,
/// `major`, and `forgotten` where it tells how often it forgot some.
pub const QUERY_LOG: &str = "query_log";
/// The kind of how a critical query would be answered: `shape` and `text` (marks: equal or not), `whole_tables`, `index_reads`.
pub const PLAN: &str = "plan";
/// The kind of how often a table was read from end to end: `scans`, `rows`, `oid`, `since_s`.
pub const TABLE_SCANS: &str = "table_scans";

/// One look keeps no more measurements of a kind than this.
pub const MOST_KEPT: usize = 2_000;

/// Figures of one object at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurement {
    /// What was measured.
    pub kind: String,
    /// Of what, as people write its name.
    pub object: String,
    /// Seconds since; 0 for one that is being made.
    pub age_s: u64,
    /// Whole numbers by name.
    pub figures: BTreeMap<String, i64>,
}

impl Measurement {
    /// One that is being made.
    pub fn now<'a>(kind: &str, object: &impl Display, figures: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let figures = figures.into_iter().map(|(name, n)| (name.to_owned(), i64::try_from(n).unwrap_or(i64::MAX))).collect();
        Self { kind: kind.to_owned(), object: object.to_string(), age_s: 0, figures }
    }

    /// A figure; `None` where it was not measured.
    pub fn figure(&self, name: &str) -> Option<u64> {
        self.figures.get(name).and_then(|n| u64::try_from(*n).ok())
    }
}

/// What is known from earlier looks, by kind and object; the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory(BTreeMap<(String, String), Vec<Measurement>>);

impl Memory {
    /// Takes them in; their order does not matter.
    pub fn of(measurements: impl IntoIterator<Item = Measurement>) -> Self {
        let mut memory = Self::default();
        for one in measurements {
            memory.0.entry((one.kind.clone(), one.object.clone())).or_default().push(one);
        }
        for series in memory.0.values_mut() {
            series.sort_by_key(|one| std::cmp::Reverse(one.age_s));
        }
        memory
    }

    /// Every look at an object, the oldest first.
    pub fn of_object(&self, kind: &str, object: &impl Display) -> &[Measurement] {
        self.0.get(&(kind.to_owned(), object.to_string())).map_or(&[], Vec::as_slice)
    }

    /// The newest look at an object.
    pub fn newest(&self, kind: &str, object: &impl Display) -> Option<&Measurement> {
        self.of_object(kind, object).last()
    }
}

/// How something grew between two looks that are at least a day apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// Bytes more in a week, by the whole time between the looks; 0 where it shrank.
    pub bytes_per_week: u64,
    /// Days until it is twice as large; `None` where it does not grow.
    pub doubles_in_days: Option<u64>,
    /// Days between the looks.
    pub days: u64,
}

/// A day in seconds.
pub const DAY_S: u64 = 86_400;

/// The growth of `figure` since the oldest look; `None` while there is no look that is a day old.
pub fn growth(earlier: &[Measurement], figure: &str, now_bytes: u64) -> Option<Growth> {
    let oldest = earlier.iter().find(|one| one.age_s >= DAY_S && one.figure(figure).is_some())?;
    let (before, age_s) = (oldest.figure(figure)?, oldest.age_s);
    let more = u128::from(now_bytes.saturating_sub(before));
    let per_week = more * 7 * u128::from(DAY_S) / u128::from(age_s);
    let doubles = (u128::from(now_bytes) * u128::from(age_s)).checked_div(more).map(|s| s / u128::from(DAY_S));
    let whole = |n: u128| u64::try_from(n).unwrap_or(u64::MAX);
    Some(Growth { bytes_per_week: whole(per_week), doubles_in_days: doubles.map(whole), days: age_s / DAY_S })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procedure::ObjectName;
    use proptest::prelude::*;

    fn look(days: u64, bytes: u64) -> Measurement {
        let name = ObjectName::new("shop", "orders").expect("no NUL");
        Measurement { age_s: days * DAY_S, ..Measurement::now(TABLE_SIZE, &name, [("total_bytes", bytes)]) }
    }

    #[test]
    fn growth_needs_two_looks_and_is_told_by_the_week() {
        let of = |looks: &[Measurement], now| growth(looks, "total_bytes", now);
        assert_eq!(of(&[], 100), None);
        assert_eq!(of(&[look(0, 100)], 200), None, "twice on one day is one look");
        let grown = of(&[look(14, 1_000), look(7, 1_500)], 2_000).expect("two looks");
        assert_eq!(grown, Growth { bytes_per_week: 500, doubles_in_days: Some(28), days: 14 });
        assert_eq!(of(&[look(7, 2_000)], 1_000), Some(Growth { bytes_per_week: 0, doubles_in_days: None, days: 7 }), "it shrank");
    }

    #[test]
    fn an_object_is_found_by_its_whole_name() {
        let memory = Memory::of([look(3, 30), look(9, 90), look(1, 10)]);
        let ages: Vec<_> =
            memory.of_object(TABLE_SIZE, &ObjectName::new("shop", "orders").expect("no NUL")).iter().map(|one| one.age_s / DAY_S).collect();
        assert_eq!(ages, [9, 3, 1]);
        assert_eq!(memory.newest(TABLE_SIZE, &ObjectName::new("shop.orders", "x").expect("no NUL")), None);
    }

    proptest! {
        #[test]
        fn growth_never_overflows(days in 0_u64..40_000, before in any::<u64>(), now in any::<u64>()) {
            let before = before >> 1;
            if let Some(grown) = growth(&[look(days, before)], "total_bytes", now) {
                prop_assert_eq!(grown.doubles_in_days.is_none(), now <= before);
            }
        }
    }
}
