//! Who has approved, whom the window waits for, and the reader's own vote.

use crate::door;
use crate::parts::details::{Detail, Details, DigestShort};
use crate::parts::form::{Field, Form, Radios, TextArea};
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use crate::parts::time::Time;
use domain::approval::{RuleStanding, VoteDecision};
use domain::decision::Refusal;
use domain::glass::Raised;
use domain::plan::{Plan, PlanTarget};
use domain::view::windows::blocked::{both, people};
use domain::view::windows::page::{OfSeries, VoteRow};
use domain::view::windows::{DecidePage, Head, Offer};
use domain::window::WindowState;
use leptos::prelude::*;
use std::collections::BTreeSet;

#[component]
pub fn ApprovalsCard(page: DecidePage) -> impl IntoView {
    let rules = page.standing.lines().iter().map(|rule| line(&page, rule)).collect_view();
    let votes = votes(&page.votes, page.head.revision);
    let policies = policies(&page.plan);
    let (at, number) = (page.head.moments.decide_by, page.head.number);
    let staged = staged(&page.plan);
    let term = if staged { format!("Decide by, stage {}", page.standing.stage + 1) } else { "Decide by".to_owned() };
    let decide_by = (page.head.state == WindowState::Proposed)
        .then(|| view! { <Detail term=term><Time at=at/>" Without enough votes it expires then."</Detail> });
    let beforehand = page.plan.is_pre_approved().then(|| {
        let risk = page.plan.risk();
        view! { <Detail term="Approved beforehand"><Pill tone=Tone::Warn label="by its policy"/>" Nobody was asked: the policy approves risk "{risk.word()}" ("{risk.label()}") by itself."</Detail> }
    });
    let broken = page.head.glass.clone().map(|(asked, confirmed)| {
        view! { <Detail term="Break-glass"><Pill tone=Tone::Warn label="without these approvals"/>" Approved by "{asked}" and "{confirmed}" instead. "{page.sees_team.then(|| view! { <a href=format!("/windows/{}#glass", page.head.number)>"Why"</a> })}</Detail> }
    });
    let raised = page.plan.raised().map(Raised::said).map(|said| {
        view! { <Detail term="Raised"><Pill tone=Tone::Warn label="more than the policy"/>" "{said}</Detail> }
    });
    let partly = partly(&page.plan).map(|named| {
        view! { <Detail term="Approved beforehand"><Pill tone=Tone::Warn label="in part"/>" For "{named}" nobody is asked: the policy approves this risk class by itself."</Detail> }
    });
    let me = door::actor().map(|actor| actor.person);
    let of_revision = |vote: &&VoteRow| vote.revision == page.head.revision && vote.withdrawn.is_none();
    let with_series = page.votes.iter().filter(of_revision).any(|vote| vote.with_series && Some(vote.person) == me);
    let unheard = page.offers.approve.why_not().map(Refusal::to_string);
    let take_back = page.offers.take_back.is_open();
    let waits = page.head.state == WindowState::Proposed;
    let alone = page.series.clone().filter(|_| with_series && take_back).map(|of| view! { <NoAlone of head=page.head.clone() waits/> });
    let take_back = take_back && alone.is_none();
    let form = alone.is_none().then(|| view! { <VoteForm offer=page.offers.vote head=page.head unheard speaks_for=page.speaks_for/> });
    let sees_team = page.sees_team;
    let of_series = page.series.map(|of| of_series(of, sees_team));
    view! {
        <Card title="Approvals" id="approvals".to_owned()>
            <Details>
                {of_series}
                {beforehand}
                {partly}
                {broken}
                {raised}
                {rules}
                {decide_by}
                {policies}
            </Details>
            {votes}
            {form}
            {alone}
            {take_back.then(|| view! {
                <Form action=format!("/windows/{number}/take-back") submit="Take my vote back" prefix="back-">
                    <p>"Possible until the run begins. If the votes no longer suffice, an approved window waits for approval again."</p>
                </Form>
            })}
        </Card>
    }
}

/// The series it was born of, and whether votes on its dates together count here.
fn of_series(of: OfSeries, sees_team: bool) -> impl IntoView {
    let said = match (of.covered, of.alone) {
        (true, _) => view! { " "<Pill tone=Tone::Good label="covered"/>" Its dates were put together: votes on them count for this plan." }
            .into_any(),
        (false, Some(why)) => view! { " "<Pill tone=Tone::Waiting label="asks by itself"/>" "{why} }.into_any(),
        (false, None) => ().into_any(),
    };
    let title = match sees_team {
        true => view! { <a href=format!("/series/{}", of.id)>{of.title}</a> }.into_any(),
        false => of.title.into_any(),
    };
    view! { <Detail term="Series">{title}{said}</Detail> }
}

