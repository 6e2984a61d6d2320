//! Every freeze the reader sees: in force, coming, past.

use crate::door;
use crate::parts::layout::{Card, Heading};
use crate::parts::table::{Empty, Table};
use crate::parts::time::Time;
use domain::view::freezes::{FreezeRow, FreezesPage as Page, Part};
use engine::queries::freezes;
use leptos::prelude::*;

#[component]
pub fn FreezesListPage() -> impl IntoView {
    let place = |name: &str| door::query_parameter(name).and_then(|id| id.parse().ok());
    let part = place("before").map(Part::Before).or_else(|| place("after").map(Part::After)).unwrap_or_default();
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { freezes::list(&engine, &caller?.actor, part).await }.await;
        door::show(answer, |page| show(page, part != Part::First).into_any())
    })
}

fn show(page: Page, continued: bool) -> impl IntoView {
    let may = page.may_freeze;
    let add = move || may.then(|| view! { <a class="button primary" href="/freezes/new">"New freeze"</a> });
    let import = move || may.then(|| view! { <a class="button" href="/freezes/import">"From a calendar"</a> });
    let none = !continued && page.now.is_empty() && page.coming.is_empty() && page.past.is_empty();
    let who = (!may).then(|| {
        view! { <p class="quiet">"Administrators freeze everything or an environment; leads and deputies freeze what their team owns."</p> }
    });
    let older = page
        .older
        .map(|id| view! { <p class="actions"><a class="button" rel="next" href=format!("/freezes?before={id}")>"Older freezes"</a></p> });
    let later = page.later.map(|id| {
        let to = format!("/freezes?after={id}");
        view! { <p class="actions"><span class="quiet">"More freezes begin after these. "</span><a class="button" rel="next" href=to>"Later freezes"</a></p> }
    });
    let lead = "Times in which nothing starts on a part of the installation, by any path. What makes things safe again is never stopped.";
    let empty = none.then(|| {
        let why = "A freeze keeps maintenance away from a year's end, a release or a sale: windows inside it do not start, and none can be proposed into it.";
        view! { <Empty title="No freezes" why=why>{add()}{import()}</Empty> }
    });
    view! {
        <Heading title="Freezes" lead=lead>{(!none).then(add)}{(!none).then(import)}</Heading>
        {who}
        {empty}
        {rows("In force", "Freezes in force, those that end first on top", page.now)}
        {rows("Coming", "Freezes that have not begun, the next one on top", page.coming)}
        {later}
        {rows("Past", "Freezes that are over or were lifted, newest first", page.past)}
        {older}
    }
}

/// A card of freezes; nothing where there are none.
fn rows(title: &'static str, caption: &'static str, rows: Vec<FreezeRow>) -> impl IntoView {
    (!rows.is_empty()).then(|| {
        let rows = rows
            .into_iter()
            .map(|row| {
                let freeze = row.freeze;
                let lifted = row.lifted.zip(freeze.lifted_at).map(|((who, why), at)| {
                    view! { <br/><span class="quiet">"Lifted "<Time at/>" by "{who}": "{why}</span> }
                });
                view! {
                    <tr>
                        <th scope="row"><a href=format!("/freezes/{}", freeze.id)>{freeze.name}</a><br/><span class="quiet">{freeze.reason}</span></th>
                        <td data-label="Covers">{row.covers}</td>
                        <td data-label="From"><Time at=freeze.start/></td>
                        <td data-label="To"><Time at=freeze.end/>{lifted}</td>
                        <td data-label="By">{freeze.by_name}</td>
                    </tr>
                }
            })
            .collect_view();
        view! { <Card title=title><Table caption=caption head=&["Freeze", "Covers", "From", "To", "By"]>{rows}</Table></Card> }
    })
}
