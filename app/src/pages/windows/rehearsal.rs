//! The rehearsal of a plan: where and when it ran, and how it went.

use super::frame::foreign;
use crate::parts::details::DigestShort;
use crate::parts::layout::Card;
use crate::parts::time::Time;
use domain::plan::{Plan, PlanProcedure};
use domain::rehearsal::{self, Rehearsal};
use leptos::prelude::*;

/// The part of a plan about its rehearsal; nothing where there is none and none is demanded.
#[component]
pub fn RehearsalPart(plan: Plan, outside: bool) -> impl IntoView {
    let by_order = rehearsal::is_by_order(&plan);
    let body = match plan.rehearsal {
        Some(rehearsal) => view! { <Rehearsed rehearsal procedure=plan.procedure outside/> }.into_any(),
        None if by_order => view! { <p>{rehearsal::BY_ORDER}</p> }.into_any(),
        None => return ().into_any(),
    };
    view! { <h3 id="rehearsal">"Rehearsal"</h3>{body} }.into_any()
}

/// What would be sealed, on the page before that.
#[component]
pub fn RehearsalCard(rehearsal: Option<Rehearsal>, procedure: PlanProcedure) -> impl IntoView {
    rehearsal.map(|rehearsal| view! { <Card title="Rehearsal"><Rehearsed rehearsal procedure outside=false/></Card> })
}

#[component]
fn Rehearsed(rehearsal: Rehearsal, procedure: PlanProcedure, outside: bool) -> impl IntoView {
    let (number, figures) = (rehearsal.number, rehearsal.figures());
    let steps = rehearsal.steps_said(&procedure).into_iter().map(|line| view! { <li>{line}</li> }).collect::<Vec<_>>();
    let steps = (!steps.is_empty()).then(|| view! { <details><summary>"How long its steps worked"</summary><ul>{steps}</ul></details> });
    let findings = rehearsal.findings.iter().map(|line| view! { <li>{foreign(line)}</li> }).collect::<Vec<_>>();
    let findings = (!findings.is_empty()).then(|| view! { <p>"What did not go as planned there:"</p><ul>{findings}</ul> });
    let list = rehearsal.work_list_digest.map(|digest| view! { ", work list "<DigestShort digest/> });
    let by = match outside {
        true => format!("window #{number}").into_any(),
        false => view! { <a href=format!("/windows/{number}")>"window #"{number}</a> }.into_any(),
    };
    view! {
        <p>
            "Rehearsed on "<strong>{foreign(&rehearsal.short_name)}</strong>" ("{rehearsal.environment.word()}") by "
            {by}", ended "<Time at=rehearsal.ended_at/>": "{figures}"."
        </p>
        {findings}
        {steps}
        <p class="quiet">"Its plan "<DigestShort digest=rehearsal.plan_digest/>{list}"."</p>
    }
}
