//! What is going on, in one word and two numbers, and how fresh that is.

use super::clock::{Zone, machine, utc};
use super::watched::{Link, Watched};
use crate::parts::status::{Pill, Tone};
use domain::procedure::text::duration_ms;
use domain::run::Outcome;
use domain::view::live::{Head, Item, Over};
use domain::window::{Ending, RunState};
use leptos::prelude::*;

/// Whole seconds between two instants, in words.
fn apart(from_ms: i64, to_ms: i64) -> String {
    duration_ms((to_ms / 1000 - from_ms / 1000).unsigned_abs() * 1000)
}

fn word(head: &Head) -> (Tone, String) {
    match (head.state, head.ending) {
        (RunState::Ended, Some(Ending::Finished)) => (Tone::Good, Ending::Finished.label().to_owned()),
        (RunState::Ended, Some(Ending::Failed)) => (Tone::Bad, Ending::Failed.label().to_owned()),
        (RunState::Ended, Some(ending)) => (Tone::Warn, ending.label().to_owned()),
        (RunState::Held, _) if head.decided => (Tone::Waiting, "Decided; a worker takes it up".to_owned()),
        (RunState::Leased, _) if head.stop_asked => (Tone::Warn, format!("Stopping: {}", head.phase.label().to_lowercase())),
        (RunState::Leased, _) if head.hold_asked => (Tone::Warn, format!("{}, then on hold", head.phase.label())),
        (RunState::Leased, _) => (Tone::Live, head.phase.label().to_owned()),
        (state, _) => (Tone::from(state), state.label().to_owned()),
    }
}

/// True while what is shown may not be what is.
fn is_old(link: Link) -> bool {
    matches!(link, Link::Silent(_) | Link::Hidden | Link::Over(Over::Refused | Over::Unproven | Over::Restart))
}

/// Big state, elapsed and left, items, and the line about news.
#[component]
pub fn BigState(watched: Watched, zone: StoredValue<Zone>, database: String, run: String) -> impl IntoView {
    let Watched { head, items, now_ms, link, .. } = watched;
    let pill = move || {
        let (tone, word) = head.with(word);
        if is_old(link.get()) {
            view! { <Pill tone=Tone::Quiet label=format!("Last seen: {word}")/> }
        } else {
            view! { <Pill tone=tone label=word/> }
        }
    };
    let elapsed = move || head.with(|head| apart(head.opened_ms, head.ended_ms.unwrap_or_else(|| now_ms.get())));
    let since = move || if head.with(|head| head.ended_ms.is_some()) { " in all" } else { " since it was opened" };
    let opened = head.with_untracked(|head| head.opened_ms);
    view! {
        <section class="big-state" class:stale=move || is_old(link.get()) aria-labelledby="run-state">
            <div class="big-word">{pill}<span id="run-state" class="quiet">{database}</span></div>
            <p><strong>{elapsed}</strong>{since}<br/><span class="quiet"><LiveTime at_ms=opened zone/></span></p>
            <p class="left">{move || head.with(|head| left(head, now_ms.get()))}</p>
            <p class="count">{move || items.with(|items| count(items.iter().map(|item| item.outcome)))}</p>
        </section>
        <News watched run/>
    }
}

/// What is left of the window's time.
fn left(head: &Head, now_ms: i64) -> AnyView {
    if head.state == RunState::Ended {
        return ().into_any();
    }
    if now_ms >= head.end_ms {
        return view! { <strong>"Past its end"</strong>{format!(" since {}", apart(head.end_ms, now_ms))} }.into_any();
    }
    let cut_off = if now_ms < head.cut_off_ms {
        format!("nothing new begins in {}", apart(now_ms, head.cut_off_ms))
    } else {
        "nothing new begins any more".to_owned()
    };
    view! { <strong>{apart(now_ms, head.end_ms)}</strong>" until the end"<br/><span class="quiet">{cut_off}</span> }.into_any()
}

fn count(outcomes: impl Iterator<Item = Option<Outcome>> + Clone) -> AnyView {
    let all = outcomes.clone().count();
    if all == 0 {
        return ().into_any();
    }
    let done = outcomes.clone().flatten().count();
    let reached = outcomes.flatten().filter(|outcome| outcome.is_success()).count();
    let without = (reached < done).then(|| view! { <span class="quiet">{format!("{reached} successful")}</span> });
    view! {
        <strong>{format!("{done} of {all}")}</strong>" items answered"<br/>
        <progress max=all.to_string() value=done.to_string() aria-label="Items answered"></progress>
        {without}
    }
    .into_any()
}

