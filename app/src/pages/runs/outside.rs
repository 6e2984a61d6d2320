//! What people and other programs do in a run: what was done, by whom, and how it is taken back.

use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::time::Time;
use domain::view::runs::OutsideRow;
use leptos::prelude::*;

/// The steps outside the database; nothing where the procedure has none.
#[component]
pub fn OutsideCard(steps: Vec<OutsideRow>, ended: bool) -> impl IntoView {
    let title = match (steps.iter().any(|step| step.is_called), steps.iter().all(|step| step.is_called)) {
        (false, _) => "Steps by hand",
        (true, true) => "Calls",
        (true, false) => "Steps by hand, and calls",
    };
    let rows: Vec<_> = steps
        .into_iter()
        .map(|step| {
            let state = match (&step.done, step.asked, ended) {
                (Some(_), ..) => view! { <Pill tone=Tone::Good label="done"/> },
                (None, true, false) if step.is_called => view! { <Pill tone=Tone::Waiting label="called, no yes yet"/> },
                (None, true, false) => view! { <Pill tone=Tone::Waiting label="waits for a person"/> },
                (None, true, true) if step.is_called => view! { <Pill tone=Tone::Warn label="called, never answered yes"/> },
                (None, _, true) => view! { <Pill tone=Tone::Warn label="not done"/> },
                (None, false, false) => view! { <Pill tone=Tone::Quiet label="comes later"/> },
            };
            let back = step.asked.then(|| view! { <br/><span class="quiet">"Way back: "{step.back}</span> });
            let done = step.done.map(|done| {
                let by = if done.by.is_empty() { "Its answer".to_owned() } else { done.by };
                view! { <br/>{by}", "<Time at=done.at/>": "{done.said} }
            });
            view! { <li><strong>{step.title}</strong>" "{state}<br/>{step.does}{done}{back}</li> }
        })
        .collect();
    (!rows.is_empty()).then(|| view! { <Card title=title id="by-hand".to_owned()><ol class="steps">{rows}</ol></Card> })
}
