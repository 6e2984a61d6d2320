//! Rules as calendars write them: `FREQ=MONTHLY;BYDAY=2TU`. Times are local ones; the zone is the database's.

use super::words::name;
use super::{ByDay, End, Frequency, Parts, Rule, RuleError};
use jiff::civil::{Date, DateTime, Weekday};

/// Longest text of a rule, in characters.
pub const LONGEST: usize = 500;

const KNOWN: &str = "FREQ, INTERVAL, BYDAY, BYMONTHDAY, COUNT and UNTIL";
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
    ("SU", Weekday::Sunday),
];

/// The days of the week from Monday on: two letters, and the name.
#[must_use]
pub fn weekdays() -> [(&'static str, &'static str); 7] {
    WEEKDAYS.map(|(letters, weekday)| (letters, name(weekday)))
}

/// The two letters of a weekday.
#[must_use]
pub fn letters(weekday: Weekday) -> &'static str {
    WEEKDAYS.iter().find(|(_, day)| *day == weekday).map_or("", |(letters, _)| letters)
}

/// The weekday of these two letters.
#[must_use]
pub fn weekday(letters: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|(known, _)| known.eq_ignore_ascii_case(letters)).map(|(_, day)| *day)
}

impl Rule {
    /// Reads a rule, with or without `RRULE:` before it; all errors at once.
    pub fn parse(text: &str) -> Result<Self, Vec<RuleError>> {
        let text = text.trim();
        if text.chars().count() > LONGEST {
            let said = format!("A rule has at most {LONGEST} characters; this has {}.", text.chars().count());
            return Err(vec![RuleError::new("RRULE", said)]);
        }
        let body = text.get(..6).filter(|head| head.eq_ignore_ascii_case("RRULE:")).map_or(text, |head| &text[head.len()..]);
        let mut reader = Reader::default();
        for part in body.split(';').filter(|part| !part.trim().is_empty()) {
            match part.split_once('=') {
                Some((name, value)) => reader.part(name.trim(), value.trim()),
                None => reader.refuse("RRULE", format!("“{}” is no part of a rule: parts read NAME=VALUE.", short(part))),
            }
        }
        reader.finish()
    }
}

impl std::fmt::Display for Rule {
    /// The one way to write it; [`Rule::parse`] reads the same rule from it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Parts { frequency, interval, by_day, by_month_day, end } = self.parts();
        write!(f, "FREQ={}", frequency.word())?;
        if *interval != 1 {
            write!(f, ";INTERVAL={interval}")?;
        }
        if !by_day.is_empty() {
            let counted = |nth: i8| if nth == 0 { String::new() } else { nth.to_string() };
            let days: Vec<String> = by_day.iter().map(|day| format!("{}{}", counted(day.nth), letters(day.weekday))).collect();
            write!(f, ";BYDAY={}", days.join(","))?;
        }
        if !by_month_day.is_empty() {
            let days: Vec<String> = by_month_day.iter().map(ToString::to_string).collect();
            write!(f, ";BYMONTHDAY={}", days.join(","))?;
        }
        match end {
            End::Never => Ok(()),
            End::Count(times) => write!(f, ";COUNT={times}"),
            End::Until(until) => write!(f, ";UNTIL={}", stamp(*until)),
        }
    }
}

/// A wall time as calendars write it.
#[must_use]
pub fn stamp(at: DateTime) -> String {
    at.strftime("%Y%m%dT%H%M%S").to_string()
}

/// Reads a day, or a wall time of it.
fn moment(text: &str) -> Option<DateTime> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |range| text.get(range).and_then(|digits: &str| digits.parse().ok());
    let (day, clock) = text.split_once(['T', 't']).map_or((text, None), |(day, clock)| (day, Some(clock)));
    if day.len() != 8 || !digits(day) || clock.is_some_and(|clock| clock.len() != 6 || !digits(clock)) {
        return None;
    }
    let date = Date::new(day[..4].parse().ok()?, number(4..6)?, number(6..8)?).ok()?;
    match clock {
        // A day counts whole.
        None => Some(date.at(23, 59, 59, 0)),
        Some(_) => Some(date.to_datetime(jiff::civil::Time::new(number(9..11)?, number(11..13)?, number(13..15)?, 0).ok()?)),
    }
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Keeps what was read and what is wrong.
#[derive(Default)]
struct Reader {
    seen: Vec<String>,
    frequency: Option<Frequency>,
    interval: Option<i32>,
    by_day: Vec<ByDay>,
    by_month_day: Vec<i8>,
    count: Option<u32>,
    until: Option<DateTime>,
    errors: Vec<RuleError>,
}

