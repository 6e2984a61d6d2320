//! One team.

use super::new::TeamFields;
use super::role_options;
use crate::door;
use crate::pages::people::AwayNote;
use crate::pages::windows::environment;
use crate::parts::form::{Check, Field, Form, Select};
use crate::parts::layout::{Card, Heading};
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use domain::ids::TeamId;
use domain::people::TeamRole;
use domain::permission::Verb;
use domain::view::people::{MemberRow, TeamPage, role_label};
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn TeamShowPage() -> impl IntoView {
    let (engine, caller, id) = (door::engine(), door::caller(), door::path_parameter::<TeamId>("id"));
    let zone = door::visit().installation.as_ref().map(|i| i.zone.clone()).unwrap_or_default();
    Suspend::new(async move {
        let answer = async { queries::people::team(&engine, &caller?.actor, id?).await }.await;
        door::show(answer, |page| view! { <Show page zone/> }.into_any())
    })
}

#[component]
fn Show(page: TeamPage, zone: String) -> impl IntoView {
    let (edit, new_person) = (format!("/teams/{}/edit", page.id), format!("/people/new?team={}", page.id));
    let (may_manage, may_place, may_add_contact, id) = (page.may_manage, page.may_place, page.may_add_contact, page.id);
    let nobody = page.members.is_empty();
    let rows = page
        .members
        .into_iter()
        .map(|member| {
            // What a lead may not change has no form.
            let may_change = may_manage || (may_place && member.role != TeamRole::Lead && !member.deputy);
            view! { <Member member team=id may_change may_place may_manage/> }
        })
        .collect_view();
    let head: &'static [&'static str] = if may_place { &["Name", "E-mail", "Role", "Change"] } else { &["Name", "E-mail", "Role"] };
    let databases = page
        .databases
        .into_iter()
        .map(|(id, name, word)| {
            let to = format!("/databases/{id}");
            view! { <li><a href=to>{name}</a>" · "{environment(&word)}</li> }
        })
        .collect::<Vec<_>>();
    let candidates = page.candidates;
    view! {
        <Heading title=page.name lead=format!("Team {}", page.short_name)>
            {may_manage.then(|| view! { <a class="button" href=edit>"Edit"</a><a class="button primary" href=new_person>"Add a new person"</a> })}
        </Heading>
        <Card title="Members" id="members">
            {if nobody {
                view! { <Empty title="Nobody yet" why="A team needs a lead who proposes windows, and a deputy who approves them."/> }.into_any()
            } else {
                view! { <Table caption="Members" head=head>{rows}</Table> }.into_any()
            }}
            {may_place.then(|| view! { <Effects may_manage/> })}
        </Card>
        <div class="columns even">
            {may_place.then(|| view! { <AddMember team=id candidates may_manage/> })}
            {may_add_contact.then(|| view! { <AddContact team=id zone/> })}
            {(!databases.is_empty()).then(|| view! { <Card title="Databases"><ul class="plain">{databases}</ul></Card> })}
        </div>
    }
}

#[component]
fn Member(member: MemberRow, team: TeamId, may_change: bool, may_place: bool, may_manage: bool) -> impl IntoView {
    let (to, action) = (format!("/people/{}", member.person), format!("/teams/{team}/members"));
    let (person, prefix) = (member.person.to_string(), format!("m-{}-", member.person));
    let label = format!("Change {}", member.name);
    view! {
        <tr>
            <th scope="row">
                <a href=to>{member.name.clone()}</a>
                " "{(!member.active).then(|| view! { <Pill tone=Tone::Bad label="Deactivated"/> })}
                {(!member.account).then(|| view! { <Pill tone=Tone::Quiet label="Mail only"/> })}
                {member.away.map(|away| view! { <AwayNote away/> })}
            </th>
            <td class="breaks">{member.email}</td>
            <td>{role_label(member.role, member.deputy)}</td>
            {(may_place && !may_change).then(|| view! { <td class="quiet">"by an administrator"</td> })}
            {may_change.then(|| view! {
                <td>
                    <details class="fold">
                        <summary aria-label=label>"Change"</summary>
                        <Form action submit="Save" prefix=prefix>
                            <input type="hidden" name="person" value=person/>
                            <Select name="role" label="Role" options=with_none(may_manage) value=member.role.word()/>
                            {may_manage.then(|| view! { <Check name="deputy" label="Deputy" checked=member.deputy/> })}
                        </Form>
                    </details>
                </td>
            })}
        </tr>
    }
}

