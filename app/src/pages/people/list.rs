//! The list of people.

use super::Marks;
use crate::door;
use crate::parts::layout::Heading;
use crate::parts::table::{Empty, Table};
use domain::view::address::escaped;
use domain::view::people::{PeopleFilter, PeopleKind, PeoplePage, PersonRow};
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn PeopleListPage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    let filter = PeopleFilter {
        text: door::query_parameter("q").unwrap_or_default(),
        team: door::query_parameter("team").and_then(|id| id.parse().ok()),
        kind: door::query_parameter("kind").and_then(|word| PeopleKind::from_word(&word)).unwrap_or_default(),
    };
    let after = door::query_parameter("after").and_then(|id| id.parse().ok());
    Suspend::new(async move {
        let answer = async { queries::people::list(&engine, &caller?.actor, &filter, after).await }.await;
        door::show(answer, |page| view! { <List page/> }.into_any())
    })
}

#[component]
fn List(page: PeoplePage) -> impl IntoView {
    let filter = page.filter.clone();
    let next = page.next.map(|id| {
        let team = filter.team.map(|team| team.to_string()).unwrap_or_default();
        let text = escaped(&filter.text);
        format!("/people?after={id}&q={text}&team={team}&kind={}", filter.kind.word())
    });
    let mut teams = vec![(String::new(), "All teams".to_owned())];
    teams.extend(page.teams.iter().map(|(id, name)| (id.to_string(), name.clone())));
    let kinds = PeopleKind::ALL.iter().map(|kind| (kind.word().to_owned(), kind.label().to_owned())).collect::<Vec<_>>();
    let chosen = filter.team.map(|team| team.to_string()).unwrap_or_default();
    let nobody = page.rows.is_empty();
    let rows = page.rows.into_iter().map(|person| view! { <Row person/> }).collect_view();
    view! {
        <Heading title="People" lead="Everybody who is told, votes or acts.">
            {page.may_manage.then(|| view! { <a class="button primary" href="/people/new">"Add a person"</a> })}
        </Heading>
        <form method="get" action="/people" class="filters" role="search">
            <div class="field">
                <label for="q">"Name or address"</label>
                <input type="search" id="q" name="q" value=filter.text.clone()/>
            </div>
            <Choice name="team" label="Team" options=teams value=chosen/>
            <Choice name="kind" label="Who" options=kinds value=filter.kind.word().to_owned()/>
            <button type="submit" class="button">"Search"</button>
            {(!filter.is_empty()).then(|| view! { <a class="button quiet" href="/people">"Show all"</a> })}
        </form>
        {if nobody {
            view! { <Empty title="Nobody found" why="Nobody fits what you searched for."><a class="button" href="/people">"Show all"</a></Empty> }.into_any()
        } else {
            view! { <div class="listing"><Table caption="People" head=&["Name", "E-mail", "Teams", "Notes"]>{rows}</Table></div> }.into_any()
        }}
        {next.map(|to| view! { <p class="actions"><a class="button" href=to>"Next page"</a></p> })}
    }
}

/// One narrowing choice of the search.
#[component]
fn Choice(name: &'static str, label: &'static str, options: Vec<(String, String)>, value: String) -> impl IntoView {
    let options = options
        .into_iter()
        .map(|(word, label)| {
            let selected = word == value;
            view! { <option value=word selected=selected>{label}</option> }
        })
        .collect_view();
    view! { <div class="field"><label for=name>{label}</label><select id=name name=name>{options}</select></div> }
}

#[component]
fn Row(person: PersonRow) -> impl IntoView {
    let to = format!("/people/{}", person.id);
    let places = person
        .places
        .iter()
        .map(|place| {
            let to = format!("/teams/{}", place.team);
            view! { <li><a href=to>{place.name.clone()}</a>" · "{place.label()}</li> }
        })
        .collect_view();
    let (name, email) = (person.name.clone(), person.email.clone());
    let (placed, marked) = (
        !person.places.is_empty(),
        !person.active || !person.global.is_empty() || person.shared || !person.account || person.away.is_some(),
    );
    view! {
        <tr>
            <th scope="row"><a href=to>{name}</a></th>
            <td class="breaks">{email}</td>
            <td>{placed.then(|| view! { <ul class="plain">{places}</ul> })}</td>
            <td>{marked.then(|| view! { <Marks person/> })}</td>
        </tr>
    }
}
