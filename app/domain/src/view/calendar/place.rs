//! Where somebody is in a calendar: which days, by whose clock, narrowed to what. All of it lives in the address.

use crate::people::words;
use crate::view::address::escaped;
use crate::view::windows::list::{Filter, StateFilter};
use jiff::ToSpan as _;
use jiff::civil::{Date, date};

/// Days before and after these are no calendar's: nothing is planned there, and no arithmetic on days overflows between them.
const EARLIEST: Date = date(2000, 1, 1);
/// See [`EARLIEST`].
const LATEST: Date = date(2199, 12, 31);
/// Days of an agenda.
const AGENDA_DAYS: i32 = 14;

/// How much time is shown, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// A month: in the calendar whole weeks, on the timeline its days alone.
    Month,
    /// Monday to Sunday.
    Week,
    /// Two weeks as a list.
    Agenda,
    /// One day.
    Day,
}

words!(View {
    View::Month = "month" / "Month",
    View::Week = "week" / "Week",
    View::Agenda = "agenda" / "Agenda",
    View::Day = "day" / "Day",
});

impl View {
    /// Windows of one day that the view has room for. A day by itself has room for more than anybody reads.
    #[must_use]
    pub fn room(self) -> usize {
        match self {
            Self::Month => 3,
            Self::Week => 12,
            Self::Agenda => 50,
            Self::Day => 500,
        }
    }
}

/// Whose clock is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// The reader's.
    #[default]
    Mine,
    /// UTC.
    Utc,
    /// That of the one database the page is narrowed to.
    Database,
}

words!(Clock { Clock::Mine = "" / "Mine", Clock::Utc = "utc" / "UTC", Clock::Database = "database" / "The database's" });

/// Which page it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// By day.
    Calendar,
    /// By database over time.
    Timeline,
}

impl Page {
    /// Its address.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Calendar => "/calendar",
            Self::Timeline => "/timeline",
        }
    }
    /// What it offers, the usual view first.
    #[must_use]
    pub fn views(self) -> &'static [View] {
        match self {
            Self::Calendar => &[View::Month, View::Week, View::Agenda, View::Day],
            Self::Timeline => &[View::Week, View::Day, View::Month],
        }
    }
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// On which page.
    pub page: Page,
    /// How much time.
    pub view: View,
    /// A day in it; `None` for today.
    pub date: Option<Date>,
    /// By whose clock.
    pub clock: Clock,
    /// Which windows.
    pub filter: Filter,
    /// Only databases that come after this mark: the next page of a timeline.
    pub after: String,
}

/// The days of a view: from `first` to the day before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The day that was asked for.
    pub anchor: Date,
    /// First day.
    pub first: Date,
    /// The day after the last one.
    pub end: Date,
}

impl Place {
    /// The windows of a filter today, as the page shows them usually.
    #[must_use]
    pub fn of(page: Page, filter: &Filter) -> Self {
        let filter = Filter { before: None, ..filter.clone() };
        Self { page, view: page.views()[0], date: None, clock: Clock::default(), filter, after: String::new() }
    }

    /// Reads the address. What is unknown there shows what is usual.
    pub fn read(page: Page, get: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name| get(name).unwrap_or_default();
        let view = View::from_word(&text("view")).filter(|view| page.views().contains(view));
        Self {
            page,
            view: view.unwrap_or(page.views()[0]),
            date: get("date").and_then(|typed| typed.trim().parse().ok()).filter(|date| (EARLIEST..=LATEST).contains(date)),
            clock: Clock::from_word(&text("zone")).unwrap_or_default(),
            filter: Filter {
                state: StateFilter::from_word(&text("state")),
                environment: text("environment"),
                database: text("database"),
                team: text("team"),
                before: None,
            },
            after: text("after"),
        }
    }

    /// The address of the same place. What is usual is left out.
    #[must_use]
    pub fn address(&self) -> String {
        let usual = self.view == self.page.views()[0];
        let pairs = [
            ("view", if usual { "" } else { self.view.word() }.to_owned()),
            ("date", self.date.map(|date| date.to_string()).unwrap_or_default()),
            ("zone", self.clock.word().to_owned()),
            ("state", self.filter.state.word().to_owned()),
            ("environment", self.filter.environment.clone()),
            ("database", self.filter.database.clone()),
            ("team", self.filter.team.clone()),
            ("after", self.after.clone()),
        ];
        let parts: Vec<String> =
            pairs.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let path = self.page.path();
        if parts.is_empty() { path.to_owned() } else { format!("{path}?{}", parts.join("&")) }
    }

    /// The same windows on another day or in another view. A list begins at its beginning again.
    #[must_use]
    pub fn at(&self, view: View, date: Date) -> Self {
        Self { view, date: Some(date), after: String::new(), ..self.clone() }
    }

    /// The same windows on the other page.
    #[must_use]
    pub fn on(&self, page: Page) -> Self {
        let view = if page.views().contains(&self.view) { self.view } else { page.views()[0] };
        Self { page, view, after: String::new(), ..self.clone() }
    }

