//! The page of a run.

use super::acts::{HoldBox, StopBox};
use super::gains::GainsCard;
use super::kept_out::KeptOutCard;
use super::left::{FindingsCard, LeftCard, PreChecksCard, PreviewCard};
use super::outside::OutsideCard;
use crate::door;
use crate::islands::LiveRun;
use crate::pages::windows::{foreign, glass_line};
use crate::parts::details::{Detail, Details, DigestShort};
use crate::parts::layout::{Card, Heading};
use crate::parts::time::{Time, slice};
use domain::ids::RunId;
use domain::run::Phase;
use domain::view::gains::gains;
use domain::view::runs::RunPage as Run;
use domain::window::RunState;
use engine::queries;
use leptos::prelude::*;

/// How often a page without script looks again, in seconds.
const AGAIN_S: u32 = 2;

/// A form that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    Stop,
    Hold,
}

#[component]
pub fn RunPage() -> impl IntoView {
    let id = door::path_parameter::<RunId>("id");
    let opened = match door::query_parameter("act").as_deref() {
        Some("stop") => Some(Opened::Stop),
        Some("hold") => Some(Opened::Hold),
        _ => None,
    };
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::runs::show(&engine, &caller?.actor, id?).await }.await;
        door::show(answer, |run| page(run, opened).into_any())
    })
}

fn page(run: Run, opened: Option<Opened>) -> impl IntoView {
    let here = format!("/runs/{}", run.id);
    // Nothing is loaded away from under somebody who types.
    let typing = opened.is_some() || door::typed().is_some();
    let window = format!("/windows/{}", run.window.number);
    let title = format!("Run of #{} {}", run.window.number, run.window.title);
    let hold = (run.may_hold.is_open() && opened.is_none())
        .then(|| view! { <a class="button" href=format!("{here}?act=hold")>"Hold after this item …"</a> });
    let stop = (run.may_stop.is_open() && opened.is_none())
        .then(|| view! { <a class="button danger" href=format!("{here}?act=stop")>"Stop the run …"</a> });
    let ended = run.state == RunState::Ended;
    let checklist = ended.then(|| view! { <a class="button" href=format!("{window}/checklist")>"Checklist"</a> });
    // Without script the page loads itself again; with script it is kept up to date in place.
    let again = (run.is_live() && !typing).then(|| {
        let content = format!("{AGAIN_S};url={here}?auto=1");
        view! { <noscript><meta http-equiv="refresh" content=content/><p class="quiet">{format!("This page looks again every {AGAIN_S} seconds.")}</p></noscript> }
    });
    let (diff, facts) = (run.diff.clone(), run.clone());
    view! {
        <p class="crumb"><a href=window>"← #"{run.window.number}" "{run.window.title.clone()}</a></p>
        <Heading title=title>{hold}{stop}{checklist}</Heading>
        {glass_line(&run.window)}
        {again}
        <LiveRun run=run.id.to_string() news=run.news() zone=slice(&door::zone(), run.opened_at) database=foreign(&run.window.database) typing>
            <StopBox run=run.clone() opened/>
            <HoldBox run=run.clone()/>
            <KeptOutCard accounts=run.kept_out.clone() ended/>
            <OutsideCard steps=run.outside.clone() ended/>
            {ended.then(|| view! { <GainsCard gains=gains(&run.items)/> })}
            <LeftCard run=run.clone()/>
            <FindingsCard findings=run.findings.clone() more=run.more_findings/>
            <PreChecksCard checks=run.pre_checks.clone() over=run.phase != Phase::PreChecks/>
        </LiveRun>
        <PreviewCard diff/>
        <Facts run=facts/>
    }
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
    let rehearsed = run.rehearsed.clone().map(|of| {
        let steps = of.steps.into_iter().map(|line| view! { <br/><span class="quiet">{line}</span> }).collect_view();
        view! { <Detail term="Rehearsal">"On "{foreign(&of.on)}" it "{of.figures}"."{steps}</Detail> }
    });
    let ended = run.ended_at;
    view! {
        <Card title="About this run">
            <Details>
                <Detail term="Opened">"by "{by}", "<Time at=run.opened_at/></Detail>
                {ended.map(|at| view! { <Detail term="Ended"><Time at=at/></Detail> })}
                {owner}
                <Detail term="Plan">"revision "{run.revision}" "<DigestShort digest=run.plan_digest/></Detail>
                {list}
                {run.coverage.map(|coverage| view! { <Detail term="Coverage">{coverage.to_string()}</Detail> })}
                {rehearsed}
                <Detail term="On call">{run.window.on_call.clone()}</Detail>
            </Details>
        </Card>
    }
}
