//! What happens to a registration later: another password, another owner, put away, taken back, deleted.

use crate::door;
use crate::parts::confirm::Confirm;
use crate::parts::form::{Field, Form};
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::time::{Span, Time};
use domain::examination::ExaminationState;
use domain::ids::{TargetId, TeamId};
use domain::people::visible;
use domain::permission::Verb;
use domain::target::TargetState;
use domain::view::targets::Rotation;
use jiff::Timestamp;
use leptos::prelude::*;
use leptos_meta::Meta;

/// Says after a change of address whether the same database answers there.
#[component]
pub fn SameAsBefore(same: Option<bool>) -> impl IntoView {
    same.map(|same| {
        if same {
            view! { <p class="message note">"At the new address answers the same database as before: server identity and database are equal."</p> }.into_any()
        } else {
            view! {
                <p class="message warn">"At the new address answers another database than before: server identity or database differ. Approved windows do not run on it; if this was not meant, correct the address."</p>
            }
            .into_any()
        }
    })
}

/// Drydock's own password there: changed by a worker, proven before the old one is forgotten.
#[component]
pub fn Password(id: TargetId, state: TargetState, manage: bool, rotation: Option<Rotation>, now: Timestamp) -> impl IntoView {
    let open = rotation.as_ref().is_some_and(|rotation| rotation.state.is_open());
    let unfinished = rotation.as_ref().is_some_and(|rotation| rotation.unfinished);
    let offered = manage && !open && (state == TargetState::Ready || unfinished);
    let said = rotation.map(|rotation| outcome(rotation, now));
    (offered || said.is_some()).then(|| {
        let submit = if unfinished { "Finish the change of password" } else { "Change the password now" };
        let form = offered.then(|| {
            view! {
                <p class="quiet">"A worker makes a new password that no person ever sees, tells the server by a verifier, signs in with it, and only then forgets the old one. Use it where nobody but Drydock signs in as this role."</p>
                <Form action=format!("/databases/{id}/rotate") submit=submit secondary=true prefix="rotate-">""</Form>
            }
        });
        view! { <Card title="Change of password" id="rotation".to_owned()>{said}{form}</Card> }
    })
}

fn outcome(rotation: Rotation, now: Timestamp) -> AnyView {
    if rotation.state.is_open() {
        return view! {
            <Meta http_equiv="refresh" content="2"/>
            <p role="status"><Pill tone=Tone::Waiting label="Under way"/>" A worker changes the password. This page looks again by itself."</p>
        }
        .into_any();
    }
    let when = rotation.answered_at.unwrap_or(rotation.asked_at);
    let unfinished = rotation.unfinished.then(|| {
        view! { <p class="message warn">"It is not finished: the old and the new password are both kept, and no run starts on this database until one of them is proven."</p> }
    });
    let (tone, label) = if rotation.state == ExaminationState::Answered { (Tone::Good, "Changed") } else { (Tone::Bad, "Not changed") };
    let failure = rotation.failure.map(|failure| view! { <p class="message refused">{visible(&failure)}</p> });
    let lax = (rotation.old_refused == Some(false)).then(|| {
        view! { <p class="message warn">"The server lets the old password in too: it does not ask for passwords from the worker's address. Look at its pg_hba.conf."</p> }
    });
    view! { <p><Pill tone label/>" "<Span from=now to=when/>", "<Time at=when/></p>{failure}{lax}{unfinished} }.into_any()
}

/// Another owner, retiring, taking back, deleting: what the state and the reader's rights allow.
#[component]
pub fn Later(id: TargetId, state: TargetState, team: TeamId, #[prop(into)] name: String, socket: bool) -> impl IntoView {
    let to = |act: &str| format!("/databases/{id}/{act}");
    let (transfer_to, retire_to, reinstate_to, delete_to) = (to("transfer"), to("retire"), to("reinstate"), to("delete"));
    let retired_name = name.clone();
    let may = |verb| door::may(verb, Some(team));
    let in_use = matches!(state, TargetState::Unverified | TargetState::Ready);
    let transfer = (in_use && may(Verb::TransferTarget)).then(move || {
        view! {
            <Card title="Owner">
                <p>"Another team can own it: its people plan the windows then, and its leads vote."</p>
                <p class="actions"><a class="button small" href=transfer_to>"Give it to another team"</a></p>
            </Card>
        }
    });
    let retire = (in_use && may(Verb::ManageTarget)).then(move || {
        view! {
            <Card title="Retire">
                <p>"For a database that is gone: no windows can be planned on it any more, and its password is destroyed. Its history stays, and it can be taken back."</p>
                <Confirm action=retire_to verb="Retire" name=retired_name consequence="The stored password is destroyed. To take the database back, it has to be typed again."/>
            </Card>
        }
    });
    let reinstate = (state == TargetState::Retired && may(Verb::ManageTarget)).then(move || {
        view! {
            <Card title="Take it back">
                <p>"The registration is used again as it was. A connection test says whether the same database answers."</p>
                <Form action=reinstate_to submit="Take it back" prefix="reinstate-">
                    <Field name="password" label="Password of the role" kind="password" required=!socket autocomplete="new-password" hint="The stored one was destroyed."/>
                </Form>
            </Card>
        }
    });
    let delete = (state == TargetState::Retired && may(Verb::DeleteTarget)).then(move || {
        view! {
            <Card title="Delete">
                <p>"For a database that never comes back. Its windows, runs and facts stay readable and say that it was deleted; its secrets and stakeholders are erased, and its name is free."</p>
                <Confirm action=delete_to verb="Delete for ever" name=name consequence="This cannot be undone."/>
            </Card>
        }
    });
    view! { {transfer}{retire}{reinstate}{delete} }
}
