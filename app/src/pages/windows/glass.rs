//! Break-glass on a window's page: to ask, to confirm as the second person, and to review afterwards.

use super::acts::Typed;
use crate::door;
use crate::parts::form::{Form, Radios, TextArea};
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::time::Time;
use domain::glass::{Glass, REASON};
use domain::view::windows::glass::{Broken, GlassPart};
use domain::view::windows::{Head, Offer};
use leptos::prelude::*;

/// The card; nothing where there is nothing to say and nothing to do for the reader.
#[component]
pub fn BreakGlassCard(head: Head, part: GlassPart) -> impl IntoView {
    (!part.is_empty()).then(|| {
        let broken = part.broken.iter().cloned().map(|broken| view! { <Was number=head.number broken/> }).collect_view();
        let open = part
            .open
            .clone()
            .map(|open| view! { <Open head=head.clone() open confirm=part.confirm.clone() needs_factor=part.needs_factor/> });
        let ask = view! { <Ask head=head.clone() offer=part.ask needs_factor=part.needs_factor/> };
        view! { <Card title="Break-glass" id="glass".to_owned()>{broken}{open}{ask}</Card> }
    })
}

fn factor_note(needed: bool) -> Option<impl IntoView> {
    needed.then(|| view! { <p>"The policy counts votes with a second factor only, so both of you sign in with yours."</p> })
}

/// Why the reader may not, where others may.
fn why_not(offer: &Offer) -> Option<impl IntoView + use<>> {
    let refusal = offer.why_not().filter(|refusal| refusal.code != "not_permitted").cloned();
    refusal.map(|refusal| view! { <p class="quiet">{refusal.to_string()}</p> })
}

/// The first of two.
#[component]
fn Ask(head: Head, offer: Offer, needs_factor: bool) -> impl IntoView {
    if !offer.is_open() {
        return why_not(&offer).into_any();
    }
    let (least, most) = REASON;
    let hint = format!(
        "{least} to {most} characters. It goes to administrators, auditors, leads, stakeholders and everybody asked to vote, and a review reads it."
    );
    view! {
        <p>"When it cannot wait for its approvals: two people who are present let exactly this plan run without them. It replaces the votes and nothing else; freezes, pauses, the backup and the times hold. Everybody concerned is told at once, and somebody else reviews it within three days."</p>
        {factor_note(needs_factor)}
        <Typed action=format!("/windows/{}/glass", head.number) verb="Break the glass" name=head.database.clone() prefix="glass-"
            consequence="You ask, and nothing runs by that. Another lead or deputy, or an administrator, who wrote no revision, confirms on this page within 30 minutes.">
            <input type="hidden" name="digest" value=head.digest.hex()/>
            <TextArea name="reason" label="Why it cannot wait" rows=3 required=true hint=hint/>
        </Typed>
    }
    .into_any()
}

/// A request that waits for the second.
#[component]
fn Open(head: Head, open: Glass, confirm: Offer, needs_factor: bool) -> impl IntoView {
    let act = if confirm.is_open() {
        view! {
            {factor_note(needs_factor)}
            <Typed action=format!("/windows/{}/glass/confirm", head.number) verb="Confirm the break-glass" name=head.database.clone() prefix="confirm-glass-"
                consequence="The window is approved by the two of you, and runs at its time without the approvals of its policy. Everybody concerned is told at once; your names stay on it.">
                <input type="hidden" name="digest" value=head.digest.hex()/>
            </Typed>
        }
        .into_any()
    } else {
        why_not(&confirm).into_any()
    };
    view! {
        <section class="glass">
            <h3>"Asked for "<Pill tone=Tone::Waiting label="waits for a second person"/></h3>
            <p><strong>{open.asked_name}</strong>" asked "<Time at=open.asked_at/>": "<span class="said">{open.reason}</span></p>
            <p class="quiet">"Not confirmed until "<Time at=open.expires_at/>", it is worth nothing."</p>
            {act}
        </section>
    }
}

/// One that was confirmed, and its review.
#[component]
fn Was(number: i64, broken: Broken) -> impl IntoView {
    let Broken { glass, stands, overdue, review } = broken;
    let here = format!("/windows/{number}/glass/{}/review", glass.id);
    // Two of them have two forms: the part of the id that differs keeps their fields apart.
    let prefix = format!("g{}-", &glass.id.0.simple().to_string()[24..]);
    let (second, at, due) = glass.confirmed.clone().map_or_else(
        || (String::new(), glass.asked_at, glass.expires_at),
        |confirmed| (confirmed.name, confirmed.at, confirmed.review_due),
    );
    let (tone, label) = match (&glass.review, overdue) {
        (Some(review), _) if review.justified => (Tone::Good, "reviewed: justified"),
        (Some(_), _) => (Tone::Bad, "reviewed: not justified"),
        (None, true) => (Tone::Bad, "review overdue"),
        (None, false) => (Tone::Waiting, "review owed"),
    };
    let earlier = (!stands).then(|| view! { <p class="quiet">"It was about an earlier revision, and approves nothing any more."</p> });
    let owed = glass.review.is_none().then(|| {
        let cost = if overdue { " Until it is done, each plan that is sealed for this team asks for one more approver." } else { "" };
        view! { <p>"A lead or deputy of the owner team, or an administrator, who had no part in it owes a review until "<Time at=due/>"."{cost}</p> }
    });
    let found = glass.review.clone().map(|review| {
        view! { <p><strong>{review.by.clone()}</strong>" reviewed it "<Time at=review.at/>", "{review.verdict().to_lowercase()}": "<span class="said">{review.outcome}</span></p> }
    });
    let unfold = door::typed().is_some_and(|typed| typed.action == here);
    let form = review.is_open().then(|| {
        let choices = [
            ("justified", "Justified", "It could not wait, and nothing was done beyond what was asked."),
            ("not_justified", "Not justified", "It could have waited, or something else was done. Say what follows from that."),
        ]
        .map(|(value, label, follows)| (value.to_owned(), label.to_owned(), follows.to_owned()))
        .to_vec();
        view! {
            <details class="confirm" open=unfold>
                <summary class="button primary">"Review it …"</summary>
                <div class="confirm-body">
                    <Form action=here.clone() submit="Write the review" prefix=prefix>
                        <Radios name="verdict" legend="Verdict" options=choices/>
                        <TextArea name="outcome" label="What you found" rows=4 required=true hint="It stands on this page and in the trail, and is written once. At most 4,000 characters."/>
                    </Form>
                </div>
            </details>
        }
    });
    view! {
        <section class="glass">
            <h3>"Broken "<Pill tone label/></h3>
            <p><strong>{glass.asked_name.clone()}</strong>" asked "<Time at=glass.asked_at/>", "<strong>{second}</strong>" confirmed "<Time at/>": "<span class="said">{glass.reason.clone()}</span></p>
            {earlier}
            {owed}
            {found}
            {form}
            {why_not(&review)}
        </section>
    }
}
