//! Changes a series for the dates that have no window yet.

use super::form::SeriesFields;
use super::new::typed;
use crate::door;
use crate::parts::layout::Heading;
use domain::view::series::FormPage;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn SeriesEditPage() -> impl IntoView {
    let (id, typed) = (door::path_parameter("id"), typed());
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::series::edit_form(&engine, &caller?.actor, id?, typed).await }.await;
        door::show(answer, |page| view_of(page).into_any())
    })
}

fn view_of(page: FormPage) -> impl IntoView {
    let edit = page.edit.clone();
    let to = edit.as_ref().map(|edit| format!("/series/{}", edit.id)).unwrap_or_default();
    let action = format!("{to}/edit");
    let title = edit.as_ref().map(|edit| edit.title.clone()).unwrap_or_default();
    view! {
        <p class="crumb"><a href=to.clone()>"← "{title}</a></p>
        <Heading title="Edit the series" lead="For the dates that have no window yet. Windows that were proposed already stay as they are."/>
        {edit.map(|edit| view! {
            <p class="message note">"You answer for the series from the moment you save it; so far "{edit.author}" does. From then on you vote on none of the windows it proposes; those that are there already stay as they are."</p>
        })}
        <SeriesFields page action=action cancel=to/>
    }
}
