//! Recurrence: the part of RFC 5545 that maintenance needs, on local wall time alone.
//!
//! A rule gives days, all at the start's time of day. What a wall time means in a zone is the business of [`place`]; what a rule looks like as
//! text of [`text`], and as people read it of [`words`]. Every walk is bounded: after ten years without a date a rule counts as over.

pub mod place;
pub mod text;
mod words;

use crate::people::words as word_table;
use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Weekday};
use std::collections::VecDeque;

/// Dates farther apart than this are taken as never: no window is planned that far ahead.
pub const BARREN_YEARS: i16 = 10;
/// Most dates a rule with an end by number has.
pub const MOST_TIMES: u32 = 1000;

/// What a rule counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frequency {
    /// Days.
    Daily,
    /// Weeks, which begin on Monday.
    Weekly,
    /// Months.
    Monthly,
}

word_table!(Frequency { Frequency::Daily = "DAILY" / "days", Frequency::Weekly = "WEEKLY" / "weeks", Frequency::Monthly = "MONTHLY" / "months" });

impl Frequency {
    /// The longest interval: rarer than that is no routine.
    #[must_use]
    pub fn most_interval(self) -> i32 {
        match self {
            Self::Daily => 366,
            Self::Weekly => 52,
            Self::Monthly => 12,
        }
    }
}

/// A day of the week, or the n-th one of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ByDay {
    /// 1 to 5 from the beginning of the month, −1 to −5 from its end; 0 for every one.
    pub nth: i8,
    /// Which day.
    pub weekday: Weekday,
}

/// When a rule is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// When somebody ends it.
    Never,
    /// After so many dates, those that are left out included.
    Count(u32),
    /// With the last date not after this wall time.
    Until(DateTime),
}

/// A part of a rule that cannot be taken as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// The part as RFC 5545 calls it: `INTERVAL`.
    pub part: &'static str,
    /// What is wrong, the limit, the way out.
    pub message: String,
}

impl RuleError {
    fn new(part: &'static str, message: impl Into<String>) -> Self {
        Self { part, message: message.into() }
    }
}

/// A rule before it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// What it counts in.
    pub frequency: Frequency,
    /// Every so many of them.
    pub interval: i32,
    /// Days of the week.
    pub by_day: Vec<ByDay>,
    /// Days of the month, negative ones from its end.
    pub by_month_day: Vec<i8>,
    /// When it is over.
    pub end: End,
}

impl Parts {
    /// Every so many days, weeks or months, without an end.
    #[must_use]
    pub fn every(interval: i32, frequency: Frequency) -> Self {
        Self { frequency, interval, by_day: vec![], by_month_day: vec![], end: End::Never }
    }
}

/// A rule. Its lists are in order and without doubles, so that equal rules are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule(Parts);

impl Rule {
    /// Checks every part; all errors at once.
    pub fn new(mut parts: Parts) -> Result<Self, Vec<RuleError>> {
        let mut errors = Vec::new();
        let (frequency, most) = (parts.frequency, parts.frequency.most_interval());
        if !(1..=most).contains(&parts.interval) {
            let said = format!("This is {}; give 1 to {most} {}.", parts.interval, frequency.label());
            errors.push(RuleError::new("INTERVAL", said));
        }
        if parts.by_day.iter().any(|day| !(-5..=5).contains(&day.nth)) {
            errors.push(RuleError::new("BYDAY", "A month has at most five of one weekday: give 1 to 5, or −1 to −5 from its end."));
        } else if frequency != Frequency::Monthly && parts.by_day.iter().any(|day| day.nth != 0) {
            errors
                .push(RuleError::new("BYDAY", "Only a monthly rule counts weekdays, as in 2TU: leave the number out, or count in months."));
        }
        if parts.by_month_day.iter().any(|day| *day == 0 || !(-31..=31).contains(day)) {
            errors.push(RuleError::new("BYMONTHDAY", "Days of a month are 1 to 31, or −1 to −31 from its end."));
        } else if frequency == Frequency::Weekly && !parts.by_month_day.is_empty() {
            errors.push(RuleError::new("BYMONTHDAY", "A weekly rule has no days of the month: count in months or days."));
        }
        if let End::Count(times) = parts.end
            && !(1..=MOST_TIMES).contains(&times)
        {
            errors.push(RuleError::new("COUNT", format!("This is {times}; give 1 to {MOST_TIMES}, or no end.")));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        parts.by_day.sort_by_key(|day| (day.nth.rem_euclid(16), day.weekday.to_monday_zero_offset()));
        parts.by_day.dedup();
        parts.by_month_day.sort_by_key(|day| day.rem_euclid(100));
        parts.by_month_day.dedup();
        Ok(Self(parts))
    }

    /// What it is made of.
    #[must_use]
    pub fn parts(&self) -> &Parts {
        &self.0
    }

    /// Its dates from `start` on, in order. `start` is one of them only if it fits the rule.
    #[must_use]
    pub fn dates(&self, start: DateTime) -> Dates<'_> {
        Dates { rule: self, start, step: 0, ready: VecDeque::new(), given: 0, last: start.date(), over: false }
    }

