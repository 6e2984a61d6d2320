//! Before an account is closed: what hangs on the person, and who takes it over.

use crate::door;
use crate::pages::windows::pill_of;
use crate::parts::form::{Form, Select, TextArea};
use crate::parts::layout::{Card, Heading};
use crate::parts::table::Table;
use domain::ids::PersonId;
use domain::permission::Verb;
use domain::view::departures::{CountedVote, DeparturePage, Follows, HeldRun, LeftDatabase, OwnedWindow, heir_field};
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn PersonDeactivatePage() -> impl IntoView {
    let (engine, caller, id) = (door::engine(), door::caller(), door::path_parameter::<PersonId>("id"));
    let allowed = door::require_control(Verb::ManagePeople, None);
    Suspend::new(async move {
        let answer = async {
            allowed?;
            queries::departures::show(&engine, &caller?.actor, id?).await
        }
        .await;
        door::show(answer, |page| view! { <Deactivate page/> }.into_any())
    })
}

#[component]
fn Deactivate(page: DeparturePage) -> impl IntoView {
    let (name, id) = (page.person.name.clone(), page.person.id);
    let refused = if page.own {
        Some("You cannot deactivate yourself. Ask another administrator.")
    } else if page.last_admin {
        Some("This is the last administrator. Make somebody else an administrator first.")
    } else {
        (!page.person.active).then_some("This person is deactivated already.")
    };
    let nothing = page.windows.is_empty()
        && page.votes.is_empty()
        && page.holds.is_empty()
        && page.on_call.is_empty()
        && page.teams.is_empty()
        && page.databases.is_empty();
    let handed = page.windows.clone();
    view! {
        <p class="crumb"><a href=format!("/people/{id}")>"← "{name.clone()}</a></p>
        <Heading title=format!("Deactivate {name}") lead="Ends every right and every session at once. History stays, and the person can be brought back."/>
        {nothing.then(|| view! { <p>"Nothing open hangs on this person."</p> })}
        <Votes votes=page.votes/>
        <Holds holds=page.holds/>
        <Wrote windows=page.windows/>
        <div class="columns even">
            {(!page.teams.is_empty()).then(|| {
                let teams = page.teams.into_iter().map(|(id, name)| view! { <li><a href=format!("/teams/{id}")>{name}</a></li> }).collect_view();
                view! {
                    <Card title="Only lead or deputy of" id="teams">
                        <ul class="plain">{teams}</ul>
                        <p class="hint">"Nobody else of these teams could approve as a lead or accept a failed check. Give somebody the role."</p>
                    </Card>
                }
            })}
            {(!page.on_call.is_empty()).then(|| {
                let databases = page.on_call.into_iter().map(|(id, name)| view! { <li><a href=format!("/databases/{id}/edit")>{name}</a></li> }).collect_view();
                view! {
                    <Card title="Named as on call" id="on-call">
                        <ul class="plain">{databases}</ul>
                        <p class="hint">"Whoever is woken at night would call this person. Change the contact of these databases."</p>
                    </Card>
                }
            })}
            <Databases databases=page.databases/>
        </div>
        {match refused {
            Some(why) => view! { <p class="message refused">{why}</p> }.into_any(),
            None => view! { <HandOver id=id windows=handed/> }.into_any(),
        }}
    }
}

#[component]
fn Votes(votes: Vec<CountedVote>) -> impl IntoView {
    (!votes.is_empty()).then(|| {
        let rows = votes
            .into_iter()
            .map(|window| {
                let serious = matches!(window.follows, Follows::LosesQuorum | Follows::StopsRun | Follows::Unreachable);
                let what = if serious { view! { <strong>{window.follows.say()}</strong> }.into_any() } else { window.follows.say().into_any() };
                view! {
                    <tr>
                        <th scope="row"><a href=format!("/windows/{}", window.number)>"#"{window.number}" "{window.title}</a></th>
                        <td>{pill_of(window.state)}</td>
                        <td data-label="Vote">{window.part.label()}</td>
                        <td class="wrap">{what}</td>
                    </tr>
                }
            })
            .collect_view();
        view! { <Card title="Votes that stop counting" id="votes"><Table caption="Open windows that ask for this vote or count it" head=&["Window", "State", "Vote", "What follows"]>{rows}</Table></Card> }
    })
}

