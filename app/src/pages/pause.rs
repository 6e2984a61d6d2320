//! Stop everything, or start it again: what would be met, the reason, and the pauses before.

use crate::door;
use crate::parts::form::{Form, Radios, TextArea};
use crate::parts::layout::{Card, Heading};
use crate::parts::table::Table;
use crate::parts::time::{Span, Time};
use domain::pause::{Pause, PauseLevel};
use domain::procedure::text::plural;
use domain::view::pauses::{PausePage as Page, PauseRow};
use engine::queries::pauses;
use jiff::Timestamp;
use leptos::prelude::*;

#[component]
pub fn PausePage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { pauses::page(&engine, &caller?.actor).await }.await;
        door::show(answer, |page| show(page).into_any())
    })
}

fn show(page: Page) -> impl IntoView {
    let count = |n: i64, one, many| plural(u64::try_from(n).unwrap_or(0), one, many);
    let met = format!(
        "{} in progress; {} within the next 24 hours.",
        count(page.running, "run", "runs"),
        count(page.due, "approved window starts", "approved windows start")
    );
    let lasting = page.open.clone().map(|pause| view! { <Lasting pause now=page.now may_resume=page.may_resume/> });
    let begin = page.may_pause.then(|| view! { <Begin open=page.open.clone() met=met.clone()/> });
    let none = page.open.is_none().then(|| {
        let who = if page.may_pause { "" } else { " Leads and deputies of any team and administrators can pause." };
        // The form says what would be met; who has none reads it here.
        let met = if page.may_pause { String::new() } else { met.clone() };
        view! { <p>"Nothing is paused. "{met}{who}</p> }
    });
    let lead = "For a night on which nothing may be touched: nothing starts, on any database, until somebody resumes.";
    view! {
        <Heading title="Pause all maintenance" lead=lead/>
        {none}
        {lasting}
        {begin}
        {(!page.earlier.is_empty()).then(|| view! { <Earlier rows=page.earlier/> })}
    }
}

#[component]
fn Lasting(pause: Pause, now: Timestamp, may_resume: bool) -> impl IntoView {
    let reaches = match pause.level {
        PauseLevel::StartNothing => "Nothing starts. Runs that were in progress go on.",
        PauseLevel::HoldRunning => {
            "Nothing starts, and runs in progress are held before their next item. A statement that runs is not cut off; what makes things safe again still happens."
        }
    };
    let resume = if may_resume {
        view! {
            <Form action="/pause/resume" submit="Resume maintenance" prefix="resume-">
                <TextArea name="reason" label="Why it may go on" rows=2 required=true
                    hint="Leads, deputies and administrators read it. At most 2,000 characters."/>
            </Form>
            <p class="quiet">"Runs on hold wait for a decision on their own pages. Windows that were missed meanwhile have to be proposed again."</p>
        }
        .into_any()
    } else {
        view! { <p>{pause.by_name.clone()}" or an administrator can resume it."</p> }.into_any()
    };
    view! {
        <Card title="Paused now" id="lasting".to_owned()>
            <p><strong>"Since "<Time at=pause.since/>" ("<Span from=now to=pause.since/>") by "{pause.by_name.clone()}</strong></p>
            <p class="said">{pause.reason.clone()}</p>
            <p>{reaches}</p>
            {resume}
        </Card>
    }
}

#[component]
fn Begin(open: Option<Pause>, met: String) -> impl IntoView {
    let raising = open.is_some();
    let levels = [
        (PauseLevel::StartNothing, "No run is opened, begun or resumed by any path. Runs in progress go on to their end."),
        (
            PauseLevel::HoldRunning,
            "The same, and each run in progress is held before its next item. A statement that runs now is not cut off: stop that run on its page if it must end.",
        ),
    ];
    let options: Vec<_> = levels
        .iter()
        .filter(|(level, _)| !raising || *level == PauseLevel::HoldRunning)
        .map(|(level, follows)| (level.word().to_owned(), level.label().to_owned(), (*follows).to_owned()))
        .collect();
    let value = if raising { PauseLevel::HoldRunning.word() } else { "" };
    let (title, submit) = if raising { ("Hold what runs, too", "Also hold what runs") } else { ("Pause", "Pause all maintenance now") };
    view! {
        <Card title=title id="begin".to_owned()>
            <p>{met}</p>
            <Form action="/pause" submit=submit danger=true prefix="begin-">
                <Radios name="level" legend="How far it reaches" value=value options/>
                <TextArea name="reason" label="Why" rows=2 required=true
                    hint="Everybody who signs in, or opens an approval link, reads it. At most 2,000 characters."/>
            </Form>
            <p class="quiet">"Leads and deputies of every team and the administrators are told. A window whose latest start passes meanwhile is missed, with this reason."</p>
        </Card>
    }
}

#[component]
fn Earlier(rows: Vec<PauseRow>) -> impl IntoView {
    let rows = rows
        .into_iter()
        .map(|row| {
            let ended = row.resumed.map(|(at, who, why)| view! { <Time at=at/><br/>{who}": "{why} });
            view! {
                <tr>
                    <th scope="row"><Time at=row.paused_at/><br/>{row.paused_by}": "{row.reason}</th>
                    <td>{row.level.label()}</td>
                    <td data-label="Resumed">{ended}</td>
                </tr>
            }
        })
        .collect_view();
    view! { <Card title="Earlier"><Table caption="Earlier pauses, newest first" head=&["Paused", "Reach", "Resumed"]>{rows}</Table></Card> }
}
