//! Civil days as instants, and what a clock shows on them: days of 23 and 25 hours, windows over midnight, times that happen twice.

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan as _};

/// A civil day and the instants between which it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Which day.
    pub date: Date,
    /// Its first instant.
    pub begins: Timestamp,
    /// The first instant of the next day.
    pub ends: Timestamp,
}

/// Minutes of a day on which no clock is moved.
const USUAL_MIN: i64 = 24 * 60;

impl Bounds {
    /// What is unusual about the day's length; `None` on most days.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let minutes = self.ends.duration_since(self.begins).as_mins();
        let length = if minutes % 60 == 0 { format!("{} hours", minutes / 60) } else { format!("{} h {} min", minutes / 60, minutes % 60) };
        match minutes.cmp(&USUAL_MIN) {
            std::cmp::Ordering::Less => Some(format!("{length}: the clocks go forward")),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(format!("{length}: the clocks go back")),
        }
    }
    /// True while the day lasts.
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        self.begins <= at && at < self.ends
    }
}

/// The days from `first` to the one before `end`, by the clocks of `zone`: each begins where the one before it ended.
#[must_use]
pub fn bounds(first: Date, end: Date, zone: &TimeZone) -> Vec<Bounds> {
    let (mut days, mut date, mut begins) = (Vec::new(), first, beginning(first, zone));
    while date < end {
        let next = date.saturating_add(1.day());
        let ends = beginning(next, zone);
        days.push(Bounds { date, begins, ends });
        (date, begins) = (next, ends);
    }
    days
}

/// The first instant of a day. Where midnight happens twice it is the first one; where it does not happen, the jump over it.
fn beginning(date: Date, zone: &TimeZone) -> Timestamp {
    let midnight = zone.to_ambiguous_timestamp(date.at(0, 0, 0, 0));
    let gap = matches!(midnight.offset(), AmbiguousOffset::Gap { .. });
    // Dates of a calendar lie far from where instants end.
    let at = midnight.compatible().unwrap_or(Timestamp::MAX);
    if !gap {
        return at;
    }
    let after = at.saturating_add(1.nanosecond()).unwrap_or(at);
    zone.preceding(after).next().map_or(at, |jump| jump.timestamp())
}

/// What the clocks of `zone` show at an instant. A time that they show twice that night carries the zone's abbreviation.
#[must_use]
pub fn clock(at: Timestamp, zone: &TimeZone) -> String {
    let there = at.to_zoned(zone.clone());
    let twice = matches!(zone.to_ambiguous_timestamp(there.datetime()).offset(), AmbiguousOffset::Fold { .. });
    there.strftime(if twice { "%H:%M %Z" } else { "%H:%M" }).to_string()
}

