//! Findings as every page shows them: by step, the most pressing first, each with its advice.

use super::status::{Pill, Tone};
use domain::people::visible;
use domain::procedure::finding::{Group, counted, grouped};
use domain::procedure::text::plural;
use domain::procedure::{Finding, FindingLevel, library};
use leptos::prelude::*;

/// Longer lists are folded, unless they are urgent.
const MOST_OPEN: usize = 12;

/// The list; nothing where nothing was found.
#[component]
pub fn FindingsList(findings: Vec<Finding>, more: u64) -> impl IntoView {
    counted(&findings, more).map(|said| {
        let mut last = String::new();
        let parts = grouped(findings)
            .into_iter()
            .map(|group| {
                let heads = (group.step != last).then(|| library::step_name(&group.step));
                last.clone_from(&group.step);
                view! { {heads.map(|name| view! { <h4>{name}</h4> })}<Level group/> }
            })
            .collect_view();
        view! { <section class="findings"><p>{said}"."</p>{parts}</section> }
    })
}

#[component]
fn Level(group: Group) -> impl IntoView {
    let level = group.level;
    let tone = match level {
        FindingLevel::Urgent => Tone::Bad,
        FindingLevel::Attention => Tone::Warn,
        FindingLevel::Note => Tone::Quiet,
    };
    let count = group.findings.len();
    let lines = group
        .findings
        .into_iter()
        .map(|finding| {
            let label = if finding.is_blind() { "Cannot see" } else { level.label() };
            let object = finding.object.map(|name| view! { " "<strong>{visible(&name)}</strong> });
            view! {
                <li><Pill tone=tone label=label/>{object}" "{visible(&finding.sentence)}<br/><span class="quiet">{visible(&finding.advice)}</span></li>
            }
        })
        .collect_view();
    let list = view! { <ul class="plain">{lines}</ul> };
    if count > MOST_OPEN && level < FindingLevel::Urgent {
        let said = format!("{}: {}", level.label(), plural(u64::try_from(count).unwrap_or(u64::MAX), "finding", "findings"));
        view! { <details><summary>{said}</summary>{list}</details> }.into_any()
    } else {
        list.into_any()
    }
}
