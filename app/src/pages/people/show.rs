//! One person.

use super::Marks;
use super::sign_in::{FactorCard, SignInCard};
use crate::door;
use crate::parts::details::{CopyId, Detail, Details};
use crate::parts::form::Form;
use crate::parts::layout::{Card, Heading};
use crate::parts::time::Time;
use domain::ids::PersonId;
use domain::view::people::PersonPage;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn PersonShowPage() -> impl IntoView {
    let (engine, caller, id) = (door::engine(), door::caller(), door::path_parameter::<PersonId>("id"));
    Suspend::new(async move {
        let answer = async { queries::people::show(&engine, &caller?.actor, id?).await }.await;
        door::show(answer, |page| view! { <Show page/> }.into_any())
    })
}

#[component]
fn Show(page: PersonPage) -> impl IntoView {
    let person = page.person.clone();
    let edit = format!("/people/{}/edit", person.id);
    let absence = if page.own { "/me/absence".to_owned() } else { format!("/people/{}/absence", person.id) };
    let may_say_absence = page.may_say_absence;
    let places = person
        .places
        .iter()
        .map(|place| {
            let to = format!("/teams/{}", place.team);
            view! { <li><a href=to>{place.name.clone()}</a>" · "{place.label()}</li> }
        })
        .collect_view();
    let databases = page
        .stakeholder_of
        .iter()
        .map(|(id, name)| {
            let to = format!("/databases/{id}");
            view! { <li><a href=to>{name.clone()}</a></li> }
        })
        .collect_view();
    let (no_place, no_database, sessions) = (person.places.is_empty(), page.stakeholder_of.is_empty(), page.sessions);
    let (marks, email, account, id) = (person.clone(), person.email.clone(), person.account, person.id.to_string());
    let factor = page.factor_since.map_or_else(|| "none".into_any(), |at| view! { "since "<Time at/> }.into_any());
    let (zone, since, may_vote_from, may_manage, own) = (page.zone.clone(), page.since, page.may_vote_from, page.may_manage, page.own);
    view! {
        <Heading title=person.name.clone()>
            {own.then(|| view! { <a class="button" href="/me">"Your profile"</a> })}
            {may_say_absence.then(|| view! { <a class="button" href=absence>"Absences"</a> })}
            {may_manage.then(|| view! { <a class="button" href=edit>"Edit"</a> })}
        </Heading>
        <div class="columns">
            <Card title="Person">
                <Details>
                    <Detail term="E-mail">{email}</Detail>
                    <Detail term="Time zone">{zone}</Detail>
                    <Detail term="Notes"><Marks person=marks/></Detail>
                    {may_vote_from.map(|at| view! {
                        <Detail term="Votes count from"><Time at/> <p class="hint">"Address, role, password or second factor changed lately. Until then no vote of this person counts."</p></Detail>
                    })}
                    <Detail term="Teams">{if no_place { "none".into_any() } else { view! { <ul class="plain">{places}</ul> }.into_any() }}</Detail>
                    <Detail term="Stakeholder of">{if no_database { "no database".into_any() } else { view! { <ul class="plain">{databases}</ul> }.into_any() }}</Detail>
                    <Detail term="Known since"><Time at=since/></Detail>
                    {account.then(|| view! { <Detail term="Open sessions">{sessions}</Detail> })}
                    {(account && (may_manage || own)).then(|| view! { <Detail term="Second factor">{factor}</Detail> })}
                    <Detail term="Id"><CopyId value=id/></Detail>
                </Details>
            </Card>
            {may_manage.then(|| view! { <Manage page/> })}
        </div>
    }
}

#[component]
fn Manage(page: PersonPage) -> impl IntoView {
    let person = page.person.clone();
    let (leave, back) = (format!("/people/{}/deactivate", person.id), format!("/people/{}/reactivate", person.id));
    view! {
        <div>
            {(person.active && !page.own).then(|| view! { <SignInCard page=page.clone()/> })}
            {(page.factor_since.is_some() && !page.own).then(|| view! { <FactorCard person=person.id/> })}
            {(!page.own).then(|| if person.active {
                view! {
                    <Card title="Deactivate">
                        <p>"Ends every right and every session at once. The next page shows what hangs on this person, and lets you hand it over."</p>
                        <p class="actions"><a class="button danger" href=leave>"Deactivate …"</a></p>
                    </Card>
                }.into_any()
            } else {
                view! {
                    <Card title="Reactivate">
                        <p>"Gives the rights back. No vote of this person counts for 24 hours."</p>
                        <Form action=back submit="Reactivate" prefix="active-">""</Form>
                    </Card>
                }.into_any()
            })}
        </div>
    }
}