    /// Refuses a rule that gives no date at all from `start` on.
    pub fn check_from(&self, start: DateTime) -> Result<(), RuleError> {
        if self.dates(start).next().is_some() {
            return Ok(());
        }
        Err(match self.0.end {
            End::Until(until) if until < start => {
                RuleError::new("UNTIL", format!("It ends on {}, before it begins. Choose a later day.", until.strftime("%-d %b %Y")))
            }
            End::Until(_) => RuleError::new("UNTIL", "There is no such date before its end. Choose a later end, or other days."),
            _ => RuleError::new(
                "FREQ",
                format!("There is no such date within {BARREN_YEARS} years. Choose other days, or a shorter interval."),
            ),
        })
    }

    /// The first day of period `step`, counted from the one `start` is in.
    fn period(&self, start: Date, step: i64) -> Option<Date> {
        let ahead = step.checked_mul(i64::from(self.0.interval))?;
        match self.0.frequency {
            Frequency::Daily => start.checked_add(ahead.days()).ok(),
            Frequency::Weekly => {
                let into = i64::from(start.weekday().to_monday_zero_offset());
                start.checked_sub(into.days()).ok()?.checked_add(ahead.weeks()).ok()
            }
            Frequency::Monthly => start.first_of_month().checked_add(ahead.months()).ok(),
        }
    }

    /// The days of the period that begins with `first`.
    fn days(&self, first: Date, start: Date) -> VecDeque<Date> {
        let parts = &self.0;
        let length = match parts.frequency {
            Frequency::Daily => 1,
            Frequency::Weekly => 7,
            Frequency::Monthly => i64::from(first.days_in_month()),
        };
        let fits = |day: &Date| {
            let unnamed = parts.by_day.is_empty() && parts.by_month_day.is_empty();
            match parts.frequency {
                Frequency::Weekly if unnamed => day.weekday() == start.weekday(),
                Frequency::Monthly if unnamed => day.day() == start.day(),
                _ => self.has_weekday(*day) && self.has_month_day(*day),
            }
        };
        (0..length).filter_map(|n| first.checked_add(n.days()).ok()).filter(fits).collect()
    }

    fn has_weekday(&self, day: Date) -> bool {
        let (from_begin, from_end) = (1 + (day.day() - 1) / 7, -1 - (day.days_in_month() - day.day()) / 7);
        let fits = |wanted: &ByDay| wanted.weekday == day.weekday() && [0, from_begin, from_end].contains(&wanted.nth);
        self.0.by_day.is_empty() || self.0.by_day.iter().any(fits)
    }

    fn has_month_day(&self, day: Date) -> bool {
        let from_end = day.day() - day.days_in_month() - 1;
        self.0.by_month_day.is_empty() || self.0.by_month_day.iter().any(|wanted| [day.day(), from_end].contains(wanted))
    }
}

/// The dates of a rule, one after the other.
#[derive(Debug, Clone)]
pub struct Dates<'r> {
    rule: &'r Rule,
    start: DateTime,
    step: i64,
    ready: VecDeque<Date>,
    given: u32,
    last: Date,
    over: bool,
}

impl Dates<'_> {
    /// How many days, weeks or months it has walked through so far.
    #[must_use]
    pub fn periods(&self) -> usize {
        usize::try_from(self.step).unwrap_or(usize::MAX)
    }

    /// True when nothing can come from `first` on.
    fn is_past(&self, first: Date) -> bool {
        let barren = first.year() - self.last.year() > BARREN_YEARS;
        barren || matches!(self.rule.0.end, End::Until(until) if first > until.date())
    }
}

impl Iterator for Dates<'_> {
    type Item = DateTime;

    fn next(&mut self) -> Option<DateTime> {
        while !self.over {
            let Some(day) = self.ready.pop_front() else {
                match self.rule.period(self.start.date(), self.step).filter(|first| !self.is_past(*first)) {
                    Some(first) => self.ready = self.rule.days(first, self.start.date()),
                    None => self.over = true,
                }
                self.step += 1;
                continue;
            };
            let at = day.to_datetime(self.start.time());
            // The first period begins before the start.
            if at < self.start {
                continue;
            }
            self.over = match self.rule.0.end {
                End::Never => false,
                End::Count(times) => self.given >= times,
                End::Until(until) => at > until,
            };
            if !self.over {
                (self.given, self.last) = (self.given + 1, day);
                return Some(at);
            }
        }
        None
    }
}

#[cfg(test)]
#[path = "recurrence/tests.rs"]
mod tests;
