//! What a page shows of a run besides what changes by itself: pre-checks, what is left, what is left behind, and the preview's difference.

use crate::pages::windows::foreign;
use crate::parts::findings::FindingsList;
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::Table;
use domain::procedure::Finding;
use domain::run::Phase;
use domain::view::runs::{ItemRow, ListDiff, PreCheck, RunPage as Run};
use domain::window::RunState;
use leptos::prelude::*;

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

/// Another set of objects inside the approved limits is normal, and shown.
#[component]
pub fn PreviewCard(diff: Option<ListDiff>) -> impl IntoView {
    diff.map(|diff| view! { <Card title="Against the preview"><Difference diff/></Card> })
}

#[component]
fn Difference(diff: ListDiff) -> impl IntoView {
    if diff.added.is_empty() && diff.gone.is_empty() {
        return view! { <p class="quiet">"The list is the one people saw in the preview."</p> }.into_any();
    }
    let list = |lines: &[String]| lines.iter().map(|line| view! { <li><code class="inline">{foreign(line)}</code></li> }).collect_view();
    let (added, gone) = (list(&diff.added), list(&diff.gone));
    view! {
        <details>
            <summary>{diff.added.len()}" more, "{diff.gone.len()}" no longer needed"</summary>
            <p>"The work is selected at the start, inside the limits people approved; the database changed since the preview."</p>
            {(!diff.added.is_empty()).then(|| view! { <h3>"New"</h3><ul>{added}</ul> })}
            {(!diff.gone.is_empty()).then(|| view! { <h3>"No longer needed"</h3><ul>{gone}</ul> })}
        </details>
    }
    .into_any()
}

/// What the steps found that nobody works on in this run.
#[component]
pub fn FindingsCard(findings: Vec<Finding>, more: u64) -> impl IntoView {
    (!findings.is_empty()).then(|| view! { <Card title="Findings" id="findings".to_owned()><FindingsList findings more/></Card> })
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
