//! When somebody is away, and who votes in their place.

use crate::door;
use crate::parts::form::{Field, Form};
use crate::parts::layout::{Card, Heading};
use crate::parts::status::{Pill, Tone};
use crate::parts::table::Empty;
use crate::parts::time::Time;
use domain::absence::LONGEST_DAYS;
use domain::ids::PersonId;
use domain::view::absences::{AbsencePage, AbsenceRow, StandsIn};
use engine::queries;
use leptos::prelude::*;

/// Of oneself.
#[component]
pub fn OwnAbsencePage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async {
            let actor = caller?.actor;
            queries::absences::page(&engine, &actor, actor.person).await
        }
        .await;
        door::show(answer, |page| view! { <Page page/> }.into_any())
    })
}

/// Of somebody else.
#[component]
pub fn PersonAbsencePage() -> impl IntoView {
    let (engine, caller, id) = (door::engine(), door::caller(), door::path_parameter::<PersonId>("id"));
    Suspend::new(async move {
        let answer = async { queries::absences::page(&engine, &caller?.actor, id?).await }.await;
        door::show(answer, |page| view! { <Page page/> }.into_any())
    })
}

#[component]
fn Page(page: AbsencePage) -> impl IntoView {
    let own = page.own;
    let (title, who, action, back) = if own {
        ("When you are away".to_owned(), "you".to_owned(), "/me/absence".to_owned(), "/me".to_owned())
    } else {
        let place = format!("/people/{}", page.person);
        (format!("When {} is away", page.name), page.name.clone(), format!("{place}/absence"), place)
    };
    let lead = format!(
        "Lists and mails say so, reminders go to whoever votes meanwhile, and owners hear when a window cannot be approved without {who}."
    );
    let nothing = page.rows.is_empty();
    let rows = page.rows.into_iter().map(|row| view! { <Row row/> }).collect_view();
    let hint = format!("Whole days in {}, at most {LONGEST_DAYS}.", page.zone);
    let stands_in = (!page.stands_in.is_empty()).then(|| view! { <For stands_in=page.stands_in own name=page.name.clone()/> });
    view! {
        <p class="crumb"><a href=back>{if own { "← Your profile".to_owned() } else { format!("← {}", page.name) }}</a></p>
        <Heading title lead/>
        <div class="columns">
            <div>
                <Card title="Away">
                    {if nothing {
                        view! { <Empty title="Nothing planned" why="No absence is planned or under way."/> }.into_any()
                    } else {
                        view! { <ul class="plain">{rows}</ul> }.into_any()
                    }}
                </Card>
                {stands_in}
            </div>
            <div>
                <Card title="Say an absence">
                    <Form action submit="Save">
                        <Field name="first_day" label="First day away" hint=hint kind="date" required=true/>
                        <Field name="last_day" label="Last day away" kind="date" required=true/>
                        <Field name="delegate" label="Votes meanwhile" hint="E-mail address of one person; may stay empty." kind="email" autocomplete="off" suggestions=page.colleagues/>
                    </Form>
                </Card>
                <Card title="What a delegate may do">
                    <ul>
                        <li>"Votes only, each by a link or a sign-in of their own; also on what waits already when the absence begins."</li>
                        <li>"The seat stays that of who is away. It is voted for once, and one person counts once, whoever they stand in for."</li>
                        <li>"In the place of a lead, deputy or engineer votes only somebody who leads or stands in somewhere; for an engineer another engineer too. Administrators make approvers, and a delegate is no new one. A stakeholder may name anybody."</li>
                        <li>"Whoever wrote a window does not vote on it for others either. Where votes must be signed in, the delegate needs an account and a place in the owner team; where with a second factor, that too."</li>
                        <li>"Of several databases in one window each asks by its own policy: one vote takes the seat in every one that the delegate fits."</li>
                        <li>"A delegate who is away passes nothing on. Whoever says it of somebody else is not their delegate, and a lead speaks for windows of the own team alone."</li>
                        <li>"Who is away may still vote: that decision replaces the one given in their place. What the delegate decided stays when the absence ends."</li>
                    </ul>
                </Card>
            </div>
        </div>
    }
}

#[component]
fn Row(row: AbsenceRow) -> impl IntoView {
    let (tone, label) = if row.begun { (Tone::Warn, "away now") } else { (Tone::Waiting, "planned") };
    let delegate = match row.delegate {
        Some(name) => format!("{name} votes meanwhile."),
        None => "Nobody votes meanwhile.".to_owned(),
    };
    let gap = row.delegate_back.map(|at| {
        view! { <p class="message warn">"The delegate is away in that time too, until "<Time at/>", and passes nothing on. To name somebody else, end this absence and say a new one."</p> }
    });
    let (moving, ending) = (format!("/absences/{}/move", row.id), format!("/absences/{}/end", row.id));
    let prefix = format!("a{}-", row.id);
    view! {
        <li>
            <p><Pill tone label/>" "<Time at=row.starts/>" to "<Time at=row.ends/></p>
            <p>{delegate}" "<span class="quiet">"Said by "{row.said_by}"."</span></p>
            {gap}
            <Form action=moving submit="Move the last day" prefix=prefix.clone()>
                <Field name="last_day" label="Last day away" kind="date" value=row.last_day required=true/>
            </Form>
            <Form action=ending submit=if row.begun { "Back now: end it" } else { "Call it off" } prefix=format!("e{prefix}")>""</Form>
        </li>
    }
}

#[component]
fn For(stands_in: Vec<StandsIn>, own: bool, name: String) -> impl IntoView {
    let title = if own { "You vote in the place of".to_owned() } else { format!("{name} votes in the place of") };
    let rows = stands_in
        .into_iter()
        .map(|one| view! { <li><strong>{one.name}</strong>", "<Time at=one.starts/>" to "<Time at=one.ends/></li> })
        .collect_view();
    view! { <Card title=title><ul class="plain">{rows}</ul></Card> }
}
