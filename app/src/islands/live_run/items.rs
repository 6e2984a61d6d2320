//! The work list: each item with its outcome, and what the server said to each try.

use super::current::Notices;
use super::watched::Watched;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use domain::procedure::text::{duration_ms, range_ms};
use domain::run::Outcome;
use domain::view::live::{Item, Try};
use domain::window::RunState;
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

/// Every item of the sealed list.
#[component]
pub fn Items(watched: Watched) -> impl IntoView {
    let Watched { head, items, .. } = watched;
    let any = Memo::new(move |_| items.with(|items| !items.is_empty()));
    let none = move || {
        let (title, why) = head.with(|head| {
            if head.selected {
                ("Nothing needed work", "Every object was below the plan's thresholds when the run began.")
            } else if head.state == RunState::Ended {
                ("It never began", "The run ended before any work was selected; nothing was changed.")
            } else {
                ("Not selected yet", "After the pre-checks a worker measures the database and seals the list of work.")
            }
        });
        view! { <Empty title=title why=why/> }
    };
    let list = move || {
        view! {
            <Table caption="Items in the order of work" head=&["#No.", "Object", "Outcome", "Why", "#Taken", "#Estimate"]>
                <For each=move || items.with(|items| items.iter().map(|item| item.ordinal).collect::<Vec<_>>()) key=|ordinal| *ordinal children=move |ordinal| row(watched, ordinal)/>
            </Table>
        }
    };
    view! {
        <section class="card" id="items">
            <h2>"Work list"</h2>
            {move || if any.get() { list().into_any() } else { none().into_any() }}
        </section>
    }
}

fn row(watched: Watched, ordinal: i32) -> impl IntoView {
    let Watched { head, items, now_ms, .. } = watched;
    let item = Memo::new(move |_| items.with(|items| items.iter().find(|item| item.ordinal == ordinal).cloned()));
    // Rows are made of what the list holds, and it never loses one.
    let Some(first) = item.get_untracked() else { return ().into_any() };
    let outcome = move || {
        let over = head.with(|head| head.state == RunState::Ended);
        item.get().map(|item| answer(&item, over))
    };
    // Only the one that runs asks for the time.
    let taken = move || {
        item.with(|item| {
            let item = item.as_ref()?;
            let now_ms = if item.open().is_some() { now_ms.get() } else { 0 };
            item.taken_ms(now_ms).map(|ms| if item.open().is_some() { ms / 1000 * 1000 } else { ms }).map(duration_ms)
        })
    };
    view! {
        <tr>
            <td class="number" data-label="No.">{ordinal}</td>
            <th scope="row">{first.step}" "{first.object}<br/><code class="inline">{first.statement}</code></th>
            <td class="wrap">{outcome}</td>
            <td class="said">{first.why}</td>
            <td class="number" data-label="Taken">{taken}</td>
            <td class="number" data-label="Estimate">{range_ms(first.low_ms, first.high_ms)}</td>
        </tr>
    }
    .into_any()
}

fn answer(item: &Item, over: bool) -> impl IntoView + use<> {
    let (tone, label) = match (item.outcome, item.open()) {
        (Some(outcome), _) => (tone_of(outcome), capital(outcome.label())),
        (None, Some(open)) => (Tone::Live, capital(open.state.label())),
        (None, None) if over => (Tone::Warn, "Not begun".to_owned()),
        (None, None) => (Tone::Quiet, "Waiting".to_owned()),
    };
    let detail = item.detail.clone().map(|text| view! { <br/><span>{text}</span> });
    let worth = item.tries.len() > 1 || item.tries.iter().any(|one| !one.notices.is_empty());
    let tries = worth.then(|| {
        let lines = item.tries.iter().cloned().map(attempt).collect_view();
        view! { <details><summary>"What the server said"</summary><ul>{lines}</ul></details> }
    });
    view! { <Pill tone=tone label=label/>{detail}{tries} }
}

fn attempt(one: Try) -> impl IntoView {
    let how = one.outcome.map_or_else(|| one.state.label().to_owned(), |outcome| outcome.label().to_owned());
    let pid = one.pid.map(|pid| format!(", process {pid}")).unwrap_or_default();
    let detail = one.detail.map(|text| format!(". {text}")).unwrap_or_default();
    view! { <li>{format!("Try {}: {how}{pid}{detail}", one.number)}<Notices notices=one.notices/></li> }
}
