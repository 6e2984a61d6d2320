//! The hours in which a database may be maintained: days of the week, from when to when, on the clock of the database's zone.

use crate::decision::FieldError;
use jiff::civil::{self, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use std::collections::BTreeSet;
use std::fmt;

/// Most lines that are kept: a week needs seven.
pub const MOST_LINES: usize = 20;
const DAY_MIN: u16 = 24 * 60;
/// Days of the week as they are written, from Monday.
pub const DAY_NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const LONG_NAMES: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Some hours of some days. They end on the next day where their end is not after their begin.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    /// Days on which they begin, 0 is Monday.
    days: BTreeSet<usize>,
    /// Minutes after midnight, 0 to 1,439.
    from_min: u16,
    /// Minutes after midnight, 1 to 1,440.
    until_min: u16,
}

/// When a database may be maintained. Without any span that is always.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hours(Vec<Span>);

impl Hours {
    /// Reads one span a line: `Mon-Fri 22:00-06:00`, `Sat,Sun 00:00-24:00`, `daily 01:00-05:00`. Blank is always.
    ///
    /// # Errors
    /// The first line that cannot be read, with an example.
    pub fn parse(field: &str, typed: &str) -> Result<Self, FieldError> {
        let lines: Vec<&str> = typed.split(['\n', ';']).map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.len() > MOST_LINES {
            return Err(FieldError::new(field, format!("At most {MOST_LINES} lines; these are {}.", lines.len())));
        }
        let read = |line: &&str| {
            span(line).ok_or_else(|| {
                let shown: String = line.chars().take(60).collect();
                let example = "Write days and hours, such as Mon-Fri 22:00-06:00, Sat,Sun 00:00-24:00 or daily 01:00-05:00.";
                FieldError::new(field, format!("“{shown}” cannot be read. {example}"))
            })
        };
        lines.iter().map(read).collect::<Result<Vec<_>, _>>().map(Self)
    }

    /// No hours are set: any time will do.
    #[must_use]
    pub fn always(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all the time from `start` to `end` lies in them, on the clock of `zone`.
    #[must_use]
    pub fn cover(&self, start: Timestamp, end: Timestamp, zone: &TimeZone) -> bool {
        if self.always() {
            return true;
        }
        let last = end.to_zoned(zone.clone()).date();
        let Ok(first) = start.to_zoned(zone.clone()).date().yesterday() else { return false };
        let mut open: Vec<(Timestamp, Timestamp)> = Vec::new();
        for date in first.series(1.day()).take_while(|date| *date <= last) {
            let weekday = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
            for span in self.0.iter().filter(|span| span.days.contains(&weekday)) {
                let next = span.until_min <= span.from_min;
                open.extend(instant(date, span.from_min, zone).zip(instant_after(date, next, span.until_min, zone)));
            }
        }
        open.sort();
        // Spans that touch are one: a Saturday and the Sunday after it have no seam.
        let mut reached = start;
        for (from, until) in open {
            if from <= reached && until > reached {
                reached = until;
            }
        }
        reached >= end
    }
}

fn instant(date: civil::Date, minute: u16, zone: &TimeZone) -> Option<Timestamp> {
    let (date, minute) = if minute == DAY_MIN { (date.tomorrow().ok()?, 0) } else { (date, minute) };
    let time = civil::Time::new(i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?, 0, 0).ok()?;
    zone.to_ambiguous_timestamp(date.to_datetime(time)).compatible().ok()
}

fn instant_after(date: civil::Date, next_day: bool, minute: u16, zone: &TimeZone) -> Option<Timestamp> {
    instant(if next_day { date.tomorrow().ok()? } else { date }, minute, zone)
}

fn span(line: &str) -> Option<Span> {
    let plain = line.replace(['–', '—'], "-");
    // The hours are the last word; blanks may stand around hyphens and commas of either part.
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ").replace(" -", "-").replace("- ", "-").replace(", ", ",");
    let (days, hours) = plain.rsplit_once(' ')?;
    let (from, until) = hours.split_once('-')?;
    let (from_min, until_min) = (minute(from)?, minute(until)?);
    if from_min == DAY_MIN || until_min == 0 && from_min == 0 || from_min == until_min {
        return None;
    }
    // Until midnight is until the end of the day.
    let until_min = if until_min == 0 { DAY_MIN } else { until_min };
    Some(Span { days: days_of(days)?, from_min, until_min })
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits =
        |text: &str, least: usize| (text.len() >= least && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit())).then_some(());
    digits(hour, 1).and(digits(minute, 2))?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let at = hour * 60 + minute;
    (minute < 60 && at <= DAY_MIN).then_some(at)
}

