//! Dates of a series that are approved together: which they are, who approved them, and the form that asks.

use crate::pages::windows::pill_of;
use crate::parts::details::{Detail, Details, DigestShort};
use crate::parts::form::{Field, Form};
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::Table;
use crate::parts::time::{Time, in_zone};
use domain::ids::SeriesId;
use domain::procedure::text::plural;
use domain::series::digest::MOST_DAYS;
use domain::series::together::{MOST_DATES, Stands};
use domain::view::series::{DigestCard, DigestRule, DigestVote};
use leptos::prelude::*;

/// On the page of a series: what was put together, and the form that puts the next dates together.
#[component]
pub fn TogetherCard(
    id: SeriesId,
    card: Option<DigestCard>,
    #[prop(into)] zone: String,
    /// The reader may ask for the next dates.
    may_ask: bool,
) -> impl IntoView {
    let again = card.as_ref().is_some_and(|card| card.stands == Stands::Now);
    let known = card.map(|card| {
        let to = format!("/series/{id}/approval");
        let open = card.offer.is_open();
        let (class, label) = if open { ("button primary", "Read and decide") } else { ("button", "Read what was put together") };
        view! {
            <Asked card=card.clone()/>
            <DatesTable card zone=zone.clone()/>
            <p class="actions"><a class=class href=to>{label}</a></p>
        }
    });
    let nothing = known.is_none().then(|| view! { <p>"Each of its windows asks by itself. Its next dates can be put together instead, and are then approved by one vote a person."</p> });
    let ask = may_ask.then(|| {
        let hint = format!("1 to {MOST_DATES}; no date lies more than {MOST_DAYS} days ahead.");
        let replaces = again.then(|| view! { <p class="quiet">"What was put together before counts no more for windows that are proposed from then on: votes are asked for anew."</p> });
        view! {
            <Form action=format!("/series/{id}/ask") submit="Ask once for the next dates" secondary=again prefix="ask-">
                <Field name="dates" label="How many of the next dates" kind="number" mode="numeric" required=true value="4" hint=hint/>
                {replaces}
            </Form>
        }
    });
    view! { <Card title="Approved together" id="together".to_owned()>{nothing}{known}{ask}</Card> }
}

/// Who asked for which bytes, and whether they still count.
#[component]
pub fn Asked(card: DigestCard) -> impl IntoView {
    let rules = card.rules.iter().map(rule).collect_view();
    let over = card.stands.said().map(|said| view! { <p class="message note">{said}</p> });
    let count = plural(u64::try_from(card.dates.len()).unwrap_or(0), "date", "dates");
    view! {
        {over}
        <Details>
            <Detail term="Put together">{count}", by "{card.asked_by}", "<Time at=card.asked_at/>", as "<DigestShort digest=card.digest/></Detail>
            {rules}
        </Details>
    }
}

fn rule(rule: &DigestRule) -> impl IntoView + use<> {
    let (have, need) = (rule.have.len(), rule.need);
    let tone = if have >= need { Tone::Good } else { Tone::Waiting };
    let by = (have > 0).then(|| format!(" by {}", rule.have.join(", ")));
    let waits = match (have < need, rule.later, rule.waiting_for.is_empty()) {
        (false, ..) => String::new(),
        (_, true, _) => " asked once the stage before is complete".to_owned(),
        (.., true) => " nobody who could is left".to_owned(),
        _ => format!(" waiting for {}", rule.waiting_for.join(", ")),
    };
    let mut who = rule.who.chars();
    let term: String = who.next().map(|first| first.to_uppercase().chain(who).collect()).unwrap_or_default();
    let known = rule.known.label();
    let in_place = (have < need && !rule.later && !rule.in_place.is_empty()).then(|| {
        let lines = rule.in_place.iter().map(|one| view! { <li>{one.said()}</li> }).collect_view();
        view! { <ul class="plain quiet">{lines}</ul> }
    });
    view! { <Detail term=term><Pill tone=tone label=format!("{have} of {need}")/>{by}{waits}", known at least "{known}{in_place}</Detail> }
}

/// The dates, each with its window or with what is missing.
#[component]
pub fn DatesTable(
    card: DigestCard,
    #[prop(into)] zone: String,
    /// For a reader who is asked and sees nothing else of the team's: windows that let them in lead to the page to decide on.
    #[prop(optional)]
    outside: bool,
) -> impl IntoView {
    let counts = card.stands == Stands::Now;
    let named = move |number: i64, may_read: bool| {
        let page = if outside { "/decide" } else { "" };
        match may_read {
            true => view! { <a href=format!("/windows/{number}{page}")>"#"{number}</a> }.into_any(),
            false => view! { "#"{number} }.into_any(),
        }
    };
    let rows = card
        .dates
        .into_iter()
        .map(|line| {
            let there = in_zone(line.start, &zone);
            let utc = line.start.strftime("%a %-d %b %H:%M UTC").to_string();
            let may_read = line.may_read;
            let then = match (line.window, line.alone) {
                (Some((number, state)), Some(why)) => view! {
                    {named(number, may_read)}" "{pill_of(state)}<br/><span class="quiet">"Asks by itself. "{why}</span>
                }
                .into_any(),
                (Some((number, state)), None) => {
                    view! { {named(number, may_read)}" "{pill_of(state)}<br/><span class="quiet">"Covered: votes on these dates count there."</span> }.into_any()
                }
                (None, _) if line.passed => view! { <Pill tone=Tone::Quiet label="Passed"/>" No window was proposed for it." }.into_any(),
                (None, _) if !counts => view! { <Pill tone=Tone::Quiet label="Not covered"/>" Its window asks by itself." }.into_any(),
                (None, _) if line.approved => view! { <Pill tone=Tone::Good label="Has the votes"/><br/><span class="quiet">"Approved as soon as it is proposed just so."</span> }.into_any(),
                (None, _) => {
                    let missing = plural(u64::try_from(line.missing).unwrap_or(0), "approval", "approvals");
                    view! { <Pill tone=Tone::Waiting label=format!("{missing} missing")/> }.into_any()
                }
            };
            view! { <tr><th scope="row"><strong>{there}</strong>" "<span class="utc">{utc}</span></th><td data-label="Then">{then}</td></tr> }
        })
        .collect_view();
    view! { <Table caption="Dates that are approved together" head=&["When", "Then"]>{rows}</Table> }
}

/// Who approved, the newest first.
#[component]
pub fn Votes(votes: Vec<DigestVote>) -> impl IntoView {
    if votes.is_empty() {
        return view! { <p>"Nobody has approved these dates yet."</p> }.into_any();
    }
    let rows = votes
        .into_iter()
        .map(|vote| {
            let (tone, label) = if vote.withdrawn.is_some() { (Tone::Quiet, "Taken back") } else { (Tone::Good, "Approved") };
            let withdrawn = vote.withdrawn.map(|(at, why)| view! { <br/><span class="quiet">"Taken back "<Time at=at/>": "{why}</span> });
            view! {
                <tr>
                    <th scope="row">{vote.who}</th>
                    <td><Pill tone=tone label=label/>{withdrawn}</td>
                    <td data-label="Known">{vote.assurance.label()}</td>
                    <td><Time at=vote.at/></td>
                    <td class="wrap">{vote.comment}</td>
                </tr>
            }
        })
        .collect_view();
    view! { <Table caption="Who approved these dates, newest first" head=&["Who", "Decision", "Known", "When", "Comment"]>{rows}</Table> }
        .into_any()
}
