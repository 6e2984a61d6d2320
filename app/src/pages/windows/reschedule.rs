//! Moves a window: the old time, free ones to pick, a date and a start; who is asked again.

use super::edit::VotesLost;
use super::form::{ApproversCards, Fold, OutsideHours, TakenCard};
use super::frame::When;
use crate::door;
use crate::islands::TimesCheck;
use crate::parts::form::{Field, Form};
use crate::parts::layout::{Card, Heading};
use domain::proposal::{ProposalForm, several};
use domain::schedule::slots::Slot;
use domain::view::windows::propose::MovePage as Page;
use domain::window::WindowState;
use engine::queries::proposals;
use leptos::prelude::*;

#[component]
pub fn MovePage() -> impl IntoView {
    let number = door::path_parameter::<i64>("number");
    let picked = door::query_parameter("date").zip(door::query_parameter("time"));
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { proposals::move_form(&engine, &caller?.actor, number?, picked).await }.await;
        door::show(answer, |page| show(page).into_any())
    })
}

fn show(page: Page) -> impl IntoView {
    let number = page.edit.number;
    let here = format!("/windows/{number}");
    let zone = page.database.zone.clone();
    let asks_fold = !page.form.fold.is_empty() || door::typed().is_some_and(|typed| typed.error("fold").is_some());
    let approved = (page.edit.state == WindowState::Approved).then(|| {
        view! { <p class="message warn">"It is approved for the old time. Moved, it waits for approval again, and does not run until enough people agree to the new time."</p> }
    });
    let (free, picked_zone) = (here.clone(), zone.clone());
    let lead = "Only its times change: the work, its limits and its duration stay. It becomes a new revision with no votes.";
    let taken = (!page.taken.is_empty() || !page.freezes.is_empty() || !page.beside.is_empty())
        .then(|| view! { <TakenCard taken=page.taken freezes=page.freezes beside=page.beside/> });
    view! {
        <p class="crumb"><a href=here.clone()>"← #"{number}" "{page.edit.title.clone()}</a></p>
        <Heading title=format!("Move #{number} {}", page.edit.title) lead=lead/>
        {approved}
        <VotesLost votes=page.edit.votes/>
        <div class="columns">
            <div>
                <Card title="New time">
                    <dl class="window-facts">
                        <div><dt>"Starts now"</dt><dd><When at=page.from.0 zone=zone.clone()/></dd></div>
                        <div><dt>"Ends now"</dt><dd><When at=page.from.1 zone=zone.clone()/></dd></div>
                    </dl>
                    <Form action=format!("{here}/move") submit="Move and ask again" cancel=here.clone()>
                        <input type="hidden" name="revision" value=page.edit.revision/>
                        <p class="zone-note">"Date and start are those of the database: "<strong>{zone.clone()}</strong>"."</p>
                        <div class="row">
                            <Field name="date" label="Date" kind="date" required=true value=page.form.date.clone()/>
                            <Field name="time" label="Start" kind="time" required=true value=page.form.time.clone()/>
                        </div>
                        {asks_fold.then(|| view! { <Fold value=page.form.fold.clone()/> })}
                        // Not sent: what is said about the times is computed from it.
                        <input type="hidden" id="duration_min" value=page.form.duration_min.clone()/>
                        <TimesCheck database=page.database.short_name.clone() edits=Some(number) others=page.form.waves.keys().cloned().collect()/>
                        <OutsideHours value=page.form.outside_hours.clone() hours=page.database.hours.clone()/>
                        {sent_waves(&page.form)}
                    </Form>
                </Card>
                <Free here=free slots=page.slots others=page.other_hours zone=picked_zone/>
            </div>
            <div>
                <ApproversCards approvers=page.approvers/>
                {taken}
            </div>
        </div>
    }
}

/// Not sent either: the other databases that the times are checked on.
fn sent_waves(form: &ProposalForm) -> impl IntoView + use<> {
    form.waves.iter().map(|(name, wave)| view! { <input type="hidden" id=several::field(name) value=wave.clone()/> }).collect_view()
}

/// The same time of day on the next free days, and other hours where those are none or busy: each a link that fills the form.
#[component]
fn Free(here: String, slots: Vec<Slot>, others: Vec<Slot>, zone: String) -> impl IntoView {
    let list = |slots: Vec<Slot>| {
        let lines = slots
            .into_iter()
            .map(|slot| {
                let to = format!("{here}/move?date={}&time={}", slot.date(), slot.time().replace(':', "%3A"));
                let load = slot.load.map(|load| view! { <span class="quiet">" "{load.said()}</span> });
                view! { <li><a href=to><When at=slot.start zone=zone.clone()/></a>{load}</li> }
            })
            .collect_view();
        view! { <ul class="entries">{lines}</ul> }
    };
    let nothing = slots.is_empty().then(|| {
        view! { <p>"At that time of day the database is taken, frozen or outside of its hours on each of the next 60 days, or it is too late to agree to it."</p> }
    });
    let same = (!slots.is_empty()).then(|| list(slots));
    let others = (!others.is_empty()).then(|| view! { <h3>"At other hours"</h3>{list(others)} });
    view! { <Card title="Next free times" id="free".to_owned()>{nothing}{same}{others}</Card> }
}
