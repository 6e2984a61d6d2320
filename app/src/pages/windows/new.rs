//! A new window in three steps that work without script: which database; what and when; look, and seal.

use super::choice::DatabaseChoice;
use super::form::ProposalFields;
use super::seal::Seal;
use crate::door;
use crate::parts::layout::{Card, Heading};
use domain::ids::ExaminationId;
use domain::view::address::escaped;
use domain::view::windows::propose::{FormPage, Proposable, by_tag};
use engine::queries::proposals;
use leptos::prelude::*;

/// Which step the address asks for.
enum Step {
    Choose,
    Fill(String, Option<String>, Option<ExaminationId>),
    Again(i64),
    Seal(ExaminationId),
}

fn step() -> Step {
    let look = |name| door::query_parameter(name).and_then(|id| id.parse().ok());
    let again = door::query_parameter("again").and_then(|number| number.parse().ok());
    match (look("look"), door::query_parameter("database"), look("from")) {
        (Some(look), _, _) => Step::Seal(look),
        (None, None, None) if again.is_some() => again.map_or(Step::Choose, Step::Again),
        (None, None, None) => Step::Choose,
        (None, database, from) => Step::Fill(database.unwrap_or_default(), door::query_parameter("tag"), from),
    }
}

#[component]
pub fn NewPage() -> impl IntoView {
    let step = step();
    let typed = door::typed().and_then(|typed| typed.get("procedure").map(str::to_owned));
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        match step {
            Step::Choose => {
                let answer = async { proposals::choose(&engine, &caller?.actor).await }.await;
                door::show(answer, |databases| choose(databases).into_any())
            }
            Step::Fill(database, tag, from) => {
                let answer = async {
                    let actor = caller?.actor;
                    let page = proposals::new_form(&engine, &actor, &database, tag.as_deref(), from).await?;
                    proposals::for_procedure(&engine, &actor, page, typed.as_deref()).await
                }
                .await;
                door::show(answer, |page| fill(page).into_any())
            }
            Step::Again(number) => {
                let answer = async {
                    let actor = caller?.actor;
                    let page = proposals::again_form(&engine, &actor, number).await?;
                    proposals::for_procedure(&engine, &actor, page, typed.as_deref()).await
                }
                .await;
                door::show(answer, |page| fill(page).into_any())
            }
            Step::Seal(look) => {
                let answer = async { proposals::seal(&engine, &caller?.actor, look, None).await }.await;
                door::show(answer, |page| view! { <Seal page look/> }.into_any())
            }
        }
    })
}

/// Where the reader is.
#[component]
pub fn Steps(now: usize, #[prop(optional)] edits: bool) -> impl IntoView {
    let names: &[&str] = if edits { &["What and when", "Look and seal"] } else { &["Database", "What and when", "Look and seal"] };
    let list = names
        .iter()
        .enumerate()
        .map(|(position, name)| view! { <li aria-current=(position + 1 == now).then_some("step")>{*name}</li> })
        .collect_view();
    view! { <ol class="wizard" aria-label="Steps">{list}</ol> }
}

fn choose(databases: Vec<Proposable>) -> impl IntoView {
    view! {
        <Heading title="Propose a window" lead="Which database is it about?"><a class="button" href="/series">"Series"</a></Heading>
        <Steps now=1/>
        <TagChoice databases=databases.clone()/>
        <DatabaseChoice databases page="/windows/new" caption="Databases you may propose windows on"/>
    }
}

/// Every database of a team with the same tag in one window.
#[component]
fn TagChoice(databases: Vec<Proposable>) -> impl IntoView {
    let lines = by_tag(&databases)
        .into_iter()
        .map(|(team, tag, names)| {
            let to = format!("/windows/new?database={}&tag={}", names[0], escaped(&tag));
            view! { <li><a href=to>{tag}</a>": "{names.join(", ")}<span class="quiet">", of "{team}</span></li> }
        })
        .collect::<Vec<_>>();
    (!lines.is_empty()).then(|| {
        view! {
            <Card title="Several databases at once">
                <p>"Every database of a team with one tag. Others of the same team can be added to any window in the next step."</p>
                <ul>{lines}</ul>
            </Card>
        }
    })
}

fn fill(page: FormPage) -> impl IntoView {
    let lead = format!("On {}. Nothing is sealed yet: the next step shows what would be done.", page.database.short_name);
    let series = format!("/series/new?database={}", page.database.short_name);
    let again = page.again.clone().map(|again| {
        let when = if again.free {
            "The date is the next week on which the database is free at that time."
        } else {
            "At that time the database is not free in any of the next weeks, or it is too late to agree to it: choose another one."
        };
        view! { <p class="message note">"Filled from "<a href=format!("/windows/{}", again.number)>"#"{again.number}" "{again.title}</a>". "{when}</p> }
    });
    view! {
        <Heading title="Propose a window" lead=lead><a class="button" href=series>"Make it a series"</a></Heading>
        <Steps now=2/>
        {again}
        <ProposalFields page action="/windows/new/preview" cancel="/windows/new"/>
    }
}
