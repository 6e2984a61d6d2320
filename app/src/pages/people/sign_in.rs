//! How a person comes to sign in: invited, reminded, handed a link. Nobody here ever sees a password.

use crate::parts::details::{Detail, Details};
use crate::parts::form::{Field, Form};
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::time::Time;
use domain::ids::PersonId;
use domain::view::mail::state_label;
use domain::view::people::{Invitation, PersonPage};
use leptos::prelude::*;

/// The card of a person's page where an administrator lets them sign in.
#[component]
pub fn SignInCard(page: PersonPage) -> impl IntoView {
    let (to, withdraw) = (format!("/people/{}/invite", page.person.id), format!("/people/{}/invite/withdraw", page.person.id));
    if page.person.account {
        return view! {
            <Card title="Sign-in">
                <p>"Whoever lost the password has a link mailed on the sign-in page. Where no mail gets through, you can hand one over: it is shown once, works for 30 minutes, ends their sessions when it is used, and their votes do not count for 24 hours after that."</p>
                <Form action=to submit="Show a link to a new password" secondary=true prefix="show-"><input type="hidden" name="way" value="show"/></Form>
            </Card>
        }
        .into_any();
    }
    let alive = page.invitation.as_ref().is_some_and(|invitation| invitation.alive);
    let (mail, show) =
        if alive { ("Send the invitation again", "Show a new link instead") } else { ("Invite by mail", "Show an invitation link") };
    view! {
        <Card title="Sign-in">
            {match page.invitation {
                Some(invitation) => view! { <Invited invitation/> }.into_any(),
                None => view! { <p>"Only gets mail. With an invitation this person can sign in: the link works once, for 7 days, and leads to a password of their own choice."</p> }.into_any(),
            }}
            <Form action=to.clone() submit=mail secondary=alive prefix="mail-"><input type="hidden" name="way" value="mail"/></Form>
            {alive.then(|| view! { <Form action=withdraw submit="Withdraw the invitation" danger=true prefix="withdraw-"><input type="hidden" name="withdraw" value="yes"/></Form> })}
            <p class="hint">"Where no mail gets through, hand the link over yourself. It is shown once, and votes of this person do not count for 24 hours after they accept."</p>
            <Form action=to submit=show secondary=true prefix="show-"><input type="hidden" name="way" value="show"/></Form>
        </Card>
    }
    .into_any()
}

/// For somebody who lost both app and recovery codes.
#[component]
pub fn FactorCard(person: PersonId) -> impl IntoView {
    view! {
        <Card title="Second factor" id="factor".to_owned()>
            <p>"Only for somebody who lost both the app and the recovery codes, and whom you know to be the person. They are told by mail and signed out; no vote of theirs counts for 24 hours, and none on windows of yours."</p>
            <Form action=format!("/people/{person}/factor/remove") submit="Remove the second factor" danger=true prefix="factor-">
                <Field name="reason" label="Why" hint="For the trail, and for the person." autocomplete="off" required=true/>
            </Form>
        </Card>
    }
}

#[component]
fn Invited(invitation: Invitation) -> impl IntoView {
    let (tone, label) = if invitation.alive { (Tone::Waiting, "Invited, not accepted yet") } else { (Tone::Warn, "Not accepted in time") };
    let label = invitation.ended_reason.clone().map_or(label.to_owned(), |reason| reason.trim_end_matches('.').to_owned());
    let mail = match (&invitation.mail, invitation.shown) {
        (Some(state), _) => state_label(state).to_owned(),
        (None, true) => "None: you were shown the link".to_owned(),
        (None, false) => "None".to_owned(),
    };
    let parked = invitation.mail.as_deref() == Some("parked");
    view! {
        <Details>
            <Detail term="Invitation"><Pill tone label/></Detail>
            <Detail term="Made"><Time at=invitation.made/></Detail>
            <Detail term=if invitation.alive { "Expires" } else { "Expired or ended" }>
                {if invitation.alive || invitation.ended_reason.is_none() { view! { <Time at=invitation.until/> }.into_any() } else { "before its time".into_any() }}
            </Detail>
            <Detail term="Mail">{mail}{parked.then(|| view! { ", "<a href="/admin/outbox">"see why"</a> })}</Detail>
        </Details>
    }
}
