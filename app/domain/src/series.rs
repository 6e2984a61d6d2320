//! A series: what is proposed again and again, when, and what becomes of each date.

pub mod digest;
pub mod form;
pub mod together;

use crate::proposal::ProposalForm;
use crate::proposal::several::Several;
use crate::recurrence::Rule;
use crate::recurrence::place::{ClockNote, Placed, place};
use crate::recurrence::text::stamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// A date may be moved so far: farther away it is another window, not this one.
pub const MOST_DAYS_MOVED: i64 = 31;

/// What a person did to one date of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Left out.
    Skipped,
    /// At another wall time.
    Moved(DateTime),
}

/// When a series happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// First wall time; the time of day of every date.
    pub start: DateTime,
    /// The rule.
    pub rule: Rule,
    /// Dates that are not as the rule says, by the day the rule gives them.
    pub changes: BTreeMap<Date, Change>,
}

/// A series understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Short name of the database.
    pub target: String,
    /// A line for lists and subjects.
    pub title: String,
    /// Minutes from start to end of each window.
    pub duration_min: i64,
    /// When.
    pub schedule: Schedule,
    /// Days before its start on which each window is proposed.
    pub lead_days: i64,
    /// The order of several databases; `None` where it is about one.
    pub several: Option<Several>,
}

impl Series {
    /// What its dates follow from, as text: who saw other dates has not seen these.
    #[must_use]
    pub fn seen(&self, zone: &str) -> String {
        format!("{} {} {zone} {}", self.schedule.start, self.schedule.rule, self.lead_days)
    }
}

/// One date of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// The day the rule gives: its name, wherever it was moved to.
    pub day: Date,
    /// When it is; for one that is left out, when it would have been.
    pub placed: Placed,
    /// What was done to it.
    pub change: Option<Change>,
}

impl Occurrence {
    /// True for one that is left out.
    #[must_use]
    pub fn is_skipped(&self) -> bool {
        self.change == Some(Change::Skipped)
    }
    /// The proposal of this date: a template's words and limits at this wall time.
    #[must_use]
    pub fn form(&self, template: &ProposalForm) -> ProposalForm {
        ProposalForm {
            date: self.placed.local.strftime("%Y-%m-%d").to_string(),
            time: self.placed.local.strftime("%H:%M").to_string(),
            fold: if self.placed.note == Some(ClockNote::Fold) { "first".into() } else { String::new() },
            // Each date takes the newest that counts on the day it is proposed.
            rehearsal: String::new(),
            ..template.clone()
        }
    }
}

impl Schedule {
    /// Every date, in the order of the rule's days.
    pub fn occurrences<'s>(&'s self, zone: &'s TimeZone) -> impl Iterator<Item = Occurrence> + 's {
        self.rule.dates(self.start).filter_map(move |at| {
            let change = self.changes.get(&at.date()).copied();
            let wanted = if let Some(Change::Moved(to)) = change { to } else { at };
            Some(Occurrence { day: at.date(), placed: place(wanted, zone)?, change })
        })
    }

    /// The first dates that start after `after`, those that are left out included.
    #[must_use]
    pub fn next(&self, zone: &TimeZone, after: Timestamp, most: usize) -> Vec<Occurrence> {
        let mut found: Vec<Occurrence> = self.occurrences(zone).filter(|date| date.placed.start > after).take(most).collect();
        found.sort_by_key(|date| date.placed.start);
        found
    }

    /// The date the rule gives on this day.
    #[must_use]
    pub fn on(&self, zone: &TimeZone, day: Date) -> Option<Occurrence> {
        self.occurrences(zone).take_while(|date| date.day <= day).find(|date| date.day == day)
    }

    /// Between which instants the date of this day may be moved: its neighbours keep their places.
    #[must_use]
    pub fn room(&self, zone: &TimeZone, day: Date) -> (Option<Timestamp>, Option<Timestamp>) {
        let mut before = None;
        for date in self.occurrences(zone).filter(|date| !date.is_skipped()) {
            if date.day > day {
                return (before, Some(date.placed.start));
            }
            if date.day < day {
                before = Some(date.placed.start);
            }
        }
        (before, None)
    }

    /// Dates to be proposed now: those that start after `looked_at`, and not later than `lead_days` from now. Some may have begun already.
    #[must_use]
    pub fn due(&self, zone: &TimeZone, lead_days: i64, looked_at: Timestamp, now: Timestamp) -> Vec<Occurrence> {
        let until = now + SignedDuration::from_hours(24 * lead_days);
        // A date that was moved forward lies at most that far from its day.
        let last = zone.to_datetime(until + SignedDuration::from_hours(24 * (MOST_DAYS_MOVED + 1))).date();
        let dates = self.occurrences(zone).take_while(|date| date.day <= last);
        let mut due: Vec<Occurrence> =
            dates.filter(|date| !date.is_skipped() && date.placed.start > looked_at && date.placed.start <= until).collect();
        due.sort_by_key(|date| date.placed.start);
        due
    }

