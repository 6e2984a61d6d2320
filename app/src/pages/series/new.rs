//! A new series: which database; what, when and how often; its dates, and save.

use super::form::SeriesFields;
use crate::door;
use crate::pages::windows::environment;
use crate::parts::layout::Heading;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use domain::series::form::SeriesForm;
use domain::view::series::FormPage;
use domain::view::windows::propose::Proposable;
use engine::queries::{proposals, series};
use leptos::prelude::*;

/// What was typed into this page's form, if nothing is wrong with it: then its dates are shown.
pub(super) fn typed() -> Option<SeriesForm> {
    let typed = door::typed().filter(|typed| typed.errors.is_empty())?;
    Some(SeriesForm::from_fields(typed.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))))
}

#[component]
pub fn SeriesNewPage() -> impl IntoView {
    let (database, typed) = (door::query_parameter("database"), typed());
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        match database {
            None => {
                let answer = async { proposals::choose(&engine, &caller?.actor).await }.await;
                door::show(answer, |databases| choose(databases).into_any())
            }
            Some(database) => {
                let answer = async { series::new_form(&engine, &caller?.actor, &database, typed).await }.await;
                door::show(answer, |page| fill(page).into_any())
            }
        }
    })
}

fn choose(databases: Vec<Proposable>) -> impl IntoView {
    let body = if databases.is_empty() {
        view! {
            <Empty title="No database to plan on" why="Your teams have no registered database yet."><a class="button primary" href="/databases/new">"Register a database"</a></Empty>
        }
        .into_any()
    } else {
        let rows = databases.into_iter().map(row).collect_view();
        view! {
            <div class="listing"><Table caption="Databases you may plan series on" head=&["Database", "Environment", "Team", "Address", ""]>{rows}</Table></div>
        }
        .into_any()
    };
    view! { <Heading title="Make a series" lead="Which database is it about?"/>{body} }
}

fn row(database: Proposable) -> impl IntoView {
    let to = format!("/series/new?database={}", database.short_name);
    let act = if database.ready {
        view! { <a class="button small" href=to aria-label=format!("Choose {}", database.short_name)>"Choose"</a> }.into_any()
    } else {
        view! { <Pill tone=Tone::Warn label="Not verified"/> }.into_any()
    };
    view! {
        <tr>
            <th scope="row">{database.short_name}<br/><span class="quiet">{database.name}</span></th>
            <td>{environment(&database.environment)}</td>
            <td data-label="Team">{database.team}</td>
            <td data-label="Address">{database.place}</td>
            <td>{act}</td>
        </tr>
    }
}

fn fill(page: FormPage) -> impl IntoView {
    let lead = format!("On {}. Nothing is saved before you have seen its dates.", page.database.short_name);
    view! {
        <Heading title="Make a series" lead=lead/>
        <SeriesFields page action="/series/new" cancel="/series"/>
    }
}
