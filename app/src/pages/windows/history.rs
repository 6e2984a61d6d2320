//! Runs, revisions with their difference, and the trail of one window.

use super::compare::Changes;
use crate::parts::details::DigestShort;
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use crate::parts::time::Time;
use domain::view::windows::page::{RevisionDiff, RevisionRow, RunRow, TrailRow};
use domain::window::Ending;
use leptos::prelude::*;

/// Colour of a way to end.
pub fn tone_of(ending: Ending) -> Tone {
    match ending {
        Ending::Finished => Tone::Good,
        Ending::Failed => Tone::Bad,
        _ => Tone::Warn,
    }
}

#[component]
pub fn RunsCard(runs: Vec<RunRow>) -> impl IntoView {
    let body = if runs.is_empty() {
        view! { <Empty title="It has not run" why="A run is opened at the start by itself, or by “Start now” between start and latest start."/> }.into_any()
    } else {
        let rows = runs
            .into_iter()
            .map(|run| {
                let (tone, label) =
                    run.ending.map_or_else(|| (Tone::from(run.state), run.state.label()), |ending| (tone_of(ending), ending.label()));
                let by = run.opened_by.unwrap_or_else(|| "the schedule".to_owned());
                let to = format!("/runs/{}", run.id);
                view! {
                    <tr>
                        <th scope="row"><a href=to>"Run of revision "{run.revision}{run.database.map(|name| format!(" on {name}"))}</a></th>
                        <td><Pill tone=tone label=label/></td>
                        <td data-label="Opened"><Time at=run.opened_at/>" by "{by}</td>
                        <td data-label="Ended">{run.ended_at.map(|at| view! { <Time at=at/> })}</td>
                        <td class="number" data-label="Items answered">{run.answered}" of "{run.items}</td>
                        <td class="number" data-label="Successful">{run.reached}</td>
                    </tr>
                }
            })
            .collect_view();
        view! { <Table caption="Runs, newest first" head=&["Run", "State", "Opened", "Ended", "#Items answered", "#Successful"]>{rows}</Table> }.into_any()
    };
    view! { <Card title="Runs" id="runs".to_owned()>{body}</Card> }
}

#[component]
pub fn RevisionsCard(number: i64, revisions: Vec<RevisionRow>, diff: Option<RevisionDiff>) -> impl IntoView {
    let newest = revisions.first().map_or(1, |revision| revision.number);
    let rows = revisions
        .into_iter()
        .map(|revision| {
            let n = revision.number;
            let compare = (n > 1).then(|| {
                let to = format!("/windows/{number}?from={}&to={n}#revisions", n - 1);
                view! { <a href=to>"What it changed"</a> }
            });
            let current = (n == newest).then(|| view! { " "<Pill tone=Tone::Quiet label="current"/> });
            view! {
                <tr>
                    <th scope="row">"Revision "{n}{current}</th>
                    <td data-label="Written by">{revision.by}</td>
                    <td data-label="Sealed"><Time at=revision.at/></td>
                    <td data-label="Digest"><DigestShort digest=revision.digest/></td>
                    <td>{compare}</td>
                </tr>
            }
        })
        .collect_view();
    let diff = diff.map(|diff| {
        let title = format!("From revision {} to {}", diff.from, diff.to);
        view! { <h3>{title.clone()}</h3><Changes changes=diff.changes caption=title/> }
    });
    view! {
        <Card title="Revisions" id="revisions".to_owned()>
            <Table caption="Revisions, newest first" head=&["Revision", "Written by", "Sealed", "Digest", "Difference"]>{rows}</Table>
            {diff}
        </Card>
    }
}

#[component]
pub fn TrailCard(number: i64, trail: Vec<TrailRow>, may_audit: bool) -> impl IntoView {
    let evidence = format!("/windows/{number}/evidence");
    let all = may_audit.then(|| view! { <a class="button quiet" href=format!("/audit?window={number}")>"All facts about it"</a> });
    let rows = trail
        .into_iter()
        .map(|row| {
            let sealed = row.batch.map_or_else(|| "waits for its seal".to_owned(), |batch| format!("batch {batch}"));
            let id = if may_audit { view! { <a href=format!("/audit/{}", row.id)>{row.id}</a> }.into_any() } else { row.id.into_any() };
            view! {
                <tr>
                    <td class="number" data-label="Fact">{id}</td>
                    <td><Time at=row.at/></td>
                    <td>{row.who}</td>
                    <td><code class="inline">{row.action}</code>{(!row.done).then_some(" (refused)")}</td>
                    <td data-label="Seal">{sealed}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Card title="Trail" id="trail".to_owned()>
            <Table caption="Facts about this window, newest first" head=&["#Fact", "When", "Who", "What", "Seal"]>{rows}</Table>
            <p class="actions"><a class="button" href=evidence>"All evidence on one page"</a>{all}</p>
        </Card>
    }
}
