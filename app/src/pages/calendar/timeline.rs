//! Databases below each other, their windows as bars over time; and the same as a table.

use super::super::windows::{environment, pill_of};
use super::{frame, nothing};
use crate::door;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::Table;
use crate::parts::time::{in_zone, machine};
use domain::view::calendar::{Entry, Line, Page, Place, Tick, TimelinePage as Timeline, extent, lanes, share, ticks};
use domain::view::freezes::FreezeRow;
use engine::queries;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use leptos::prelude::*;
use std::collections::BTreeSet;

/// Height of a lane and of the axis, in pixels.
const LANE: usize = 26;
/// A bar from here on has room for its number.
const ROOM: i64 = 5_000;

#[component]
pub fn TimelinePage() -> impl IntoView {
    let place = Place::read(Page::Timeline, door::query_parameter);
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::calendar::timeline(&engine, &caller?.actor, &place).await }.await;
        door::show(answer, |page| timeline(page).into_any())
    })
}

/// What every line is drawn by.
struct Scale {
    from: Timestamp,
    to: Timestamp,
    now: Option<i64>,
    ticks: Vec<Tick>,
    zone: String,
}

impl Scale {
    /// Where bars lie and in which lanes, and how high the lanes are together.
    fn placed(&self, bars: impl Iterator<Item = (Timestamp, Timestamp)>) -> (Vec<(Extent, usize)>, String) {
        let extents: Vec<Extent> = bars.map(|(start, end)| extent(start, end, self.from, self.to)).collect();
        let lanes = lanes(&extents);
        let height = lanes.iter().max().map_or(1, |most| most + 1) * LANE + 4;
        (extents.into_iter().zip(lanes).collect(), height.to_string())
    }
}

/// From where to where on the drawing.
type Extent = (i64, i64);

fn timeline(page: Timeline) -> impl IntoView {
    let Some((first, last)) = page.days.first().zip(page.days.last()) else {
        return frame::head("Timeline", &page.frame).into_any();
    };
    let clock = TimeZone::get(&page.frame.zone).unwrap_or(TimeZone::UTC);
    let (from, to, now) = (first.begins, last.ends, page.frame.now);
    let scale = Scale {
        from,
        to,
        now: (from <= now && now < to).then(|| share(now, from, to)),
        ticks: ticks(page.frame.place.view, &page.days, &clock),
        zone: page.frame.zone.clone(),
    };
    let lines = page.lines.iter().map(|line| drawn(&page.frame.place, line, &scale)).collect_view();
    let frozen = (!page.frame.freezes.is_empty()).then(|| frozen(&page.frame.freezes, &scale));
    let rows = page.lines.iter().flat_map(|line| &line.entries).map(|entry| row(entry, &scale.zone)).collect_view();
    let notes = page.days.iter().filter_map(|day| Some(format!("{}: {}.", day.date.strftime("%a %-d %b"), day.note()?)));
    let notes = notes.map(|note| view! { <p class="clock-note">{note}</p> }).collect_view();
    let next = page.next.clone().map(|after| {
        let to = Place { after, ..page.frame.place.clone() }.address();
        view! { <p class="actions"><a class="button" rel="next" href=to>"More databases"</a></p> }
    });
    let start = (!page.frame.place.after.is_empty()).then(|| {
        let to = Place { after: String::new(), ..page.frame.place.clone() }.address();
        view! { <p class="actions"><a class="button quiet" href=to>"First databases"</a></p> }
    });
    let body = if page.lines.is_empty() {
        nothing(&page.frame).into_any()
    } else {
        let said = format!("Windows by database, {}, times in {}", frame::period(&page.frame.place, page.frame.today), scale.zone);
        view! {
            <section class="listing timeline" aria-label=said>
                <div class="lane-row axis"><div></div>{axis(&scale)}</div>
                {frozen}
                {lines}
                {legend(&page.lines)}
            </section>
            <details class="card fold same-as-table">
                <summary>"The same as a table"</summary>
                <Table caption="Windows by database" head=&["Database", "Window", "State", "Starts", "Ends"]>{rows}</Table>
            </details>
        }
        .into_any()
    };
    view! { {frame::head("Timeline", &page.frame)}{notes}{body}{next}{start} }.into_any()
}

/// Freezes above the databases, hatched. A freeze holds the databases it covers, which its page and the words above name.
fn frozen(freezes: &[FreezeRow], scale: &Scale) -> impl IntoView + use<> {
    let (placed, height) = scale.placed(freezes.iter().map(|row| (row.freeze.start, row.freeze.end)));
    let bands = freezes.iter().zip(placed).map(|(row, ((left, right), lane))| {
        let (width, y) = (right - left, lane * LANE + 3);
        let said = format!("Freeze {}, {}", row.freeze.name, row.covers);
        let title = said.clone();
        let label = (width >= 2 * ROOM).then(|| {
            // A drawing of its own: a name that is longer than its band ends with it.
            view! {
                <svg x=percent(left) y=y.to_string() width=percent(width) height=(LANE - 4).to_string()>
                    <text x="5" y="15">{row.freeze.name.clone()}</text>
                </svg>
            }
        });
        view! {
            <a class="bar freeze" href=format!("/freezes/{}", row.freeze.id) aria-label=said>
                <title>{title}</title>
                <rect x=percent(left) y=y.to_string() width=percent(width) height=(LANE - 4).to_string() rx="3" fill="url(#hatch)"></rect>
                {label}
            </a>
        }
    });
    view! {
        <div class="lane-row">
            <div class="lane-name"><strong>"Freezes"</strong></div>
            <svg class="lane" width="100%" height=height role="group" aria-label="Freezes">
                <defs>
                    <pattern id="hatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                        <line class="hatch" x1="0" x2="0" y1="0" y2="8"></line>
                    </pattern>
                </defs>
                {bands.collect_view()}
            </svg>
        </div>
    }
}

