//! What somebody was told, on a page: the other way beside mail.

use crate::door;
use crate::parts::layout::Heading;
use crate::parts::status::Pill;
use crate::parts::table::{Empty, Table};
use crate::parts::time::Time;
use domain::people::visible;
use domain::view::messages::{self, About, MessageRow, counted};
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn MessagesPage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    let only_unread = door::query_parameter("show").as_deref() == Some("unread");
    let before = door::query_parameter("before").and_then(|id| id.parse().ok());
    Suspend::new(async move {
        let answer = async { queries::messages::list(&engine, &caller?, only_unread, before).await }.await;
        door::show(answer, |page| view! { <Messages page/> }.into_any())
    })
}

#[component]
fn Messages(page: messages::MessagesPage) -> impl IntoView {
    let show = if page.only_unread { "unread" } else { "all" };
    let next = page.next.map(|id| format!("/messages?show={show}&before={id}"));
    let newest = page.rows.first().map(|row| row.id.to_string()).filter(|_| page.unread > 0);
    let lead = match page.unread {
        0 => "Nothing is unread.".to_owned(),
        unread => format!("{} unread. What you look at counts as read.", counted(unread)),
    };
    let choices = [("all", "All"), ("unread", "Unread")]
        .map(|(word, label)| view! { <option value=word selected=word == show>{label}</option> })
        .collect_view();
    let body = if page.rows.is_empty() {
        let (title, why) = if page.only_unread {
            ("Nothing is unread", "You have looked at everything that was said to you.")
        } else {
            ("No messages yet", "You are told here when a window that concerns you is proposed, approved, started and over.")
        };
        view! { <Empty title why/> }.into_any()
    } else {
        let rows = page.rows.into_iter().map(|row| view! { <Row row/> }).collect_view();
        view! { <div class="listing"><Table caption="Messages, newest first" head=&["Message", "About", "Now", "When"]>{rows}</Table></div> }.into_any()
    };
    view! {
        <Heading title="Messages" lead=lead>
            <a class="button quiet" href="/me#notices">"What comes here"</a>
            {newest.map(|id| view! {
                <form method="post" action="/messages/read">
                    <input type="hidden" name="up_to" value=id/>
                    <button type="submit" class="button">"Mark all as read"</button>
                </form>
            })}
        </Heading>
        <form method="get" action="/messages" class="filters">
            <div class="field"><label for="show">"Messages"</label><select id="show" name="show">{choices}</select></div>
            <button type="submit" class="button">"Show"</button>
        </form>
        {body}
        {next.map(|to| view! { <p class="actions"><a class="button" href=to>"Older ones"</a></p> })}
    }
}

#[component]
fn Row(row: MessageRow) -> impl IntoView {
    let to = format!("/messages/{}", row.id);
    let (number, now) = match &row.about {
        About::Window { number, state } => {
            (Some(format!("#{number} ")), state.map(|state| view! { <Pill tone=state label=state.label()/> }))
        }
        _ => (None, None),
    };
    let quiet = now.is_none();
    view! {
        <tr class:unread=row.unread>
            <th scope="row"><a href=to>{row.kind.label()}</a>{row.unread.then_some(view! { <span class="unseen">" (unread)"</span> })}</th>
            <td class="breaks">{number}{visible(&row.title)}</td>
            <td data-label=(!quiet).then_some("Now")>{now}</td>
            <td data-label="When"><Time at=row.at/></td>
        </tr>
    }
}
