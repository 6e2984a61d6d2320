//! A new person.

use super::GlobalRoles;
use crate::door;
use crate::pages::teams::role_options;
use crate::parts::form::{Check, Field, Form, Group, Radios, Select};
use crate::parts::layout::Heading;
use domain::permission::Verb;
use domain::view::people::TeamRow;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn PersonNewPage() -> impl IntoView {
    let (engine, caller, allowed) = (door::engine(), door::caller(), door::require_control(Verb::ManagePeople, None));
    let zone = door::visit().installation.as_ref().map(|i| i.zone.clone()).unwrap_or_default();
    let team = door::query_parameter("team").unwrap_or_default();
    Suspend::new(async move {
        let answer = async {
            allowed?;
            queries::people::teams(&engine, &caller?.actor).await
        }
        .await;
        door::show(answer, |teams| view! { <New teams zone team/> }.into_any())
    })
}

#[component]
fn New(teams: Vec<TeamRow>, zone: String, team: String) -> impl IntoView {
    let mut options = vec![(String::new(), "No team yet".to_owned())];
    options.extend(teams.into_iter().map(|team| (team.id.to_string(), team.name)));
    let accounts = [
        ("mail", "Only gets mail", "Is told, and votes by the link in a mail, without an account."),
        ("invite", "Signs in", "Gets an invitation by mail, and chooses a password nobody else sees. Leads, engineers, deputies, administrators and auditors sign in."),
    ]
    .map(|(word, label, follows)| (word.to_owned(), label.to_owned(), follows.to_owned()))
    .to_vec();
    view! {
        <div class="narrow">
            <Heading title="Add a person"/>
            <Form action="/people/new" submit="Add person" cancel="/people">
                <Field name="name" label="Name" autocomplete="off" required=true/>
                <Field name="email" label="E-mail address" hint="Theirs alone: a mailbox that several people read is told, but cannot vote." kind="email" autocomplete="off" required=true/>
                <Field name="zone" label="Time zone" hint="Times in their mails are shown in it. An IANA name." value=zone suggestions=engine::zones::names() required=true/>
                <Radios name="account" legend="Sign-in" value="mail" options=accounts/>
                <Group legend="Team">
                    <Select name="team" label="Team" options=options value=team/>
                    <Select name="role" label="Role there" options=role_options() value="engineer"/>
                    <Check name="deputy" label="Deputy" hint="Stands in for the lead: approves, decides on stopped runs, accepts failed checks."/>
                </Group>
                <GlobalRoles/>
            </Form>
        </div>
    }
}
