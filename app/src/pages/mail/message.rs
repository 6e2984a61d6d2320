//! One mail of the mailbox: its text with links, the other parts on demand.

use crate::door;
use crate::parts::details::{Detail, Details};
use crate::parts::layout::{Card, Heading};
use crate::parts::time::Time;
use domain::view::mail::{MailPage, Piece, pieces};
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn MailShowPage() -> impl IntoView {
    let (engine, caller, id) = (door::engine(), door::caller(), door::path_parameter::<i64>("id"));
    Suspend::new(async move {
        let answer = async { queries::mailbox::show(&engine, &caller?, id?).await }.await;
        door::show(answer, |mail| view! { <Mail mail/> }.into_any())
    })
}

#[component]
fn Mail(mail: MailPage) -> impl IntoView {
    let html = format!("/mailbox/{}/html", mail.row.id);
    let text = pieces(&mail.text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.to_owned().into_any(),
            Piece::Link(to) => view! { <a href=to.to_owned()>{to.to_owned()}</a> }.into_any(),
        })
        .collect_view();
    view! {
        <Heading title=mail.row.subject.clone()>
            <a class="button" href=html>"As HTML"</a>
            <a class="button quiet" href="/mailbox">"All mails"</a>
        </Heading>
        <Details>
            <Detail term="To">{mail.row.to.clone()}</Detail>
            <Detail term="Arrived"><Time at=mail.row.at/></Detail>
        </Details>
        <Card title="Text"><pre class="mail">{text}</pre></Card>
        {mail.calendar.map(|calendar| view! { <Card title="Calendar entry"><pre class="mail">{calendar}</pre></Card> })}
    }
}
