//! What the maintenance role may do: each missing right with the statement to copy, each one too many with the way to lose it.

use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use domain::people::visible;
use domain::view::targets::Report;
use leptos::prelude::*;

/// Missing and excess rights.
#[component]
pub fn Rights(report: Report) -> impl IntoView {
    let superuser = report.is_superuser();
    let (missing, excess) = (report.missing, report.excess);
    let clean = missing.is_empty() && excess.is_empty();
    let missing = missing
        .into_iter()
        .map(|right| {
            let (tone, label) = if right.required { (Tone::Bad, "Needed") } else { (Tone::Warn, "Useful") };
            let grant = (!right.grant.is_empty()).then(|| view! { <code class="statement">{visible(&right.grant)}</code> });
            view! { <li><p><Pill tone label/>" Lacks "<strong>{visible(&right.privilege)}</strong>", for "{visible(&right.needed_for)}"."</p>{grant}</li> }
        })
        .collect_view();
    let excess = excess
        .into_iter()
        .map(|right| {
            view! {
                <li>
                    <p><Pill tone=Tone::Warn label="Too much"/>" Has "<strong>{visible(&right.privilege)}</strong>": "{visible(&right.danger)}"."</p>
                    <code class="statement">{visible(&right.revoke)}</code>
                </li>
            }
        })
        .collect_view();
    view! {
        <Card title="Rights of the role" id="rights">
            {clean.then(|| view! { <p>"It has every right that maintenance needs, and none that it does not need."</p> })}
            {superuser.then(|| view! { <p>"A superuser passes every check, so nothing else was looked at."</p> })}
            {(!clean).then(|| view! { <p class="quiet">"Have a superuser or the owner run these statements in the database; one click selects a whole one. Then test again."</p> })}
            <ul class="rights">{missing}{excess}</ul>
        </Card>
    }
}
