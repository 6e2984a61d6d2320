//! Calling off many windows at once: which ones, and what came of each.

use super::list::Choice;
use crate::window::WindowState;
use jiff::{Timestamp, civil};

/// Most windows called off at once: one transaction and one round of mails each.
pub const MOST_AT_ONCE: usize = 100;

/// What the list is narrowed to, as typed; times are in the reader's zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// `YYYY-MM-DDTHH:MM`: windows that end after it.
    pub from: String,
    /// `YYYY-MM-DDTHH:MM`: windows that start before it.
    pub to: String,
    /// Short name of a team.
    pub team: String,
    /// Short name of a database.
    pub database: String,
    /// Environment word.
    pub environment: String,
}

impl Filter {
    /// The same with times where none were typed: from `now` to the noon after the next midnight.
    #[must_use]
    pub fn or_tonight(mut self, now: civil::DateTime) -> Self {
        let typed = |at: civil::DateTime| at.strftime("%Y-%m-%dT%H:%M").to_string();
        if self.from.trim().is_empty() {
            self.from = typed(now);
        }
        if self.to.trim().is_empty() {
            let noon = now.date().tomorrow().unwrap_or(now.date()).at(12, 0, 0, 0);
            self.to = typed(noon);
        }
        self
    }
    /// Both ends as wall times; `None` where one of them is no time, or the range is empty.
    #[must_use]
    pub fn range(&self) -> Option<(civil::DateTime, civil::DateTime)> {
        let at = |text: &str| text.trim().parse::<civil::DateTime>().ok();
        at(&self.from).zip(at(&self.to)).filter(|(from, to)| from < to)
    }
}

/// One window that could be called off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManyRow {
    /// Its number.
    pub number: i64,
    /// Its newest revision: another one by then is not called off unseen.
    pub revision: i32,
    /// Its title.
    pub title: String,
    /// Proposed or approved.
    pub state: WindowState,
    /// Short name of its database.
    pub database: String,
    /// Environment words of its databases, each once, production first, with commas between.
    pub environments: String,
    /// Name of its owner team.
    pub team: String,
    /// Start.
    pub start: Timestamp,
    /// End.
    pub end: Timestamp,
}

impl ManyRow {
    /// What its box sends.
    #[must_use]
    pub fn value(&self) -> String {
        format!("{}:{}", self.number, self.revision)
    }
}

/// Reads what a box sent.
#[must_use]
pub fn chosen(value: &str) -> Option<(i64, i32)> {
    let (number, revision) = value.split_once(':')?;
    Some((number.parse().ok()?, revision.parse().ok()?))
}

/// What came of one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its number.
    pub number: i64,
    /// It was called off.
    pub done: bool,
    /// In words: its state now, or why it was left.
    pub said: String,
}

/// What came of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcomes {
    /// Why they were called off.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// One a window, in the order of the list.
    pub list: Vec<Outcome>,
}

/// The page `/windows/cancel`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelPage {
    /// What the list is narrowed to.
    pub filter: Filter,
    /// The reader's zone, in which its times are.
    pub zone: String,
    /// What is wrong with the times; then no window is listed.
    pub problem: Option<&'static str>,
    /// At most [`MOST_AT_ONCE`], the first to start first.
    pub rows: Vec<ManyRow>,
    /// There are more.
    pub more: bool,
    /// Teams whose windows the reader may call off.
    pub teams: Vec<Choice>,
    /// Databases of those teams.
    pub databases: Vec<Choice>,
    /// What came of the windows that were just called off.
    pub outcomes: Option<Outcomes>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_times_it_is_tonight() {
        let now = civil::date(2026, 11, 26).at(17, 5, 42, 0);
        let tonight = Filter::default().or_tonight(now);
        assert_eq!((tonight.from.as_str(), tonight.to.as_str()), ("2026-11-26T17:05", "2026-11-27T12:00"));
        let typed = Filter { to: "2026-11-28T08:00".into(), ..Filter::default() }.or_tonight(now);
        assert_eq!(typed.range(), Some((civil::date(2026, 11, 26).at(17, 5, 0, 0), civil::date(2026, 11, 28).at(8, 0, 0, 0))));
    }

    #[test]
    fn what_is_no_range_lists_nothing() {
        let filter = |from: &str, to: &str| Filter { from: from.into(), to: to.into(), ..Filter::default() }.range();
        assert_eq!(filter("2026-11-26T17:05", "2026-11-26T17:05"), None);
        assert_eq!(filter("tonight", "2026-11-26T17:05"), None);
    }

    #[test]
    fn a_box_names_window_and_revision() {
        assert_eq!(chosen("142:3"), Some((142, 3)));
        assert_eq!([chosen("142"), chosen("x:1"), chosen("142:")], [None, None, None]);
    }
}
