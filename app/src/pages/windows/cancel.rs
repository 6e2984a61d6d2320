//! "No maintenance tonight": narrow the list, tick what is called off, one reason; then what came of each.

use super::frame::environment;
use super::list::filter as choose;
use crate::door;
use crate::parts::form::{Check, Field, Form, Group, TextArea};
use crate::parts::layout::{Card, Heading};
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use crate::parts::time::{Time, in_zone};
use domain::procedure::text::plural;
use domain::target::Environment;
use domain::view::windows::list::Choice;
use domain::view::windows::many::{self, Filter, MOST_AT_ONCE, ManyRow, Outcomes};
use engine::queries::cancellations;
use leptos::prelude::*;

#[component]
pub fn CancelPage() -> impl IntoView {
    let word = |name| door::query_parameter(name).unwrap_or_default();
    let filter =
        Filter { from: word("from"), to: word("to"), team: word("team"), database: word("database"), environment: word("environment") };
    let batch = door::query_parameter("batch");
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { cancellations::page(&engine, &caller?.actor, &filter, batch.as_deref()).await }.await;
        door::show(answer, |page| show(page).into_any())
    })
}

fn show(page: many::CancelPage) -> impl IntoView {
    let outcomes = page.outcomes.clone().map(|outcomes| view! { <Came outcomes/> });
    let body = if let Some(problem) = page.problem {
        view! { <p class="message refused" role="alert">{problem}</p> }.into_any()
    } else if page.rows.is_empty() {
        view! {
            <Empty title="No window to call off" why="No proposed or approved window of your teams passes this filter. What runs already is stopped on its own page."/>
        }
        .into_any()
    } else {
        view! { <Choose rows=page.rows.clone() more=page.more/> }.into_any()
    };
    view! {
        <p class="crumb"><a href="/windows">"← Windows"</a></p>
        <Heading title="Cancel several windows" lead="For a night on which nothing may run. Each window is called off by itself, and everybody who was told of it is told of that."/>
        {outcomes}
        <Narrow page=page/>
        {body}
    }
}

/// The filter; it lives in the address.
#[component]
fn Narrow(page: many::CancelPage) -> impl IntoView {
    let choices = |from: &[Choice]| from.iter().map(|choice| (choice.value.clone(), choice.label.clone())).collect();
    let environments = Environment::ALL.iter().map(|is| (is.word().to_owned(), is.label().to_owned())).collect();
    let time = |name: &'static str, label: &'static str, value: String| {
        let id = format!("filter-{name}");
        view! {
            <div class="field">
                <label for=id.clone()>{label}</label>
                <input type="datetime-local" id=id name=name value=value required=true/>
            </div>
        }
    };
    view! {
        <form method="get" action="/windows/cancel" class="filters" role="search">
            {time("from", "From", page.filter.from.clone())}
            {time("to", "To", page.filter.to.clone())}
            {choose("team", "Team", choices(&page.teams), &page.filter.team)}
            {choose("database", "Database", choices(&page.databases), &page.filter.database)}
            {choose("environment", "Environment", environments, &page.filter.environment)}
            <button type="submit" class="button">"Show"</button>
            <p class="hint">"Times are those of your zone, "{page.zone}". A window counts when it is about any part of the range."</p>
        </form>
    }
}

#[component]
fn Choose(rows: Vec<ManyRow>, more: bool) -> impl IntoView {
    let count = rows.len();
    let cut = more.then(|| {
        view! { <p class="message warn">"There are more than "{MOST_AT_ONCE}" windows in this range: these are the first to start. Call them off, and look again."</p> }
    });
    let hint = format!("If all are ticked, that is {count}.");
    view! {
        {cut}
        <Card title=plural(u64::try_from(count).unwrap_or(0), "window", "windows")>
            <Form action="/windows/cancel" submit="Call them off" danger=true>
                <Group legend="Untick what shall take place" name="window"><Boxes rows/></Group>
                <TextArea name="reason" label="Why" rows=2 required=true hint="Everybody concerned reads it. At most 2,000 characters."/>
                <Field name="confirm" label="How many windows are ticked" hint=hint mode="numeric" autocomplete="off" required=true/>
            </Form>
            <p class="quiet">"This cannot be undone; new windows can be proposed from the old ones."</p>
        </Card>
    }
}

/// One box a window; made inside its form, which knows what was ticked before.
#[component]
fn Boxes(rows: Vec<ManyRow>) -> impl IntoView {
    let zone = door::zone();
    rows.into_iter()
        .map(|row| {
            let label = format!("#{} {}: {}", row.number, row.database, row.title);
            let hint = format!(
                "{}, {} to {}. {}, {}.",
                row.state.label(),
                in_zone(row.start, &zone),
                in_zone(row.end, &zone),
                row.team,
                environment(&row.environments)
            );
            view! { <Check name="window" value=row.value() label=label hint=hint checked=true/> }
        })
        .collect_view()
}

/// What came of each.
#[component]
fn Came(outcomes: Outcomes) -> impl IntoView {
    let done = outcomes.list.iter().filter(|one| one.done).count();
    let left = outcomes.list.len() - done;
    let rows = outcomes
        .list
        .into_iter()
        .map(|one| {
            let (tone, label) = if one.done { (Tone::Good, "Called off") } else { (Tone::Warn, "Left") };
            view! {
                <tr>
                    <th scope="row"><a href=format!("/windows/{}", one.number)>"#"{one.number}</a></th>
                    <td><Pill tone label/></td>
                    <td>{one.said}</td>
                </tr>
            }
        })
        .collect_view();
    let title = if left == 0 { format!("{done} called off") } else { format!("{done} called off, {left} left") };
    view! {
        <section role="status">
            <Card title=title id="outcomes".to_owned()>
                <p><Time at=outcomes.at/>". Reason: "{outcomes.reason}</p>
                <Table caption="What came of each window" head=&["Window", "Outcome", "What is said"]>{rows}</Table>
            </Card>
        </section>
    }
}
