//! What a person may do with a run: stop it, let it wait, or decide when it is held.

use super::now::Opened;
use crate::pages::windows::foreign;
use crate::parts::form::{Field, Form, Radios, TextArea};
use crate::parts::layout::Card;
use crate::parts::time::Time;
use domain::hold::{Found, HoldVerb, Owed};
use domain::view::runs::{RunPage as Run, consequence};
use domain::view::windows::Offer;
use domain::window::RunState;
use leptos::prelude::*;

/// The form that was opened, and what became of a stop or a hold that was asked for.
#[component]
pub fn StopBox(run: Run, opened: Option<Opened>) -> impl IntoView {
    let asked = asked(&run);
    let form = opened.map(|opened| match (opened, &run.stop) {
        // Asked meanwhile, by somebody else or by the person who is back here: the sentence above says so.
        (Opened::Stop, Some(_)) => ().into_any(),
        (Opened::Stop, None) => {
            offered(&run.may_stop, "There is nothing to stop any more.", || view! { <StopForm run=run.clone()/> }.into_any())
        }
        (Opened::Hold, _) if run.hold_asked.is_some() => ().into_any(),
        (Opened::Hold, _) => offered(&run.may_hold, "There is nothing to hold now.", || view! { <HoldForm run=run.clone()/> }.into_any()),
    });
    view! { {asked}{form} }
}

fn asked(run: &Run) -> AnyView {
    let (asked, words, really) = match (&run.stop, &run.hold_asked) {
        (Some(stop), _) if run.state == RunState::Ended => {
            (stop, "asked to stop it", "The run has ended: the items below say what was cancelled on the server, and what was done before.")
        }
        (Some(stop), _) => {
            (stop, "asked to stop it", "The worker cancels the statement on the server, then says what really stopped. Nothing new begins.")
        }
        (None, Some(hold)) if run.state == RunState::Ended => (hold, "asked to hold it", "It ended before there was anything to hold."),
        (None, Some(hold)) => {
            (hold, "asked to hold it", "What runs now ends first; then the run waits until somebody decides. Nothing new begins.")
        }
        (None, None) => return ().into_any(),
    };
    let (by, at, reason) = (asked.by.clone(), asked.at, asked.reason.clone());
    view! { <section class="message warn"><strong>{by}" "{words}</strong>" "<Time at/>": “"{reason}"”. "{really}</section> }.into_any()
}

fn offered(offer: &Offer, absent: &'static str, form: impl FnOnce() -> AnyView) -> AnyView {
    match offer {
        Offer::Yes => form(),
        Offer::No(refusal) => view! { <p class="message note">{refusal.message.clone()}" "{refusal.way_out.clone()}</p> }.into_any(),
        Offer::Absent => view! { <p class="message note">{absent}</p> }.into_any(),
    }
}

#[component]
fn StopForm(run: Run) -> impl IntoView {
    let here = format!("/runs/{}", run.id);
    view! {
        <Card title="Stop the run">
            <p>"The statement that runs now is cancelled on the server; what is done stays done, what is left is listed. What an interrupted step leaves behind is named and cleaned up. Then the checklist follows."</p>
            <Form action=format!("{here}/stop") submit="Stop the run" danger=true cancel=here.clone() prefix="stop-">
                <Confirmed database=run.window.database/>
            </Form>
        </Card>
    }
}

#[component]
fn HoldForm(run: Run) -> impl IntoView {
    let here = format!("/runs/{}", run.id);
    view! {
        <Card title="Hold after this item">
            <p>"The statement that runs now goes on to its end; then nothing new begins, and the run waits until somebody decides. The database stays taken by this window meanwhile, and the window's end does not move."</p>
            <Form action=format!("{here}/hold") submit="Hold the run" cancel=here.clone() prefix="pause-">
                <Confirmed database=run.window.database/>
            </Form>
        </Card>
    }
}

/// Reason and typed name, as both forms ask for.
#[component]
fn Confirmed(database: String) -> impl IntoView {
    view! {
        <TextArea name="reason" label="Why" hint="Goes into the trail. At most 2,000 characters." rows=2 required=true/>
        <Field name="short_name" label="Short name of the database" hint=format!("Type {database} to confirm.") autocomplete="off" required=true/>
    }
}

/// Why it waits, and what may be decided.
#[component]
pub fn HoldBox(run: Run) -> impl IntoView {
    (run.state == RunState::Held).then(|| {
        let reason = run.hold_reason.clone().unwrap_or_else(|| "The worker gave no reason.".to_owned());
        let decided = run.decision.map(|verb| view! { <p class="message note">"Decided: "{verb.label()}". A worker takes it up within seconds."</p> });
        let form = run.may_resolve.is_open().then(|| view! { <Decide run=run.clone()/> });
        let why_not = run.may_resolve.why_not().cloned().map(|refusal| view! { <p class="quiet">{refusal.message}" "{refusal.way_out}</p> });
        view! {
            <section class="blocked hold" id="hold" aria-labelledby="hold-title">
                <h2 id="hold-title">"On hold: a person decides"</h2>
                <p>{foreign(&reason)}</p>
                <p class="quiet">"On call: "{run.window.on_call.clone()}". The database stays taken by this window until somebody decides."</p>
                {decided}{form}{why_not}
            </section>
        }
    })
}

#[component]
fn Decide(run: Run) -> impl IntoView {
    let kept_back = run.may_not_go_on.clone().filter(|_| run.hold_verbs.contains(&HoldVerb::Continue));
    let open = run.hold_verbs.iter().filter(|verb| kept_back.is_none() || **verb != HoldVerb::Continue);
    let verbs = open.map(|verb| (verb.word().to_owned(), verb.label().to_owned(), consequence(*verb, run.way_back).to_owned())).collect();
    let found = run.asks_what_was_found.then(|| {
        let choices = Found::ALL.iter().map(|found| (found.word().to_owned(), found.label().to_owned(), String::new())).collect();
        view! { <Radios name="found" legend="What did you find on the database?" hint="Whether the statement had its effect is not known here. Look before you answer: nobody else can." options=choices/> }
    });
    let called = run.asks_of_call.then(|| {
        let choices =
            Found::ALL.iter().map(|found| (found.word().to_owned(), Owed::Call.label(*found).to_owned(), String::new())).collect();
        view! { <Radios name="found" legend="Is it done what was called for?" hint="Only needed where the run goes on. Look there before you answer: nobody else can." options=choices required=false/> }
    });
    view! {
        <Form action=format!("/runs/{}/resolve", run.id) submit="Decide" prefix="hold-">
            {found}{called}
            {kept_back.map(|refusal| view! { <p class="message note">{refusal.message}" "{refusal.way_out}</p> })}
            <Radios name="verb" legend="What happens next?" options=verbs/>
            <TextArea name="reason" label="Reason" hint="How you know. Goes into the trail with your name. At most 4,000 characters." rows=3 required=true/>
        </Form>
    }
}
