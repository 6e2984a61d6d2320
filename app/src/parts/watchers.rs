//! Who watches a window or a database, and the forms that change it.

use crate::parts::form::{Field, Form};
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use domain::view::watchers::{WatcherRow, Watchers};
use leptos::prelude::*;

/// The card. `base` is the address of the thing: its forms lie below it.
#[component]
pub fn WatchersCard(watchers: Watchers, #[prop(into)] base: String, #[prop(into)] what: String) -> impl IntoView {
    let (may_add, own, reader) = (watchers.may_add, watchers.own, watchers.reader);
    let nobody = watchers.rows.is_empty();
    let rows = watchers
        .rows
        .into_iter()
        .map(|row| {
            let remove = (may_add && row.person != reader).then(|| format!("{base}/watchers/{}/remove", row.person));
            view! { <Watcher row remove/> }
        })
        .collect_view();
    let toggle = if own {
        view! { <Form action=format!("{base}/watchers/{reader}/remove") submit="Stop watching" secondary=true prefix="unwatch-">""</Form> }
            .into_any()
    } else {
        view! { <Form action=format!("{base}/watchers") submit="Watch" secondary=true prefix="watch-">""</Form> }.into_any()
    };
    let add = may_add.then(|| {
        view! {
            <details class="fold">
                <summary>"Add somebody"</summary>
                <Form action=format!("{base}/watchers/add") submit="Add watcher" prefix="watcher-">
                    <Field name="email" label="E-mail address" hint="A person, or a mailbox that several people read." kind="email" autocomplete="off" required=true/>
                    <Field name="name" label="Name" hint="For an address that is not known yet." autocomplete="off"/>
                </Form>
            </details>
        }
    });
    view! {
        <Card title="Watchers" id="watchers".to_owned()>
            {if nobody {
                view! { <p>"Nobody watches "{what}". Watchers are told of what happens, and never vote."</p> }.into_any()
            } else {
                view! { <ul class="plain watchers">{rows}</ul> }.into_any()
            }}
            {toggle}
            {add}
        </Card>
    }
}

#[component]
fn Watcher(row: WatcherRow, remove: Option<String>) -> impl IntoView {
    let who = if row.name.eq_ignore_ascii_case(&row.email) { String::new() } else { format!(" {}", row.email) };
    let by = row.added_by.map(|by| format!(", added by {by}"));
    view! {
        <li>
            <a href=format!("/people/{}", row.person)>{row.name.clone()}</a><span class="quiet">{who}{by}</span>
            " "{row.shared.then(|| view! { <Pill tone=Tone::Warn label="Shared mailbox"/> })}
            {(!row.account && !row.shared).then(|| view! { <Pill tone=Tone::Quiet label="Mail only"/> })}
            {remove.map(|to| view! { <Form action=to submit=format!("Remove {}", row.name) secondary=true>""</Form> })}
        </li>
    }
}
