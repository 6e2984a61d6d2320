//! The page of a run.

use super::acts::{HoldBox, StopBox};
use super::items::{AfterCard, EventsCard, ItemsCard, LeftCard, PreChecksCard};
use crate::door;
use crate::pages::windows::{again_in, foreign};
use crate::parts::details::{Detail, Details, DigestShort};
use crate::parts::layout::{Card, Heading};
use crate::parts::status::{Pill, Tone};
use crate::parts::time::{Span, Time, in_zone};
use domain::ids::RunId;
use domain::procedure::text::duration_ms;
use domain::run::Phase;
use domain::view::runs::{ItemRow, RunPage as Run};
use domain::view::windows::when::distance;
use domain::window::{Ending, RunState};
use engine::queries;
use leptos::prelude::*;

/// How often a live page looks again, in seconds.
const AGAIN_S: u32 = 2;

#[component]
pub fn RunPage() -> impl IntoView {
    let id = door::path_parameter::<RunId>("id");
    let acts = door::query_parameter("act");
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::runs::show(&engine, &caller?.actor, id?).await }.await;
        door::show(answer, |run| page(run, acts.as_deref() == Some("stop")).into_any())
    })
}

fn page(run: Run, stopping: bool) -> impl IntoView {
    let here = format!("/runs/{}", run.id);
    // Nothing is loaded away from under somebody who types.
    let typing = stopping || door::typed().is_some();
    let looks_again = run.is_live() && !typing;
    if looks_again {
        again_in(AGAIN_S, &format!("{here}?auto=1"));
    }
    let window = format!("/windows/{}", run.window.number);
    let title = format!("Run of #{} {}", run.window.number, run.window.title);
    let stop = (run.may_stop.is_open() && !stopping)
        .then(|| view! { <a class="button danger" href=format!("{here}?act=stop")>"Stop the run …"</a> });
    let checklist = (run.state == RunState::Ended).then(|| view! { <a class="button" href=format!("{window}/checklist")>"Checklist"</a> });
    view! {
        <p class="crumb"><a href=window>"← #"{run.window.number}" "{run.window.title.clone()}</a></p>
        <Heading title=title>{stop}{checklist}</Heading>
        <BigState run=run.clone() looks_again/>
        <StopBox run=run.clone() open=stopping/>
        <HoldBox run=run.clone()/>
        <Current run=run.clone()/>
        <PreChecksCard checks=run.pre_checks.clone() over=run.phase != Phase::PreChecks/>
        <ItemsCard run=run.clone()/>
        <LeftCard run=run.clone()/>
        <AfterCard items=run.items.clone()/>
        <Facts run=run.clone()/>
        <EventsCard events=run.events/>
    }
}

/// What is going on, in one word and two numbers.
#[component]
fn BigState(run: Run, looks_again: bool) -> impl IntoView {
    let (tone, word) = word(&run);
    let now = run.window.now;
    let end = run.ended_at.unwrap_or(now);
    let elapsed = distance(run.opened_at, end);
    let moments = *run.moments();
    let left = (run.state != RunState::Ended).then(|| {
        if now < moments.end {
            let cut_off = if now < moments.cut_off {
                format!("nothing new begins in {}", distance(now, moments.cut_off))
            } else {
                "nothing new begins any more".to_owned()
            };
            view! { <p><strong>{distance(now, moments.end)}</strong>" until the end"<br/><span class="quiet">{cut_off}</span></p> }
                .into_any()
        } else {
            view! { <p><strong>"Past its end"</strong>" since "{distance(moments.end, now)}</p> }.into_any()
        }
    });
    let done = run.items.iter().filter(|item| item.outcome.is_some()).count();
    let count = (!run.items.is_empty()).then(|| {
        let all = run.items.len();
        let worked = run.items.iter().filter(|item| item.outcome.is_some_and(domain::run::Outcome::is_success)).count();
        let without = (worked < done).then(|| view! { <span class="quiet">{worked}" successful"</span> });
        view! { <p><strong>{done}" of "{all}</strong>" items answered"<br/><progress max=all value=done aria-label="Items answered"></progress>{without}</p> }
    });
    let stale = run.is_stale().then(|| {
        view! { <p class="message warn" role="alert">"Nothing was heard from the worker since "<Time at=run.last_update/>". What is below may be old; the work on the database goes on or not, independent of this page. Another worker takes over within 20 seconds."</p> }
    });
    let clock = format!(
        "{} {}",
        now.strftime("%H:%M:%S UTC"),
        if door::zone() == "Etc/UTC" { String::new() } else { format!("({})", in_zone(now, &door::zone())) }
    );
    let again = if looks_again {
        format!("This page looks again every {AGAIN_S} seconds.")
    } else if run.is_live() {
        "Updates wait while you type.".to_owned()
    } else {
        String::new()
    };
    view! {
        <section class="big-state" aria-labelledby="run-state">
            <div class="big-word"><Pill tone=tone label=word/><span id="run-state" class="quiet">{foreign(&run.window.database)}</span></div>
            <p><strong>{elapsed}</strong>{if run.state == RunState::Ended { " in all" } else { " since it was opened" }}<br/><span class="quiet"><Time at=run.opened_at/></span></p>
            {left}
            {count}
        </section>
        <p class="quiet last-update">"Seen at "{clock}". Last sign of life "<Span from=now to=run.last_update/>". "{again}</p>
        {stale}
    }
}

