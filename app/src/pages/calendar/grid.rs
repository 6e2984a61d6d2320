//! Weeks as a table, a column for each day of the week. Where there is no room for columns it is a list of the days that have windows.

use super::super::windows::pill_of;
use super::frame::freeze_link;
use crate::parts::status::{Pill, Tone};
use crate::parts::time::machine;
use domain::view::calendar::{CalendarPage, Day, Entry, Frame, View, on_day};
use jiff::tz::TimeZone;
use leptos::prelude::*;

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

pub fn grid(page: &CalendarPage) -> impl IntoView + use<> {
    let frame = &page.frame;
    let zone = TimeZone::get(&frame.zone).unwrap_or(TimeZone::UTC);
    let heads = WEEKDAYS.map(|day| view! { <th scope="col"><abbr title=day>{&day[..3]}</abbr></th> }).into_iter().collect_view();
    let weeks = page.days.chunks(7).map(|week| {
        let days = week.iter().map(|day| cell(frame, day, &zone)).collect_view();
        view! { <tr>{days}</tr> }
    });
    let caption = format!("Windows by day, {}, times in {}", super::frame::period(&frame.place, frame.today), frame.zone);
    let kind = if frame.place.view == View::Month { "grid-of-days" } else { "grid-of-days week" };
    view! {
        <table class=kind>
            <caption class="unseen">{caption}</caption>
            <thead><tr>{heads}</tr></thead>
            <tbody>{weeks.collect_view()}</tbody>
        </table>
    }
}

fn cell(frame: &Frame, day: &Day, zone: &TimeZone) -> impl IntoView + use<> {
    let date = day.bounds.date;
    let outside = frame.place.view == View::Month && date.month() != frame.span.anchor.month();
    let (is_today, bare) = (date == frame.today, day.entries.is_empty() && day.bounds.note().is_none());
    let frozen = frame.frozen(&day.bounds).map(|row| view! { <p class="frozen">{freeze_link(row)}</p> }).collect_view();
    let to = frame.place.at(View::Day, date).address();
    let more = (day.more() > 0).then(|| {
        let label = format!("+{} more", day.more());
        view! { <a class="more" href=to.clone()>{label}<span class="unseen">{date.strftime(" on %-d %B").to_string()}</span></a> }
    });
    let entries = (!day.entries.is_empty()).then(|| {
        let list = day.entries.iter().map(|entry| item(entry, day, zone)).collect_view();
        view! { <ul class="of-day">{list}</ul> }
    });
    view! {
        <td class:today=is_today class:outside=outside class:bare=bare aria-current=is_today.then_some("date")>
            <a class="date" href=to.clone()>
                <span class="unfolds">{date.strftime("%A ").to_string()}</span>{date.day()}<span class="unfolds">{date.strftime(" %B").to_string()}</span>
            </a>
            {is_today.then(|| view! { <span class="quiet">" today"</span> })}
            {day.bounds.note().map(|note| view! { <p class="clock-note">{note}</p> })}
            {frozen}
            {entries}
            {more}
        </td>
    }
}

fn item(entry: &Entry, day: &Day, zone: &TimeZone) -> impl IntoView + use<> {
    let at = on_day(entry.start, entry.end, &day.bounds, zone);
    let clash = entry.clash().map(|said| view! { <Pill tone=Tone::Warn label=said/> });
    view! {
        <li>
            <time datetime=machine(entry.start)>{at}</time>
            " "<a href=format!("/windows/{}", entry.number)>{format!("#{} {}", entry.number, entry.database)}</a>
            " "<span class="title quiet">{entry.title.clone()}</span>
            " "{pill_of(entry.state)}
            " "{clash}
        </li>
    }
}
