//! The list of series.

use super::pill;
use crate::door;
use crate::pages::windows::environment;
use crate::parts::layout::Heading;
use crate::parts::table::{Empty, Table};
use crate::parts::time::Time;
use domain::view::series::{ListPage as List, SeriesRow};
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn SeriesListPage() -> impl IntoView {
    let before = door::query_parameter("before").and_then(|id| id.parse().ok());
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::series::list(&engine, &caller?.actor, before).await }.await;
        door::show(answer, |list| page(list, before.is_some()).into_any())
    })
}

fn page(list: List, later: bool) -> impl IntoView {
    let make = || view! { <a class="button primary" href="/series/new">"Make a series"</a> };
    let older = list
        .older
        .map(|id| view! { <p class="actions"><a class="button" rel="next" href=format!("/series?before={id}")>"Older series"</a></p> });
    let body = if list.rows.is_empty() && !later {
        let why = "A series proposes the same window again and again: each Sunday, or on the first Tuesday of a month. Every one of its windows is approved by itself.";
        view! { <Empty title="No series yet" why=why>{list.may_make.then(make)}</Empty> }.into_any()
    } else {
        let rows = list.rows.into_iter().map(row).collect_view();
        view! {
            <div class="listing">
                <Table caption="Series, newest first" head=&["Series", "State", "Database", "Next date", "Team", "Answers for it"]>{rows}</Table>
            </div>
        }
        .into_any()
    };
    view! {
        <Heading title="Series" lead="Windows that are proposed again and again, each some days ahead.">
            {list.may_make.then(make)}
            <a class="button" href="/windows">"All windows"</a>
        </Heading>
        {body}
        {older}
    }
}

fn row(row: SeriesRow) -> impl IntoView {
    let next = row.next.map_or_else(|| "none".into_any(), |at| view! { <Time at=at/> }.into_any());
    view! {
        <tr>
            <th scope="row"><a href=format!("/series/{}", row.id)>{row.title}</a><br/><span class="quiet">{row.words}</span></th>
            <td>{pill(row.state)}</td>
            <td>{row.database}<br/><span class="quiet">{environment(&row.environment)}</span></td>
            <td data-label="Next date">{next}</td>
            <td data-label="Team">{row.team}</td>
            <td data-label="Answers for it">{row.author}</td>
        </tr>
    }
}
