//! The work list with outcomes, what is left, what is left behind, figures before and after, and the lines of what happened.

use super::now::{Notices, taken};
use crate::pages::windows::{foreign, range};
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use crate::parts::time::Time;
use domain::run::{Outcome, Phase};
use domain::view::runs::{EventRow, ItemRow, ListDiff, PreCheck, RunPage as Run};
use domain::window::RunState;
use jiff::Timestamp;
use leptos::prelude::*;

fn tone_of(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Done => Tone::Good,
        Outcome::Skipped => Tone::Quiet,
        Outcome::SkippedLock | Outcome::Deferred | Outcome::NoEffect | Outcome::Cancelled => Tone::Warn,
        Outcome::Failed | Outcome::NeedsCleanup | Outcome::Unknown => Tone::Bad,
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// What was looked at before the start; folded once all is well and work began.
#[component]
pub fn PreChecksCard(checks: Vec<PreCheck>, over: bool) -> impl IntoView {
    (!checks.is_empty()).then(|| {
        let red = checks.iter().filter(|check| check.is_red()).count();
        let rows = checks
            .into_iter()
            .map(|check| {
                let (tone, word) = if check.is_red() {
                    (Tone::Bad, "red")
                } else if check.is_yellow() {
                    (Tone::Warn, "yellow")
                } else {
                    (Tone::Good, "green")
                };
                view! { <tr><th scope="row">{check.title}</th><td><Pill tone=tone label=word/></td><td class="wrap">{foreign(&check.says)}</td></tr> }
            })
            .collect_view();
        let table = view! { <Table caption="Pre-checks" head=&["Check", "Colour", "Finding"]>{rows}</Table> };
        if over && red == 0 {
            view! { <Card title="Pre-checks"><details><summary>"None was red"</summary>{table}</details></Card> }.into_any()
        } else {
            let note = (red > 0 && !over).then(|| view! { <p class="message warn">"Nothing was changed. Red checks are looked at again until the latest start; then the window is missed."</p> });
            view! { <Card title="Pre-checks">{note}{table}</Card> }.into_any()
        }
    })
}

/// Every item of the sealed list.
#[component]
pub fn ItemsCard(run: Run) -> impl IntoView {
    let now = run.window.now;
    let over = run.state == RunState::Ended;
    let body = if run.items.is_empty() {
        let (title, why) = if run.work_list_digest.is_some() {
            ("Nothing needed work", "Every object was below the plan's thresholds when the run began.")
        } else if over {
            ("It never began", "The run ended before any work was selected; nothing was changed.")
        } else {
            ("Not selected yet", "After the pre-checks a worker measures the database and seals the list of work.")
        };
        view! { <Empty title=title why=why/> }.into_any()
    } else {
        let rows = run.items.iter().cloned().map(|item| row(item, now, over)).collect_view();
        view! { <Table caption="Items in the order of work" head=&["#No.", "Object", "Outcome", "Why", "#Taken", "#Estimate"]>{rows}</Table> }.into_any()
    };
    view! { <Card title="Work list" id="items".to_owned()>{body}<AgainstPreview diff=run.diff.clone()/></Card> }
}

fn row(item: ItemRow, now: Timestamp, over: bool) -> impl IntoView {
    let (tone, label) = match (item.outcome, item.open_attempt()) {
        (Some(outcome), _) => (tone_of(outcome), capital(outcome.label())),
        (None, Some(attempt)) => (Tone::Live, capital(attempt.state.label())),
        (None, None) if over => (Tone::Warn, "Not begun".to_owned()),
        (None, None) => (Tone::Quiet, "Waiting".to_owned()),
    };
    let detail = item.detail.clone().map(|text| view! { <br/><span>{foreign(&text)}</span> });
    let tries = tries(&item);
    let time = taken(&item, now);
    view! {
        <tr>
            <td class="number" data-label="No.">{item.ordinal}</td>
            <th scope="row">{item.work.step.clone()}" "{foreign(&item.work.object.name.to_string())}<br/><code class="inline">{foreign(&item.work.statement)}</code></th>
            <td class="wrap"><Pill tone=tone label=label/>{detail}{tries}</td>
            <td class="said">{foreign(&item.work.measure.sentence)}</td>
            <td class="number" data-label="Taken">{time}</td>
            <td class="number" data-label="Estimate">{range(item.work.estimate.low_ms, item.work.estimate.high_ms)}</td>
        </tr>
    }
}

/// Each try with what the server said; shown where there is something to read.
fn tries(item: &ItemRow) -> impl IntoView + use<> {
    let worth = item.attempts.len() > 1 || item.attempts.iter().any(|attempt| !attempt.notices.is_empty());
    let lines = item
        .attempts
        .iter()
        .cloned()
        .map(|attempt| {
            let how = attempt.outcome.map_or_else(|| attempt.state.label().to_owned(), |outcome| outcome.label().to_owned());
            let pid = attempt.backend.map(|pid| format!(", process {pid}"));
            view! {
                <li>"Try "{attempt.number}": "{how}{pid}{attempt.detail.map(|text| format!(". {}", foreign(&text)))}<Notices notices=attempt.notices/></li>
            }
        })
        .collect_view();
    worth.then(|| view! { <details><summary>"What the server said"</summary><ul>{lines}</ul></details> })
}

/// Another set of objects inside the approved limits is normal, and shown.
#[component]
fn AgainstPreview(diff: Option<ListDiff>) -> impl IntoView {
    diff.map(|diff| {
        if diff.added.is_empty() && diff.gone.is_empty() {
            return view! { <p class="quiet">"The list is the one people saw in the preview."</p> }.into_any();
        }
        let list =
            |lines: Vec<String>| lines.iter().map(|line| view! { <li><code class="inline">{foreign(line)}</code></li> }).collect_view();
        let (added, gone) = (list(diff.added.clone()), list(diff.gone.clone()));
        view! {
            <details>
                <summary>"Against the preview: "{diff.added.len()}" more, "{diff.gone.len()}" no longer needed"</summary>
                <p>"The work is selected at the start, inside the limits people approved; the database changed since the preview."</p>
                {(!diff.added.is_empty()).then(|| view! { <h3>"New"</h3><ul>{added}</ul> })}
                {(!diff.gone.is_empty()).then(|| view! { <h3>"No longer needed"</h3><ul>{gone}</ul> })}
            </details>
        }
        .into_any()
    })
}

/// What is left to do, what is left behind, and what was passed over.
#[component]
pub fn LeftCard(run: Run) -> impl IntoView {
    let name =
        |item: &&ItemRow| (foreign(&item.work.object.name.to_string()), item.detail.clone().map(|text| foreign(&text)).unwrap_or_default());
    let over = run.state == RunState::Ended || run.phase == Phase::Over;
    let left: Vec<_> = if over { run.left().iter().map(name).collect() } else { vec![] };
    let debris: Vec<_> = run.debris().iter().map(name).collect();
    let passed: Vec<_> = run.left_out.iter().map(|left| (foreign(&left.object), foreign(&left.reason))).collect();
    let part = |title: &'static str, lines: Vec<(String, String)>| {
        (!lines.is_empty()).then(|| {
            let lines = lines
                .into_iter()
                .map(|(object, why)| view! { <li><strong>{object}</strong>{(!why.is_empty()).then(|| format!(": {why}"))}</li> })
                .collect_view();
            view! { <h3>{title}</h3><ul>{lines}</ul> }
        })
    };
    let any = !(left.is_empty() && debris.is_empty() && passed.is_empty());
    any.then(|| {
        view! {
            <Card title="What is left">
                {part("Left behind on the database, to be cleaned up", debris)}
                {part("Not reached in this run", left)}
                {part("Needs attention and got none", passed)}
            </Card>
        }
    })
}

