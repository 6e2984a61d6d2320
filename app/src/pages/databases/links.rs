//! Databases that are linked with this one, because nobody can see it from a connection.

use crate::parts::form::{Field, Form, Radios};
use crate::parts::layout::Card;
use domain::target::LinkKind;
use domain::view::targets::LinkRow;
use leptos::prelude::*;

/// The links, and the form that adds one.
#[component]
pub fn Links(rows: Vec<LinkRow>, manage: bool, here: String) -> impl IntoView {
    let none = rows.is_empty().then(|| view! { <p>"None."</p> });
    let rows = rows.into_iter().map(|row| line(row, manage, &here)).collect_view();
    let form = manage.then(|| {
        let kinds = LinkKind::ALL.iter().map(|kind| (kind.word().to_owned(), kind.label().to_owned(), String::new())).collect();
        view! {
            <details class="confirm" open=crate::door::typed().is_some_and(|typed| typed.action == format!("{here}/links"))>
                <summary class="button small">"Link another database …"</summary>
                <div class="confirm-body">
                    <Form action=format!("{here}/links") submit="Link" prefix="link-" secondary=true>
                        <Field name="other" label="Short name of the other database" autocomplete="off" required=true/>
                        <Radios name="kind" legend="What do the two share?" options=kinds/>
                    </Form>
                </div>
            </details>
        }
    });
    view! {
        <Card title="Linked databases" id="links">
            {none}
            <ul class="entries">{rows}</ul>
            <p class="quiet">"Windows on a linked database are named to whoever plans a window here, and the times that are offered keep clear of them. What has the same host or belongs to the same cluster needs no link."</p>
            {form}
        </Card>
    }
}

fn line(row: LinkRow, manage: bool, here: &str) -> impl IntoView + use<> {
    let (id, how) = (row.other, row.how.label());
    let button = row.name.as_ref().map_or_else(|| "Remove this link".to_owned(), |name| format!("Remove the link to {name}"));
    let name = match row.name {
        Some(name) => view! { <a href=format!("/databases/{id}")>{name}</a>", "{row.team} }.into_any(),
        None => view! { "a database of "{row.team} }.into_any(),
    };
    let remove = manage.then(|| {
        view! {
            <Form action=format!("{here}/links/remove") submit=button prefix=format!("unlink-{id}-") secondary=true>
                <input type="hidden" name="other" value=id.to_string()/>
            </Form>
        }
    });
    view! { <li><p>{how}" "{name}</p>{remove}</li> }
}
