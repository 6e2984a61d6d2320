//! Dates of a series: local and UTC, with what the clocks do that night.

use crate::parts::form::Group;
use crate::parts::table::Table;
use crate::parts::time::{Time, in_zone};
use domain::series::{Change, Occurrence};
use domain::view::series::{Dates, ShownDate};
use leptos::prelude::*;

/// A date on the database's clock and in UTC, with its notes.
#[component]
pub fn When(date: Occurrence, #[prop(into)] zone: String) -> impl IntoView {
    let there = in_zone(date.placed.start, &zone);
    let here = (there != in_zone(date.placed.start, &crate::door::zone()))
        .then(|| view! { <br/><span class="quiet">"for you: "<Time at=date.placed.start/></span> });
    let utc = date.placed.start.strftime("%a %-d %b %H:%M UTC").to_string();
    let moved = matches!(date.change, Some(Change::Moved(_)))
        .then(|| view! { <br/><span class="quiet">"Moved; the rule has it on "{date.day.strftime("%a %-d %b").to_string()}"."</span> });
    view! {
        <strong>{there}</strong>" "<span class="utc">{utc}</span>
        {here}
        {moved}
        {date.placed.said().map(|said| view! { <br/><span class="clock-note">{said}</span> })}
    }
}

/// The next dates inside the form, above its button.
#[component]
pub fn DatesGroup(dates: Dates, #[prop(into)] zone: String) -> impl IntoView {
    let said = dates.words.clone();
    let few = dates.lines.len() < 5;
    let rows = dates.lines.into_iter().map(|line| row(line, zone.clone())).collect_view();
    let lead = format!(
        "Each window is proposed {} before its start, and approved by itself.",
        domain::procedure::text::plural(u64::try_from(dates.lead_days).unwrap_or(0), "day", "days")
    );
    let at_once = dates.at_once.then_some(" Those that start sooner are proposed as soon as you save.");
    view! {
        <input type="hidden" name="seen" value=dates.seen/>
        <div id="dates" tabindex="-1">
            <Group legend="The next dates">
                <p><strong>{said}</strong>". "{lead}{at_once}</p>
                <Table caption="The next dates" head=&["When", "Then"]>{rows}</Table>
                {few.then(|| view! { <p class="quiet">"There are no further ones."</p> })}
            </Group>
        </div>
    }
}

fn row(line: ShownDate, zone: String) -> impl IntoView {
    let then = match (line.date.is_skipped(), line.window, line.taken) {
        (true, ..) => view! { "Left out" }.into_any(),
        (_, Some(number), _) => view! { "Proposed already as "<a href=format!("/windows/{number}")>"#"{number}</a> }.into_any(),
        (.., Some((number, title))) => {
            view! { <span class="clock-note">"Taken by "<a href=format!("/windows/{number}")>"#"{number}" "{title}</a>": as long as that is approved, this date cannot be proposed."</span> }.into_any()
        }
        _ => view! { "Free" }.into_any(),
    };
    view! { <tr><th scope="row"><When date=line.date zone/></th><td>{then}</td></tr> }
}
