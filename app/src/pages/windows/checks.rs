//! The validation list: what was measured before and after, who answers, what red means, and the sign-off. Made for a phone.

use super::frame::{BlockedBox, WindowHead, again_in, foreign};
use crate::door;
use crate::parts::form::{Form, Radios, TextArea};
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use crate::parts::time::{Span, Time};
use domain::checklist::CheckState;
use domain::view::checklists::{CheckRow, ChecklistPage as Checklist, Figure, Probing};
use domain::view::windows::{Head, Offer, Offers};
use domain::window::WindowState;
use engine::queries;
use leptos::prelude::*;

/// Colour of an item's state.
fn tone_of(state: CheckState) -> Tone {
    match state {
        CheckState::Open => Tone::Waiting,
        CheckState::Passed => Tone::Good,
        CheckState::Failed => Tone::Bad,
        CheckState::NotApplicable => Tone::Quiet,
        CheckState::Accepted => Tone::Warn,
    }
}

/// The list in short, on the window's page.
#[component]
pub fn ChecksCard(number: i64, state: WindowState, checks: Vec<CheckRow>) -> impl IntoView {
    let settled = checks.iter().filter(|check| check.state.is_settled()).count();
    let all = checks.len();
    let rows = checks
        .into_iter()
        .map(|check| {
            let said = [check.verdict.map(|text| foreign(&text)).unwrap_or_default(), check.note].join(" ");
            let evidence = Some(said.trim().to_owned()).filter(|said| !said.is_empty());
            let by = check.decided_by.clone().unwrap_or_else(|| if check.by_probe { "probe".to_owned() } else { "a person".to_owned() });
            view! {
                <tr>
                    <th scope="row">{check.title}<br/><span class="quiet">{check.rule}</span></th>
                    <td><Pill tone=tone_of(check.state) label=check.state.label()/></td>
                    <td data-label="Answered by">{by}</td>
                    <td class="wrap">{evidence}</td>
                </tr>
            }
        })
        .collect_view();
    let open = (state == WindowState::Validating).then(
        || view! { <p class="actions"><a class="button primary" href=format!("/windows/{number}/checklist")>"Open the checklist"</a></p> },
    );
    view! {
        <Card title="Checklist" id="checklist".to_owned()>
            <p>{settled}" of "{all}" settled. The window closes when all are."</p>
            <Table caption="Validation items" head=&["Item", "State", "Answered by", "Evidence"]>{rows}</Table>
            {open}
        </Card>
    }
}

#[component]
pub fn ChecklistPage() -> impl IntoView {
    let number = door::path_parameter::<i64>("number");
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::windows::checklist(&engine, &caller?.actor, number?).await }.await;
        door::show(answer, |list| page(list).into_any())
    })
}

/// The page looks again after so many seconds while a worker measures.
const AGAIN_S: u32 = 2;

fn page(list: Checklist) -> impl IntoView {
    let head = list.head.clone();
    let settled = list.checks.iter().filter(|check| check.state.is_settled()).count();
    let all = list.checks.len();
    let early = !matches!(head.state, WindowState::Validating | WindowState::Completed | WindowState::Hold | WindowState::RollingBack);
    let note = early.then(
        || view! { <p class="message note">"The list is answered when the run has ended. Until then this is what will be asked."</p> },
    );
    let mut offers = list.offers.clone();
    if matches!(list.probing, Some(Probing::Waiting(_))) {
        // Nothing is loaded away from under somebody who types.
        offers.tick = Offer::Absent;
    }
    let items = list.checks.into_iter().map(|check| view! { <Item check head=head.clone() offers=offers.clone()/> }).collect_view();
    let probing = match list.probing {
        Some(Probing::Waiting(since)) if list.offers.tick.is_open() => {
            again_in(AGAIN_S, &format!("/windows/{}/checklist", head.number));
            let now = head.now;
            view! { <p class="message note" role="status">"A worker is measuring again, asked "<Span from=now to=since/>". This page looks again by itself; the forms come back with the answer."</p> }.into_any()
        }
        Some(Probing::Failed(why)) => {
            view! { <p class="message refused">"The last probe could not measure: "{foreign(&why)}</p> }.into_any()
        }
        _ => ().into_any(),
    };
    let body = if all == 0 {
        view! { <Empty title="No list" why="This plan has no validation items."/> }.into_any()
    } else {
        view! { <progress class="settled" max=all value=settled aria-label="Settled items"></progress><p>{settled}" of "{all}" settled"</p><ol class="checks">{items}</ol> }.into_any()
    };
    view! {
        <WindowHead head=head.clone() page="checklist"/>
        <BlockedBox blocked=list.blocked/>
        {note}
        {probing}
        {body}
        <Closing head offers owes_issues=list.owes_issues/>
    }
}

#[component]
fn Item(check: CheckRow, head: Head, offers: Offers) -> impl IntoView {
    let ordinal = check.ordinal;
    let answered = answered(&check);
    let figures = (!check.figures.is_empty()).then(|| view! { <Figures figures=check.figures.clone() of=check.title.clone()/> });
    let verdict = check.verdict.clone().map(
        |text| view! { <p>{foreign(&text)}{check.probed_at.map(|at| view! { " "<span class="quiet">"Probed "<Time at=at/></span> })}</p> },
    );
    let forms =
        offers.tick.is_open().then(|| view! { <Answer check=check.clone() number=head.number may_accept=offers.accept_red.is_open()/> });
    view! {
        <li id=format!("item-{ordinal}") class="card check-item">
            <h2>{check.title.clone()}" "<Pill tone=tone_of(check.state) label=check.state.label()/></h2>
            <p class="quiet">{check.rule.clone()}</p>
            {verdict}
            {figures}
            {answered}
            {forms}
        </li>
    }
}

