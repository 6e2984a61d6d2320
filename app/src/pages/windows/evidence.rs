//! The evidence of one window: one page to read from top to bottom, or to print. It has no buttons but those that read.

use super::approvals::in_place_of;
use super::compare::Changes;
use super::evidence_run::RunPart;
use super::frame::WindowHead;
use super::plan::PlanCard;
use crate::door;
use crate::parts::details::{CopyId, Detail, Details};
use crate::parts::layout::Card;
use crate::parts::table::{Empty, Table};
use crate::parts::time::Time;
use domain::glass::Glass;
use domain::view::checklists::CheckRow;
use domain::view::evidence::{Evidence, FactEvidence, RevisionEvidence, TogetherEvidence};
use domain::view::windows::page::{Message, VoteRow};
use engine::actions::read_evidence::{Way, read_evidence};
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn EvidencePage() -> impl IntoView {
    let number = door::path_parameter::<i64>("number");
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async {
            let (caller, number) = (caller?, number?);
            read_evidence(&engine, &caller, number, Way::Page).await?;
            queries::evidence::show(&engine, &caller, number).await
        }
        .await;
        door::show(answer, |evidence| page(evidence).into_any())
    })
}

fn page(of: Evidence) -> impl IntoView {
    let head = of.head.clone();
    let file = format!("/windows/{}/evidence.json", head.number);
    let reason = head.state_reason.clone().filter(|reason| !reason.trim().is_empty()).map(|reason| format!(": {reason}"));
    let issues = head.issues_met.clone().map(|text| view! { <Detail term="Issues met">{text}</Detail> });
    let unsealed = match of.unsealed() {
        0 => "Every fact below is sealed.".to_owned(),
        1 => "1 fact below waits for its seal.".to_owned(),
        n => format!("{n} facts below wait for their seal."),
    };
    let chain = of.chain.map_or_else(
        || view! { "Nothing is sealed yet." }.into_any(),
        |(n, hash, at)| view! { "Batch "{n}", sealed "<Time at=at exact=true/>": "<CopyId value=hash.hex()/> }.into_any(),
    );
    let runs = if of.runs.is_empty() {
        view! { <Card title="Run"><Empty title="It has not run" why="No statement was sent to the database for this window."/></Card> }
            .into_any()
    } else {
        of.runs.into_iter().map(|run| view! { <RunPart run/> }).collect_view().into_any()
    };
    let (digest, size) = (head.digest.hex(), of.revisions.last().map_or(0, |revision| revision.bytes.len()));
    view! {
        <div class="evidence">
            <WindowHead head=head.clone() page="evidence"><a class="button" href=file download="">"Download as JSON"</a></WindowHead>
            <Card title="What this is">
                <p>"Everything that is recorded about this window, in the order in which it happened. Reading it leaves a fact in the trail; nothing else changes."</p>
                <Details>
                    <Detail term="State">{head.state.label()}" since "<Time at=head.state_at exact=true/>{reason}</Detail>
                    {issues}
                    <Detail term="Read at"><Time at=head.now exact=true/></Detail>
                    <Detail term="Head of the chain">{chain}</Detail>
                    <Detail term="Seals">{unsealed}</Detail>
                    <Detail term="Digest of the plan"><CopyId value=digest/><span class="quiet">{format!(" SHA-256 of “plan”, a zero byte and the {size} bytes below")}</span></Detail>
                </Details>
            </Card>
            <PlanCard plan=of.plan/>
            <Revisions revisions=of.revisions/>
            <Votes votes=of.votes/>
            <Together together=of.together/>
            <Glasses glasses=of.glasses/>
            <Messages messages=of.messages/>
            {runs}
            <Checks checks=of.checks/>
            <Facts facts=of.facts older=of.older_facts/>
        </div>
    }
}

