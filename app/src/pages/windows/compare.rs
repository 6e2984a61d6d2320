//! A visible difference: every field that changed, before and after.

use super::frame::foreign;
use crate::parts::table::Table;
use crate::parts::time::Time;
use domain::view::windows::Change;
use jiff::Timestamp;
use leptos::prelude::*;

/// Instants as people read them, everything else as it stands in the plan.
fn said(text: &str) -> AnyView {
    match text.parse::<Timestamp>() {
        Ok(at) => view! { <Time at=at exact=true/> }.into_any(),
        Err(_) => foreign(text).into_any(),
    }
}

#[component]
pub fn Changes(changes: Vec<Change>, #[prop(into)] caption: String) -> impl IntoView {
    if changes.is_empty() {
        return view! { <p>"Nothing differs."</p> }.into_any();
    }
    let none = || view! { <span class="quiet">"none"</span> }.into_any();
    let rows = changes
        .into_iter()
        .map(|change| {
            let before = change.before.map_or_else(none, |text| view! { <del>{said(&text)}</del> }.into_any());
            let after = change.after.map_or_else(none, |text| view! { <ins>{said(&text)}</ins> }.into_any());
            view! { <tr><th scope="row">{foreign(&change.place)}</th><td class="wrap" data-label="Before">{before}</td><td class="wrap" data-label="After">{after}</td></tr> }
        })
        .collect_view();
    view! { <Table caption=caption head=&["What", "Before", "After"]>{rows}</Table> }.into_any()
}
