//! The outbox: what has not left yet, why, and the button that sends it anew.

use crate::door;
use crate::parts::layout::Heading;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use crate::parts::time::Time;
use domain::view::mail::{self, OutboxRow, Shown, state_label};
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn OutboxPage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    let shown = Shown::from_word(&door::query_parameter("show").unwrap_or_default());
    let before = door::query_parameter("before").and_then(|id| id.parse().ok());
    Suspend::new(async move {
        let answer = async { queries::outbox::list(&engine, &caller?, shown, before).await }.await;
        door::show(answer, |page| view! { <Outbox page/> }.into_any())
    })
}

#[component]
fn Outbox(page: mail::OutboxPage) -> impl IntoView {
    let next = page.next.map(|id| format!("/admin/outbox?show={}&before={id}", page.shown.word()));
    let nothing = page.rows.is_empty();
    let lead = format!("{} waiting, {} parked. A message stays here until a mail server has taken it.", page.waiting, page.parked);
    let rows = page.rows.into_iter().map(|row| view! { <Row row/> }).collect_view();
    let choices = Shown::ALL
        .iter()
        .map(|(shown, word, label)| view! { <option value=*word selected=*shown == page.shown>{*label}</option> })
        .collect_view();
    view! {
        <Heading title="Outbox" lead=lead>
            {page.demo.then(|| view! { <a class="button" href="/mailbox">"Mailbox"</a> })}
            <form method="post" action="/admin/outbox/test"><button type="submit" class="button">"Send a test mail"</button></form>
            {(page.parked > 0).then(|| view! {
                <form method="post" action="/admin/outbox/resend"><button type="submit" class="button primary">"Send all parked ones again"</button></form>
            })}
        </Heading>
        <form method="get" action="/admin/outbox" class="filters">
            <div class="field"><label for="show">"Messages"</label><select id="show" name="show">{choices}</select></div>
            <button type="submit" class="button">"Show"</button>
        </form>
        {if nothing {
            view! { <Empty title="Nothing here" why="No message is in this state."/> }.into_any()
        } else {
            view! { <div class="listing"><Table caption="Messages" head=&["Message", "To", "State", "Owed since", "Next try", "Why", ""]>{rows}</Table></div> }.into_any()
        }}
        {next.map(|to| view! { <p class="actions"><a class="button" href=to>"Older ones"</a></p> })}
    }
}

#[component]
fn Row(row: OutboxRow) -> impl IntoView {
    let tone = match row.state.as_str() {
        "waiting" => Tone::Waiting,
        "sending" => Tone::Live,
        "parked" => Tone::Bad,
        "sent" => Tone::Good,
        _ => Tone::Quiet,
    };
    let window = row.window.map(|number| {
        let to = format!("/windows/{number}");
        view! { " " <a href=to>{format!("#{number}")}</a> }
    });
    let tries = (row.attempts > 0).then(|| format!(" after {} {}", row.attempts, if row.attempts == 1 { "try" } else { "tries" }));
    let action = format!("/admin/outbox/{}/resend", row.id);
    let can_resend = matches!(row.state.as_str(), "parked" | "waiting");
    let when = match (row.state.as_str(), row.sent_at) {
        (_, Some(at)) => view! { "Sent " <Time at/> }.into_any(),
        ("waiting", None) => view! { <Time at=row.next_at/> }.into_any(),
        _ => view! { "–" }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">{row.kind}{window}</th>
            <td class="breaks" data-label="To">{row.to} " · " {row.email}</td>
            <td><Pill tone label=state_label(&row.state)/>{tries}</td>
            <td data-label="Owed since"><Time at=row.created_at/></td>
            <td data-label="Next try">{when}</td>
            <td class="breaks">{row.last_error}</td>
            <td>{can_resend.then(|| view! {
                <form method="post" action=action><button type="submit" class="button">"Send again"</button></form>
            })}</td>
        </tr>
    }
}