/// Whether news come, and what that means for what is shown.
#[component]
fn News(watched: Watched, run: String) -> impl IntoView {
    let Watched { head, items, now_ms, link, .. } = watched;
    let here = format!("/runs/{run}");
    let (again, again_too) = (here.clone(), here.clone());
    let heard = move || {
        head.with(|head| {
            (head.ended_ms.is_none()).then(|| format!("Last sign of life of the worker {} ago. ", apart(head.heard_ms, now_ms.get())))
        })
    };
    let how = move || match link.get() {
        Link::Still if head.with(Head::is_live) => format!("Seen at {}. ", utc(now_ms.get())),
        Link::Still => String::new(),
        Link::On => format!("Live: last update {}. ", utc(now_ms.get())),
        Link::Silent(_) | Link::Hidden | Link::Over(_) | Link::Outdated => format!("Last update {}. ", utc(now_ms.get())),
    };
    let said = move || {
        match link.get() {
        // The count is for those who see it; others hear once that there is none.
        Link::Silent(for_s) => Some(
            view! {
                <p class="message warn silent" aria-hidden="true">
                    {format!("No news for {for_s} s, last update {}; reconnecting. What is below may be old; the work on the database does not depend on this page.", utc(now_ms.get()))}
                </p>
                <p class="unseen">{format!("No news since {}; reconnecting. What is shown may be old.", utc(now_ms.get()))}</p>
            }
            .into_any(),
        ),
        Link::Over(Over::Refused) => Some(
            view! { <p class="message warn">"You are signed out, or may no longer see this run: nothing new is shown. "<a href=again.clone()>"Load this page again"</a>"."</p> }.into_any(),
        ),
        Link::Over(Over::Restart | Over::Unproven) => Some(view! { <p class="message warn">"The server interrupted the news; reconnecting."</p> }.into_any()),
        Link::Outdated => Some(
            view! { <p class="message note">"The run has gone on, and what can be done about it has changed. "<a href=again_too.clone()>"Load this page again"</a>" when you have finished typing."</p> }.into_any(),
        ),
        Link::Still | Link::On | Link::Hidden | Link::Over(Over::Ended) => None,
    }
    };
    // What a person hears who does not see the page: changes of state, not every second of it.
    let spoken = Memo::new(move |_| {
        let (word, all) = (head.with(word).1, items.with(Vec::len));
        format!("{word}{}", named(&watched.running(), all))
    });
    let worker_is_silent = move || {
        let silent = !is_old(link.get()) && head.with(|head| head.is_silent(now_ms.get()));
        silent.then(|| {
            let since = head.with(|head| utc(head.heard_ms));
            view! { <p class="message warn">{format!("Nothing was heard from the worker since {since}. What is below may be old; the work on the database goes on or not, independent of this page. Another worker takes over within 20 seconds.")}</p> }
        })
    };
    view! {
        <p class="quiet last-update">{how}{heard}<a href=here>"Look again"</a></p>
        <div role="status" class="news">{said}{worker_is_silent}</div>
        <p class="unseen" role="status">{move || spoken.get()}</p>
    }
}

/// Which items are worked on, for the end of a sentence; nothing where none is.
fn named(running: &[Item], all: usize) -> String {
    let numbers: Vec<String> = running.iter().map(|item| item.ordinal.to_string()).collect();
    match numbers.split_last() {
        None => String::new(),
        Some((one, [])) => format!(", item {one} of {all}"),
        Some((last, others)) => format!(", items {} and {last} of {all}", others.join(", ")),
    }
}

/// A time of the run, in the reader's zone and in UTC.
#[component]
pub fn LiveTime(at_ms: i64, zone: StoredValue<Zone>) -> impl IntoView {
    let (day, clock) = zone.with_value(|zone| zone.spelled(at_ms));
    let beside = zone.with_value(|zone| zone.utc_beside(at_ms));
    view! {
        <time datetime=machine(at_ms)>
            <span class="local"><span class="day">{day}","</span>" "<span class="clock">{clock}</span></span>
            {beside.map(|utc| view! { " " <span class="utc">{utc}</span> })}
        </time>
    }
}
