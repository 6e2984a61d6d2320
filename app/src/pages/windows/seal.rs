//! Everything once more before it is sealed: what was typed, when it is, what a worker found, who must approve, what is in the way.

use super::change::ChangeCard;
use super::compare::Changes;
use super::edit::{Meanwhile, VotesLost};
use super::form::{ApproversCards, BesideTable, FreezeTable, OverlapTable};
use super::frame::{When, again_in, environment};
use super::new::Steps;
use super::preview::Found;
use super::rehearsal::RehearsalCard;
use crate::parts::details::{Detail, Details};
use crate::parts::form::Form;
use crate::parts::layout::{Card, Heading};
use crate::parts::status::{Pill, Tone};
use crate::parts::time::{Span, Time};
use domain::ids::ExaminationId;
use domain::plan::PlanProcedure;
use domain::procedure::{Procedure, text::plural};
use domain::proposal::ProposalForm;
use domain::proposal::several::Several;
use domain::schedule::Times;
use domain::view::windows::propose::{EditOf, Look, SealPage};
use leptos::prelude::*;

/// The page looks again after so many seconds while a worker measures.
const AGAIN_S: u32 = 2;

#[component]
pub fn Seal(page: SealPage, look: ExaminationId) -> impl IntoView {
    let edit = page.edit.clone();
    let here = edit.as_ref().map_or_else(|| "/windows/new".to_owned(), |edit| format!("/windows/{}/edit", edit.number));
    let with_revision = |edit: &EditOf| format!("&revision={}", edit.expected);
    let revision = edit.as_ref().map(with_revision).unwrap_or_default();
    if page.looks().any(|(_, look)| matches!(look, Look::Waiting(_))) {
        again_in(AGAIN_S, &format!("{here}?look={look}{revision}"));
    }
    // Somebody who takes over the newest revision goes on from there, with the own text.
    let newest = edit.as_ref().map(|edit| format!("&revision={}", edit.revision)).unwrap_or_default();
    let change = format!("{here}?from={look}{newest}");
    let title = edit.as_ref().map_or_else(|| "Propose a window".to_owned(), |edit| format!("Edit #{} {}", edit.number, edit.title));
    let stale = edit.as_ref().is_some_and(|edit| edit.expected < edit.revision);
    let obstacles = page.obstacles();
    let blocked = (!obstacles.is_empty()).then(|| {
        let lines = obstacles.iter().cloned().map(|line| view! { <li>{line}</li> }).collect_view();
        view! { <section class="blocked" aria-labelledby="blocked-title"><h2 id="blocked-title">"It cannot be sealed like this"</h2><ul>{lines}</ul></section> }
    });
    let (overlaps, freezes, beside) = (page.overlaps.clone(), page.freezes.clone(), page.beside.clone());
    let approvers = page.approvers.clone();
    let changes = edit.as_ref().map(|edit| edit.changes.clone());
    let rehearsal = page.rehearsal.clone().ok().flatten();
    let rehearsal = page.procedure.as_ref().map(|known| view! { <RehearsalCard rehearsal procedure=PlanProcedure::of(known)/> });
    let now = page.now;
    let looks = page
        .looks()
        .map(|(name, look)| {
            let title = name.map_or_else(|| "What would be done now".to_owned(), |name| format!("What would be done now on {name}"));
            view! { <LookCard title look=look.clone() now/> }
        })
        .collect_view();
    view! {
        <Heading title=title lead="Nothing is sealed yet."/>
        <Steps now=if edit.is_some() { 2 } else { 3 } edits=edit.is_some()/>
        {blocked}
        {edit.clone().map(|edit| view! { <VotesLost votes=edit.votes/><Meanwhile edit/> })}
        <div class="columns">
            <Typed page=page.clone()/>
            <div>
                <ApproversCards approvers/>
                {rehearsal}
                {(!freezes.is_empty()).then(|| view! { <Card title="Frozen at that time"><FreezeTable freezes/></Card> })}
                {(!overlaps.is_empty()).then(|| view! { <Card title="At the same time"><OverlapTable overlaps caption="Windows at the same time"/></Card> })}
                {(!beside.is_empty()).then(|| view! { <Card title="Beside it at that time"><BesideTable beside caption="On the same server, or linked; nothing forbids it"/></Card> })}
            </div>
        </div>
        {page.change.clone().map(|change| view! { <ChangeCard change/> })}
        {changes.map(|changes| view! { <Card title="What you change"><Changes changes caption="What this revision changes"/></Card> })}
        {looks}
        <SealCard page look action=here change blocked=!obstacles.is_empty() || stale/>
    }
}

#[component]
fn LookCard(title: String, look: Look, now: jiff::Timestamp) -> impl IntoView {
    let body = match look {
        Look::Waiting(since) => view! {
            <p role="status"><Pill tone=Tone::Waiting label="A worker is measuring"/>" Asked "<Span from=now to=since/>". This page looks again by itself every "{AGAIN_S}" seconds."</p>
            <p class="quiet">"Large indexes are read page by page, which may take minutes. If nothing comes, an administrator looks whether a worker runs."</p>
        }
        .into_any(),
        Look::Failed(why) => view! { <p class="message refused">"There is no preview: "{domain::people::visible(&why)}</p> }.into_any(),
        Look::Found(preview) => view! { <Found preview=*preview/> }.into_any(),
    };
    view! { <Card title=title>{body}</Card> }
}

