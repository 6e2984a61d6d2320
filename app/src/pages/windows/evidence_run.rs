//! One run in the evidence: what was looked at before, and every statement with the times and words of the database.

use crate::parts::details::{CopyId, Detail, Details};
use crate::parts::findings::FindingsList;
use crate::parts::layout::Card;
use crate::parts::table::Table;
use crate::parts::time::Time;
use domain::procedure::text::duration_ms;
use domain::view::evidence::RunEvidence;
use domain::view::runs::{AttemptRow, ItemRow};
use leptos::prelude::*;

#[component]
pub fn RunPart(run: RunEvidence) -> impl IntoView {
    let on = run.database.clone().map(|name| format!(" on {name}")).unwrap_or_default();
    let title = format!("Run of revision {}{on}", run.revision);
    let ended = run.ended_at.map_or_else(
        || view! { {run.state.label()} }.into_any(),
        |at| view! { {run.ending.map_or("Ended", |ending| ending.label())}", "<Time at=at exact=true/> }.into_any(),
    );
    let opened = run.opened_by.clone().unwrap_or_else(|| "the schedule".to_owned());
    let stop =
        run.stop.clone().map(|stop| view! { <Detail term="Stop">{stop.by}", "<Time at=stop.at exact=true/>": "{stop.reason}</Detail> });
    let hold = run.hold_reason.clone().map(|reason| view! { <Detail term="Held">{reason}</Detail> });
    let list = run.work_list.map(
        |(digest, at)| view! { <Detail term="Work list">"Sealed "<Time at=at exact=true/>", digest "<CopyId value=digest.hex()/></Detail> },
    );
    let checks = run
        .pre_checks
        .into_iter()
        .map(|check| view! { <tr><th scope="row">{check.title}</th><td>{check.colour}</td><td class="wrap">{check.says}</td></tr> })
        .collect_view();
    let items = run.items.into_iter().map(item).collect_view();
    let found = !run.findings.is_empty();
    let left = run.left_out.into_iter().map(|left| view! { <li><strong>{left.object}</strong>": "{left.reason}</li> }).collect_view();
    let resolutions = run
        .resolutions
        .into_iter()
        .map(|one| {
            let by = one.second.map_or_else(|| one.by.clone(), |second| format!("{} and {second}", one.by));
            view! { <li>"Item "{one.ordinal}", try "{one.number}": "{by}" found that it "{one.found.replace('_', " ")}", "<Time at=one.at exact=true/>". "{one.reason}</li> }
        })
        .collect_view();
    view! {
        <Card title=title>
            <Details>
                <Detail term="Opened"><Time at=run.opened_at exact=true/>" by "{opened}</Detail>
                <Detail term="Ended">{ended}</Detail>
                <Detail term="Obeys the plan"><CopyId value=run.plan_digest.hex()/></Detail>
                {list}
                {stop}
                {hold}
            </Details>
            <h3>"Looked at before the start"</h3>
            <Table caption="Pre-checks" head=&["Check", "Colour", "Finding"]>{checks}</Table>
            <h3>"Statements"</h3>
            <Table caption="Items in the order of work" head=&["#No.", "Statement", "Outcome", "Tries, and what the database said"]>{items}</Table>
            <ul class="plain">{resolutions}</ul>
            <ul class="plain">{left}</ul>
            {found.then(|| view! { <h3>"Findings"</h3> })}
            <FindingsList findings=run.findings more=run.more_findings/>
        </Card>
    }
}

fn item(item: ItemRow) -> impl IntoView {
    let outcome = item.outcome.map_or("none", |outcome| outcome.label());
    let figures = item
        .gains
        .into_iter()
        .filter(|gain| gain.before != gain.after)
        .map(|gain| {
            let of = gain.measured;
            view! { <li>{of.label()}": "{of.say(gain.before)}" → "{of.say(gain.after)}</li> }
        })
        .collect_view();
    let tries = item.attempts.into_iter().map(attempt).collect_view();
    view! {
        <tr>
            <td class="number" data-label="No.">{item.ordinal}</td>
            <th scope="row">{item.work.object.name.to_string()}<br/><code class="inline">{item.work.statement}</code></th>
            <td class="wrap">{outcome}{item.detail.map(|text| format!(". {text}"))}<ul class="plain">{figures}</ul></td>
            <td class="wrap" data-label="Tries"><ul class="plain">{tries}</ul></td>
        </tr>
    }
}

/// One try: when it was decided, sent and answered, by which session of the database, and its notices.
fn attempt(of: AttemptRow) -> impl IntoView {
    let took = of.started_at.zip(of.ended_at).and_then(|(from, to)| u64::try_from(to.duration_since(from).as_millis()).ok());
    let started = of.started_at.map(|at| view! { ", sent "<Time at=at exact=true/> });
    let ended = of.ended_at.map(|at| view! { ", answered "<Time at=at exact=true/> });
    let how = of.outcome.map_or_else(|| of.state.label().to_owned(), |outcome| outcome.label().to_owned());
    let process = of.backend.map(|pid| format!(", process {pid}"));
    let notices = of.notices.into_iter().map(|notice| view! { <li><code class="inline">{notice}</code></li> }).collect_view();
    view! {
        <li>
            "Try "{of.number}", decided "<Time at=of.intent_at exact=true/>{started}{ended}{took.map(|ms| format!(", took {}", duration_ms(ms)))}": "{how}
            {of.detail.map(|text| format!(". {text}"))}
            <span class="quiet">" Session "{of.session}{process}</span>
            <ul class="plain">{notices}</ul>
        </li>
    }
}