#[component]
fn Revisions(revisions: Vec<RevisionEvidence>) -> impl IntoView {
    let parts = revisions
        .into_iter()
        .map(|revision| {
            let row = revision.row;
            let diff = (row.number > 1).then(|| {
                let caption = format!("From revision {} to {}", row.number - 1, row.number);
                view! { <Changes changes=revision.changes caption/> }
            });
            view! {
                <h3>"Revision "{row.number}</h3>
                <p>"Sealed "<Time at=row.at exact=true/>" by "{row.by}". Digest "<CopyId value=row.digest.hex()/></p>
                {diff}
            }
        })
        .collect_view();
    view! { <Card title="Revisions">{parts}</Card> }
}

#[component]
fn Votes(votes: Vec<VoteRow>) -> impl IntoView {
    if votes.is_empty() {
        return view! { <Card title="Votes"><Empty title="No votes" why="Nobody has decided on this window."/></Card> }.into_any();
    }
    let rows = votes
        .into_iter()
        .map(|vote| {
            let places = in_place_of(&vote);
            let withdrawn = vote.withdrawn.map(|(at, why)| view! { <br/>"Taken back "<Time at=at exact=true/>": "{why} });
            view! {
                <tr>
                    <td><Time at=vote.at exact=true/></td>
                    <th scope="row">{vote.who}{places}</th>
                    <td>{vote.decision.label()}{withdrawn}</td>
                    <td data-label="Known by">{vote.assurance.label()}</td>
                    <td class="number" data-label="Revision">{vote.revision}</td>
                    <td class="wrap" data-label="Comment">{vote.comment}</td>
                </tr>
            }
        })
        .collect_view();
    view! { <Card title="Votes"><Table caption="Votes, oldest first" head=&["When", "Who", "Decision", "Known by", "#Revision", "Comment"]>{rows}</Table></Card> }.into_any()
}

/// The dates of its series that were approved together; nothing where none cover it.
#[component]
fn Together(together: Option<TogetherEvidence>) -> impl IntoView {
    together.map(|of| {
        let size = of.bytes.len();
        view! {
            <Card title="Approved with its series">
                <p>"Votes above that were given with the series are on these dates: they count for this window because its first plan is, byte for byte but for its number, what was approved for its date."</p>
                <Details>
                    <Detail term="Series"><a href=format!("/series/{}", of.series)>{of.title}</a></Detail>
                    <Detail term="Asked"><Time at=of.asked_at exact=true/>" by "{of.asked_by}</Detail>
                    <Detail term="Digest of the dates"><CopyId value=of.digest.hex()/><span class="quiet">{format!(" SHA-256 of “series”, a zero byte and the {size} bytes in the file")}</span></Detail>
                </Details>
                {facts_table("Facts about these dates, oldest first", of.facts)}
            </Card>
        }
    })
}

/// Break-glasses; nothing where nobody asked for one.
#[component]
fn Glasses(glasses: Vec<Glass>) -> impl IntoView {
    (!glasses.is_empty()).then(|| {
        let rows = glasses
            .into_iter()
            .map(|glass| {
                let confirmed = match glass.confirmed {
                    Some(confirmed) => view! { {confirmed.name}", "<Time at=confirmed.at exact=true/> }.into_any(),
                    None => "nobody".into_any(),
                };
                let review = match glass.review {
                    Some(review) => view! { {review.verdict()}", "{review.by.clone()}", "<Time at=review.at exact=true/>": "{review.outcome} }.into_any(),
                    None => "none".into_any(),
                };
                view! {
                    <tr>
                        <td><Time at=glass.asked_at exact=true/></td>
                        <th scope="row">{glass.asked_name}</th>
                        <td data-label="Confirmed by">{confirmed}</td>
                        <td data-label="Plan"><code class="inline" title=glass.digest.hex()>{glass.digest.short()}</code></td>
                        <td class="wrap" data-label="Reason">{glass.reason}</td>
                        <td class="wrap" data-label="Review">{review}</td>
                    </tr>
                }
            })
            .collect_view();
        view! { <Card title="Break-glass"><Table caption="Break-glasses, oldest first" head=&["Asked", "By", "Confirmed by", "Plan", "Reason", "Review"]>{rows}</Table></Card> }
    })
}

