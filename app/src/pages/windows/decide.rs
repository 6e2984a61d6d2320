//! What is asked of somebody who decides, and nothing else: also for people of other teams, to whom the window's own page is not open.

use super::approvals::ApprovalsCard;
use super::frame::WindowHead;
use super::plan::PlanCard;
use super::preview::PreviewCard;
use crate::door;
use domain::view::windows::DecidePage as Window;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn DecidePage() -> impl IntoView {
    let number = door::path_parameter::<i64>("number");
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::windows::decide(&engine, &caller?.actor, number?).await }.await;
        door::show(answer, |window| page(window).into_any())
    })
}

fn page(window: Window) -> impl IntoView {
    let risk = format!("{}: {}", window.plan.risk().word(), window.plan.risk().label());
    let (number, outside) = (window.head.number, !window.sees_team);
    let jump = window.offers.vote.is_open().then(|| view! { <a class="button primary" href="#vote">"To your decision"</a> });
    let whole = (!outside).then(|| view! { <p class="crumb"><a href=format!("/windows/{number}")>"← The whole window"</a></p> });
    let asked = outside.then(|| view! { <p class="message note">"You are asked by the policy of this plan, without being in the owner team: this page shows what you decide on, and the rest of that team's work stays theirs."</p> });
    view! {
        {whole}
        <WindowHead head=window.head.clone() risk=risk outside>{jump}</WindowHead>
        {asked}
        <PlanCard plan=window.plan.clone() outside/>
        <PreviewCard preview=window.preview.clone() previews=window.previews.clone()/>
        <ApprovalsCard page=window/>
    }
}
