//! How busy a database usually is, by hour of the week: what makes one free time better than another.

use super::hours::{DAY_NAMES, hour_of_week};
use super::slots::Slot;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How far back is looked: five of each day of the week.
pub const DAYS_BACK: i32 = 35;
/// Known hours of the week below which nothing is called usual.
const LEAST_HOURS: usize = 24;
/// A longer time between two readings says nothing about an hour.
const LONGEST_S: i64 = 3600;

/// A reading of a database's own count of transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// When.
    pub at: Timestamp,
    /// Transactions since the count began.
    pub transactions: i64,
    /// When the count began, as the server says it; another one after a reset.
    pub since: String,
}

/// Transactions between two readings, and the seconds in which they were; `None` where they do not belong together.
#[must_use]
pub fn between(before: &Reading, now: &Reading) -> Option<(i64, i64)> {
    let seconds = now.at.duration_since(before.at).as_secs();
    let transactions = now.transactions.saturating_sub(before.transactions);
    (before.since == now.since && transactions >= 0 && (1..=LONGEST_S).contains(&seconds)).then_some((transactions, seconds))
}

/// What was measured in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hour {
    /// An instant in it.
    pub at: Timestamp,
    /// Transactions.
    pub transactions: i64,
    /// Seconds in which they were, 1 to 3,600.
    pub seconds: i64,
}

/// A usual week of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Week(BTreeMap<(usize, usize), (i64, i64)>);

impl Week {
    /// Sums up hours by their place in the week of `zone`.
    #[must_use]
    pub fn of(hours: impl IntoIterator<Item = Hour>, zone: &TimeZone) -> Self {
        let mut found: BTreeMap<(usize, usize), (i64, i64)> = BTreeMap::new();
        for hour in hours {
            let sum = found.entry(hour_of_week(hour.at, zone)).or_default();
            *sum = (sum.0.saturating_add(hour.transactions), sum.1.saturating_add(hour.seconds));
        }
        Self(found)
    }

    /// Transactions a minute in an hour of the week; `None` where nothing is known.
    fn per_min(&self, at: (usize, usize)) -> Option<i64> {
        self.0.get(&at).filter(|(_, seconds)| *seconds > 0).map(|(transactions, seconds)| transactions.saturating_mul(60) / seconds)
    }

    /// Transactions a minute in the busiest hour that a time touches; `None` where one of its hours is not known.
    #[must_use]
    pub fn during(&self, start: Timestamp, end: Timestamp, zone: &TimeZone) -> Option<i64> {
        let (mut at, mut busiest) = (start, None);
        while at < end {
            busiest = busiest.max(Some(self.per_min(hour_of_week(at, zone))?));
            at += SignedDuration::from_hours(1);
        }
        // The last hour is touched although no whole hour led there.
        let last = (end - SignedDuration::from_secs(1)).max(start);
        busiest.max(Some(self.per_min(hour_of_week(last, zone))?))
    }

    /// Transactions a minute in the middle one of its hours; `None` while less than a day of them is known.
    #[must_use]
    pub fn usual(&self) -> Option<i64> {
        let mut known: Vec<i64> = self.0.keys().filter_map(|at| self.per_min(*at)).collect();
        known.sort_unstable();
        (known.len() >= LEAST_HOURS).then(|| known[(known.len() - 1) / 2])
    }

    /// Its quietest hours, the quietest first: `Sun 03:00`, with transactions a minute. Empty while nothing is called usual.
    #[must_use]
    pub fn quietest(&self, most: usize) -> Vec<(String, i64)> {
        if self.usual().is_none() {
            return vec![];
        }
        let mut known: Vec<(i64, (usize, usize))> = self.0.keys().filter_map(|at| Some((self.per_min(*at)?, *at))).collect();
        known.sort_unstable();
        known.into_iter().take(most).map(|(per_min, (day, hour))| (format!("{} {hour:02}:00", DAY_NAMES[day]), per_min)).collect()
    }
}

/// How busy a database usually is at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Transactions a minute then.
    pub per_min: i64,
    /// Transactions a minute in its usual hour.
    pub usual_per_min: i64,
}

impl Load {
    /// Not busier than usual.
    #[must_use]
    pub fn is_quiet(self) -> bool {
        self.per_min <= self.usual_per_min
    }