#[component]
fn Messages(messages: Vec<Message>) -> impl IntoView {
    if messages.is_empty() {
        return view! { <Card title="Mails"><Empty title="No mails" why="Nobody was owed a message about this window."/></Card> }
            .into_any();
    }
    let rows = messages
        .into_iter()
        .map(|message| {
            let accepted = match (message.sent_at, message.state.as_str()) {
                (Some(at), _) => view! { <Time at=at exact=true/> }.into_any(),
                (None, "superseded") => "not sent: no longer needed".into_any(),
                (None, _) => "not yet".into_any(),
            };
            let said = message
                .tries
                .into_iter()
                .map(|one| view! { <li><Time at=one.at exact=true/>": "{one.result}", "{one.detail}</li> })
                .collect_view();
            view! {
                <tr>
                    <td data-label="Written"><Time at=message.created_at exact=true/></td>
                    <th scope="row">{message.kind}</th>
                    <td data-label="To">{message.to}</td>
                    <td data-label="Taken by the mail server">{accepted}</td>
                    <td class="wrap" data-label="Tries"><ul class="plain">{said}</ul></td>
                </tr>
            }
        })
        .collect_view();
    view! { <Card title="Mails"><Table caption="Mails, oldest first" head=&["Written", "Mail", "To", "Taken by the mail server", "Tries"]>{rows}</Table></Card> }.into_any()
}

#[component]
fn Checks(checks: Vec<CheckRow>) -> impl IntoView {
    let rows = checks
        .into_iter()
        .map(|check| {
            let probed = check.probed_at.map(|at| view! { <br/>"Probed "<Time at=at exact=true/> });
            let figures = check
                .figures
                .into_iter()
                .map(|figure| {
                    let side = |value: Option<String>| value.unwrap_or_else(|| "not measured".to_owned());
                    view! { <li>{figure.name}": "{side(figure.before)}" → "{side(figure.after)}</li> }
                })
                .collect_view();
            let decided = match (check.decided_by, check.decided_at) {
                (Some(who), Some(at)) => view! { {who}", "<Time at=at exact=true/> }.into_any(),
                _ if check.by_probe && check.probed_at.is_some() => "the probe".into_any(),
                _ => "nobody yet".into_any(),
            };
            view! {
                <tr>
                    <th scope="row">{check.title}<br/><span class="quiet">{check.rule}</span></th>
                    <td>{check.state.label()}</td>
                    <td data-label="Answered by">{decided}</td>
                    <td class="wrap" data-label="Evidence">{check.verdict}{probed}<ul class="plain">{figures}</ul>{check.note}</td>
                </tr>
            }
        })
        .collect_view();
    view! { <Card title="Probes, answers and sign-offs"><Table caption="Validation list" head=&["Item", "State", "Answered by", "Evidence"]>{rows}</Table></Card> }
}

#[component]
fn Facts(facts: Vec<FactEvidence>, older: bool) -> impl IntoView {
    let more = older.then(|| view! { <p class="message note">"There are older facts than these. The audit trail has them all."</p> });
    view! { <Card title="Facts">{more}{facts_table("Facts, oldest first", facts)}</Card> }
}

fn facts_table(caption: &'static str, facts: Vec<FactEvidence>) -> impl IntoView {
    let rows = facts
        .into_iter()
        .map(|fact| {
            let line = fact.line;
            let seal = line
                .batch
                .map_or_else(|| "waits for its seal".to_owned(), |n| format!("batch {n}, place {}", fact.position.unwrap_or(0) + 1));
            view! {
                <tr>
                    <td class="number" data-label="Fact">{line.id}</td>
                    <td><Time at=line.at exact=true/></td>
                    <td data-label="Who">{line.actor}{line.known.map(|known| format!(", {known}"))}</td>
                    <td><code class="inline">{line.action}</code>{(!line.done).then_some(" (refused)")}</td>
                    <td class="wrap" data-label="Says">{fact.said}</td>
                    <td data-label="Seal">{seal}<br/><code class="inline" title=fact.leaf.hex()>{fact.leaf.short()}</code></td>
                </tr>
            }
        })
        .collect_view();
    view! { <Table caption=caption head=&["#Fact", "When", "Who", "What", "Says", "Seal and leaf"]>{rows}</Table> }
}
