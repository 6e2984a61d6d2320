//! The mailbox of a demo: the mails that would have gone out.

use crate::door;
use crate::parts::layout::Heading;
use crate::parts::table::{Empty, Table};
use crate::parts::time::Time;
use domain::view::address::escaped;
use domain::view::mail::{self, MailRow};
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn MailboxPage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    let to = door::query_parameter("to").unwrap_or_default();
    let before = door::query_parameter("before").and_then(|id| id.parse().ok());
    Suspend::new(async move {
        let answer = async { queries::mailbox::list(&engine, &caller?, &to, before).await }.await;
        door::show(answer, |page| view! { <Mailbox page/> }.into_any())
    })
}

#[component]
fn Mailbox(page: mail::MailboxPage) -> impl IntoView {
    let next = page.next.map(|id| format!("/mailbox?to={}&before={id}", escaped(&page.to)));
    let nothing = page.rows.is_empty();
    let rows = page.rows.into_iter().map(|row| view! { <Row row/> }).collect_view();
    let everybody = page.to.is_empty();
    let people = page
        .people
        .into_iter()
        .map(|(address, count)| view! { <option value=address.clone() selected=address == page.to>{format!("{address} ({count})")}</option> })
        .collect_view();
    view! {
        <Heading title="Mailbox" lead="A demo sends no mail. What would have gone out lies here, with links that work."/>
        <form method="get" action="/mailbox" class="filters">
            <div class="field">
                <label for="to">"Mail to"</label>
                <select id="to" name="to"><option value="" selected=everybody>"Everybody"</option>{people}</select>
            </div>
            <button type="submit" class="button">"Show"</button>
        </form>
        {if nothing {
            view! { <Empty title="No mail yet" why="Mails arrive here within a few seconds after something happens, such as a proposal."/> }.into_any()
        } else {
            view! { <div class="listing"><Table caption="Mails" head=&["Subject", "To", "Arrived"]>{rows}</Table></div> }.into_any()
        }}
        {next.map(|to| view! { <p class="actions"><a class="button" href=to>"Older ones"</a></p> })}
    }
}

#[component]
fn Row(row: MailRow) -> impl IntoView {
    let to = format!("/mailbox/{}", row.id);
    view! {
        <tr>
            <th scope="row"><a href=to>{row.subject}</a></th>
            <td class="breaks" data-label="To">{row.to}</td>
            <td data-label="Arrived"><Time at=row.at/></td>
        </tr>
    }
}