    /// When the next date is to be proposed, if that is within the hour; else in an hour, for what else may change.
    #[must_use]
    pub fn next_look(&self, zone: &TimeZone, lead_days: i64, now: Timestamp) -> Timestamp {
        let (lead, most) = (SignedDuration::from_hours(24 * lead_days), now + SignedDuration::from_hours(1));
        let soon = self.due(zone, lead_days, now, most).into_iter().map(|date| date.placed.start - lead).filter(|at| *at > now);
        soon.min().unwrap_or(most)
    }

    /// As calendars write it.
    #[must_use]
    pub fn text(&self, zone: &str) -> String {
        let mut lines = vec![format!("DTSTART;TZID={zone}:{}", stamp(self.start)), format!("RRULE:{}", self.rule)];
        let list = |stamps: Vec<String>| (!stamps.is_empty()).then(|| stamps.join(","));
        let out = self.changes.keys().map(|day| stamp(day.to_datetime(self.start.time()))).collect();
        let moved = self.changes.values().filter_map(|change| if let Change::Moved(to) = change { Some(stamp(*to)) } else { None });
        lines.extend(list(out).map(|out| format!("EXDATE;TZID={zone}:{out}")));
        lines.extend(list(moved.collect()).map(|moved| format!("RDATE;TZID={zone}:{moved}")));
        lines.join("\n")
    }
}

/// Longest message of a trouble, in bytes: nobody reads more at night.
pub const LONGEST_TROUBLE_BYTES: usize = 8000;

/// Why a date has no window, or a series cannot go on: stays until a person does something about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Stable word: `date`, `author_gone`, `passed` …
    pub code: String,
    /// What is in the way and what to do, as sentences.
    pub message: String,
}

impl Trouble {
    /// A trouble whose message is cut where it is too long, and whose word is one.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        let is_word = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let (mut message, cut): (String, _) = (message.into(), "…");
        if message.len() > LONGEST_TROUBLE_BYTES {
            message.truncate(message.floor_char_boundary(LONGEST_TROUBLE_BYTES - cut.len()));
            message.push_str(cut);
        }
        if message.is_empty() {
            message.push_str("The reason was not said.");
        }
        Self { code: if is_word { code.to_owned() } else { "form".to_owned() }, message }
    }
}

/// What a series is like, for what cannot go on without a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Name of whoever wrote it last.
    pub author: String,
    /// That person may still propose windows of this team.
    pub author_may_propose: bool,
    /// State word of its database.
    pub database_state: String,
    /// The database still belongs to the team of the series.
    pub same_team: bool,
    /// Zone it was written for.
    pub zone: String,
    /// Zone of the database now.
    pub database_zone: String,
    /// Its other databases.
    pub others: Vec<OtherStanding>,
}

/// What another database of a series is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherStanding {
    /// Its short name now.
    pub name: String,
    /// Its state word.
    pub state: String,
    /// It still belongs to the team of the series.
    pub same_team: bool,
}

impl OtherStanding {
    /// What keeps every date from being proposed.
    fn trouble(&self) -> Option<Trouble> {
        let name = &self.name;
        let (code, what, else_) = match self.state.as_str() {
            _ if !self.same_team => ("database_moved", "belongs to another team now", "Open “Edit” and leave it out."),
            "retired" | "deleted" => ("database_retired", "is retired", "Open “Edit” and leave it out, or take it back into use."),
            "unverified" => ("database_unverified", "has not passed its connection test", "Open its page and run the test."),
            _ => return None,
        };
        Some(Trouble::new(code, format!("{name} {what}, so this series proposes nothing. {else_}")))
    }
}

impl Standing {
    /// What keeps every date from being proposed.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        let trouble = |code: &str, message: String| Some(Trouble::new(code, message));
        if !self.same_team {
            return trouble(
                "database_moved",
                "The database belongs to another team now, so this series proposes nothing. End it; the other team can make one of its own.".into(),
            );
        }
        match self.database_state.as_str() {
            "retired" | "deleted" => {
                return trouble(
                    "database_retired",
                    "The database is retired, so this series proposes nothing. End it, or take the database back into use.".into(),
                );
            }
            "unverified" => {
                return trouble(
                    "database_unverified",
                    "The database has not passed its connection test, so nothing can be proposed on it. Open its page and run the test."
                        .into(),
                );
            }
            _ => {}
        }
        if let Some(trouble) = self.others.iter().find_map(OtherStanding::trouble) {
            return Some(trouble);
        }
        if !self.author_may_propose {
            return trouble(
                "author_gone",
                format!(
                    "{}, who answers for this series, may not propose windows of this team any more. Somebody who may has to take it over: open “Edit” and save it.",
                    self.author
                ),
            );
        }
        if self.zone != self.database_zone {
            return trouble(
                "zone_changed",
                format!(
                    "The zone of the database was {} and is {} now. Open “Edit”, look at the dates and save, so that somebody has seen them.",
                    self.zone, self.database_zone
                ),
            );
        }
        None
    }
}

#[cfg(test)]
#[path = "series/tests.rs"]
mod tests;
