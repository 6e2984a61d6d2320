//! One receiver: what it is called of, what can be done with it, and its log.

use super::Health;
use super::log::Log;
use crate::door;
use crate::parts::details::{Detail, Details};
use crate::parts::form::{Field, Form, TextArea};
use crate::parts::layout::{Card, Heading};
use crate::parts::time::Time;
use domain::ids::WebhookId;
use domain::view::webhooks::WebhookPage;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn ShowPage() -> impl IntoView {
    let (engine, caller, id) = (door::engine(), door::caller(), door::path_parameter::<WebhookId>("id"));
    let before = door::query_parameter("before").and_then(|id| id.parse().ok());
    Suspend::new(async move {
        let answer = async { queries::webhooks::show(&engine, &caller?, id?, before).await }.await;
        door::show(answer, |page| view! { <Show page/> }.into_any())
    })
}

#[component]
fn Show(page: WebhookPage) -> impl IntoView {
    let webhook = page.webhook.clone();
    let base = format!("/admin/webhooks/{}", webhook.id);
    let paused = webhook.paused.clone();
    let why = paused.clone().map(|reason| {
        view! { <section class="message warn"><strong>"Paused: "</strong>{reason}" Nothing is sent, and what happens meanwhile is not kept for it."</section> }
    });
    let failing = webhook.failing_since.filter(|_| paused.is_none()).map(|since| {
        view! { <Detail term="Failing since"><Time at=since/>" After three days without success it is paused."</Detail> }
    });
    let secret = page.secret.clone().map(|(at, by, former)| {
        let former = former.map(|until| view! { " The one before signs until "<Time at=until/>"." });
        view! { <Detail term="Secret">"made "<Time at=at/>" by "{by}", never shown again."{former}</Detail> }
    });
    let (name, origin, called_of) = (webhook.name.clone(), webhook.origin.clone(), webhook.called_of());
    let (listens, added_at, added_by) = (webhook.format.label(), webhook.created_at, webhook.created_by.clone());
    let callers =
        page.called_by.iter().map(|(key, name)| view! { <li><a href=format!("/procedures/{key}")>{name.clone()}</a></li> }).collect_view();
    let called_by = (!page.called_by.is_empty()).then(|| {
        view! {
            <Detail term="Called by procedures">
                <ul class="plain">{callers}</ul>
                <span class="quiet">{super::held(page.called_by.len())}</span>
            </Detail>
        }
    });
    let (to_edit, to_test) = (format!("{base}/edit"), format!("{base}/test"));
    let test = paused.is_none().then(|| {
        view! { <form method="post" action=to_test><button type="submit" class="button primary">"Send a test"</button></form> }
    });
    view! {
        <p class="crumb"><a href="/admin/webhooks">"← Webhooks"</a></p>
        <Heading title=name.clone()>{test}<a class="button" href=to_edit>"Edit"</a></Heading>
        {why}
        <Details>
            <Detail term="State"><Health webhook/></Detail>
            <Detail term="Calls">{origin}<span class="quiet">" The rest of the address is sealed."</span></Detail>
            <Detail term="Who listens">{listens}</Detail>
            <Detail term="Called of">{called_of}</Detail>
            {called_by}
            {failing}
            {secret}
            <Detail term="Added"><Time at=added_at/>" by "{added_by}</Detail>
        </Details>
        <Log deliveries=page.deliveries next=page.next base=base.clone()/>
        <Card title="Change">
            <Acts base name paused=paused.is_some() signed=page.secret.is_some()/>
        </Card>
    }
}

#[component]
fn Acts(base: String, name: String, paused: bool, signed: bool) -> impl IntoView {
    let pause = if paused {
        view! { <Form action=format!("{base}/resume") submit="Resume" prefix="resume-"><p>"What it was owed before it was paused leaves at once."</p></Form> }
            .into_any()
    } else {
        view! {
            <details class="fold">
                <summary>"Pause"</summary>
                <Form action=format!("{base}/pause") submit="Pause" prefix="pause-">
                    <TextArea name="reason" label="Reason" hint="For whoever finds it paused." rows=2 required=true/>
                </Form>
            </details>
        }
        .into_any()
    };
    let rotate = signed.then(|| {
        view! {
            <details class="fold">
                <summary>"New secret"</summary>
                <Form action=format!("{base}/rotate") submit="Make a new secret" prefix="rotate-">
                    <p>"It is shown once. For 24 hours calls are signed with both, so that the receiver can change over."</p>
                </Form>
            </details>
        }
    });
    view! {
        <div class="acts">
            {pause}
            {rotate}
            <details class="confirm">
                <summary class="button danger">"Delete …"</summary>
                <div class="confirm-body">
                    <p>"Its address and secrets are destroyed, and what it is still owed is never sent."</p>
                    <Form action=format!("{base}/delete") submit="Delete" danger=true prefix="delete-">
                        <Field name="confirm" label="Name" hint=format!("Type {name} to confirm.") autocomplete="off" required=true/>
                    </Form>
                </div>
            </details>
        </div>
    }
}
