//! A new series: which database; what, when and how often; its dates, and save.

use super::form::SeriesFields;
use crate::door;
use crate::pages::windows::DatabaseChoice;
use crate::parts::layout::Heading;
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
    view! {
        <Heading title="Make a series" lead="Which database is it about?"/>
        <DatabaseChoice databases page="/series/new" caption="Databases you may plan series on"/>
    }
}

fn fill(page: FormPage) -> impl IntoView {
    let lead = format!("On {}. Nothing is saved before you have seen its dates.", page.database.short_name);
    view! {
        <Heading title="Make a series" lead=lead/>
        <SeriesFields page action="/series/new" cancel="/series"/>
    }
}
