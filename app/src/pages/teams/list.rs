//! The list of teams.

use crate::door;
use crate::parts::layout::Heading;
use crate::parts::table::{Empty, Table};
use domain::permission::Verb;
use domain::view::people::TeamRow;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn TeamsListPage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::people::teams(&engine, &caller?.actor).await }.await;
        door::show(answer, |teams| view! { <List teams/> }.into_any())
    })
}

#[component]
fn List(teams: Vec<TeamRow>) -> impl IntoView {
    let may_manage = door::may(Verb::ManagePeople, None);
    let add = move || may_manage.then(|| view! { <a class="button primary" href="/teams/new">"Add a team"</a> });
    let none = teams.is_empty();
    let rows = teams
        .into_iter()
        .map(|team| {
            let to = format!("/teams/{}", team.id);
            let leads = if team.leads.is_empty() { "nobody yet".to_owned() } else { team.leads.join(", ") };
            view! {
                <tr>
                    <th scope="row"><a href=to>{team.name}</a></th>
                    <td><code>{team.short_name}</code></td>
                    <td data-label="Leads and deputies">{leads}</td>
                    <td class="number" data-label="Members">{team.members}</td>
                    <td class="number" data-label="Databases">{team.databases}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Heading title="Teams" lead="A team owns databases; its leads and engineers work on them.">{add()}</Heading>
        {if none {
            view! { <Empty title="No team yet" why="Databases belong to teams, so a team comes first. Administrators make them.">{add()}</Empty> }.into_any()
        } else {
            view! { <div class="listing"><Table caption="Teams" head=&["Team", "Short name", "Leads and deputies", "#Members", "#Databases"]>{rows}</Table></div> }.into_any()
        }}
    }
}
