//! Which database something new is about: the first step to a window, and to a series.

use super::frame::environment;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use crate::parts::time::Time;
use domain::view::windows::propose::Proposable;
use leptos::prelude::*;

/// The databases that may be chosen; `page` is where each of them leads, by its short name.
#[component]
pub fn DatabaseChoice(databases: Vec<Proposable>, page: &'static str, caption: &'static str) -> impl IntoView {
    if databases.is_empty() {
        return view! {
            <Empty title="No database to plan on" why="Your teams have no registered database yet."><a class="button primary" href="/databases/new">"Register a database"</a></Empty>
        }
        .into_any();
    }
    let rows = databases.into_iter().map(|database| row(database, page)).collect_view();
    view! {
        <div class="listing"><Table caption=caption head=&["Database", "Environment", "Team", "Address", "Next taken", ""]>{rows}</Table></div>
    }
    .into_any()
}

fn row(database: Proposable, page: &str) -> impl IntoView + use<> {
    let to = format!("{page}?database={}", database.short_name);
    let act = if database.ready {
        view! { <a class="button small" href=to aria-label=format!("Choose {}", database.short_name)>"Choose"</a> }.into_any()
    } else {
        view! { <Pill tone=Tone::Warn label="Not verified"/> }.into_any()
    };
    let next = database.next_start.map_or_else(|| "not planned".into_any(), |at| view! { <Time at=at/> }.into_any());
    view! {
        <tr>
            <th scope="row">{database.short_name}<br/><span class="quiet">{database.name}</span></th>
            <td>{environment(&database.environment)}</td>
            <td data-label="Team">{database.team}</td>
            <td data-label="Address">{database.place}</td>
            <td data-label="Next taken">{next}</td>
            <td>{act}</td>
        </tr>
    }
}
