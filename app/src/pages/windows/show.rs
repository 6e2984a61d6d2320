//! One window: everything about it on one page, with anchors instead of tabs.

use super::acts::Acts;
use super::approvals::ApprovalsCard;
use super::checks::ChecksCard;
use super::conversation::ConversationCard;
use super::form::BesideTable;
use super::frame::{BlockedBox, WindowHead};
use super::frozen::FreezesCard;
use super::glass::BreakGlassCard;
use super::history::{RevisionsCard, RunsCard, TrailCard};
use super::lanes::LanesCard;
use super::messages::MessagesCard;
use super::plan::PlanCard;
use super::preview::PreviewCard;
use crate::door;
use crate::parts::layout::Card;
use crate::parts::time::Time;
use crate::parts::watchers::WatchersCard;
use domain::permission::Verb;
use domain::view::windows::ShowPage as Window;
use domain::view::windows::conversation::Conversation;
use domain::window::RunState;
use engine::queries;
use leptos::prelude::*;

/// Parts of the page: anchor and name.
const PARTS: &[(&str, &str)] = &[
    ("plan", "Plan"),
    ("preview", "Preview"),
    ("approvals", "Approvals"),
    ("databases", "Databases"),
    ("checklist", "Checklist"),
    ("conversation", "Conversation"),
    ("runs", "Runs"),
    ("watchers", "Watchers"),
    ("messages", "Mails"),
    ("revisions", "Revisions"),
    ("trail", "Trail"),
];

#[component]
pub fn ShowPage() -> impl IntoView {
    let number = door::path_parameter::<i64>("number");
    let revision = |name| door::query_parameter(name).and_then(|text| text.parse::<i32>().ok());
    let compare = revision("from").zip(revision("to"));
    let said_before = door::query_parameter("said_before").and_then(|text| text.parse().ok());
    let (engine, caller) = (door::engine(), door::caller());
    let may_audit = door::may(Verb::SeeTrail, None);
    Suspend::new(async move {
        let answer = async {
            let (actor, number) = (caller?.actor, number?);
            let window = queries::windows::show(&engine, &actor, number, compare).await?;
            Ok((window, queries::conversations::show(&engine, &actor, number, said_before).await?))
        }
        .await;
        door::show(answer, |(window, said)| page(window, said, may_audit).into_any())
    })
}

fn page(window: Window, said: Conversation, may_audit: bool) -> impl IntoView {
    let head = window.head.clone();
    let risk = format!("{}: {}", window.plan.risk().word(), window.plan.risk().label());
    let several = !window.lanes.is_empty();
    let parts = PARTS
        .iter()
        .filter(|(anchor, _)| several || *anchor != "databases")
        .map(|(anchor, name)| view! { <li><a href=format!("#{anchor}")>{*name}</a></li> })
        .collect_view();
    let open_run = window.runs.iter().find(|run| run.state != RunState::Ended).map(|run| run.id);
    // Of several databases each has a run of its own: the card of databases leads to them.
    let open_run = open_run.filter(|_| !several);
    let live = open_run.map(|run| view! { <a class="button primary" href=format!("/runs/{run}")>"Watch the run"</a> });
    let reason = head.state_reason.clone().filter(|reason| !reason.trim().is_empty());
    let state_said = reason.map(
        |reason| view! { <p class="state-said"><strong>{head.state.label()}</strong>" since "<Time at=head.state_at/>": "{reason}</p> },
    );
    let issues =
        head.issues_met.clone().map(|text| view! { <section class="message warn"><strong>"Issues met: "</strong>{text}</section> });
    let beside = window.beside.clone();
    let beside = (!beside.is_empty()).then(|| {
        view! { <Card title="Beside it at that time"><BesideTable beside caption="On the same server, or linked; nothing forbids it"/></Card> }
    });
    let approvals = view! { <ApprovalsCard page=window.deciding()/> };
    // What was broken is seen first; the offer stands behind the approvals that it would replace.
    let offer_only = window.glass.is_offer_only();
    let glass = view! { <BreakGlassCard head=head.clone() part=window.glass.clone()/> };
    let (broken, offered) = if offer_only { (None, Some(glass)) } else { (Some(glass), None) };
    let wants_vote = window.offers.vote.is_open();
    let vote = wants_vote.then(|| view! { <a class="button primary" href="#vote">"Review and decide"</a> });
    view! {
        <WindowHead head=head.clone() risk=risk>{vote}{live}</WindowHead>
        {state_said}
        <BlockedBox blocked=window.blocked/>
        {issues}
        <nav class="parts" aria-label="On this page"><ul>{parts}</ul></nav>
        <Acts head=head.clone() offers=window.offers run=open_run whole=window.whole/>
        {broken}
        <FreezesCard head=head.clone() freezes=window.freezes/>
        {beside}
        <PlanCard plan=window.plan/>
        <PreviewCard preview=window.preview previews=window.previews/>
        {approvals}
        {offered}
        <LanesCard lanes=window.lanes state=head.state/>
        <ChecksCard number=head.number state=head.state checks=window.checks/>
        <ConversationCard number=head.number conversation=said/>
        <RunsCard runs=window.runs/>
        <WatchersCard watchers=window.watchers base=format!("/windows/{}", head.number) what="this window"/>
        <MessagesCard messages=window.messages/>
        <RevisionsCard number=head.number revisions=window.revisions diff=window.diff/>
        <TrailCard number=head.number trail=window.trail may_audit/>
    }
}