#[component]
fn Holds(holds: Vec<HeldRun>) -> impl IntoView {
    (!holds.is_empty()).then(|| {
        let rows = holds
            .into_iter()
            .map(|run| {
                let others = match run.others {
                    0 => view! { <strong>"Nobody else can decide."</strong> }.into_any(),
                    1 => "One other person can decide.".into_any(),
                    n => format!("{n} others can decide.").into_any(),
                };
                view! { <li><a href=format!("/windows/{}", run.number)>"#"{run.number}" "{run.title}</a>" · "{others}</li> }
            })
            .collect_view();
        view! { <Card title="Held runs that wait for a decision" id="holds"><ul class="plain">{rows}</ul></Card> }
    })
}

/// What they wrote and do not own: nothing is to be done, and it is good to know.
#[component]
fn Wrote(windows: Vec<OwnedWindow>) -> impl IntoView {
    let wrote: Vec<_> = windows.into_iter().filter(|window| !window.owns).collect();
    (!wrote.is_empty()).then(|| {
        let rows = wrote
            .into_iter()
            .map(|window| view! { <li><a href=format!("/windows/{}", window.number)>"#"{window.number}" "{window.title}</a>" "{pill_of(window.state)}</li> })
            .collect_view();
        view! { <Card title="Open windows they contributed to" id="wrote"><ul class="plain">{rows}</ul></Card> }
    })
}

#[component]
fn Databases(databases: Vec<LeftDatabase>) -> impl IntoView {
    (!databases.is_empty()).then(|| {
        let rows = databases
            .into_iter()
            .map(|database| {
                let to = format!("/databases/{}/stakeholders", database.id);
                let unmet = database.unmet.map(|why| view! { <br/><strong>"Its policy could not be met any more. "</strong>{why} });
                let lead = (!database.stakeholder).then_some(" (by leading its team)");
                view! { <li><a href=to>{database.short_name}</a>{lead}{unmet}</li> }
            })
            .collect_view();
        view! { <Card title="Databases that ask for them" id="databases"><ul class="plain">{rows}</ul></Card> }
    })
}

#[component]
fn HandOver(id: PersonId, windows: Vec<OwnedWindow>) -> impl IntoView {
    let owned: Vec<_> = windows.into_iter().filter(|window| window.owns).collect();
    let any = !owned.is_empty();
    let choices = owned.into_iter().map(|window| view! { <Heir window/> }).collect_view();
    view! {
        <Card title="Hand over and deactivate" id="hand-over">
            <Form action=format!("/people/{id}/deactivate") submit="Deactivate" danger=true cancel=format!("/people/{id}")>
                {any.then(|| view! {
                    <p>"Somebody answers for each open window. A new owner is told of everything and may change or withdraw it; as long as they change nothing, they may vote on it."</p>
                })}
                {choices}
                <TextArea name="reason" label="Why" hint="For the trail, and for whoever takes something over. At most 2,000 characters." rows=2 required=true/>
            </Form>
        </Card>
    }
}

#[component]
fn Heir(window: OwnedWindow) -> impl IntoView {
    let label = format!("Owner of #{} {}, {}", window.number, window.title, window.database);
    if window.heirs.is_empty() {
        return view! { <p class="message warn">{label}": nobody else of its team could. It keeps its owner, who can do nothing any more."</p> }.into_any();
    }
    let mut options = vec![(String::new(), "Choose a person".to_owned())];
    options.extend(window.heirs.into_iter().map(|(id, name)| (id.to_string(), name)));
    let hint = format!("It is “{}”.", window.state.label());
    view! { <Select name=heir_field(window.number) label hint options required=true/> }.into_any()
}
