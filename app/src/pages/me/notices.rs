//! What comes by mail, what on the page of messages, and what in any case.

use crate::parts::form::{Check, Form, Group};
use crate::parts::layout::Card;
use domain::notice::topics::{ALWAYS, Channel, Off, Topic};
use leptos::prelude::*;

#[component]
pub fn NoticesCard(off: Off) -> impl IntoView {
    let topics = Topic::ALL
        .iter()
        .map(|topic| {
            let boxes = Channel::ALL
                .iter()
                .map(|channel| {
                    let checked = !off.contains(&(*channel, *topic));
                    view! { <Check name=channel.word() value=topic.word() label=channel.label() checked/> }
                })
                .collect_view();
            view! { <Group legend=topic.label() hint=topic.hint()><div class="ways">{boxes}</div></Group> }
        })
        .collect_view();
    let always = ALWAYS.iter().map(|(what, why)| view! { <li><strong>{*what}"."</strong>" "{*why}</li> }).collect_view();
    view! {
        <Card title="Notifications" id="notices">
            <Form action="/me/notices" submit="Save" prefix="notices-">
                {topics}
            </Form>
            <h3>"Always: by mail, and but for codes, links and a changed address on the page of messages, too"</h3>
            <ul>{always}</ul>
        </Card>
    }
}
