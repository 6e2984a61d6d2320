//! All receivers.

use super::Health;
use crate::door;
use crate::parts::layout::Heading;
use crate::parts::table::{Empty, Table};
use domain::view::webhooks::WebhookRow;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn ListPage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::webhooks::list(&engine, &caller?).await }.await;
        door::show(answer, |webhooks| view! { <List webhooks/> }.into_any())
    })
}

#[component]
fn List(webhooks: Vec<WebhookRow>) -> impl IntoView {
    let nothing = webhooks.is_empty();
    let rows = webhooks.into_iter().map(|webhook| view! { <Row webhook/> }).collect_view();
    let add = || view! { <a class="button primary" href="/admin/webhooks/new">"Add a webhook"</a> };
    view! {
        <Heading title="Webhooks" lead="Programs and chats that are told what becomes of windows.">{(!nothing).then(add)}</Heading>
        {if nothing {
            view! {
                <Empty title="No webhook yet" why="A webhook tells a program or a chat of every transition of a window: approved, started, on hold, all clear.">{add()}</Empty>
            }
            .into_any()
        } else {
            view! { <div class="listing"><Table caption="Webhooks" head=&["Name", "State", "Calls", "Of", "#Waiting", "#Given up"]>{rows}</Table></div> }.into_any()
        }}
    }
}

#[component]
fn Row(webhook: WebhookRow) -> impl IntoView {
    let to = format!("/admin/webhooks/{}", webhook.id);
    let (name, origin, called_of) = (webhook.name.clone(), webhook.origin.clone(), webhook.called_of());
    let (waiting, parked) = (webhook.waiting, webhook.parked);
    view! {
        <tr>
            <th scope="row"><a href=to>{name}</a></th>
            <td><Health webhook/></td>
            <td class="breaks" data-label="Calls">{origin}</td>
            <td data-label="Of">{called_of}</td>
            <td class="number" data-label="Waiting">{waiting}</td>
            <td class="number" data-label="Given up">{parked}</td>
        </tr>
    }
}
