//! The list of people.

use super::Marks;
use crate::door;
use crate::parts::layout::Heading;
use crate::parts::table::{Empty, Table};
use domain::view::people::{PeoplePage, PersonRow};
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn PeopleListPage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    let search = door::query_parameter("q").unwrap_or_default();
    let after = door::query_parameter("after").and_then(|id| id.parse().ok());
    Suspend::new(async move {
        let answer = async { queries::people::list(&engine, &caller?.actor, &search, after).await }.await;
        door::show(answer, |page| view! { <List page/> }.into_any())
    })
}

#[component]
fn List(page: PeoplePage) -> impl IntoView {
    let next = page.next.map(|id| {
        let query = if page.search.is_empty() { String::new() } else { format!("&q={}", crate::pages::login::escape(&page.search)) };
        format!("/people?after={id}{query}")
    });
    let nobody = page.rows.is_empty();
    let rows = page.rows.into_iter().map(|person| view! { <Row person/> }).collect_view();
    view! {
        <Heading title="People" lead="Everybody who is told, votes or acts.">
            {page.may_manage.then(|| view! { <a class="button primary" href="/people/new">"Add a person"</a> })}
        </Heading>
        <form method="get" action="/people" class="filters" role="search">
            <div class="field">
                <label for="q">"Name or address"</label>
                <input type="search" id="q" name="q" value=page.search.clone()/>
            </div>
            <button type="submit" class="button">"Search"</button>
            {(!page.search.is_empty()).then(|| view! { <a class="button quiet" href="/people">"Show all"</a> })}
        </form>
        {if nobody {
            view! { <Empty title="Nobody found" why="No name or address contains these letters."><a class="button" href="/people">"Show all"</a></Empty> }.into_any()
        } else {
            view! { <div class="listing"><Table caption="People" head=&["Name", "E-mail", "Teams", "Notes"]>{rows}</Table></div> }.into_any()
        }}
        {next.map(|to| view! { <p class="actions"><a class="button" href=to>"Next page"</a></p> })}
    }
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
    let (placed, marked) = (!person.places.is_empty(), !person.active || !person.global.is_empty() || person.shared || !person.account);
    view! {
        <tr>
            <th scope="row"><a href=to>{name}</a></th>
            <td class="breaks">{email}</td>
            <td>{placed.then(|| view! { <ul class="plain">{places}</ul> })}</td>
            <td>{marked.then(|| view! { <Marks person/> })}</td>
        </tr>
    }
}