fn days_of(text: &str) -> Option<BTreeSet<usize>> {
    if matches!(text.to_lowercase().as_str(), "daily" | "every day") {
        return Some((0..7).collect());
    }
    let mut found = BTreeSet::new();
    for part in text.split([',', ' ']).filter(|part| !part.is_empty()) {
        match part.split_once('-') {
            Some((from, to)) => {
                let (from, to) = (day(from)?, day(to)?);
                found.extend((0..=(to + 7 - from) % 7).map(|n| (from + n) % 7));
            }
            None => {
                found.insert(day(part)?);
            }
        }
    }
    (!found.is_empty()).then_some(found)
}

fn day(text: &str) -> Option<usize> {
    let text = text.trim().to_lowercase();
    (0..7).find(|day| text == DAY_NAMES[*day].to_lowercase() || text == LONG_NAMES[*day])
}

/// As it is kept and shown, on one line; [`Hours::parse`] reads it back.
impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let line = |span: &Span| format!("{} {}-{}", named(&span.days), clock(span.from_min), clock(span.until_min));
        f.write_str(&self.0.iter().map(line).collect::<Vec<_>>().join("; "))
    }
}

/// Days that follow each other as a range, the others one by one.
fn named(days: &BTreeSet<usize>) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for day in days.iter().copied() {
        match ranges.last_mut() {
            Some((_, to)) if *to + 1 == day => *to = day,
            _ => ranges.push((day, day)),
        }
    }
    let said = |(from, to): &(usize, usize)| match to - from {
        0 => DAY_NAMES[*from].to_owned(),
        1 => format!("{},{}", DAY_NAMES[*from], DAY_NAMES[*to]),
        _ => format!("{}-{}", DAY_NAMES[*from], DAY_NAMES[*to]),
    };
    ranges.iter().map(said).collect::<Vec<_>>().join(",")
}

