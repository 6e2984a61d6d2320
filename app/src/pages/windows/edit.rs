//! A new revision of a window: what and when, then look and seal. Votes on the earlier one no longer count.

use super::compare::Changes;
use super::form::ProposalFields;
use super::new::Steps;
use super::seal::Seal;
use crate::door;
use crate::parts::layout::{Card, Heading};
use domain::ids::ExaminationId;
use domain::view::windows::propose::{EditOf, FormPage};
use engine::queries::proposals;
use leptos::prelude::*;

#[component]
pub fn EditPage() -> impl IntoView {
    let number = door::path_parameter::<i64>("number");
    let id = |name| door::query_parameter(name).and_then(|id| id.parse::<ExaminationId>().ok());
    let (look, from) = (id("look"), id("from"));
    let expected = door::query_parameter("revision").and_then(|revision| revision.parse::<i32>().ok());
    let typed = door::typed().and_then(|typed| typed.get("procedure").map(str::to_owned));
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        match look.zip(expected) {
            Some((look, expected)) => {
                let answer = async { proposals::seal(&engine, &caller?.actor, look, Some((number?, expected))).await }.await;
                door::show(answer, |page| view! { <Seal page look/> }.into_any())
            }
            None => {
                let answer = async {
                    let actor = caller?.actor;
                    let page = proposals::edit_form(&engine, &actor, number?, from, expected).await?;
                    proposals::for_procedure(&engine, &actor, page, typed.as_deref()).await
                }
                .await;
                door::show(answer, |page| fill(page).into_any())
            }
        }
    })
}

fn fill(page: FormPage) -> impl IntoView {
    let Some(edit) = page.edit.clone() else { return ().into_any() };
    let here = format!("/windows/{}", edit.number);
    let title = format!("Edit #{} {}", edit.number, edit.title);
    view! {
        <p class="crumb"><a href=here.clone()>"← #"{edit.number}" "{edit.title.clone()}</a></p>
        <Heading title=title lead="Saving makes a new revision: its plan has a new digest, no votes, and new links."/>
        <Steps now=1 edits=true/>
        <VotesLost votes=edit.votes/>
        <Meanwhile edit/>
        <ProposalFields page action=format!("{here}/edit/preview") cancel=here/>
    }
    .into_any()
}

#[component]
pub fn VotesLost(votes: usize) -> impl IntoView {
    (votes > 0).then(|| {
        let count = if votes == 1 { "One vote".to_owned() } else { format!("{votes} votes") };
        view! { <p class="message warn">{count}" on the current revision will no longer count: people approve a plan, not a title."</p> }
    })
}

/// What somebody else sealed since this form began.
#[component]
pub fn Meanwhile(edit: EditOf) -> impl IntoView {
    edit.meanwhile.map(|diff| {
        let title = format!("Edited meanwhile: revision {} became {}", diff.from, diff.to);
        view! {
            <Card title=title.clone()>
                <p>"Somebody sealed another revision while you were typing. Your text is still here; this is what they changed:"</p>
                <Changes changes=diff.changes caption=title/>
            </Card>
        }
    })
}
