//! One fact: what it says, its bytes, and what proves it.

use crate::door;
use crate::parts::details::{CopyId, Detail, Details};
use crate::parts::layout::{Card, Heading};
use crate::parts::status::{Pill, Tone};
use crate::parts::time::Time;
use domain::view::trail::{FactLine, FactPage, SealView};
use engine::{actions, queries};
use leptos::prelude::*;

#[component]
pub fn FactShowPage() -> impl IntoView {
    let id = door::path_parameter::<i64>("id");
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async {
            let caller = caller?;
            actions::read_trail::read_trail(&engine, &caller).await?;
            queries::trail::fact(&engine, &caller, id?).await
        }
        .await;
        door::show(answer, |page| view! { <Fact page/> }.into_any())
    })
}

#[component]
fn Fact(page: FactPage) -> impl IntoView {
    let line = page.line.clone();
    let neighbour = |id: Option<i64>, label: &'static str, rel: &'static str| {
        id.map(|id| view! { <a class="button" rel=rel href=format!("/audit/{id}")>{label}</a> })
    };
    let (older, newer) = (neighbour(page.older, "Older fact", "prev"), neighbour(page.newer, "Newer fact", "next"));
    let window = line.window.map(|number| view! { <Detail term="Window"><a href=format!("/windows/{number}")>"#"{number}</a></Detail> });
    let (title, lead) = (format!("Fact {}", line.id), format!("{} by {}", line.action, line.actor));
    let known = line.known.clone().map(|known| view! { <span class="quiet">", "{known}</span> });
    let (request, size, pretty) = (page.request.clone(), page.size_bytes, page.pretty.clone());
    let thing = object(&line);
    let (tone, result) = if line.done { (Tone::Good, "Done") } else { (Tone::Warn, "Refused") };
    view! {
        <Heading title lead>
            {older}{newer}<a class="button quiet" href="/audit">"All facts"</a>
        </Heading>
        <Card title="What it says">
            <Details>
                <Detail term="Action"><code>{line.action.clone()}</code></Detail>
                <Detail term="Result"><Pill tone label=result/></Detail>
                <Detail term="Actor">{line.actor.clone()}{known}</Detail>
                <Detail term="Object">{thing}</Detail>
                {window}
                <Detail term="Time"><Time at=line.at exact=true/><span class="quiet">" · "{line.at.to_string()}</span></Detail>
                <Detail term="Request"><CopyId value=request/></Detail>
            </Details>
        </Card>
        <Proof page/>
        <Card title="Its bytes">
            <p class="quiet">{format!("{} bytes, shown with line breaks. What is hashed has none.", size)}</p>
            <pre class="fact-bytes" tabindex="0">{pretty}</pre>
        </Card>
    }
}

/// Leaf, batch and signature, and whether the row still says what its bytes say.
#[component]
fn Proof(page: FactPage) -> impl IntoView {
    let row = match &page.flaw {
        None => {
            view! { <Pill tone=Tone::Good label="sound"/>" Its bytes give this leaf, and every column says what the bytes say." }.into_any()
        }
        Some(flaw) => view! { <Pill tone=Tone::Bad label="tampered"/>" "{flaw.clone()}"." }.into_any(),
    };
    let seal = match page.seal {
        Some(seal) => view! { <Seal seal/> }.into_any(),
        None => view! { <Detail term="Seal"><Pill tone=Tone::Waiting label="waits"/>" Sealing takes a second, once no slower transaction is under way."</Detail> }.into_any(),
    };
    view! {
        <Card title="What proves it">
            <Details>
                <Detail term="This row">{row}</Detail>
                <Detail term="Leaf"><CopyId value=page.leaf.hex()/><span class="quiet">" SHA-256 of a zero byte and the bytes"</span></Detail>
                {seal}
            </Details>
        </Card>
    }
}

#[component]
fn Seal(seal: SealView) -> impl IntoView {
    let facts = if seal.count == 1 { "1 fact".to_owned() } else { format!("{} facts", seal.count) };
    view! {
        <Detail term="Seal">{format!("Batch {}, place {} of {facts}, ", seal.n, seal.position + 1)}<Time at=seal.sealed_at exact=true/></Detail>
        <Detail term="Root over the batch"><CopyId value=seal.root.hex()/></Detail>
        <Detail term="Batch before"><CopyId value=seal.previous.hex()/></Detail>
        <Detail term="Hash of the batch"><CopyId value=seal.hash.hex()/></Detail>
        <Detail term="Signed by key"><CopyId value=seal.public_key.hex()/></Detail>
    }
}

/// The object as people call it, with a link where it has a page.
pub(super) fn object(fact: &FactLine) -> impl IntoView + use<> {
    let name = match &fact.object_page {
        Some(to) => view! { <a href=to.clone()>{fact.object.clone()}</a> }.into_any(),
        None => view! { <span class="object">{fact.object.clone()}</span> }.into_any(),
    };
    view! { <span class="quiet">{fact.object_kind.replace('_', " ")}" "</span>{name} }
}