impl Reader {
    fn refuse(&mut self, part: &'static str, message: impl Into<String>) {
        self.errors.push(RuleError::new(part, message));
    }

    fn part(&mut self, name: &str, value: &str) {
        let name = name.to_ascii_uppercase();
        if self.seen.contains(&name) {
            return self.refuse("RRULE", format!("{} stands there twice. Leave one.", short(&name)));
        }
        match name.as_str() {
            "FREQ" => match Frequency::from_word(&value.to_ascii_uppercase()) {
                Some(frequency) => self.frequency = Some(frequency),
                None if value.eq_ignore_ascii_case("YEARLY") => {
                    self.refuse(
                        "FREQ",
                        "YEARLY is not known here: write FREQ=MONTHLY;INTERVAL=12, from a day of the month it is meant for.",
                    );
                }
                None => self.refuse("FREQ", format!("“{}” is not known: give DAILY, WEEKLY or MONTHLY.", short(value))),
            },
            "INTERVAL" => match value.parse() {
                Ok(interval) => self.interval = Some(interval),
                Err(_) => self.refuse("INTERVAL", format!("“{}” is no whole number: give 1 or more.", short(value))),
            },
            "BYDAY" => self.days(value),
            "BYMONTHDAY" => self.month_days(value),
            "COUNT" => match value.parse() {
                Ok(count) => self.count = Some(count),
                Err(_) => self.refuse("COUNT", format!("“{}” is no whole number: give 1 or more.", short(value))),
            },
            "UNTIL" if value.ends_with(['Z', 'z']) => {
                self.refuse("UNTIL", "It is read on the database's clock, not in UTC: leave the Z out, as in 20271231 or 20271231T020000.");
            }
            "UNTIL" => match moment(value) {
                Some(until) => self.until = Some(until),
                None => self.refuse("UNTIL", format!("“{}” is no day: write it as in 20271231 or 20271231T020000.", short(value))),
            },
            "WKST" if value.eq_ignore_ascii_case("MO") => {}
            "WKST" => self.refuse("WKST", "Weeks begin on Monday here: leave this out, and choose the days that are meant."),
            other => self.refuse("RRULE", format!("{} is not known here. Known are {KNOWN}.", short(other))),
        }
        self.seen.push(name);
    }

    fn days(&mut self, value: &str) {
        for item in value.split(',').map(str::trim) {
            let split = item.len().saturating_sub(2);
            let read = || {
                let (number, name) = (item.get(..split)?, item.get(split..)?);
                let nth = if number.is_empty() { 0 } else { number.parse::<i8>().ok().filter(|nth| *nth != 0)? };
                Some(ByDay { nth, weekday: weekday(name)? })
            };
            match read() {
                Some(day) => self.by_day.push(day),
                None => self.refuse("BYDAY", format!("“{}” is no weekday: write MO, TU, WE, TH, FR, SA or SU, or 2TU, -1FR.", short(item))),
            }
        }
    }

    fn month_days(&mut self, value: &str) {
        for item in value.split(',').map(str::trim) {
            match item.parse() {
                Ok(day) => self.by_month_day.push(day),
                Err(_) => self.refuse("BYMONTHDAY", format!("“{}” is no day of a month: give 1 to 31, or -1 to -31.", short(item))),
            }
        }
    }

    fn finish(mut self) -> Result<Rule, Vec<RuleError>> {
        if !self.seen.iter().any(|name| name == "FREQ") {
            self.refuse("FREQ", "It is missing: begin with FREQ=DAILY, FREQ=WEEKLY or FREQ=MONTHLY.");
        }
        let end = match (self.count, self.until) {
            (Some(_), Some(_)) => {
                self.refuse("COUNT", "COUNT and UNTIL cannot stand together: leave one.");
                End::Never
            }
            (Some(count), None) => End::Count(count),
            (None, Some(until)) => End::Until(until),
            (None, None) => End::Never,
        };
        let (interval, by_day, by_month_day) = (self.interval.unwrap_or(1), self.by_day, self.by_month_day);
        match self.frequency {
            Some(frequency) if self.errors.is_empty() => Rule::new(Parts { frequency, interval, by_day, by_month_day, end }),
            _ => Err(self.errors),
        }
    }
}