/// Figures before and after, where items have both.
#[component]
pub fn AfterCard(items: Vec<ItemRow>) -> impl IntoView {
    let rows: Vec<_> = items
        .into_iter()
        .filter(|item| item.outcome.is_some())
        .flat_map(|item| {
            let object = foreign(&item.work.object.name.to_string());
            item.figures
                .into_iter()
                .filter(|figure| figure.before.is_some() && figure.after.is_some() && figure.before != figure.after)
                .map(move |figure| (object.clone(), figure))
        })
        .collect();
    (!rows.is_empty()).then(|| {
        let rows = rows
            .into_iter()
            .map(|(object, figure)| {
                view! {
                    <tr>
                        <th scope="row">{object}</th>
                        <td>{foreign(&figure.name)}</td>
                        <td class="number" data-label="Before">{figure.before.map(|text| foreign(&text))}</td>
                        <td class="number" data-label="After">{figure.after.map(|text| foreign(&text))}</td>
                    </tr>
                }
            })
            .collect_view();
        view! { <Card title="Before and after"><Table caption="Figures that changed" head=&["Object", "Measure", "#Before", "#After"]>{rows}</Table></Card> }
    })
}

#[component]
pub fn EventsCard(events: Vec<EventRow>) -> impl IntoView {
    (!events.is_empty()).then(|| {
        let rows = events
            .into_iter()
            .map(|event| {
                let item = event.ordinal.map(|ordinal| format!("item {ordinal}"));
                view! { <tr><td><Time at=event.at exact=true/></td><td>{event.kind}</td><td class="whole">{item}</td><td class="wrap">{foreign(&event.message)}</td></tr> }
            })
            .collect_view();
        view! { <Card title="What happened"><Table caption="Lines of the run, newest first" head=&["When", "Kind", "About", "What"]>{rows}</Table></Card> }
    })
}
