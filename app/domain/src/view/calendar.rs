//! Calendar and timeline: windows by day, and by database over time.

pub mod days;
pub mod lanes;
pub mod place;

pub use days::{Bounds, bounds, clock, on_day};
pub use lanes::{Tick, extent, lanes, share, ticks};
pub use place::{Clock, Page, Place, Span, View};

use super::freezes::FreezeRow;
use super::windows::list::{Choice, StateFilter};
use crate::ids::TargetId;
use crate::window::WindowState;
use jiff::Timestamp;
use jiff::civil::Date;

/// Databases on one page of the timeline.
pub const TIMELINE_ROWS: usize = 40;
/// Windows of one database that the timeline draws.
pub const TIMELINE_BARS: usize = 40;

/// One window on a day or on a database's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What people say: #142.
    pub number: i64,
    /// Short description.
    pub title: String,
    /// Where it is in its life.
    pub state: WindowState,
    /// Short name of its database.
    pub database: String,
    /// Environment words of its databases, each once, production first, with commas between.
    pub environments: String,
    /// Name of the owner team.
    pub team: String,
    /// Start.
    pub start: Timestamp,
    /// End.
    pub end: Timestamp,
    /// Others that want the same database at the same time, the first three.
    pub clashes: Vec<i64>,
}

impl Entry {
    /// Which others want the database at the same time, as a mark; `None` where there is none.
    #[must_use]
    pub fn clash(&self) -> Option<String> {
        let (last, before) = self.clashes.split_last()?;
        let named: Vec<String> = before.iter().map(|number| format!("#{number}")).collect();
        let all = if named.is_empty() { format!("#{last}") } else { format!("{} and #{last}", named.join(", ")) };
        Some(format!("Overlaps {all}"))
    }
}

/// The states that a calendar shows: what was called off takes no time, and is shown when it is asked for.
#[must_use]
pub fn shown(filter: StateFilter) -> Vec<WindowState> {
    use WindowState as W;
    let takes_none = |state: &W| matches!(state, W::Withdrawn | W::Rejected | W::Expired | W::Cancelled);
    filter.states().unwrap_or_else(|| W::ALL.iter().copied().filter(|state| !takes_none(state)).collect())
}

/// The states in which a window wants its time for itself: proposed ones are warned, live ones exclude each other.
#[must_use]
pub fn wanting() -> Vec<WindowState> {
    WindowState::ALL.iter().copied().filter(|state| *state == WindowState::Proposed || state.is_live()).collect()
}

/// One day of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Which day, and its instants.
    pub bounds: Bounds,
    /// Its windows, earliest first, as many as the view has room for.
    pub entries: Vec<Entry>,
    /// How many there are.
    pub total: usize,
}

impl Day {
    /// How many windows had no room.
    #[must_use]
    pub fn more(&self) -> usize {
        self.total.saturating_sub(self.entries.len())
    }
}

/// What both pages say about themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What is looked at; its date is set.
    pub place: Place,
    /// Its days.
    pub span: Span,
    /// IANA zone whose clock the page shows.
    pub zone: String,
    /// Zone of the database that the filter names, if it names one the reader sees.
    pub database_zone: Option<String>,
    /// Freezes between its first day and its last one, the earliest first; lifted ones hold nothing up.
    pub freezes: Vec<FreezeRow>,
    /// There are more of them than a page shows.
    pub more_freezes: bool,
    /// The moment it was read at.
    pub now: Timestamp,
    /// Today, by that clock.
    pub today: Date,
    /// Teams the reader sees.
    pub teams: Vec<Choice>,
    /// Databases the reader sees; the first 200 by short name.
    pub databases: Vec<Choice>,
    /// The reader may propose windows somewhere.
    pub may_propose: bool,
}

impl Frame {
    /// Freezes that hold a part of this day.
    pub fn frozen<'a>(&'a self, day: &'a Bounds) -> impl Iterator<Item = &'a FreezeRow> {
        self.freezes.iter().filter(|row| row.freeze.start < day.ends && row.freeze.end > day.begins)
    }
}

/// The page `/calendar`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarPage {
    /// What, when, by which clock.
    pub frame: Frame,
    /// Every day of the span, in order.
    pub days: Vec<Day>,
}

/// One database's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Which database: a name is free again when its database was deleted.
    pub target: TargetId,
    /// Its short name, marked where it was deleted.
    pub database: String,
    /// Environment word.
    pub environment: String,
    /// Its windows, earliest first, at most [`TIMELINE_BARS`].
    pub entries: Vec<Entry>,
    /// How many there are.
    pub total: usize,
}

impl Line {
    /// What the next page begins behind: its name by which lines are ordered, and its identity where several have one name.
    #[must_use]
    pub fn mark(&self) -> String {
        format!("{}/{}", self.database, self.target)
    }

    /// Name and identity from such a mark; a name alone stands for all that are called so.
    #[must_use]
    pub fn behind(mark: &str) -> (&str, TargetId) {
        mark.rsplit_once('/').and_then(|(name, id)| Some((name, id.parse().ok()?))).unwrap_or((mark, TargetId(uuid::Uuid::max())))
    }
}

/// The page `/timeline`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelinePage {
    /// What, when, by which clock.
    pub frame: Frame,
    /// The days of the span.
    pub days: Vec<Bounds>,
    /// Databases with windows in it, by short name, at most [`TIMELINE_ROWS`].
    pub lines: Vec<Line>,
    /// The next page begins behind this one, if there is one.
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_called_off_is_shown_only_when_asked_for() {
        let usual = shown(StateFilter::Any);
        assert!(usual.contains(&WindowState::Completed) && usual.contains(&WindowState::Draft) && usual.contains(&WindowState::Missed));
        assert!(!usual.contains(&WindowState::Cancelled) && !usual.contains(&WindowState::Rejected));
        assert_eq!(shown(StateFilter::One(WindowState::Cancelled)), [WindowState::Cancelled]);
        assert!(shown(StateFilter::Over).contains(&WindowState::Withdrawn));
    }

    #[test]
    fn only_what_still_wants_its_time_clashes() {
        let wanting = wanting();
        assert!(wanting.contains(&WindowState::Proposed) && wanting.contains(&WindowState::Hold));
        assert!(wanting.iter().all(|state| !state.is_terminal() && *state != WindowState::Draft));
    }

    #[test]
    fn a_page_begins_behind_one_of_those_that_have_the_same_name() {
        let target = TargetId(uuid::Uuid::from_u128(7));
        let line = Line { target, database: "shop (deleted)".into(), environment: "staging".into(), entries: vec![], total: 0 };
        assert_eq!(Line::behind(&line.mark()), ("shop (deleted)", target));
        for typed in ["shop", "shop/", "shop/x", ""] {
            assert_eq!(Line::behind(typed), (typed, TargetId(uuid::Uuid::max())), "{typed}");
        }
    }

    #[test]
    fn a_clash_names_the_others() {
        let entry = |clashes: &[i64]| Entry {
            number: 1,
            title: "weekly".into(),
            state: WindowState::Proposed,
            database: "shop".into(),
            environments: "production".into(),
            team: "Orders".into(),
            start: Timestamp::UNIX_EPOCH,
            end: Timestamp::UNIX_EPOCH,
            clashes: clashes.to_vec(),
        };
        assert_eq!(entry(&[]).clash(), None);
        assert_eq!(entry(&[7]).clash().as_deref(), Some("Overlaps #7"));
        assert_eq!(entry(&[7, 9, 11]).clash().as_deref(), Some("Overlaps #7, #9 and #11"));
    }
}
