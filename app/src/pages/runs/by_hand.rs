//! What people do in a run: what was done, by whom, and how it is taken back.

use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::time::Time;
use domain::view::runs::ByHandRow;
use leptos::prelude::*;

/// The steps by hand; nothing where the procedure has none.
#[component]
pub fn ByHandCard(steps: Vec<ByHandRow>, ended: bool) -> impl IntoView {
    let rows: Vec<_> = steps
        .into_iter()
        .map(|step| {
            let state = match (&step.done, step.asked, ended) {
                (Some(_), ..) => view! { <Pill tone=Tone::Good label="done"/> },
                (None, true, false) => view! { <Pill tone=Tone::Waiting label="waits for a person"/> },
                (None, _, true) => view! { <Pill tone=Tone::Warn label="not done"/> },
                (None, false, false) => view! { <Pill tone=Tone::Quiet label="comes later"/> },
            };
            let done = step.done.map(|done| {
                view! { <br/>{done.by}", "<Time at=done.at/>": "{done.said}<br/><span class="quiet">"Way back: "{step.back}</span> }
            });
            view! { <li><strong>{step.title}</strong>" "{state}<br/>{step.does}{done}</li> }
        })
        .collect();
    (!rows.is_empty()).then(|| view! { <Card title="Steps by hand" id="by-hand".to_owned()><ol class="steps">{rows}</ol></Card> })
}
