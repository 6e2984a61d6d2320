//! The list of windows, with filters that live in the address.

use super::frame::{environment, pill_of};
use crate::door;
use crate::pages::calendar::ways;
use crate::parts::form::options_of;
use crate::parts::layout::Heading;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use crate::parts::time::Time;
use domain::permission::Verb;
use domain::target::Environment;
use domain::view::windows::list::{Choice, Filter, ListPage as List, Row, StateFilter};
use domain::window::WindowState;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn ListPage() -> impl IntoView {
    let filter = Filter {
        state: StateFilter::from_word(&door::query_parameter("state").unwrap_or_default()),
        environment: door::query_parameter("environment").unwrap_or_default(),
        database: door::query_parameter("database").unwrap_or_default(),
        team: door::query_parameter("team").unwrap_or_default(),
        before: door::query_parameter("before").and_then(|number| number.parse().ok()),
    };
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::windows::list(&engine, &caller?.actor, &filter).await }.await;
        door::show(answer, |list| page(list).into_any())
    })
}

fn page(list: List) -> impl IntoView {
    let propose = list.may_propose.then(|| view! { <a class="button primary" href="/windows/new">"Propose a window"</a> });
    let may_propose = list.may_propose;
    let may_pause = door::may(Verb::PauseAll, None);
    let next = list.next.map(
        |before| view! { <p class="actions"><a class="button" rel="next" href=list.filter.address(Some(before))>"Older windows"</a></p> },
    );
    let first = list.filter.before.map(|_| view! { <a class="button quiet" href=list.filter.address(None)>"Newest"</a> });
    let body = if list.rows.is_empty() {
        view! { <Nothing filtered=!list.filter.is_empty() || list.filter.before.is_some() may_propose/> }.into_any()
    } else {
        let rows = list.rows.iter().map(row).collect_view();
        view! {
            <div class="listing">
                <Table caption="Windows, newest first" head=&["Window", "State", "Database", "Starts", "Ends", "Team"]>{rows}</Table>
            </div>
        }
        .into_any()
    };
    view! {
        <Heading title="Windows" lead="Planned, running and past maintenance on the databases you may see.">
            {propose}
            {may_propose.then(|| view! { <a class="button" href="/windows/cancel">"Cancel several"</a> })}
            {may_pause.then(|| view! { <a class="button" href="/pause">"Pause everything"</a> })}
        </Heading>
        {ways(&list.filter)}
        <Filters list=&list/>
        {body}
        {next}
        {first}
    }
}

fn row(row: &Row) -> impl IntoView + use<> {
    let to = format!("/windows/{}", row.number);
    let waits = row.waits_for_reader.then(|| view! { " "<Pill tone=Tone::Waiting label="waits for you"/> });
    let waiting = row.waiting_for.clone().map(|names| view! { <div class="quiet wrap">"waiting for "{names}</div> });
    let frozen = row.frozen.clone().map(|name| view! { " "<Pill tone=Tone::Warn label=format!("freeze: {name}")/> });
    let glass = row.glass.then(|| view! { " "<Pill tone=Tone::Warn label="break-glass"/> });
    view! {
        <tr>
            <th scope="row"><a href=to>"#"{row.number}" "{row.title.clone()}</a>{waits}{glass}{frozen}</th>
            <td>{pill_of(row.state)}{waiting}</td>
            <td>{row.database.clone()}" "<span class="quiet">{environment(&row.environments)}</span></td>
            <td data-label="Starts"><Time at=row.start/></td>
            <td data-label="Ends"><Time at=row.end/></td>
            <td data-label="Team">{row.team.clone()}</td>
        </tr>
    }
}

#[component]
fn Nothing(filtered: bool, may_propose: bool) -> impl IntoView {
    if filtered {
        return view! {
            <Empty title="No window passes this filter" why="There may be others: the filter hides them."><a class="button" href="/windows">"Show all windows"</a></Empty>
        }
        .into_any();
    }
    let why = "A window is a time in which a database is maintained, agreed on by the people it affects. None was proposed yet.";
    if may_propose {
        view! { <Empty title="No windows yet" why=why><a class="button primary" href="/windows/new">"Propose the first window"</a></Empty> }
            .into_any()
    } else {
        view! { <Empty title="No windows yet" why=format!("{why} Leads and engineers of a team propose them.")/> }.into_any()
    }
}

#[component]
fn Filters<'a>(list: &'a List) -> impl IntoView {
    let environments = Environment::ALL.iter().map(|is| (is.word().to_owned(), is.label().to_owned())).collect();
    let choices = |from: &[Choice]| from.iter().map(|choice| (choice.value.clone(), choice.label.clone())).collect();
    let clear = (!list.filter.is_empty()).then(|| view! { <a class="button quiet" href="/windows">"Clear"</a> });
    view! {
        <form method="get" action="/windows" class="filters" role="search">
            {filter("state", "State", state_choices(), list.filter.state.word())}
            {filter("environment", "Environment", environments, &list.filter.environment)}
            {filter("database", "Database", choices(&list.databases), &list.filter.database)}
            {filter("team", "Team", choices(&list.teams), &list.filter.team)}
            <button type="submit" class="button">"Filter"</button>
            {clear}
        </form>
    }
}

/// States to choose from, and what several of them have in common.
pub(in crate::pages) fn state_choices() -> Vec<(String, String)> {
    let common = [("open", "Not over"), ("over", "Over")].map(|(value, label)| (value.to_owned(), label.to_owned()));
    common.into_iter().chain(WindowState::ALL.iter().map(|state| (state.word().to_owned(), state.label().to_owned()))).collect()
}

pub(super) fn filter(name: &'static str, label: &'static str, choices: Vec<(String, String)>, chosen: &str) -> impl IntoView + use<> {
    filter_or("All", name, label, choices, chosen)
}

/// The same, where choosing nothing means something else than all.
pub(in crate::pages) fn filter_or(
    nothing: &'static str,
    name: &'static str,
    label: &'static str,
    choices: Vec<(String, String)>,
    chosen: &str,
) -> impl IntoView + use<> {
    let id = format!("filter-{name}");
    let known = chosen.is_empty() || choices.iter().any(|(value, _)| value == chosen);
    let stray = (!known).then(|| view! { <option value=chosen.to_owned() selected=true>{chosen.to_owned()}</option> });
    let options = options_of(choices, chosen);
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select id=id name=name><option value="">{nothing}</option>{options}{stray}</select>
        </div>
    }
}