    /// Its days, when today is `today`.
    #[must_use]
    pub fn span(&self, today: Date) -> Span {
        let anchor = self.date.unwrap_or(today);
        let monday = |day: Date| day.saturating_sub(i64::from(day.weekday().to_monday_zero_offset()).days());
        let (first, end) = match (self.view, self.page) {
            (View::Day, _) => (anchor, anchor.saturating_add(1.day())),
            (View::Agenda, _) => (anchor, anchor.saturating_add(AGENDA_DAYS.days())),
            (View::Week, _) => (monday(anchor), monday(anchor).saturating_add(7.days())),
            (View::Month, Page::Timeline) => (anchor.first_of_month(), anchor.last_of_month().saturating_add(1.day())),
            (View::Month, Page::Calendar) => (monday(anchor.first_of_month()), monday(anchor.last_of_month()).saturating_add(7.days())),
        };
        Span { anchor, first, end }
    }

    /// The place one step earlier (`-1`) or later (`1`); `None` where the calendar ends.
    #[must_use]
    pub fn step(&self, today: Date, by: i32) -> Option<Self> {
        let span = self.span(today);
        let date = match self.view {
            View::Month => span.anchor.first_of_month().saturating_add(by.months()),
            View::Week => span.first.saturating_add((7 * by).days()),
            View::Agenda => span.first.saturating_add((AGENDA_DAYS * by).days()),
            View::Day => span.first.saturating_add(by.days()),
        };
        (EARLIEST..=LATEST).contains(&date).then(|| self.at(self.view, date))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(page: Page, pairs: &[(&str, &str)]) -> Place {
        Place::read(page, |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    fn days(page: Page, view: &str, day: &str) -> (String, String) {
        let span = place(page, &[("view", view), ("date", day)]).span(date(2026, 1, 1));
        (span.first.to_string(), span.end.to_string())
    }

    #[test]
    fn a_place_survives_its_address() {
        let whole = place(
            Page::Calendar,
            &[
                ("view", "week"),
                ("date", "2026-11-29"),
                ("zone", "utc"),
                ("state", "open"),
                ("environment", "production"),
                ("database", "prod-orders"),
                ("team", "a&b=<"),
            ],
        );
        assert_eq!(
            whole.address(),
            "/calendar?view=week&date=2026-11-29&zone=utc&state=open&environment=production&database=prod-orders&team=a%26b%3D%3C"
        );
        assert_eq!(place(Page::Timeline, &[("view", "week"), ("zone", "mine")]).address(), "/timeline");
    }

    #[test]
    fn what_is_unknown_shows_what_is_usual() {
        for wrong in ["", "2026-13-01", "2026-02-30", "1066-10-14", "9999-01-01", "-9999-01-01", "today"] {
            let place = place(Page::Calendar, &[("date", wrong), ("view", "year"), ("zone", "mars")]);
            assert_eq!((place.date, place.view, place.clock), (None, View::Month, Clock::Mine), "{wrong}");
        }
        assert_eq!(place(Page::Timeline, &[("view", "agenda")]).view, View::Week, "a timeline is no list");
    }

    #[test]
    fn a_month_is_whole_weeks_in_the_calendar_and_its_days_on_the_timeline() {
        assert_eq!(days(Page::Calendar, "month", "2026-11-15"), ("2026-10-26".into(), "2026-12-07".into()));
        assert_eq!(days(Page::Calendar, "month", "2027-02-10"), ("2027-02-01".into(), "2027-03-01".into()), "four weeks exactly");
        assert_eq!(days(Page::Timeline, "month", "2028-02-10"), ("2028-02-01".into(), "2028-03-01".into()), "a leap year");
        assert_eq!(days(Page::Calendar, "week", "2026-11-29"), ("2026-11-23".into(), "2026-11-30".into()), "a Sunday ends its week");
        assert_eq!(days(Page::Calendar, "agenda", "2026-12-25"), ("2026-12-25".into(), "2027-01-08".into()));
        assert_eq!(days(Page::Calendar, "day", "2026-12-31"), ("2026-12-31".into(), "2027-01-01".into()));
    }

    #[test]
    fn a_step_leads_to_the_neighbour_and_back_and_ends_at_the_edge() {
        let step = |view: &str, day: &str, by| place(Page::Calendar, &[("view", view), ("date", day)]).step(date(2026, 1, 1), by);
        let date_of = |view: &str, day: &str, by| step(view, day, by).and_then(|place| place.date).map(|date| date.to_string());
        assert_eq!(date_of("month", "2027-01-31", 1).as_deref(), Some("2027-02-01"));
        assert_eq!(date_of("month", "2027-01-31", -1).as_deref(), Some("2026-12-01"));
        assert_eq!(date_of("week", "2026-11-29", -1).as_deref(), Some("2026-11-16"));
        assert_eq!(date_of("agenda", "2026-11-29", 1).as_deref(), Some("2026-12-13"));
        assert_eq!(date_of("day", "2028-02-28", 1).as_deref(), Some("2028-02-29"));
        assert_eq!(step("month", "2000-01-10", -1), None);
        assert_eq!(step("day", "2199-12-31", 1), None);
    }
}
