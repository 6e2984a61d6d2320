//! Freezes over a window: which, until when, and who lets it pass.

use super::acts::Typed;
use crate::parts::form::{Form, TextArea};
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::time::Time;
use domain::view::freezes::FreezeOver;
use domain::view::windows::Head;
use leptos::prelude::*;

/// The card of freezes; nothing where there are none.
#[component]
pub fn FreezesCard(head: Head, freezes: Vec<FreezeOver>) -> impl IntoView {
    (!freezes.is_empty()).then(|| {
        let each = freezes.into_iter().map(|over| view! { <Over head=head.clone() over/> }).collect_view();
        view! { <Card title="Freezes" id="freezes".to_owned()>{each}</Card> }
    })
}

#[component]
fn Over(head: Head, over: FreezeOver) -> impl IntoView {
    let FreezeOver { freeze, passed, offer } = over;
    let (tone, label) = if passed.is_some() { (Tone::Good, "May pass") } else { (Tone::Warn, "Keeps this window") };
    // Two freezes have two forms: the part of the id that differs keeps their fields apart.
    let prefix = format!("f{}-", &freeze.id.0.simple().to_string()[24..]);
    let here = format!("/windows/{}/override/{}", head.number, freeze.id);
    let grants = passed.is_none();
    let said = passed.map(|passed| {
        view! { <p><strong>{passed.by}</strong>" let this plan pass on "<Time at=passed.at/>": "<span class="said">{passed.reason}</span></p> }
    });
    let act = if !offer.is_open() {
        offer
            .why_not()
            .filter(|refusal| refusal.code == "four_eyes")
            .map(|refusal| view! { <p class="quiet">{refusal.to_string()}</p> })
            .into_any()
    } else if grants {
        view! {
            <Typed action=here verb="Let it pass" name=head.database.clone() prefix
                consequence="This plan, and no other revision of it, starts at its time in spite of the freeze. It is told to the window's owner and to whoever froze, and stands in the trail.">
                <input type="hidden" name="digest" value=head.digest.hex()/>
                <TextArea name="reason" label="Why it may happen all the same" rows=2 required=true hint="Everybody who sees the window reads it. At most 2,000 characters."/>
            </Typed>
        }
        .into_any()
    } else {
        view! {
            <Form action=format!("{here}/withdraw") submit="Let the freeze hold it again" secondary=true prefix>
                <TextArea name="reason" label="Why" rows=2 required=true hint="At most 2,000 characters."/>
            </Form>
        }
        .into_any()
    };
    view! {
        <section class="freeze-over">
            <h3><a href=format!("/freezes/{}", freeze.id)>{freeze.name.clone()}</a>" "<Pill tone label/></h3>
            <p>"From "<Time at=freeze.start/>" to "<Time at=freeze.end/>", by "{freeze.by_name}": "<span class="said">{freeze.reason}</span></p>
            {said}
            {act}
        </section>
    }
}
