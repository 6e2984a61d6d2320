//! Dates of a series that were put together, read and approved at once.

use super::together::{Asked, DatesTable, Votes};
use crate::door;
use crate::pages::windows::PlanCard;
use crate::parts::details::DigestShort;
use crate::parts::form::{Field, Form, TextArea};
use crate::parts::layout::{Card, Heading};
use crate::parts::table::Empty;
use crate::parts::time::Time;
use domain::ids::SeriesId;
use domain::view::series::{Approval, ApprovalPage as Page, DigestCard, LeftApproval};
use domain::view::windows::Offer;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn SeriesApprovalPage() -> impl IntoView {
    let id = door::path_parameter("id");
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::series_together::approval(&engine, &caller?.actor, id?).await }.await;
        door::show(answer, |page| match page {
            Approval::Whole(page) => view_of(*page).into_any(),
            Approval::Left(left) => view_of_left(left).into_any(),
        })
    })
}

fn view_of(page: Page) -> impl IntoView {
    let (id, title) = (page.id, page.title.clone());
    let lead = format!("{}, {}. On {}, of {}; {} answers for it.", page.words, page.zone, page.database, page.team, page.author);
    let (zone, outside) = (page.zone.clone(), !page.sees_team);
    let body = match page.card.zip(page.plan) {
        None => view! {
            <Empty title="Nothing was put together" why="Each window of this series asks by itself. On its page, whoever plans it can ask once for the next dates.">
                <a class="button" href=format!("/series/{id}")>"The series"</a>
            </Empty>
        }
        .into_any(),
        Some((card, plan)) => {
            let (asked, dates, votes) = (card.clone(), card.clone(), card.votes.clone());
            view! {
            <Card title="The dates">
                <Asked card=asked/>
                <DatesTable card=dates zone outside/>
                <p class="quiet">"A window is covered only while its plan is, byte for byte, what stands here, but for its number. Whatever differs, such as another policy, other limits, another database or other people who may vote, makes it ask by itself. A freeze or a pause keeps it like any other."</p>
            </Card>
            <p class="message note">"Below is the plan of the next of these dates. The others differ from it in their times, and in who may vote where that changes meanwhile."</p>
            <PlanCard plan outside/>
            <Card title="Approvals" id="approvals".to_owned()>
                <Votes votes=votes/>
                <Decide id card database=page.database/>
            </Card>
            }
            .into_any()
        }
    };
    let whole = (!outside).then(|| view! { <p class="crumb"><a href=format!("/series/{id}")>"← "{title}</a></p> });
    let asked = outside.then(|| view! { <p class="message note">"You are asked by the policy of these dates, without being in the owner team: this page shows what you decide on, and the rest of that team's work stays theirs."</p> });
    view! {
        {whole}
        <Heading title="Approve dates together" lead=lead/>
        {asked}
        {body}
    }
}

/// Whoever left the team, and approved before.
fn view_of_left(left: LeftApproval) -> impl IntoView {
    let id = left.id;
    let lead = format!("{}, on {}.", left.title, left.database);
    let votes = left.votes.into_iter().map(|(digest, at)| view! { <li><DigestShort digest=digest/>", "<Time at=at/></li> }).collect_view();
    view! {
        <Heading title="Your approval of dates" lead=lead/>
        <Card title="What you approved">
            <p>"You do not see the work of this series’ team, and its dates do not ask you any more, so your approval does not count at present. It would count again if that changed. You can take it back for good."</p>
            <ul>{votes}</ul>
            <TakeBack id/>
        </Card>
    }
}

#[component]
fn TakeBack(id: SeriesId) -> impl IntoView {
    view! {
        <Form action=format!("/series/{id}/take-back") submit="Take my approval back" secondary=true prefix="back-">
            <p>"For all of its dates: windows that have not started and whose votes no longer suffice wait for approval again."</p>
        </Form>
    }
}

/// The reader's approval, or why there is none to give.
#[component]
fn Decide(id: SeriesId, card: DigestCard, database: String) -> impl IntoView {
    let back = card.own.then(|| view! { <TakeBack id/> });
    let form = match card.offer {
        Offer::Absent => ().into_any(),
        Offer::No(refusal) if refusal.code == "already_voted" => view! { <p class="quiet" id="vote">"You approved these dates."</p> }.into_any(),
        Offer::No(refusal) => view! { <p class="quiet" id="vote">"You do not vote here: "{refusal.message}" "{refusal.way_out}</p> }.into_any(),
        Offer::Yes => view! {
            <section id="vote" class="act">
                <h3>"Your approval"</h3>
                <p>"You approve "<DigestShort digest=card.digest/>", all of its dates, and nothing else. If you do not want that, leave it: each window then asks by itself, and you can decide on every one."</p>
                <Form action=format!("/series/{id}/approve") submit="Approve these dates" prefix="vote-">
                    <input type="hidden" name="digest" value=card.digest.hex()/>
                    <Field name="short_name" label="Short name of the database" hint=format!("Type {database} to approve.") autocomplete="off" required=true/>
                    <TextArea name="comment" label="Comment" hint="At most 4,000 characters." rows=3/>
                </Form>
            </section>
        }
        .into_any(),
    };
    view! { {form}{back} }
}
