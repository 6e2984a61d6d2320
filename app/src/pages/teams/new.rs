//! A new team.

use crate::door;
use crate::parts::form::{Field, Form};
use crate::parts::layout::Heading;
use domain::permission::Verb;
use leptos::prelude::*;

#[component]
pub fn TeamNewPage() -> impl IntoView {
    door::show(door::require_control(Verb::ManagePeople, None), |_| {
        view! {
            <div class="narrow">
                <Heading title="Add a team"/>
                <Form action="/teams/new" submit="Add team" cancel="/teams"><TeamFields/></Form>
            </div>
        }
        .into_any()
    })
}

/// Name and handle of a team.
#[component]
pub fn TeamFields(#[prop(optional, into)] name: String, #[prop(optional, into)] short_name: String) -> impl IntoView {
    view! {
        <Field name="name" label="Name" value=name autocomplete="off" required=true/>
        <Field name="short_name" label="Short name" hint="Small letters, digits and hyphens, for filters and addresses. Example: orders." value=short_name autocomplete="off" required=true/>
    }
}
