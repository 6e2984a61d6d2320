//! The list of databases: state, environment, owner, last test, newest backup, next window.

use crate::door;
use crate::parts::layout::Heading;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use crate::parts::time::{Span, Time};
use domain::examination::ExaminationState;
use domain::target::{Environment, TargetState};
use domain::view::address::escaped;
use domain::view::targets::{self, Filter, Row};
use engine::queries;
use jiff::Timestamp;
use leptos::prelude::*;

/// The list, narrowed by a GET form and paged by short name.
#[component]
pub fn ListPage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    let word = |name: &str| door::query_parameter(name).unwrap_or_default();
    let filter = Filter {
        text: word("q").trim().chars().take(120).collect(),
        environment: Environment::from_word(&word("environment")),
        team: word("team"),
        state: TargetState::from_word(&word("state")),
        after: word("after"),
    };
    Suspend::new(async move {
        let answer = async { queries::targets::list(&engine, &caller?, &filter).await }.await;
        door::show(answer, |page| view! { <List page/> }.into_any())
    })
}

#[component]
fn List(page: targets::ListPage) -> impl IntoView {
    let targets::ListPage { rows, next, teams, may_register, filter, now } = page;
    let narrowed = filter != Filter { after: filter.after.clone(), ..Filter::default() };
    let further = next.map(|next| address(&filter, &next));
    let first = (!filter.after.is_empty()).then(|| address(&filter, ""));
    let body = if rows.is_empty() {
        view! { <Nothing narrowed may_register/> }.into_any()
    } else {
        let rows = rows.into_iter().map(|row| view! { <Line row now/> }).collect_view();
        view! {
            <div class="listing">
                <Table caption="Databases" head=&["Database", "State", "Environment", "Owner", "Last connection test", "Newest backup", "Next window"]>{rows}</Table>
            </div>
        }
        .into_any()
    };
    view! {
        <Heading title="Databases" lead="What windows are planned on: who owns it, who depends on it, and whether a worker can reach it.">
            {may_register.then(|| view! { <a class="button primary" href="/databases/new">"Register a database"</a> })}
        </Heading>
        <Filters filter teams/>
        {body}
        <p class="actions">
            {first.map(|to| view! { <a class="button" href=to>"From the beginning"</a> })}
            {further.map(|to| view! { <a class="button" href=to rel="next">"Next page"</a> })}
        </p>
    }
}

#[component]
fn Nothing(narrowed: bool, may_register: bool) -> impl IntoView {
    if narrowed {
        return view! {
            <Empty title="Nothing matches" why="No database you may see fits these filters. Retired ones are shown only when the state says so.">
                <a class="button" href="/databases">"Show all"</a>
            </Empty>
        }
        .into_any();
    }
    let why = if may_register {
        "Windows are planned on registered databases. Register the first one: it takes its address, a role for maintenance and the people who depend on it."
    } else {
        "Windows are planned on registered databases, and none belongs to a team of yours. A lead or engineer of the owner team registers them."
    };
    view! {
        <Empty title="No database is registered" why=why>
            {may_register.then(|| view! { <a class="button primary" href="/databases/new">"Register a database"</a> })}
        </Empty>
    }
    .into_any()
}

#[component]
fn Filters(filter: Filter, teams: Vec<(String, String)>) -> impl IntoView {
    let choice =
        |value: &str, label: &str, chosen: bool| view! { <option value=value.to_owned() selected=chosen>{label.to_owned()}</option> };
    let environments =
        Environment::ALL.iter().map(|each| choice(each.word(), each.label(), filter.environment == Some(*each))).collect_view();
    let states = TargetState::ALL.iter().map(|each| choice(each.word(), each.label(), filter.state == Some(*each))).collect_view();
    let teams = teams.iter().map(|(short_name, name)| choice(short_name, name, filter.team == *short_name)).collect_view();
    view! {
        <form method="get" action="/databases" class="filters" role="search">
            <div class="field"><label for="q">"Name"</label><input type="search" id="q" name="q" value=filter.text/></div>
            <div class="field">
                <label for="state">"State"</label>
                <select id="state" name="state"><option value="">"In use"</option>{states}</select>
            </div>
            <div class="field">
                <label for="environment">"Environment"</label>
                <select id="environment" name="environment"><option value="">"All"</option>{environments}</select>
            </div>
            <div class="field"><label for="team">"Owner"</label><select id="team" name="team"><option value="">"All"</option>{teams}</select></div>
            <button type="submit" class="button">"Filter"</button>
        </form>
    }
}

/// The list's address with this filter, beginning after a short name.
fn address(filter: &Filter, after: &str) -> String {
    let environment = filter.environment.map(Environment::word).unwrap_or_default();
    let state = filter.state.map(TargetState::word).unwrap_or_default();
    let parts = [("q", filter.text.as_str()), ("environment", environment), ("team", &filter.team), ("state", state), ("after", after)];
    let query = parts.iter().filter(|(_, value)| !value.is_empty()).fold(String::new(), |query, (name, value)| {
        let mark = if query.is_empty() { '?' } else { '&' };
        format!("{query}{mark}{name}={}", escaped(value))
    });
    format!("/databases{query}")
}

#[component]
fn Line(row: Row, now: Timestamp) -> impl IntoView {
    let test = row.test.map(|(state, passed, at)| {
        let (tone, label) = match (state, passed) {
            (ExaminationState::Answered, true) => (Tone::Good, "Passed"),
            (ExaminationState::Answered, false) => (Tone::Bad, "Not passed"),
            (ExaminationState::Failed, _) => (Tone::Bad, "Failed"),
            (ExaminationState::Asked | ExaminationState::Working, _) => (Tone::Waiting, "Waiting"),
        };
        view! { <Pill tone label/><div class="when"><Span from=now to=at/>", "<Time at/></div> }
    });
    let proven = row.proven_at.map(|at| view! { <div class="when">"Restored by a worker: the one of "<Span from=now to=at/></div> });
    let backup = match row.backup_at {
        Some(at) => view! { <Span from=now to=at/><div class="when"><Time at/></div> }.into_any(),
        None => view! { <span class="quiet">"None on record"</span> }.into_any(),
    };
    let window = match row.next_window {
        Some((number, state, at)) => {
            view! { <a href=format!("/windows/{number}")>"#"{number}</a>" "<Pill tone=state label=state.label()/><div class="when"><Time at/></div> }.into_any()
        }
        None => view! { <span class="quiet">"None planned"</span> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row"><a href=format!("/databases/{}", row.id)>{row.name}</a><div class="when"><code>{row.short_name}</code></div></th>
            <td><Pill tone=row.state label=row.state.label()/></td>
            <td>{row.environment.label()}</td>
            <td data-label="Owner">{row.team}</td>
            <td data-label="Last connection test">{test.unwrap_or_else(|| view! { <Pill tone=Tone::Quiet label="Never asked"/><div class="when"></div> })}</td>
            <td data-label="Newest backup">{backup}{proven}</td>
            <td data-label="Next window">{window}</td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_the_filter_and_escape_what_was_typed() {
        let filter = Filter { text: "a&b=ü".into(), state: Some(TargetState::Ready), ..Filter::default() };
        assert_eq!(address(&filter, "shop-1"), "/databases?q=a%26b%3D%C3%BC&state=ready&after=shop-1");
        assert_eq!(address(&Filter::default(), ""), "/databases");
    }
}