    /// Against the usual hour, in thousandths of it.
    #[must_use]
    pub fn per_mille(self) -> i64 {
        self.per_min.saturating_mul(1000) / self.usual_per_min.max(1)
    }

    /// As people read it.
    #[must_use]
    pub fn said(self) -> String {
        let how = if self.is_quiet() { "quiet" } else { "busier than usual" };
        format!("{how}: {} transactions a minute, {} in its usual hour", self.per_min, self.usual_per_min)
    }
}

/// The first `most` of these times at which nothing is busier than usual; where there are fewer, the first of the others too. In order.
#[must_use]
pub fn quiet_first(slots: Vec<Slot>, most: usize) -> Vec<Slot> {
    let (quiet, busy): (Vec<Slot>, Vec<Slot>) = slots.into_iter().partition(|slot| slot.load.is_none_or(Load::is_quiet));
    let mut chosen: Vec<Slot> = quiet.into_iter().chain(busy).take(most).collect();
    chosen.sort_by_key(|slot| slot.start);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    /// A week in which each hour has its number of transactions a minute: Monday 00:00 is 0, Sunday 23:00 is 167.
    fn week() -> Week {
        let monday = at("2026-11-23T00:30:00Z");
        let hour = |n: i64| Hour { at: monday + SignedDuration::from_hours(n), transactions: n * 10, seconds: 600 };
        Week::of((0..168).map(hour), &TimeZone::UTC)
    }

    #[test]
    fn two_readings_belong_together_while_the_count_goes_on() {
        let reading = |at: &str, transactions, since: &str| Reading { at: self::at(at), transactions, since: since.into() };
        let first = reading("2026-11-26T10:00:00Z", 1_000, "a");
        let then = |at: &str, transactions, since: &str| between(&first, &reading(at, transactions, since));
        assert_eq!(then("2026-11-26T10:10:00Z", 1_600, "a"), Some((600, 600)));
        assert_eq!(then("2026-11-26T10:10:00Z", 1_600, "b"), None, "it was reset");
        assert_eq!(then("2026-11-26T10:10:00Z", 900, "a"), None, "another server answered");
        assert_eq!(then("2026-11-26T12:10:00Z", 9_000, "a"), None, "too long ago");
        assert_eq!(then("2026-11-26T10:00:00Z", 1_000, "a"), None);
    }

    #[test]
    fn a_time_is_as_busy_as_its_busiest_hour() {
        let during = |start: &str, end: &str| week().during(at(start), at(end), &TimeZone::UTC);
        assert_eq!(during("2026-12-07T02:00:00Z", "2026-12-07T04:00:00Z"), Some(3));
        assert_eq!(during("2026-12-07T02:00:00Z", "2026-12-07T04:01:00Z"), Some(4), "a minute of the next hour counts");
        assert_eq!(during("2026-12-07T02:30:00Z", "2026-12-07T04:15:00Z"), Some(4));
        assert_eq!(Week::default().during(at("2026-12-07T02:00:00Z"), at("2026-12-07T04:00:00Z"), &TimeZone::UTC), None);
        assert_eq!((week().usual(), Week::default().usual()), (Some(83), None));
        assert_eq!(week().quietest(2), [("Mon 00:00".to_owned(), 0), ("Mon 01:00".to_owned(), 1)]);
    }

    #[test]
    fn quiet_times_come_before_earlier_busy_ones() {
        let slot = |day: i8, per_min: Option<i64>| Slot {
            local: civil::date(2026, 12, day).at(2, 0, 0, 0),
            first_of_two: false,
            start: at(&format!("2026-12-{day:02}T02:00:00Z")),
            end: at(&format!("2026-12-{day:02}T04:00:00Z")),
            load: per_min.map(|per_min| Load { per_min, usual_per_min: 100 }),
        };
        let days = |slots: Vec<Slot>, most| quiet_first(slots, most).iter().map(|slot| slot.local.day()).collect::<Vec<_>>();
        let all = vec![slot(1, Some(500)), slot(2, Some(100)), slot(3, None), slot(4, Some(900)), slot(5, Some(7))];
        assert_eq!(days(all.clone(), 3), [2, 3, 5]);
        assert_eq!(days(all, 4), [1, 2, 3, 5], "in order, the busy one too where there are too few");
    }
}
