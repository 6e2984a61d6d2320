//! Adding and changing a receiver.

use crate::door;
use crate::parts::form::{Check, Field, Form, Group, Radios, Select};
use crate::parts::layout::Heading;
use domain::ids::WebhookId;
use domain::permission::Verb;
use domain::target::Environment;
use domain::view::webhooks::{WebhookForm, WebhookRow};
use domain::webhook::{Event, Filter, Format};
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn NewPage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    let allowed = door::require_control(Verb::ManageWebhooks, None);
    Suspend::new(async move {
        let answer = async {
            allowed?;
            queries::webhooks::form(&engine, &caller?, None).await
        }
        .await;
        door::show(answer, |form| view! { <New form/> }.into_any())
    })
}

#[component]
pub fn EditPage() -> impl IntoView {
    let (engine, caller, id) = (door::engine(), door::caller(), door::path_parameter::<WebhookId>("id"));
    let allowed = door::require_control(Verb::ManageWebhooks, None);
    Suspend::new(async move {
        let answer = async {
            allowed?;
            queries::webhooks::form(&engine, &caller?, Some(id?)).await
        }
        .await;
        door::show(answer, |mut form| match form.webhook.take() {
            Some(webhook) => view! { <Edit webhook form/> }.into_any(),
            None => ().into_any(),
        })
    })
}

const PUBLIC: &str = "It is called by https://, at a public address; the worker's settings let internal networks in.";

#[component]
fn New(form: WebhookForm) -> impl IntoView {
    let formats = Format::ALL
        .iter()
        .map(|format| {
            let follows = if format.is_signed() {
                "It gets a secret to check signatures with, which is shown once."
            } else {
                "The address that the chat gives out is its password."
            };
            (format.word().to_owned(), format.label().to_owned(), follows.to_owned())
        })
        .collect::<Vec<_>>();
    let hint = format!("{PUBLIC} It is sealed at once and never shown again.");
    view! {
        <div class="narrow">
            <Heading title="Add a webhook"/>
            <Form action="/admin/webhooks/new" submit="Add" cancel="/admin/webhooks">
                <Field name="name" label="Name" hint="For people, such as: chat of the database team." autocomplete="off" required=true/>
                <Radios name="format" legend="Who listens" value=Format::CloudEvents.word() options=formats/>
                <Field name="url" label="Address" hint=hint kind="url" autocomplete="off" required=true/>
                <Narrowed filter=Filter::default() form/>
            </Form>
        </div>
    }
}

#[component]
fn Edit(webhook: WebhookRow, form: WebhookForm) -> impl IntoView {
    let (action, cancel) = (format!("/admin/webhooks/{}/edit", webhook.id), format!("/admin/webhooks/{}", webhook.id));
    let callers = (!form.called_by.is_empty()).then(|| {
        let names = form.called_by.iter().map(|name| format!("“{name}”")).collect::<Vec<_>>().join(", ");
        view! { <p class="message warn">{format!("Called by {names}. {}", super::held(form.called_by.len()))}</p> }
    });
    let hint = format!("Now at {}. Leave it empty to keep the address. {PUBLIC}", webhook.origin);
    view! {
        <div class="narrow">
            <Heading title=format!("Edit {}", webhook.name)/>
            {callers}
            <Form action submit="Save" cancel=cancel>
                <input type="hidden" name="revision" value=webhook.revision/>
                <Field name="name" label="Name" value=webhook.name autocomplete="off" required=true/>
                <Field name="url" label="New address" hint=hint kind="url" autocomplete="off"/>
                <Narrowed filter=webhook.filter form/>
            </Form>
        </div>
    }
}

/// What it is called of.
#[component]
fn Narrowed(filter: Filter, form: WebhookForm) -> impl IntoView {
    let events = Event::of_windows()
        .map(|event| view! { <Check name="events" value=event.word() label=event.label() checked=filter.events.contains(&event)/> })
        .collect_view();
    let mut teams = vec![(String::new(), "All teams".to_owned())];
    teams.extend(form.teams.into_iter().map(|(id, name)| (id.to_string(), name)));
    let mut environments = vec![(String::new(), "All environments".to_owned())];
    environments.extend(Environment::ALL.iter().map(|environment| (environment.word().to_owned(), environment.label().to_owned())));
    view! {
        <Group legend="Events" name="events" hint="None ticked: it is called of every one.">{events}</Group>
        <Select name="team" label="Windows of" value=filter.team.map(|team| team.to_string()).unwrap_or_default() options=teams/>
        <Select name="environment" label="On databases of" value=filter.environment.unwrap_or_default() options=environments/>
    }
}
