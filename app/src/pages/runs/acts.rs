//! What a person may do with a run: stop it, or decide when it is held.

use crate::pages::windows::foreign;
use crate::parts::form::{Field, Form, Radios, TextArea};
use crate::parts::layout::Card;
use crate::parts::time::Time;
use domain::hold::Found;
use domain::view::runs::{RunPage as Run, consequence};
use domain::window::RunState;
use leptos::prelude::*;

/// The form that stops, or what became of a stop that was asked for.
#[component]
pub fn StopBox(run: Run, open: bool) -> impl IntoView {
    if let Some(stop) = run.stop.clone() {
        let really = if run.state == RunState::Ended {
            "The run has ended: the items below say what was cancelled on the server, and what was done before."
        } else {
            "The worker cancels the statement on the server, then says what really stopped. Nothing new begins."
        };
        return view! {
            <section class="message warn"><strong>{stop.by}" asked to stop it"</strong>" "<Time at=stop.at/>": “"{stop.reason}"”. "{really}</section>
        }
        .into_any();
    }
    if !open {
        return ().into_any();
    }
    let here = format!("/runs/{}", run.id);
    match run.may_stop {
        domain::view::windows::Offer::Yes => view! {
            <Card title="Stop the run">
                <p>"The statement that runs now is cancelled on the server; what is done stays done, what is left is listed. What an interrupted step leaves behind is named and cleaned up. Then the checklist follows."</p>
                <Form action=format!("{here}/stop") submit="Stop the run" danger=true cancel=here.clone() prefix="stop-">
                    <TextArea name="reason" label="Why" hint="Goes into the trail. At most 2,000 characters." rows=2 required=true/>
                    <Field name="short_name" label="Short name of the database" hint=format!("Type {} to confirm.", run.window.database) autocomplete="off" required=true/>
                </Form>
            </Card>
        }
        .into_any(),
        domain::view::windows::Offer::No(refusal) => view! { <p class="message note">{refusal.message}" "{refusal.way_out}</p> }.into_any(),
        domain::view::windows::Offer::Absent => view! { <p class="message note">"There is nothing to stop any more."</p> }.into_any(),
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
    let verbs =
        run.hold_verbs.iter().map(|verb| (verb.word().to_owned(), verb.label().to_owned(), consequence(*verb).to_owned())).collect();
    let found = run.asks_what_was_found.then(|| {
        let choices = Found::ALL.iter().map(|found| (found.word().to_owned(), found.label().to_owned(), String::new())).collect();
        view! { <Radios name="found" legend="What did you find on the database?" hint="Whether the statement had its effect is not known here. Look before you answer: nobody else can." options=choices/> }
    });
    view! {
        <Form action=format!("/runs/{}/resolve", run.id) submit="Decide" prefix="hold-">
            {found}
            <Radios name="verb" legend="What happens next?" options=verbs/>
            <TextArea name="reason" label="Reason" hint="How you know. Goes into the trail with your name. At most 4,000 characters." rows=3 required=true/>
        </Form>
    }
}