fn answered(check: &CheckRow) -> impl IntoView + use<> {
    let by = check.decided_by.clone().map(|who| format!(" by {who}"));
    let at = check.decided_at.map(|at| view! { ", "<Time at=at/> });
    let note = check.note.clone();
    (!note.is_empty() || by.is_some()).then(|| view! { <p class="evidence">"“"{note}"”"<span class="quiet">{by}{at}</span></p> })
}

#[component]
fn Figures(figures: Vec<Figure>, of: String) -> impl IntoView {
    let cell =
        |text: Option<String>| text.map_or_else(|| view! { <span class="quiet">"–"</span> }.into_any(), |text| foreign(&text).into_any());
    let rows = figures
        .into_iter()
        .map(|figure| view! { <tr><th scope="row">{foreign(&figure.name)}</th><td class="number">{cell(figure.before)}</td><td class="number">{cell(figure.after)}</td></tr> })
        .collect_view();
    let caption = format!("{of}, measured before the first change and after the last");
    view! { <Table figures=true caption=caption head=&["Measure", "#Before", "#After"]>{rows}</Table> }
}

/// What a person may answer: a probe's red is not overruled by a tick, only accepted by a lead; a person's red is answered otherwise by a
/// lead alone.
#[component]
fn Answer(check: CheckRow, number: i64, may_accept: bool) -> impl IntoView {
    let (ordinal, prefix) = (check.ordinal, format!("c{}-", check.ordinal));
    let red_probe = check.by_probe && check.state == CheckState::Failed;
    let mut choices = vec![("passed", "Passed"), ("failed", "Failed"), ("not_applicable", "Not applicable")];
    let red_person = !check.by_probe && check.state == CheckState::Failed && !may_accept;
    if red_probe || red_person {
        choices.retain(|(value, _)| *value == "failed");
    } else if check.by_probe && check.probed_at.is_none() {
        choices.retain(|(value, _)| *value != "passed");
    }
    let choices: Vec<_> = choices.into_iter().map(|(value, label)| (value.to_owned(), label.to_owned(), String::new())).collect();
    let tick = (!red_probe).then(|| {
        view! {
            <Form action=format!("/windows/{number}/checks/{ordinal}") submit="Answer" prefix=prefix.clone()>
                <Radios name="state" legend="What do you see?" options=choices/>
                <TextArea name="note" label="Evidence" hint="Where you looked and what you saw." rows=2 required=true/>
            </Form>
        }
    });
    let accept = (may_accept && check.state == CheckState::Failed).then(|| {
        view! {
            <details class="confirm" open=door::typed().is_some_and(|typed| typed.action == format!("/windows/{number}/checks/{ordinal}/accept"))>
                <summary class="button danger">"Accept although red …"</summary>
                <div class="confirm-body">
                    <p>"Your name and reason stand in the trail and in the all-clear."</p>
                    <Form action=format!("/windows/{number}/checks/{ordinal}/accept") submit="Accept with this reason" danger=true prefix=format!("a{ordinal}-")>
                        <TextArea name="note" label="Reason" rows=2 required=true/>
                    </Form>
                </div>
            </details>
        }
    });
    let red = (red_probe && !may_accept).then(|| view! { <p class="quiet">"The probe says red. Mend the cause and probe again, or ask a lead or deputy to accept it with a reason."</p> });
    let red_person = red_person.then(|| view! { <p class="quiet">"Somebody saw this as failed. A lead or deputy answers it otherwise, or accepts it with a reason; you can add what you see."</p> });
    let open = check.state == CheckState::Open || red_probe;
    view! { <details class="answer" open=open><summary>{if open { "Answer" } else { "Answer anew" }}</summary>{red}{red_person}{tick}{accept}</details> }
}

#[component]
fn Closing(head: Head, offers: Offers, owes_issues: bool) -> impl IntoView {
    let number = head.number;
    let probe = offers.tick.is_open().then(|| {
        view! { <Form action=format!("/windows/{number}/probe") submit="Probe again" prefix="probe-" secondary=true><p>"A worker measures again; the answers appear on this page."</p></Form> }
    });
    let issues = owes_issues.then(|| {
        view! { <TextArea name="issues_met" label="Issues met" rows=4 required=true hint="It did not go as planned. Say what happened, for whoever plans the next window." value=head.issues_met.clone().unwrap_or_default()/> }
    });
    let close = if offers.close.is_open() {
        view! {
            <Form action=format!("/windows/{number}/close") submit="Sign off and close" prefix="close-">
                <p>"You say with your name that the database is as it should be. Everybody concerned gets the all-clear."</p>
                {issues}
            </Form>
        }
        .into_any()
    } else {
        offers.close.why_not().cloned().map(|refusal| view! { <p class="quiet">{refusal.message}" "{refusal.way_out}</p> }).into_any()
    };
    (head.state == WindowState::Validating).then(|| view! { <Card title="Sign-off" id="close".to_owned()>{close}{probe}</Card> })
}
