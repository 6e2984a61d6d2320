//! One fact: what it says, its bytes, and what proves it.

use crate::door;
use crate::parts::details::{CopyId, Detail, Details};
use crate::parts::layout::{Card, Heading};
use crate::parts::status::{Pill, Tone};
use crate::parts::table::Table;
use crate::parts::time::Time;
use domain::view::trail::{ChangedValue, FactLine, FactPage, FieldChange, SealView, TrailFilter};
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
    let (changes, said) = (page.changes.clone(), page.said.clone());
    let signed_in = page.signed_in.clone().map(|from| {
        let sign_in = format!("/audit/{}", from.fact);
        view! { <Detail term="Signed in from"><code>{from.address}</code>", "<Time at=from.at exact=true/><span class="quiet">" by the newest sign-in before this, "<a href=sign_in>"fact "{from.fact}</a></span></Detail> }
    });
    let same_request = TrailFilter { request: request.clone(), ..TrailFilter::default() }.address(None);
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
                {signed_in}
                <Detail term="Request"><CopyId value=request/>" "<a href=same_request>"Facts of the same request"</a></Detail>
            </Details>
        </Card>
        <Changed changes/>
        <Said said/>
        <Proof page/>
        <Card title="Its bytes">
            <p class="quiet">{format!("{size} bytes, shown with line breaks. What is hashed has none.")}</p>
            <pre class="fact-bytes" tabindex="0">{pretty}</pre>
        </Card>
    }
}

/// Before and after, the changed fields alone.
#[component]
fn Changed(changes: Vec<FieldChange>) -> impl IntoView {
    (!changes.is_empty()).then(|| {
        let side = |value: ChangedValue, old: bool| match value {
            ChangedValue::Nothing => view! { <span class="quiet">"nothing"</span> }.into_any(),
            ChangedValue::Withheld => view! { <span class="quiet">"changed; not kept in the trail"</span> }.into_any(),
            ChangedValue::Is(text) if old => view! { <del>{text}</del> }.into_any(),
            ChangedValue::Is(text) => view! { <ins>{text}</ins> }.into_any(),
        };
        let rows = changes
            .into_iter()
            .map(|change| {
                let (before, after) = (side(change.before, true), side(change.after, false));
                view! {
                    <tr>
                        <th scope="row">{change.field}</th>
                        <td class="wrap" data-label="Before">{before}</td>
                        <td class="wrap" data-label="After">{after}</td>
                    </tr>
                }
            })
            .collect_view();
        view! { <Card title="Before and after"><Table caption="Changed fields" head=&["What", "Before", "After"]>{rows}</Table></Card> }
    })
}

/// Everything else the fact says.
#[component]
fn Said(said: Vec<(String, String)>) -> impl IntoView {
    (!said.is_empty()).then(|| {
        let rows =
            said.into_iter().map(|(name, value)| view! { <Detail term=name><span class="object">{value}</span></Detail> }).collect_view();
        view! { <Card title="What else it says"><Details>{rows}</Details></Card> }
    })
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
