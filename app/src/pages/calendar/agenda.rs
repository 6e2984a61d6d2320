//! Days one below the other, those that have windows.

use super::super::windows::{environment, pill_of};
use super::frame::freeze_link;
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::Table;
use crate::parts::time::machine;
use domain::view::calendar::{CalendarPage, Day, Entry, Frame, View, on_day};
use jiff::tz::TimeZone;
use leptos::prelude::*;

pub fn agenda(page: &CalendarPage) -> impl IntoView + use<> {
    let zone = TimeZone::get(&page.frame.zone).unwrap_or(TimeZone::UTC);
    page.days
        .iter()
        .filter(|day| {
            day.total > 0 || page.days.len() == 1 && (day.bounds.note().is_some() || page.frame.frozen(&day.bounds).next().is_some())
        })
        .map(|day| one(&page.frame, day, &zone))
        .collect_view()
}

fn one(frame: &Frame, day: &Day, zone: &TimeZone) -> impl IntoView + use<> {
    let date = day.bounds.date;
    let mut title = date.strftime("%A %-d %B %Y").to_string();
    if date == frame.today {
        title.push_str(", today");
    }
    let note = day.bounds.note().map(|note| view! { <p class="clock-note">{note}"."</p> });
    let caption = format!("Windows on {title}, times in {}", frame.zone);
    let rows = day.entries.iter().map(|entry| row(entry, day, zone)).collect_view();
    let table = (!day.entries.is_empty())
        .then(|| view! { <Table caption=caption head=&["Time", "Window", "State", "Database", "Team"]>{rows}</Table> });
    let frozen = frame.frozen(&day.bounds).map(|row| view! { <p class="frozen">{freeze_link(row)}</p> }).collect_view();
    let rest = (day.more() > 0).then(|| more(frame, day));
    view! {
        <Card title=title>
            {note}
            {frozen}
            {table}
            {rest}
        </Card>
    }
}

/// Where the rest of a day is.
fn more(frame: &Frame, day: &Day) -> impl IntoView + use<> {
    let more = day.more();
    if frame.place.view == View::Day {
        return view! { <p>{format!("{more} more have no room on one page: narrow it down by team, database or state.")}</p> }.into_any();
    }
    let to = frame.place.at(View::Day, day.bounds.date).address();
    view! { <p><a class="more" href=to>{format!("+{more} more")}</a></p> }.into_any()
}

fn row(entry: &Entry, day: &Day, zone: &TimeZone) -> impl IntoView + use<> {
    let at = on_day(entry.start, entry.end, &day.bounds, zone);
    let clash = entry.clash().map(|said| view! { " "<Pill tone=Tone::Warn label=said/> });
    view! {
        <tr>
            <td class="whole"><time datetime=machine(entry.start)>{at}</time></td>
            <th scope="row"><a href=format!("/windows/{}", entry.number)>"#"{entry.number}" "{entry.title.clone()}</a></th>
            <td>{pill_of(entry.state)}{clash}</td>
            <td>{entry.database.clone()}" "<span class="quiet">{environment(&entry.environments)}</span></td>
            <td data-label="Team">{entry.team.clone()}</td>
        </tr>
    }
}