/// What the colours say: the states that are drawn, and what a dashed edge means.
fn legend(lines: &[Line]) -> impl IntoView + use<> {
    let entries = || lines.iter().flat_map(|line| &line.entries);
    let states: BTreeSet<_> = entries().map(|entry| entry.state).collect();
    let dashed = entries().any(|entry| !entry.clashes.is_empty());
    let dashed = dashed.then(|| view! { <Pill tone=Tone::Warn label="Dashed: overlaps another one on the same database"/> });
    view! { <p class="legend">{states.into_iter().map(pill_of).collect_view()}{dashed}</p> }
}

/// A share as SVG takes it.
fn percent(share: i64) -> String {
    format!("{}.{:03}%", share / 1000, share % 1000)
}

fn axis(scale: &Scale) -> impl IntoView + use<> {
    let marks = scale.ticks.iter().map(|tick| {
        let x = percent(tick.share);
        view! { <line x1=x.clone() x2=x.clone() y1="14" y2="24"></line><text x=x y="12" dx="2">{tick.label.clone()}</text> }
    });
    view! { <svg class="lane-axis" width="100%" height="24" aria-hidden="true">{marks.collect_view()}</svg> }
}

fn drawn(place: &Place, line: &Line, scale: &Scale) -> impl IntoView + use<> {
    let (placed, height) = scale.placed(line.entries.iter().map(|entry| (entry.start, entry.end)));
    let guides = scale.ticks.iter().map(|tick| {
        let x = percent(tick.share);
        view! { <line class="guide" x1=x.clone() x2=x y1="0" y2="100%"></line> }
    });
    let now = scale.now.map(|at| view! { <line class="now" x1=percent(at) x2=percent(at) y1="0" y2="100%"></line> });
    let bars = line.entries.iter().zip(placed).map(|(entry, (extent, lane))| bar(entry, extent, lane, scale)).collect_view();
    let name = if line.database.contains(' ') {
        view! { {line.database.clone()} }.into_any()
    } else {
        let mut only = place.on(Page::Calendar);
        only.filter.database.clone_from(&line.database);
        view! { <a href=only.address()>{line.database.clone()}</a> }.into_any()
    };
    let more = line.total.saturating_sub(line.entries.len());
    let more = (more > 0).then(|| view! { <p class="quiet">{format!("{more} more have no room here: show fewer days.")}</p> });
    let said = format!("Windows of {}", line.database);
    view! {
        <div class="lane-row">
            <div class="lane-name"><strong>{name}</strong>" "<span class="quiet">{environment(&line.environment)}</span>{more}</div>
            <svg class="lane" width="100%" height=height role="group" aria-label=said>{guides.collect_view()}{now}{bars}</svg>
        </div>
    }
}

fn bar(entry: &Entry, (left, right): Extent, lane: usize, scale: &Scale) -> impl IntoView + use<> {
    let width = right - left;
    let clash = entry.clash();
    let mut said = format!(
        "#{} {}: {}, {} to {}",
        entry.number,
        entry.title,
        entry.state.label(),
        in_zone(entry.start, &scale.zone),
        in_zone(entry.end, &scale.zone)
    );
    if let Some(clash) = &clash {
        said = format!("{said}. {clash}");
    }
    let y = lane * LANE + 3;
    let class = format!("bar {}{}", Tone::from(entry.state).word(), if clash.is_some() { " clashes" } else { "" });
    let mark = if clash.is_some() { "⚠ " } else { "" };
    let title = said.clone();
    let label = (width >= ROOM).then(|| {
        view! { <text x=percent(left) dx="5" y=(y + 15).to_string()>{format!("{mark}#{}", entry.number)}</text> }
    });
    view! {
        <a class=class href=format!("/windows/{}", entry.number) aria-label=said>
            <title>{title}</title>
            <rect x=percent(left) y=y.to_string() width=percent(width) height=(LANE - 4).to_string() rx="3"></rect>
            {label}
        </a>
    }
}

fn row(entry: &Entry, zone: &str) -> impl IntoView + use<> {
    let clash = entry.clash().map(|said| view! { " "<Pill tone=Tone::Warn label=said/> });
    let time = |at: Timestamp| view! { <time datetime=machine(at)>{in_zone(at, zone)}</time> };
    view! {
        <tr>
            <th scope="row">{entry.database.clone()}" "<span class="quiet">{environment(&entry.environments)}</span></th>
            <td><a href=format!("/windows/{}", entry.number)>"#"{entry.number}" "{entry.title.clone()}</a></td>
            <td>{pill_of(entry.state)}{clash}</td>
            <td data-label="Starts">{time(entry.start)}</td>
            <td data-label="Ends">{time(entry.end)}</td>
        </tr>
    }
}
