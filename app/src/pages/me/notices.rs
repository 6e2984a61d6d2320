//! What comes by mail, and what comes in any case.

use crate::parts::form::{Check, Form, Group};
use crate::parts::layout::Card;
use domain::notice::topics::{ALWAYS, Topic};
use leptos::prelude::*;
use std::collections::BTreeSet;

#[component]
pub fn NoticesCard(off: BTreeSet<Topic>) -> impl IntoView {
    let boxes = Topic::ALL
        .iter()
        .map(|topic| view! { <Check name="on" value=topic.word() label=topic.label() hint=topic.hint() checked=!off.contains(topic)/> })
        .collect_view();
    let always = ALWAYS.iter().map(|(what, why)| view! { <li><strong>{*what}"."</strong>" "{*why}</li> }).collect_view();
    view! {
        <Card title="Notifications" id="notices">
            <Form action="/me/notices" submit="Save" prefix="notices-">
                <Group legend="By mail">{boxes}</Group>
            </Form>
            <h3>"Always by mail"</h3>
            <ul>{always}</ul>
        </Card>
    }
}