/// For whoever approved it with its series: where that is taken back, and a no to this window alone while it waits.
#[component]
fn NoAlone(of: OfSeries, head: Head, waits: bool) -> impl IntoView {
    let choices = [
        ("request_changes", "Ask for changes", "It goes back to whoever proposed it; say what to change."),
        ("reject", "Reject", "It ends here and will not run; say why."),
    ]
    .map(|(value, label, follows)| (value.to_owned(), label.to_owned(), follows.to_owned()))
    .to_vec();
    let no = waits.then(|| {
        let open = door::typed().is_some_and(|typed| typed.action == format!("/windows/{}/vote", head.number));
        view! {
            <details class="confirm" open=open>
                <summary class="button">"Say no to this window alone …"</summary>
                <div class="confirm-body">
                    <Form action=format!("/windows/{}/vote", head.number) submit="Send my decision" danger=true prefix="no-">
                        <input type="hidden" name="digest" value=head.digest.hex()/>
                        <Radios name="decision" legend="Decision" options=choices/>
                        <TextArea name="comment" label="Comment" hint="Why. At most 4,000 characters." rows=3/>
                    </Form>
                </div>
            </details>
        }
    });
    view! {
        <p id="vote">"You approved this window with its series. "<a href=format!("/series/{}/approval", of.id)>"Take that back"</a>" for all of its dates."</p>
        {no}
    }
}

/// Whether any policy of the plan asks in stages.
fn staged(plan: &Plan) -> bool {
    plan.asks().any(|(_, policy, _)| policy.rules.stages().len() > 1)
}

/// Databases whose policy asks nobody, where others ask.
fn partly(plan: &Plan) -> Option<String> {
    let named: Vec<&str> = plan
        .asks()
        .filter(|(_, policy, _)| policy.rules.pre_approves(plan.risk()))
        .map(|(target, ..)| target.short_name.as_str())
        .collect();
    (!named.is_empty() && !plan.is_pre_approved()).then(|| named.join(", "))
}

/// The policies with the databases that each rules, where there are several.
fn policies(plan: &Plan) -> impl IntoView + use<> {
    let of = plan.policies();
    let alone = !plan.is_many();
    of.into_iter()
        .map(|(policy, named)| {
            let on = (!alone).then(|| format!(" for {}", named.join(", ")));
            let (name, version, digest) = (policy.name.clone(), policy.version, policy.digest);
            view! { <Detail term="Policy">{name}", version "{version}{on}", sealed in the plan "<DigestShort digest/></Detail> }
        })
        .collect_view()
}

fn line(page: &DecidePage, standing: &RuleStanding) -> impl IntoView + use<> {
    let (have, need) = (standing.have.len(), standing.need);
    let (tone, label) = if have >= need { (Tone::Good, format!("{have} of {need}")) } else { (Tone::Waiting, format!("{have} of {need}")) };
    let named = |who: &[domain::ids::PersonId]| people(who, &page.names);
    let by = (have > 0).then(|| format!(" by {}", named(&standing.have)));
    let open = page.head.state == WindowState::Proposed && have < need;
    let stage = if staged(&page.plan) { format!("Stage {}: ", standing.rule.stage + 1) } else { String::new() };
    let waits = open.then(|| {
        if standing.later {
            " asked once the stage before is complete".to_owned()
        } else if standing.waiting_for.is_empty() {
            " nobody who could is left".to_owned()
        } else {
            format!(" waiting for {}", people(&standing.waiting_for, &page.waited))
        }
    });
    let known = standing.rule.assurance.label();
    let silent = silent(page, standing);
    view! { <Detail term=format!("{stage}{}", capital(&standing.who()))><Pill tone=tone label=label/>{by}{waits}", known at least "{known}{silent}</Detail> }
}

