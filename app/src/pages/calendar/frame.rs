//! What calendar and timeline share: where one is, the ways to elsewhere in time, whose clock is shown, and the filters.

use crate::pages::windows::{filter_or, state_choices};
use crate::parts::layout::Heading;
use crate::parts::time::in_zone;
use domain::target::Environment;
use domain::view::calendar::{Clock, Frame, Page, Place, View};
use domain::view::feeds::{About, FeedKind};
use domain::view::freezes::FreezeRow;
use domain::view::windows::list::{Choice, Filter};
use jiff::civil::Date;
use leptos::prelude::*;

/// From the list of windows to the same windows by day and by database.
pub fn ways(filter: &Filter) -> impl IntoView + use<> {
    let [calendar, timeline] = [Page::Calendar, Page::Timeline].map(|page| Place::of(page, filter).address());
    shown_as("List", [filter.address(None), calendar, timeline])
}

fn shown_as(here: &'static str, to: [String; 3]) -> impl IntoView {
    let links = ["List", "Calendar", "Timeline"].into_iter().zip(to).map(|(label, to)| link(label.to_owned(), to, label == here));
    view! { <nav class="seg ways" aria-label="Windows shown as"><ul>{links.collect_view()}</ul></nav> }
}

fn link(label: String, to: String, here: bool) -> impl IntoView {
    view! { <li><a href=to aria-current=here.then_some("page")>{label}</a></li> }
}

/// Everything above the days.
pub fn head(title: &'static str, frame: &Frame) -> impl IntoView + use<> {
    let place = &frame.place;
    let propose = frame.may_propose.then(|| view! { <a class="button primary" href="/windows/new">"Propose a window"</a> });
    let [calendar, timeline] = [Page::Calendar, Page::Timeline].map(|page| place.on(page).address());
    let feed = feed(frame);
    let step = |by: i32, rel: &'static str| {
        place.step(frame.today, by).map(|there| {
            let name = period(&there, frame.today);
            let title = name.clone();
            let label = if by < 0 { "← Previous" } else { "Next →" };
            view! { <a class="button" rel=rel href=there.address() title=title>{label}<span class="unseen">": "{name}</span></a> }
        })
    };
    let today = Place { date: None, after: String::new(), ..place.clone() }.address();
    let views = place.page.views().iter().map(|view| {
        let to = Place { view: *view, after: String::new(), ..place.clone() };
        link(view.label().to_owned(), to.address(), *view == place.view)
    });
    let unmet = (place.clock == Clock::Database && frame.database_zone.is_none()).then(|| {
        view! { <p class="message note" role="status">"Choose one database to see its clock. Until then times are shown by yours."</p> }
    });
    view! {
        <Heading title=title lead=format!("Now it is {}.", in_zone(frame.now, &frame.zone))>
            {propose}
            <a class="button" href=feed>"In your calendar program"</a>
        </Heading>
        {shown_as(title, [place.filter.address(None), calendar, timeline])}
        {filters(frame)}
        {unmet}
        {freezes(frame)}
        <div class="when-bar">
            <h2>{period(place, frame.today)}</h2>
            <nav class="steps-in-time" aria-label="Time">
                {step(-1, "prev")}
                <a class="button" href=today>"Today"</a>
                {step(1, "next")}
            </nav>
            <nav class="seg" aria-label="How much time"><ul>{views.collect_view()}</ul></nav>
            {clocks(frame)}
        </div>
    }
}

/// Where a feed of these windows is made: of the database or the team that the page is narrowed to, where the reader sees it.
fn feed(frame: &Frame) -> String {
    let of = |kind: FeedKind, name: &str, choices: &[Choice]| {
        choices.iter().any(|choice| choice.value == name).then(|| About { kind, name: name.to_owned() }.word())
    };
    let filter = &frame.place.filter;
    of(FeedKind::Database, &filter.database, &frame.databases)
        .or_else(|| of(FeedKind::Team, &filter.team, &frame.teams))
        .map_or_else(|| "/me/calendar".to_owned(), |about| format!("/me/calendar?about={about}"))
}

/// The freezes of these days in words: nothing starts in them, whatever is planned.
fn freezes(frame: &Frame) -> impl IntoView + use<> {
    (!frame.freezes.is_empty()).then(|| {
        let one = |row: &FreezeRow| {
            let freeze = &row.freeze;
            let (from, to) = (in_zone(freeze.start, &frame.zone), in_zone(freeze.end, &frame.zone));
            view! { <li>{freeze_link(row)}{format!(" ({}): {from} to {to}. {}", row.covers, freeze.reason)}</li> }
        };
        let list = frame.freezes.iter().map(one).collect_view();
        let more = frame.more_freezes.then(|| {
            let cut =
                format!("These are the first {} freezes of these days: later ones are neither named nor drawn here.", frame.freezes.len());
            view! { <p>{cut}" Narrow the page down, choose fewer days, or look at "<a href="/freezes">"all freezes"</a>"."</p> }
        });
        view! {
            <section class="blocked" aria-label="Freezes">
                <h2>"Nothing starts during a freeze"</h2>
                <ul>{list}</ul>
                {more}
            </section>
        }
    })
}

