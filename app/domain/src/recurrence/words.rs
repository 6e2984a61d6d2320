//! Rules as people read them.

use super::{ByDay, End, Frequency, Rule};
use jiff::civil::{DateTime, Weekday};

impl Rule {
    /// `Every 2 weeks on Sunday at 02:00, 10 times`, for a series that begins at `start`.
    #[must_use]
    pub fn words(&self, start: DateTime) -> String {
        let parts = self.parts();
        let many = parts.frequency.label();
        let every =
            if parts.interval == 1 { format!("Every {}", many.trim_end_matches('s')) } else { format!("Every {} {many}", parts.interval) };
        let end = match parts.end {
            End::Never => String::new(),
            End::Count(1) => ", once".to_owned(),
            End::Count(times) => format!(", {times} times"),
            End::Until(until) if until.time() == jiff::civil::time(23, 59, 59, 0) => format!(", until {}", until.strftime("%-d %b %Y")),
            End::Until(until) => format!(", until {}", until.strftime("%-d %b %Y, %H:%M")),
        };
        format!("{every}{} at {}{end}", self.on(start), start.strftime("%H:%M"))
    }

    fn on(&self, start: DateTime) -> String {
        let parts = self.parts();
        let (days, month_days) = (&parts.by_day, &parts.by_month_day);
        let named = |join| listed(days.iter().map(|day| said(*day)).collect(), join);
        match (parts.frequency, days.is_empty(), month_days.is_empty()) {
            (Frequency::Daily, true, true) => String::new(),
            (Frequency::Weekly, true, _) => format!(" on {}", name(start.weekday())),
            (Frequency::Monthly, true, true) => format!(" on day {}", start.day()),
            (Frequency::Daily, false, true) => format!(" that is a {}", named("or")),
            (Frequency::Monthly, false, true) if days.iter().all(|day| day.nth == 0) => format!(" on every {}", named("and")),
            (_, false, true) => format!(" on {}", named("and")),
            (Frequency::Daily, true, false) => format!(" that is {}", counted(month_days, "or")),
            (_, true, false) => format!(" on {}", counted(month_days, "and")),
            (Frequency::Daily, false, false) => format!(" that is {} and a {}", counted(month_days, "or"), named("or")),
            (_, false, false) => format!(" on {}, where that is {}", counted(month_days, "and"), a(&named("or"))),
        }
    }
}

/// `a Friday`, `the last Friday`.
fn a(name: &str) -> String {
    if name.starts_with("the ") { name.to_owned() } else { format!("a {name}") }
}

fn said(day: ByDay) -> String {
    match place(day.nth) {
        None => name(day.weekday).to_owned(),
        Some(place) => format!("the {place} {}", name(day.weekday)),
    }
}

/// A weekday's name.
pub(crate) fn name(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

fn place(nth: i8) -> Option<String> {
    let from_begin = ["first", "second", "third", "fourth", "fifth"];
    let word = |n: i8| usize::try_from(n - 1).ok().and_then(|n| from_begin.get(n)).copied();
    match nth {
        0 => None,
        -1 => Some("last".to_owned()),
        1.. => word(nth).map(str::to_owned),
        _ => word(-nth).map(|word| format!("{word} last")),
    }
}

fn counted(days: &[i8], join: &str) -> String {
    let one = |day: &i8| match day {
        1.. => format!("day {day}"),
        -1 => "the last day".to_owned(),
        _ => format!("the {} day from the end", ordinal(-day)),
    };
    listed(days.iter().map(one).collect(), join)
}

fn ordinal(n: i8) -> String {
    let ending = match (n % 10, n % 100) {
        (1, rest) if rest != 11 => "st",
        (2, rest) if rest != 12 => "nd",
        (3, rest) if rest != 13 => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

fn listed(mut names: Vec<String>, join: &str) -> String {
    match names.pop() {
        None => String::new(),
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} {join} {last}", names.join(", ")),
    }
}
