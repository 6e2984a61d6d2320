//! Changing a person.

use super::GlobalRoles;
use crate::door;
use crate::parts::form::{Check, Field, Form};
use crate::parts::layout::Heading;
use domain::ids::PersonId;
use domain::permission::Verb;
use domain::view::people::PersonPage;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn PersonEditPage() -> impl IntoView {
    let (engine, caller, id) = (door::engine(), door::caller(), door::path_parameter::<PersonId>("id"));
    let allowed = door::require_control(Verb::ManagePeople, None);
    Suspend::new(async move {
        let answer = async {
            allowed?;
            queries::people::show(&engine, &caller?.actor, id?).await
        }
        .await;
        door::show(answer, |page| view! { <Edit page/> }.into_any())
    })
}

#[component]
fn Edit(page: PersonPage) -> impl IntoView {
    let person = page.person;
    let (action, cancel) = (format!("/people/{}/edit", person.id), format!("/people/{}", person.id));
    view! {
        <div class="narrow">
            <Heading title=format!("Edit {}", person.name)/>
            <Form action submit="Save" cancel=cancel>
                <Field name="name" label="Name" value=person.name autocomplete="off" required=true/>
                <Field name="email" label="E-mail address" hint="After a change no vote of this person counts for 24 hours." value=person.email kind="email" autocomplete="off" required=true/>
                <Check name="shared" label="Several people read this mailbox" hint="It is told, but cannot vote." checked=person.shared/>
                <Field name="zone" label="Time zone" hint="An IANA name." value=page.zone suggestions=engine::zones::names() required=true/>
                <GlobalRoles held=person.global/>
            </Form>
        </div>
    }
}