/// A freeze by its name, leading to its page.
pub fn freeze_link(row: &FreezeRow) -> impl IntoView + use<> {
    view! { <a href=format!("/freezes/{}", row.freeze.id)>"Freeze: "{row.freeze.name.clone()}</a> }
}

/// Whose clock: a zone is named wherever times are shown.
fn clocks(frame: &Frame) -> impl IntoView + use<> {
    let place = &frame.place;
    let shown = if place.clock == Clock::Database && frame.database_zone.is_none() { Clock::Mine } else { place.clock };
    let links = Clock::ALL.iter().filter(|clock| **clock != Clock::Database || frame.database_zone.is_some()).map(|clock| {
        let label = match clock {
            Clock::Mine if shown == Clock::Mine => format!("My time ({})", frame.zone),
            Clock::Mine => "My time".to_owned(),
            Clock::Utc => "UTC".to_owned(),
            Clock::Database => {
                format!("{} ({})", place.filter.database, frame.database_zone.as_deref().unwrap_or_default())
            }
        };
        link(label, Place { clock: *clock, ..place.clone() }.address(), *clock == shown)
    });
    view! { <nav class="seg" aria-label="Whose clock"><ul>{links.collect_view()}</ul></nav> }
}

fn filters(frame: &Frame) -> impl IntoView + use<> {
    let place = &frame.place;
    let environments = Environment::ALL.iter().map(|is| (is.word().to_owned(), is.label().to_owned())).collect();
    let choices = |from: &[Choice]| from.iter().map(|choice| (choice.value.clone(), choice.label.clone())).collect();
    let clear = (!place.filter.is_empty()).then(|| {
        let all = Place { filter: Filter::default(), after: String::new(), ..place.clone() };
        view! { <a class="button quiet" href=all.address()>"Clear"</a> }
    });
    let date = place.date.map(|date| date.to_string()).unwrap_or_default();
    let clock = (place.clock != Clock::Mine).then(|| view! { <input type="hidden" name="zone" value=place.clock.word()/> });
    view! {
        <form method="get" action=place.page.path() class="filters" role="search">
            <input type="hidden" name="view" value=place.view.word()/>
            {clock}
            <div class="field"><label for="filter-date">"Day"</label><input type="date" id="filter-date" name="date" value=date/></div>
            {filter_or("All but called off", "state", "State", state_choices(), place.filter.state.word())}
            {filter_or("All", "environment", "Environment", environments, &place.filter.environment)}
            {filter_or("All", "database", "Database", choices(&frame.databases), &place.filter.database)}
            {filter_or("All", "team", "Team", choices(&frame.teams), &place.filter.team)}
            <button type="submit" class="button">"Show"</button>
            {clear}
        </form>
    }
}

/// The days of a place, as people call them.
pub fn period(place: &Place, today: Date) -> String {
    let span = place.span(today);
    let last = span.end.yesterday().unwrap_or(span.end);
    let (month, day) = ("%B %Y", "%a %-d %b %Y");
    match place.view {
        View::Month => span.anchor.strftime(month).to_string(),
        View::Day => span.anchor.strftime(day).to_string(),
        View::Week | View::Agenda if span.first.first_of_month() == last.first_of_month() => {
            format!("{}–{} {}", span.first.day(), last.day(), last.strftime("%b %Y"))
        }
        View::Week | View::Agenda if span.first.year() == last.year() => {
            format!("{} – {}", span.first.strftime("%-d %b"), last.strftime("%-d %b %Y"))
        }
        View::Week | View::Agenda => format!("{} – {}", span.first.strftime("%-d %b %Y"), last.strftime("%-d %b %Y")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_says_no_more_than_it_needs() {
        let said = |view: &str, date: &str| {
            let place = Place::read(Page::Calendar, |name| match name {
                "view" => Some(view.to_owned()),
                "date" => Some(date.to_owned()),
                _ => None,
            });
            period(&place, Date::ZERO)
        };
        assert_eq!(said("month", "2026-11-29"), "November 2026");
        assert_eq!(said("week", "2026-11-18"), "16–22 Nov 2026");
        assert_eq!(said("week", "2026-12-01"), "30 Nov – 6 Dec 2026");
        assert_eq!(said("agenda", "2026-12-25"), "25 Dec 2026 – 7 Jan 2027");
        assert_eq!(said("day", "2026-11-29"), "Sun 29 Nov 2026");
    }
}