/// The roles the reader may give.
fn given(may_manage: bool) -> Vec<(String, String)> {
    role_options().into_iter().filter(|(word, _)| may_manage || word != TeamRole::Lead.word()).collect()
}

fn with_none(may_manage: bool) -> Vec<(String, String)> {
    let mut options = given(may_manage);
    options.push((String::new(), "Not in this team any more".to_owned()));
    options
}

/// What a role lets somebody do, and what changing it does.
#[component]
fn Effects(may_manage: bool) -> impl IntoView {
    view! {
        <details class="fold">
            <summary>"What a role means, and what changing it does"</summary>
            <ul>
                <li><strong>"Lead"</strong>": proposes and approves windows, starts and stops them, decides on held runs, accepts failed checks, registers databases, adds contacts."</li>
                <li><strong>"Deputy"</strong>": does what a lead does, so that somebody else can approve what the lead proposes."</li>
                <li><strong>"Engineer"</strong>": proposes windows, starts and stops approved ones, ticks checks, registers databases. Does not approve."</li>
                <li><strong>"Stakeholder"</strong>": sees the team's work, is told, and votes where a database names them."</li>
            </ul>
            <p>"It counts at once: the person signs in again, and links mailed to a former lead die. After a change of role no vote of the person counts for 24 hours, and never on windows that whoever changed it wrote by then."</p>
            {(!may_manage).then(|| view! { <p>"You place engineers and stakeholders. Leads and deputies approve windows, so an administrator gives and takes these roles."</p> })}
        </details>
    }
}

#[component]
fn AddMember(team: TeamId, candidates: Vec<(domain::ids::PersonId, String)>, may_manage: bool) -> impl IntoView {
    let action = format!("/teams/{team}/members");
    let mut options = vec![(String::new(), "Choose a person".to_owned())];
    options.extend(candidates.into_iter().map(|(id, label)| (id.to_string(), label)));
    view! {
        <Card title="Add somebody known">
            <Form action submit="Add to the team" prefix="add-">
                <Select name="person" label="Person" options=options required=true/>
                <Select name="role" label="Role" options=given(may_manage) value="engineer" required=true/>
                {may_manage.then(|| view! { <Check name="deputy" label="Deputy" hint="Stands in for the lead."/> })}
            </Form>
        </Card>
    }
}

#[component]
fn AddContact(team: TeamId, zone: String) -> impl IntoView {
    let action = format!("/teams/{team}/contacts");
    view! {
        <Card title="Add a stakeholder by mail">
            <p>"Somebody without an account: gets mail about this team's windows, and votes by the link in it where a database names them."</p>
            <Form action submit="Add stakeholder" prefix="contact-">
                <Field name="name" label="Name" autocomplete="off" required=true/>
                <Field name="email" label="E-mail address" hint="Theirs alone. A mailbox that several people read, such as dba@ or ops@, is told and does not vote." kind="email" autocomplete="off" required=true/>
                <Field name="zone" label="Time zone" value=zone required=true/>
            </Form>
        </Card>
    }
}

#[component]
pub fn TeamEditPage() -> impl IntoView {
    let (engine, caller, id) = (door::engine(), door::caller(), door::path_parameter::<TeamId>("id"));
    let allowed = door::require_control(Verb::ManagePeople, None);
    Suspend::new(async move {
        let answer = async {
            allowed?;
            queries::people::team(&engine, &caller?.actor, id?).await
        }
        .await;
        door::show(answer, |page| {
            let (action, cancel) = (format!("/teams/{}/edit", page.id), format!("/teams/{}", page.id));
            view! {
                <div class="narrow">
                    <Heading title=format!("Edit {}", page.name)/>
                    <Form action submit="Save" cancel=cancel><TeamFields name=page.name short_name=page.short_name/></Form>
                </div>
            }
            .into_any()
        })
    })
}