/// The day of the week of an instant, 0 is Monday, and its hour: where a week of load has its place for it.
#[must_use]
pub fn hour_of_week(at: Timestamp, zone: &TimeZone) -> (usize, usize) {
    let local = at.to_zoned(zone.clone());
    let day = Weekday::to_monday_zero_offset(local.weekday());
    (usize::from(day.unsigned_abs()), usize::from(local.hour().unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid rule")
    }

    fn hours(text: &str) -> Hours {
        Hours::parse("hours", text).expect("readable")
    }

    /// Whether they cover a stretch of Berlin's clock.
    fn cover(text: &str, start: &str, end: &str) -> bool {
        let at = |text: &str| text.parse::<civil::DateTime>().expect("a time").to_zoned(berlin()).expect("in range").timestamp();
        hours(text).cover(at(start), at(end), &berlin())
    }

    #[test]
    fn what_people_write_is_read_and_said_the_same_way() {
        for (typed, said) in [
            ("Mon-Fri 22:00-06:00", "Mon-Fri 22:00-06:00"),
            ("monday – friday 22:00 – 6:00\n\nSat, Sun 0:00-24:00", "Mon-Fri 22:00-06:00; Sat,Sun 00:00-24:00"),
            ("daily 01:00-05:00; Sun 00:00-12:00", "Mon-Sun 01:00-05:00; Sun 00:00-12:00"),
            ("Sun 22:00-00:00", "Sun 22:00-24:00"),
            ("Sat-Mon 01:00-02:00", "Mon,Sat,Sun 01:00-02:00"),
            ("Mon Wed Fri 01:00-02:00", "Mon,Wed,Fri 01:00-02:00"),
            ("", ""),
        ] {
            let read = Hours::parse("hours", typed).map(|hours| hours.to_string()).unwrap_or_default();
            assert_eq!(read, said, "{typed}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_quoted_with_an_example() {
        for wrong in [
            "22:00-06:00",
            "Mon 22-06",
            "Mon 25:00-26:00",
            "Mon 22:60-23:00",
            "Xyz 01:00-02:00",
            "Mon 01:00",
            "Mon 03:00-03:00",
            "Mon 24:00-03:00",
        ] {
            let error = Hours::parse("hours", wrong).expect_err(wrong);
            assert!(error.field == "hours" && error.message.starts_with(&format!("“{wrong}” cannot be read. Write days")), "{error:?}");
        }
        let many = "daily 01:00-02:00\n".repeat(MOST_LINES + 1);
        assert_eq!(Hours::parse("hours", &many).expect_err("too many").message, "At most 20 lines; these are 21.");
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let nights = "Mon-Fri 22:00-06:00";
        assert!(cover(nights, "2026-11-27T22:00", "2026-11-28T06:00"), "Friday's night ends on Saturday");
        assert!(cover(nights, "2026-11-28T02:00", "2026-11-28T04:00"));
        assert!(!cover(nights, "2026-11-29T02:00", "2026-11-29T04:00"), "Saturday's night is not named");
        assert!(!cover(nights, "2026-11-27T05:00", "2026-11-27T06:01"), "a minute too long");
        assert!(!cover(nights, "2026-11-27T21:59", "2026-11-27T23:00"), "a minute too early");
    }

    #[test]
    fn hours_that_touch_have_no_seam() {
        let weekend = "Fri 22:00-24:00; Sat,Sun 00:00-24:00; Mon 00:00-05:00";
        assert!(cover(weekend, "2026-11-27T22:00", "2026-11-30T05:00"));
        assert!(!cover(weekend, "2026-11-27T22:00", "2026-11-30T05:01"));
        assert!(cover("", "2026-11-27T22:00", "2026-12-30T05:01"), "always");
    }

    #[test]
    fn the_clocks_may_change_meanwhile() {
        // On 25 October 2026 the night is an hour longer, on 28 March 2027 an hour shorter.
        assert!(cover("Sat 23:00-05:00", "2026-10-24T23:00", "2026-10-25T05:00"));
        assert!(cover("Sat 23:00-05:00", "2027-03-27T23:00", "2027-03-28T05:00"));
        assert!(!cover("Sat 23:00-05:00", "2027-03-27T23:00", "2027-03-28T05:30"));
    }

    #[test]
    fn an_hour_of_the_week_is_that_of_the_zone() {
        let at: Timestamp = "2026-11-29T23:30:00Z".parse().expect("an instant");
        assert_eq!(hour_of_week(at, &TimeZone::UTC), (6, 23));
        assert_eq!(hour_of_week(at, &berlin()), (0, 0), "Monday has begun in Berlin");
    }

    proptest! {
        #[test]
        fn what_is_said_is_read_back(days in prop::collection::btree_set(0usize..7, 1..7), from in 0u16..1440, until in 1u16..=1440) {
            prop_assume!(from != until);
            let hours = Hours(vec![Span { days, from_min: from, until_min: until }]);
            prop_assert_eq!(Hours::parse("hours", &hours.to_string()), Ok(hours));
        }

        #[test]
        fn a_part_of_what_is_covered_is_covered(start in 0i64..10_000, length in 0i64..2_000, cut in 0i64..1_000) {
            let hours = hours("Mon-Thu 20:00-04:00; Sat 00:00-24:00; Sun 00:00-12:00");
            let at = |minute: i64| Timestamp::from_second(1_795_000_000 + minute * 60).expect("in range");
            let (from, to) = (start, start + length);
            if hours.cover(at(from), at(to), &berlin()) {
                let (inner_from, inner_to) = (from + cut.min(length), to);
                prop_assert!(hours.cover(at(inner_from), at(inner_to), &berlin()));
            }
        }
    }
}
