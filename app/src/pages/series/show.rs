//! One series: its rule, its next dates, what can be done about them, and what was born of it.

use super::dates::When;
use super::pill;
use super::together::TogetherCard;
use crate::door;
use crate::pages::windows::{environment, foreign_lines, pill_of};
use crate::parts::details::{CopyId, Detail, Details};
use crate::parts::form::{Field, Form, TextArea};
use crate::parts::layout::{Card, Heading};
use crate::parts::status::{Pill, Tone};
use crate::parts::table::Table;
use crate::parts::time::{Span, Time};
use domain::ids::SeriesId;
use domain::procedure::text::plural;
use domain::view::series::{Birth, DateCard, DateLine, ShowPage as Page, Stuck};
use engine::queries;
use jiff::Timestamp;
use leptos::prelude::*;

#[component]
pub fn SeriesShowPage() -> impl IntoView {
    let (id, chosen) = (door::path_parameter("id"), door::query_parameter("date").and_then(|day| day.parse().ok()));
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::series::show(&engine, &caller?.actor, id?, chosen).await }.await;
        door::show(answer, |page| show(page).into_any())
    })
}

fn show(page: Page) -> impl IntoView {
    let edit = page.may_change.then(|| view! { <a class="button" href=format!("/series/{}/edit", page.id)>"Edit"</a> });
    let trouble = page.trouble.clone().map(|(said, since)| {
        view! {
            <section class="blocked" aria-labelledby="trouble-title">
                <h2 id="trouble-title">"Proposes nothing because"</h2>
                <ul><li><strong>{said}</strong>" "<span class="quiet">"Since "<Time at=since/></span></li></ul>
            </section>
        }
    });
    let ended = page.ended.clone().map(|(at, by, why)| {
        let why = if why.is_empty() { String::new() } else { format!(": “{why}”") };
        view! { <p class="message note">{by}" ended it on "<Time at=at/>{why}" Windows that were proposed before stay as they are."</p> }
    });
    let (id, zone, now) = (page.id, page.zone.clone(), page.now);
    view! {
        <p class="crumb"><a href="/series">"← Series"</a></p>
        <Heading title=page.title.clone()>{edit}</Heading>
        <p class="window-line">{pill(page.state)}" "<span>{page.words.clone()}", "{page.zone.clone()}"."</span></p>
        {trouble}
        {ended}
        {page.card.clone().map(|card| view! { <ChangeCard id card zone=zone.clone() start=page.words.clone()/> })}
        {page.ended.is_none().then(|| view! { <NextDates id lines=page.next.clone() zone=zone.clone() may_change=page.may_change now/> })}
        {(page.ended.is_none() || page.together.is_some()).then(|| view! { <TogetherCard id card=page.together.clone() zone=zone.clone() may_ask=page.may_change/> })}
        {(!page.without.is_empty()).then(|| view! { <Without list=page.without.clone()/> })}
        <Births list=page.births.clone()/>
        <About page=page.clone()/>
        {page.may_change.then(|| view! { <End id/> })}
    }
}

#[component]
fn NextDates(id: SeriesId, lines: Vec<DateLine>, zone: String, may_change: bool, now: Timestamp) -> impl IntoView {
    if lines.is_empty() {
        return view! { <Card title="Next dates"><p>"Its rule has no date to come. Edit it to go on, or end it."</p></Card> }.into_any();
    }
    let rows = lines
        .into_iter()
        .map(|line| {
            let proposed = line.proposed_at;
            let then = match (line.date.is_skipped(), line.window, line.stuck) {
                (true, ..) => view! { <Pill tone=Tone::Quiet label="Left out"/> }.into_any(),
                (_, Some((number, state)), _) => view! { <a href=format!("/windows/{number}")>"#"{number}</a>" "{pill_of(state)} }.into_any(),
                (.., Some(said)) => view! { <Pill tone=Tone::Warn label="Needs attention"/><br/>{said} }.into_any(),
                _ if proposed <= now => view! { "Is being proposed" }.into_any(),
                _ => view! { "To be proposed on "<Time at=proposed/><br/><span class="quiet"><Span from=now to=proposed/></span> }.into_any(),
            };
            let change = (may_change && line.window.is_none()).then(|| {
                let to = format!("/series/{id}?date={}#change", line.date.day);
                let label = format!("Change {}", line.date.day.strftime("%-d %b"));
                view! { <a class="button small" href=to aria-label=label>"Change"</a> }
            });
            view! { <tr><th scope="row"><When date=line.date zone=zone.clone()/></th><td data-label="Window">{then}</td><td>{change}</td></tr> }
        })
        .collect_view();
    view! { <Card title="Next dates"><Table caption="Next dates" head=&["When", "Window", ""]>{rows}</Table></Card> }.into_any()
}

