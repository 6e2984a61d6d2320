//! Messages about a window, with every try to deliver them.

use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use crate::parts::time::Time;
use domain::people::visible;
use domain::view::windows::page::Message;
use leptos::prelude::*;

#[component]
pub fn MessagesCard(messages: Vec<Message>) -> impl IntoView {
    let body = if messages.is_empty() {
        view! { <Empty title="No mails yet" why="People are told when a window is proposed, approved, started and over."/> }.into_any()
    } else {
        let rows = messages.into_iter().map(row).collect_view();
        view! { <Table caption="Mails, newest first" head=&["Mail", "To", "State", "Written", "Delivery"]>{rows}</Table> }.into_any()
    };
    view! { <Card title="Mails" id="messages".to_owned()>{body}</Card> }
}

fn row(message: Message) -> impl IntoView {
    let (tone, label) = match message.state.as_str() {
        "sent" => (Tone::Good, "Delivered"),
        "waiting" | "sending" => (Tone::Waiting, "Waiting"),
        "parked" => (Tone::Bad, "Not delivered"),
        _ => (Tone::Quiet, "No longer needed"),
    };
    let last = match (&message.sent_at, &message.last_error) {
        (Some(at), _) => view! { "Taken by the mail server "<Time at=*at/> }.into_any(),
        (None, Some(error)) if message.state == "parked" => view! { "Given up: "{visible(error)} }.into_any(),
        (None, Some(error)) => view! { {visible(error)}" Tried again "<Time at=message.next_at/> }.into_any(),
        (None, None) => ().into_any(),
    };
    let tries = (message.tries.len() > 1).then(|| {
        let lines = message
            .tries
            .into_iter()
            .map(|one| view! { <li><Time at=one.at/>": "{one.result}", "{visible(&one.detail)}</li> })
            .collect_view();
        view! { <details><summary>"Every try"</summary><ol>{lines}</ol></details> }
    });
    view! {
        <tr>
            <th scope="row">{message.kind}</th>
            <td data-label="To">{message.to}</td>
            <td><Pill tone=tone label=label/></td>
            <td data-label="Written"><Time at=message.created_at/></td>
            <td class="wrap" data-label="Delivery">{last}{tries}</td>
        </tr>
    }
}