/// Who is asked by the rule and does not count now, with the reason.
fn silent(page: &DecidePage, standing: &RuleStanding) -> Option<impl IntoView + use<>> {
    let of = |target: &PlanTarget| standing.of.is_empty() || standing.of.contains(&target.short_name);
    let asking = page.plan.asks().filter(|(target, ..)| of(target));
    let asked: BTreeSet<_> = asking.filter_map(|(.., eligible)| eligible.get(&standing.rule.key)).flatten().collect();
    let lines: Vec<_> = asked
        .into_iter()
        .filter_map(|person| page.silent.get(person).map(|silent| (page.names.get(person).cloned().unwrap_or_default(), silent.clone())))
        .map(|(name, silent)| {
            let until = silent.until.map(|at| view! { ", counts from "<Time at=at/> });
            view! { <li>{name}" does not count: "{silent.why}{until}</li> }
        })
        .collect();
    (!lines.is_empty()).then(|| view! { <ul class="plain quiet">{lines}</ul> })
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn votes(votes: &[VoteRow], current: i32) -> impl IntoView + use<> {
    if votes.is_empty() {
        return view! { <Empty title="No votes yet" why="Everybody who may vote got a mail with a personal link; signed in, they can vote here."/> }.into_any();
    }
    let rows = votes
        .iter()
        .map(|vote| {
            let tone = match vote.decision {
                _ if vote.withdrawn.is_some() || vote.revision != current => Tone::Quiet,
                VoteDecision::Approve => Tone::Good,
                VoteDecision::Reject => Tone::Bad,
                VoteDecision::RequestChanges => Tone::Warn,
            };
            let spent = (vote.revision != current).then(|| format!(" on revision {}, no longer counts", vote.revision));
            let withdrawn =
                vote.withdrawn.clone().map(|(at, why)| view! { <br/><span class="quiet">"Taken back "<Time at=at/>": "{why}</span> });
            view! {
                <tr>
                    <th scope="row">{vote.who.clone()}{in_place_of(vote)}</th>
                    <td><Pill tone=tone label=vote.decision.label()/><span class="quiet">{spent}</span>{withdrawn}</td>
                    <td data-label="Known">{vote.assurance.label()}{vote.with_series.then_some(", with the series")}</td>
                    <td><Time at=vote.at/></td>
                    <td class="wrap">{vote.comment.clone()}</td>
                </tr>
            }
        })
        .collect_view();
    view! { <Table caption="Votes, newest first" head=&["Who", "Decision", "Known", "When", "Comment"]>{rows}</Table> }.into_any()
}

/// `for Ana`, where the vote was given in somebody's place.
pub(super) fn in_place_of(vote: &VoteRow) -> Option<impl IntoView + use<>> {
    let names: Vec<String> = vote.in_place_of.iter().map(|(_, name)| name.clone()).collect();
    (!names.is_empty()).then(|| view! { <span class="quiet">" for "{both(&names)}</span> })
}

/// The reader's own decision, or why there is none to make.
#[component]
fn VoteForm(
    offer: Offer,
    head: Head,
    /// Why an approval would count for nothing, where a no is heard.
    unheard: Option<String>,
    /// Names of those in whose place the reader votes.
    speaks_for: Vec<String>,
) -> impl IntoView {
    match offer {
        Offer::Absent => ().into_any(),
        Offer::No(refusal) => {
            view! { <p class="quiet" id="vote">"You do not vote here: "{refusal.message}" "{refusal.way_out}</p> }.into_any()
        }
        Offer::Yes => {
            let choices = [
                ("approve", "Approve", "It may run as the plan above says."),
                ("request_changes", "Ask for changes", "It goes back to whoever proposed it; say what to change."),
                ("reject", "Reject", "It ends here and will not run; say why."),
            ]
            .map(|(value, label, follows)| (value.to_owned(), label.to_owned(), follows.to_owned()))
            .to_vec();
            let hint = match head.more_databases {
                0 => format!("Only to approve: type {}.", head.database),
                more => format!("Only to approve: type {}. It stands for all {} databases of the plan.", head.database, more + 1),
            };
            view! {
                <section id="vote" class="act">
                    <h3>"Your decision"</h3>
                    {unheard.map(|why| view! { <p class="message note">{why}" "<a href="/me/factor">"Your second factor"</a></p> })}
                    {(!speaks_for.is_empty()).then(|| view! {
                        <p class="message note">"You decide in the place of "{both(&speaks_for)}" too, while they are away. You count once."</p>
                    })}
                    <p>"You decide on revision "{head.revision}", plan "<DigestShort digest=head.digest/>", and on nothing else."</p>
                    <Form action=format!("/windows/{}/vote", head.number) submit="Send my decision" prefix="vote-">
                        <input type="hidden" name="digest" value=head.digest.hex()/>
                        <Radios name="decision" legend="Decision" options=choices/>
                        <Field name="short_name" label="Short name of the database" hint=hint autocomplete="off"/>
                        <TextArea name="comment" label="Comment" hint="Needed to ask for changes or to reject. At most 4,000 characters." rows=3/>
                    </Form>
                </section>
            }
            .into_any()
        }
    }
}
