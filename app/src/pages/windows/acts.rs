//! What a reader may do with a window besides voting; each with typed confirmation where it cannot be undone.

use crate::parts::form::{Field, Form, TextArea};
use crate::parts::layout::Card;
use domain::view::windows::offers::Whole;
use domain::view::windows::{Head, Offer, Offers};
use domain::window::WindowState;
use leptos::prelude::*;

/// A folded form that asks for the database's short name, as the action behind it does.
#[component]
pub fn Typed(
    #[prop(into)] action: String,
    /// What the button does.
    #[prop(into)]
    verb: String,
    /// Short name of the database.
    #[prop(into)]
    name: String,
    /// What will happen.
    #[prop(into)]
    consequence: String,
    #[prop(optional, into)] prefix: String,
    /// Unfolded from the start.
    #[prop(optional)]
    open: bool,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let open = open || crate::door::typed().is_some_and(|typed| typed.action == action);
    let hint = format!("Type {name} to confirm.");
    view! {
        <details class="confirm" open=open>
            <summary class="button danger">{verb.clone()} " …"</summary>
            <div class="confirm-body">
                <p>{consequence}</p>
                <Form action=action submit=verb danger=true prefix=prefix>
                    {children.map(|children| children())}
                    <Field name="short_name" label="Short name of the database" hint=hint autocomplete="off" required=true/>
                </Form>
            </div>
        </details>
    }
}

/// The card of actions; nothing for readers who may do nothing.
#[component]
pub fn Acts(
    head: Head,
    offers: Offers,
    /// The one open run; of several databases each is reached by the card of databases.
    run: Option<domain::ids::RunId>,
    /// What may be done to all of several at once.
    whole: Option<Whole>,
) -> impl IntoView {
    let number = head.number;
    let (for_end, for_whole) = (head.database.clone(), head.clone());
    let start = act(&offers.start, {
        let head = head.clone();
        move || {
            view! {
                <Typed action=format!("/windows/{number}/start") verb="Start now" name=head.database prefix="start-"
                    consequence="The run begins at once: pre-checks first, then the work, inside the approved limits."/>
            }
            .into_any()
        }
    });
    let edit = act(&offers.edit, move || {
        let lost = if head.state == WindowState::Draft { "" } else { " A new revision starts with no votes." };
        view! { <p><a class="button" href=format!("/windows/{number}/edit")>"Edit"</a><span class="quiet">{lost}</span></p> }.into_any()
    });
    let reschedule = act(&offers.reschedule, move || {
        view! { <p><a class="button" href=format!("/windows/{number}/move")>"Move …"</a><span class="quiet">" Only the times change; all votes are asked for anew."</span></p> }.into_any()
    });
    let again = act(&offers.again, move || {
        view! { <p><a class="button" href=format!("/windows/new?again={number}")>"Propose again"</a><span class="quiet">" A new window with the same words and limits."</span></p> }.into_any()
    });
    let stop = run.map(|run| {
        act(&offers.stop, move || {
            view! { <p><a class="button danger" href=format!("/runs/{run}?act=stop")>"Stop the run …"</a></p> }.into_any()
        })
    });
    let whole_acts = whole.as_ref().map(|whole| of_whole(&for_whole, whole));
    let resolve = run.map(|run| {
        act(&offers.resolve, move || {
            view! { <p><a class="button primary" href=format!("/runs/{run}#hold")>"Decide on the held run"</a></p> }.into_any()
        })
    });
    let issues = act(&offers.write_issues, move || {
        view! {
            <Form action=format!("/windows/{number}/issues") submit="Write it down" prefix="issues-">
                <TextArea name="issues_met" label="Issues met" rows=4 required=true
                    hint="What went wrong, and what was done about it: for whoever plans the next window. At most 4,000 characters."/>
            </Form>
        }
        .into_any()
    });
    let (withdraw, cancel) =
        (end(&offers.withdraw, number, "Withdraw", &for_end), end(&offers.cancel, number, "Cancel the window", &for_end));
    let all = [
        &offers.start,
        &offers.edit,
        &offers.reschedule,
        &offers.again,
        &offers.stop,
        &offers.resolve,
        &offers.withdraw,
        &offers.cancel,
        &offers.write_issues,
    ];
    let of_all = whole.iter().flat_map(|whole| [&whole.hold, &whole.stop]);
    all.into_iter().chain(of_all).any(|offer| offer.is_open() || offer.why_not().is_some_and(|refusal| refusal.code != "not_permitted")).then(|| {
        view! { <Card title="Actions" id="actions".to_owned()><div class="acts">{start}{edit}{reschedule}{again}{whole_acts}{stop}{resolve}{withdraw}{cancel}{issues}</div></Card> }
    })
}

/// Of several databases: one act for whatever runs on any of them.
fn of_whole(head: &Head, offers: &Whole) -> AnyView {
    let (number, name, held) = (head.number, head.database.clone(), head.state == WindowState::Hold);
    let named = name.clone();
    let hold = act(&offers.hold, move || {
        view! {
            <Typed action=format!("/windows/{number}/hold") verb="Hold everything" name=named prefix="hold-"
                consequence="Every run of this window waits after its current item, and a person decides on each how it goes on. No further wave begins meanwhile.">
                <TextArea name="reason" label="Why" hint="It stands in the trail. At most 2,000 characters." rows=2 required=true/>
            </Typed>
        }
        .into_any()
    });
    let stop = act(&offers.stop, move || {
        let left = if held { " What is on hold already still waits for a decision." } else { "" };
        view! {
            <Typed action=format!("/windows/{number}/stop") verb="Stop everything" name=name prefix="stop-"
                consequence=format!("Every run of this window is cancelled on its server, what is left half done is cleaned up, and no further wave begins.{left}")>
                <TextArea name="reason" label="Why" hint="It stands in the trail, and everybody concerned reads it. At most 2,000 characters." rows=2 required=true/>
            </Typed>
        }
        .into_any()
    });
    view! { {hold}{stop} }.into_any()
}

/// The form of an offer, or why not now. That somebody else may is not worth a line here: rights do not change by looking.
fn act(offer: &Offer, form: impl FnOnce() -> AnyView) -> AnyView {
    match offer {
        Offer::Yes => form(),
        Offer::No(refusal) if refusal.code != "not_permitted" => {
            view! { <p class="quiet">{refusal.message.clone()}" "{refusal.way_out.clone()}</p> }.into_any()
        }
        _ => ().into_any(),
    }
}

fn end(offer: &Offer, number: i64, verb: &'static str, database: &str) -> AnyView {
    let (name, prefix) = (database.to_owned(), format!("{}-", verb.split(' ').next().unwrap_or(verb).to_lowercase()));
    act(offer, move || {
        view! {
            <Typed action=format!("/windows/{number}/cancel") verb=verb name=name prefix=prefix
                consequence="It will not run, and everybody who was told of it is told of that. This cannot be undone; a new window can be proposed.">
                <TextArea name="reason" label="Why" hint="Everybody concerned reads it. At most 2,000 characters." rows=2 required=true/>
            </Typed>
        }
        .into_any()
    })
}
