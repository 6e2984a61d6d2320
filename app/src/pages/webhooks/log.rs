//! What a receiver was sent, and what it answered.

use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use crate::parts::time::Time;
use domain::ids::DeliveryId;
use domain::view::webhooks::{DeliveryRow, TryRow};
use leptos::prelude::*;

#[component]
pub fn Log(deliveries: Vec<DeliveryRow>, next: Option<DeliveryId>, base: String) -> impl IntoView {
    let nothing = deliveries.is_empty();
    let older = next.map(|id| format!("{base}?before={id}#log"));
    let rows = deliveries.into_iter().map(|delivery| view! { <Row delivery base=base.clone()/> }).collect_view();
    view! {
        <Card title="Log" id="log">
            {if nothing {
                view! { <Empty title="Nothing was sent yet" why="What happens from now on stands here, with every answer of the receiver."/> }.into_any()
            } else {
                view! { <Table caption="Deliveries, newest first" head=&["Event", "Happened", "State", "Answers", ""]>{rows}</Table> }.into_any()
            }}
            {older.map(|to| view! { <p class="actions"><a class="button" href=to>"Older ones"</a></p> })}
        </Card>
    }
}

#[component]
fn Row(delivery: DeliveryRow, base: String) -> impl IntoView {
    let (tone, label) = match delivery.state.as_str() {
        "taken" => (Tone::Good, "Taken"),
        "sending" => (Tone::Live, "Being sent"),
        "parked" => (Tone::Bad, "Given up after three days"),
        _ => (Tone::Waiting, "Waiting"),
    };
    let window = delivery.window.map(|number| view! { " "<a href=format!("/windows/{number}")>{format!("#{number}")}</a> });
    let again = (delivery.state == "waiting" && delivery.attempts > 0)
        .then(|| view! { <br/><span class="quiet">"Next try "<Time at=delivery.next_at/></span> });
    let resend = format!("{base}/deliveries/{}/resend", delivery.id);
    let mut tries = delivery.tries.into_iter();
    let newest = tries.next().map(|one| view! { <Try one/> });
    let earlier = tries.map(|one| view! { <li><Try one/></li> }).collect::<Vec<_>>();
    let earlier =
        (!earlier.is_empty()).then(|| view! { <details><summary>"Earlier tries"</summary><ol reversed=true>{earlier}</ol></details> });
    view! {
        <tr>
            <th scope="row">{delivery.event}{window}</th>
            <td data-label="Happened"><Time at=delivery.at/></td>
            <td><Pill tone label/>{again}</td>
            <td class="wrap">{newest}{earlier}</td>
            <td>{(delivery.state != "sending").then(|| view! {
                <form method="post" action=resend><button type="submit" class="button small">"Send again"</button></form>
            })}</td>
        </tr>
    }
}

#[component]
fn Try(one: TryRow) -> impl IntoView {
    let excerpt = (!one.excerpt.is_empty())
        .then(|| view! { <details><summary>"The answer"</summary><pre class="notices">{one.excerpt}</pre></details> });
    view! { <Time at=one.at/>": "{one.detail}" "<span class="quiet">{one.took_ms}" ms"</span>{excerpt} }
}