/// The part of a day that something from `start` to `end` takes, as people say it.
#[must_use]
pub fn on_day(start: Timestamp, end: Timestamp, day: &Bounds, zone: &TimeZone) -> String {
    let (before, beyond) = (start < day.begins, end > day.ends);
    // The day's end is midnight, which clocks show as the next day's beginning.
    let until = if end == day.ends { "24:00".to_owned() } else { clock(end, zone) };
    match (before, beyond) {
        (true, true) => "all day".to_owned(),
        (true, false) if end == day.ends => "all day".to_owned(),
        (true, false) => format!("until {until}"),
        (false, true) if start == day.begins => "all day".to_owned(),
        (false, true) => format!("from {}", clock(start, zone)),
        (false, false) => format!("{}–{until}", clock(start, zone)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn zone(rule: &str) -> TimeZone {
        TimeZone::posix(rule).expect("a valid rule")
    }
    fn berlin() -> TimeZone {
        zone("CET-1CEST,M3.5.0,M10.5.0/3")
    }
    /// Clocks jump over midnight in spring, and back over it in autumn.
    fn beirut() -> TimeZone {
        zone("EET-2EEST,M3.5.0/0,M10.5.0/0")
    }
    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }
    fn one(day: Date, zone: &TimeZone) -> Bounds {
        bounds(day, day.saturating_add(1.day()), zone)[0]
    }

    #[test]
    fn days_of_23_and_25_hours_say_so() {
        assert_eq!(one(date(2027, 3, 28), &berlin()).note().as_deref(), Some("23 hours: the clocks go forward"));
        assert_eq!(one(date(2026, 10, 25), &berlin()).note().as_deref(), Some("25 hours: the clocks go back"));
        assert_eq!(one(date(2026, 11, 29), &berlin()).note(), None);
        let lord_howe = zone("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0");
        assert_eq!(one(date(2026, 10, 4), &lord_howe).note().as_deref(), Some("23 h 30 min: the clocks go forward"));
    }

    #[test]
    fn a_day_without_midnight_begins_at_the_jump() {
        let day = one(date(2027, 3, 28), &beirut());
        assert_eq!(day.begins, at("2027-03-27T22:00:00Z"));
        assert_eq!(clock(day.begins, &beirut()), "01:00");
        assert_eq!(day.note().as_deref(), Some("23 hours: the clocks go forward"));
    }

    #[test]
    fn an_hour_before_midnight_that_happens_twice_belongs_to_one_day() {
        // On Saturday night 23:00 to 24:00 is lived through twice.
        let (saturday, sunday) = (one(date(2026, 10, 24), &beirut()), one(date(2026, 10, 25), &beirut()));
        assert_eq!(saturday.note().as_deref(), Some("25 hours: the clocks go back"));
        assert_eq!(saturday.ends, sunday.begins);
        let (first, second) = (at("2026-10-24T20:30:00Z"), at("2026-10-24T21:30:00Z"));
        assert!(saturday.holds(first) && saturday.holds(second) && !sunday.holds(second));
        assert_eq!((clock(first, &beirut()), clock(second, &beirut())), ("23:30 EEST".into(), "23:30 EET".into()));
    }

    #[test]
    fn a_window_over_midnight_is_on_both_days() {
        let (sat, sun) = (one(date(2026, 11, 28), &berlin()), one(date(2026, 11, 29), &berlin()));
        let (start, end) = (at("2026-11-28T22:00:00Z"), at("2026-11-29T03:00:00Z"));
        assert_eq!((on_day(start, end, &sat, &berlin()), on_day(start, end, &sun, &berlin())), ("from 23:00".into(), "until 04:00".into()));
        // 24 hours from noon to noon, and a whole day.
        assert_eq!(on_day(sat.begins, sun.begins, &sat, &berlin()), "00:00–24:00");
        assert_eq!(on_day(at("2026-11-28T11:00:00Z"), sun.ends, &sun, &berlin()), "all day");
    }

    #[test]
    fn a_time_that_happens_twice_says_which_one_it_is() {
        let day = one(date(2026, 10, 25), &berlin());
        let said = on_day(at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z"), &day, &berlin());
        assert_eq!(said, "02:30 CEST–02:30 CET");
        // Over the spring gap the clock jumps, and the window is as long as it says elsewhere.
        let spring = one(date(2027, 3, 28), &berlin());
        assert_eq!(on_day(at("2027-03-28T00:30:00Z"), at("2027-03-28T01:30:00Z"), &spring, &berlin()), "01:30–03:30");
    }

    proptest! {
        #[test]
        fn every_instant_is_on_the_one_day_its_clock_shows(second in 1_577_836_800_i64..1_893_456_000, which in 0..4_usize) {
            let zone = [berlin(), beirut(), zone("EST5EDT,M3.2.0,M11.1.0"), TimeZone::UTC][which].clone();
            let at = Timestamp::from_second(second).expect("in range");
            let day = at.to_zoned(zone.clone()).date();
            let days = bounds(day.saturating_sub(1.day()), day.saturating_add(2.days()), &zone);
            let holding: Vec<Date> = days.iter().filter(|bounds| bounds.holds(at)).map(|bounds| bounds.date).collect();
            prop_assert_eq!(holding, vec![day]);
            prop_assert!(days.windows(2).all(|pair| pair[0].ends == pair[1].begins && pair[0].begins < pair[0].ends));
        }
    }
}