fn word(run: &Run) -> (Tone, String) {
    match (run.state, run.ending) {
        (RunState::Ended, Some(ending)) => {
            let tone = match ending {
                Ending::Finished => Tone::Good,
                Ending::Failed => Tone::Bad,
                _ => Tone::Warn,
            };
            (tone, ending.label().to_owned())
        }
        (RunState::Held, _) if run.decision.is_some() => (Tone::Waiting, "Decided; a worker takes it up".to_owned()),
        (RunState::Leased, _) if run.stop.is_some() => (Tone::Warn, format!("Stopping: {}", run.phase.label().to_lowercase())),
        (RunState::Leased, _) => (Tone::Live, run.phase.label().to_owned()),
        (state, _) => (Tone::from(state), state.label().to_owned()),
    }
}

/// The statement that runs now, with what the server says about it.
#[component]
fn Current(run: Run) -> impl IntoView {
    let current = run.current().cloned();
    current.map(|item| {
        let running = item.open_attempt().cloned();
        let pid = running.as_ref().and_then(|attempt| attempt.backend.clone()).map(|pid| view! { <Detail term="Process on the server"><code>{pid}</code></Detail> });
        let session = running.as_ref().map(|attempt| foreign(&attempt.session)).map(|name| view! { <Detail term="Session"><code>{name}</code></Detail> });
        let (now, most) = (run.window.now, duration_ms(item.work.estimate.high_ms));
        let since = running.as_ref().and_then(|attempt| attempt.started_at).map(|at| view! { <Detail term="Running for">{distance(at, now)}", estimated "{most}" at most"</Detail> });
        let observed = running.as_ref().filter(|attempt| attempt.state == domain::run::AttemptState::Unknown).map(|_| {
            view! { <p class="message warn">"Its worker is gone. The statement may still run on the server; another worker looks for it, watches it to its end, and does not send it a second time."</p> }
        });
        let notices = running.map(|attempt| attempt.notices).unwrap_or_default();
        let progress = run.progress.clone().map(|progress| {
            let bar = progress.percent.map(|percent| view! { <progress max="100" value=percent aria-label="Progress by the server's account"></progress>" "{percent}" %" });
            view! { <p>{foreign(&progress.says)}" "<span class="quiet"><Span from=now to=progress.at/></span><br/>{bar}</p> }
        });
        let statement = foreign(&item.work.statement);
        view! {
            <Card title=format!("Now: item {} of {}", item.ordinal, run.items.len())>
                <pre class="statement">{statement}</pre>
                {observed}
                {progress}
                <Details>{pid}{session}{since}</Details>
                <Notices notices/>
            </Card>
        }
    })
}

/// What the server said.
#[component]
pub fn Notices(notices: Vec<String>) -> impl IntoView {
    (!notices.is_empty()).then(|| {
        let lines = notices.iter().map(|line| foreign(line)).collect::<Vec<_>>().join("\n");
        view! { <pre class="notices" tabindex="0" aria-label="What the server said">{lines}</pre> }
    })
}

#[component]
fn Facts(run: Run) -> impl IntoView {
    let by = run.opened_by.clone().unwrap_or_else(|| "the schedule".to_owned());
    let owner = run.owner.clone().map(
        |owner| view! { <Detail term="Worker">{owner}{run.lease_until.map(|until| view! { ", lease until "<Time at=until/> })}</Detail> },
    );
    let list = run
        .work_list_digest
        .map(|digest| view! { <Detail term="Work list"><DigestShort digest=digest/>" sealed at the start, inside the plan"</Detail> });
    let ended = run.ended_at;
    view! {
        <Card title="About this run">
            <Details>
                <Detail term="Opened">"by "{by}", "<Time at=run.opened_at/></Detail>
                {ended.map(|at| view! { <Detail term="Ended"><Time at=at/></Detail> })}
                {owner}
                <Detail term="Plan">"revision "{run.revision}" "<DigestShort digest=run.plan_digest/></Detail>
                {list}
                <Detail term="On call">{run.window.on_call.clone()}</Detail>
            </Details>
        </Card>
    }
}

/// The time an item took, in words.
pub fn taken(item: &ItemRow, now: jiff::Timestamp) -> String {
    item.taken_ms(now).map(duration_ms).unwrap_or_default()
}