/// A procedure in a line.
fn said(procedure: &Procedure) -> String {
    if procedure.is_own() { format!("{}, version {}", procedure.name, procedure.version) } else { procedure.name.clone() }
}

/// What was typed, with the instants it means.
#[component]
fn Typed(page: SealPage) -> impl IntoView {
    let zone = page.database.zone.clone();
    let databases = match page.order.clone() {
        None => view! { <Detail term="Database">{page.database.short_name.clone()}" "<span class="quiet">{environment(&page.database.environment)}</span></Detail> }.into_any(),
        Some(order) => waves(&page, &order).into_any(),
    };
    let times = page.times.ok().map(|times| view! { <Instants times zone/> });
    view! {
        <Card title="What you propose">
            <Details>
                <Detail term="Title">{page.title}</Detail>
                {databases}
                <Detail term="Procedure">{page.procedure.as_ref().map_or_else(|| page.form.procedure.clone(), said)}</Detail>
                {times}
                <Detail term="Reason"><span class="reason">{page.form.reason.clone()}</span></Detail>
            </Details>
        </Card>
    }
}

/// Several databases, wave by wave.
fn waves(page: &SealPage, order: &Several) -> impl IntoView + use<> {
    let named: Vec<String> = order.waves.iter().map(|wave| wave.join(", ")).collect();
    let rows = named.into_iter().zip(1..).map(|(names, n)| view! { <Detail term=format!("Wave {n}")>{names}</Detail> }).collect_view();
    let soak = (order.waves.len() > 1).then(|| {
        let watched = if order.soak_min == 0 {
            String::new()
        } else {
            format!(" and was watched for {}", plural(u64::from(order.soak_min), "minute", "minutes"))
        };
        view! { <Detail term="Between two">{format!("The next begins when every database before it ended clean{watched}.")}</Detail> }
    });
    let shared = page
        .same_server
        .clone()
        .into_iter()
        .map(|(one, other)| view! { <Detail term="Same server">{one}" and "{other}" share one or are linked, and are worked on at the same time. Nothing forbids it; another wave is gentler."</Detail> })
        .collect_view();
    view! { {rows}{soak}{shared} }
}

#[component]
fn Instants(times: Times, zone: String) -> impl IntoView {
    let starts = zone.clone();
    view! {
        <Detail term="Starts"><When at=times.start zone=starts/></Detail>
        <Detail term="Latest start"><Time at=times.latest_start/></Detail>
        <Detail term="Cut-off"><Time at=times.cut_off/></Detail>
        <Detail term="Ends"><When at=times.end zone/></Detail>
    }
}

/// The one button that seals; every typed value goes along unseen, so that an ended session loses nothing.
#[component]
fn SealCard(page: SealPage, look: ExaminationId, action: String, change: String, blocked: bool) -> impl IntoView {
    let waiting = page.looks().any(|(_, look)| matches!(look, Look::Waiting(_)));
    let asked = page.asked();
    let without = !page.looks().all(|(_, look)| matches!(look, Look::Found(_)));
    let nothing = !page.looks().any(|(_, look)| matches!(look, Look::Found(_)));
    let submit = match (&page.edit, without) {
        (None, false) => "Seal and propose",
        (None, true) => "Seal and propose without a preview",
        (Some(_), false) => "Seal the new revision",
        (Some(_), true) => "Seal the new revision without a preview",
    };
    let again =
        page.edit.as_ref().map_or_else(|| "/windows/new/preview".to_owned(), |edit| format!("/windows/{}/edit/preview", edit.number));
    let change_link = view! { <a class="button" href=change>"Change something"</a> };
    let expected = page.edit.as_ref().map(|edit| edit.expected);
    let form = page.form;
    let hidden = move || view! { <Hidden form=form.clone() expected/> };
    let again_hidden = hidden.clone();
    let look_again = (!waiting).then(|| view! { <Form action=again submit="Look again" secondary=true>{again_hidden()}</Form> });
    let seal = (!blocked && !waiting).then(|| {
        view! {
            <p>"Sealing fixes these bytes under a digest. "{asked}</p>
            <Form action=action submit=submit>
                {hidden()}
                {(!nothing).then(|| view! { <input type="hidden" name="look" value=look.to_string()/> })}
            </Form>
        }
    });
    view! {
        <Card title=if blocked { "Next" } else { "Seal" }>
            {seal}
            <div class="actions">{look_again}{change_link}</div>
        </Card>
    }
}

#[component]
fn Hidden(form: ProposalForm, expected: Option<i32>) -> impl IntoView {
    let fields = form.fields().into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value/> }).collect_view();
    view! { {fields}{expected.map(|revision| view! { <input type="hidden" name="revision" value=revision/> })} }
}