#[component]
fn ChangeCard(id: SeriesId, card: DateCard, zone: String, start: String) -> impl IntoView {
    let day = card.date.day.to_string();
    let title = format!("Change {}", card.date.day.strftime("%a %-d %b %Y"));
    let local = card.date.placed.wanted;
    let (date, time) = (local.strftime("%Y-%m-%d").to_string(), local.strftime("%H:%M").to_string());
    let told = card.changed.clone().map(|changed| {
        let did =
            changed.moved_to.map_or_else(|| "left it out".to_owned(), |to| format!("moved it to {}", to.strftime("%a %-d %b, %H:%M")));
        let why = if changed.reason.is_empty() { String::new() } else { format!(": “{}”", changed.reason) };
        view! { <p>{changed.by}" "{did}" on "<Time at=changed.at/>{why}</p> }
    });
    let (day_to_restore, day_to_skip) = (day.clone(), day.clone());
    let restore = card.changed.is_some().then(|| {
        view! {
            <Form action=format!("/series/{id}/restore") submit="Put it back" secondary=true prefix="restore-">
                <input type="hidden" name="day" value=day_to_restore/>
                <p class="quiet">"Back to where the rule has it: "{start}"."</p>
            </Form>
        }
    });
    let skip = (!card.date.is_skipped()).then(|| {
        view! {
            <Form action=format!("/series/{id}/skip") submit="Leave it out" secondary=true prefix="skip-">
                <input type="hidden" name="day" value=day_to_skip/>
                <Field name="reason" label="Why it is left out" hint="At most 2,000 characters."/>
            </Form>
        }
    });
    view! {
        <Card title=title id="change".to_owned()>
            {told}
            {restore}
            {skip}
            <Form action=format!("/series/{id}/move") submit="Move it" prefix="move-">
                <input type="hidden" name="day" value=day/>
                <p class="zone-note">"Date and time are those of the database: "<strong>{zone}</strong>"."</p>
                <div class="row">
                    <Field name="date" label="Date" kind="date" required=true value=date/>
                    <Field name="time" label="Start" kind="time" required=true value=time/>
                </div>
                <Field name="reason" label="Why it is moved" hint="At most 2,000 characters. Who moves a date does not vote on its window."/>
            </Form>
        </Card>
    }
}

#[component]
fn Without(list: Vec<Stuck>) -> impl IntoView {
    let rows = list
        .into_iter()
        .map(|stuck| {
            let (tone, label) = if stuck.passed { (Tone::Quiet, "Passed") } else { (Tone::Warn, "Needs attention") };
            view! { <tr><th scope="row"><Time at=stuck.start/></th><td><Pill tone=tone label=label/></td><td>{stuck.message}</td></tr> }
        })
        .collect_view();
    view! { <Card title="Dates without a window"><Table caption="Dates without a window" head=&["When", "State", "Why"]>{rows}</Table></Card> }
}

#[component]
fn Births(list: Vec<Birth>) -> impl IntoView {
    let body = if list.is_empty() {
        view! { <p>"None yet."</p> }.into_any()
    } else {
        let rows = list
            .into_iter()
            .map(|birth| {
                view! {
                    <tr>
                        <th scope="row"><a href=format!("/windows/{}", birth.number)>"#"{birth.number}" "{birth.title}</a></th>
                        <td>{pill_of(birth.state)}</td>
                        <td data-label="Starts"><Time at=birth.start/></td>
                        <td data-label="Proposed"><Time at=birth.born_at/></td>
                    </tr>
                }
            })
            .collect_view();
        view! { <Table caption="Windows of this series, latest first" head=&["Window", "State", "Starts", "Proposed"]>{rows}</Table> }
            .into_any()
    };
    view! { <Card title="Windows of this series">{body}</Card> }
}

#[component]
fn About(page: Page) -> impl IntoView {
    let first = (page.target, page.database.clone(), page.environment.clone());
    let databases = std::iter::once(first)
        .chain(page.others.clone())
        .map(|(id, name, of)| view! { <a href=format!("/databases/{id}")>{name}</a>" "<span class="quiet">{environment(&of)}</span><br/> })
        .collect_view();
    let lead = format!("{} before the start", plural(u64::try_from(page.lead_days).unwrap_or(0), "day", "days"));
    let lines = (!page.lines.is_empty()).then(|| view! { <pre class="statement">{foreign_lines(&page.lines)}</pre> });
    view! {
        <Card title="About it">
            <Details>
                <Detail term=if page.others.is_empty() { "Database" } else { "Databases" }>{databases}</Detail>
                <Detail term="Each does"><span class="said">{page.procedure}</span>{lines}</Detail>
                <Detail term="Each lasts">{page.duration_min}" minutes"</Detail>
                <Detail term="Each is proposed">{lead}</Detail>
                <Detail term="Answers for it">{page.author}", "{page.team}</Detail>
                <Detail term="Reason"><span class="said">{page.reason}</span></Detail>
                <Detail term="As calendars write it">{page.text.lines().map(|line| view! { <CopyId value=line.to_owned()/><br/> }).collect_view()}</Detail>
            </Details>
        </Card>
    }
}

#[component]
fn End(id: SeriesId) -> impl IntoView {
    view! {
        <details class="confirm">
            <summary class="button danger">"End the series …"</summary>
            <div class="confirm-body">
                <p>"It proposes nothing any more, for ever. Windows that were proposed already stay as they are: withdraw or cancel those on their own pages."</p>
                <Form action=format!("/series/{id}/end") submit="End the series" danger=true prefix="end-">
                    <TextArea name="reason" label="Why" rows=2 hint="At most 2,000 characters."/>
                </Form>
            </div>
        </details>
    }
}
