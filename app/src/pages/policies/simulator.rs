//! "Who must approve this, and can they?": an imagined window, answered; and the examples that every change has to keep true.

use crate::door;
use crate::parts::details::{Detail, Details};
use crate::parts::form::{Field, Form, options_of};
use crate::parts::layout::{Card, Heading};
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use domain::permission::Verb;
use domain::procedure::RiskClass;
use domain::view::simulator::{AnswerView, Asked, ExampleRow, RuleLine, SimulatorPage};
use domain::view::windows::blocked::either;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn WhoPage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    let asked = asked();
    Suspend::new(async move {
        let answer = async { queries::simulator::show(&engine, &caller?, &asked).await }.await;
        door::show(answer, |page| view! { <Page page/> }.into_any())
    })
}

/// The question in the address; `absent` may be there several times.
fn asked() -> Asked {
    let of = |name| door::query_parameter(name).unwrap_or_default();
    Asked {
        database: of("database"),
        procedure: of("procedure"),
        risk: of("risk"),
        most_mib: of("most_mib"),
        database_mib: of("database_mib"),
        proposer: of("proposer"),
        absent: door::query_parameters("absent"),
    }
}

#[component]
fn Page(page: SimulatorPage) -> impl IntoView {
    let may_keep = door::may(Verb::ManagePolicies, None);
    let problem = page.problem.clone().map(|problem| view! { <p class="message warn" role="alert">{problem}</p> });
    let debt = page
        .debt
        .clone()
        .map(|said| view! { <p class="message warn">"A plan that is sealed now asks for more than the answer below. "{said}</p> });
    let keep = page.answer.clone().filter(|_| may_keep).map(|answer| view! { <Keep asked=page.asked.clone() answer/> });
    let answer = page.answer.clone().map(|answer| view! { <AnswerCard answer holds=page.holds.clone()/> });
    view! {
        <Heading title="Who must approve?" lead="Imagine a window: which policy rules it, who is asked in which stage, and whether those who are there suffice.">
            <a class="button" href="/policies">"All policies"</a>
        </Heading>
        <Ask page=page.clone()/>
        {problem}
        {debt}
        {answer}
        {keep}
        <Examples rows=page.examples may_keep/>
    }
}

/// A list to choose from in a form that lives in the address.
fn choose(name: &'static str, label: &'static str, options: Vec<(String, String)>, chosen: &str) -> impl IntoView + use<> {
    let id = format!("ask-{name}");
    let options = options_of(options, chosen);
    view! { <div class="field"><label for=id.clone()>{label}</label><select id=id name=name>{options}</select></div> }
}

#[component]
fn Ask(page: SimulatorPage) -> impl IntoView {
    if page.databases.is_empty() {
        return view! { <Empty title="No database yet" why="Policies are about windows on databases. Once one is registered that you may see, you can ask here."/> }
            .into_any();
    }
    let asked = page.asked;
    let mut risks = vec![(String::new(), "As the procedure says".to_owned())];
    risks.extend(RiskClass::ALL.iter().map(|one| (one.word().to_owned(), format!("{}: {}", one.word(), one.label()))));
    let proposers: Vec<(String, String)> = page.proposers.into_iter().map(|(id, name)| (id.to_string(), name)).collect();
    let proposer = (!proposers.is_empty()).then(|| choose("proposer", "Proposed by", proposers, &asked.proposer));
    let absent = page.answer.map(|answer| {
        let boxes = answer
            .everybody
            .into_iter()
            .map(|(person, name)| {
                let (id, value) = (format!("ask-absent-{person}"), person.to_string());
                let checked = asked.absent.contains(&value);
                view! {
                    <div class="field check"><input type="checkbox" id=id.clone() name="absent" value=value checked=checked/><label for=id>{name}</label></div>
                }
            })
            .collect_view();
        view! { <fieldset><legend>"Not there"</legend><p class="hint">"Tick who is away, and ask again."</p>{boxes}</fieldset> }
    });
    view! {
        <form method="get" action="/policies/who" class="filters">
            {choose("database", "Database", page.databases, &asked.database)}
            {choose("procedure", "Procedure", page.procedures, &asked.procedure)}
            {choose("risk", "Risk", risks, &asked.risk)}
            <div class="field">
                <label for="ask-most_mib">"Most data, MiB"</label>
                <input type="number" id="ask-most_mib" name="most_mib" inputmode="numeric" min="0" value=asked.most_mib/>
            </div>
            <div class="field">
                <label for="ask-database_mib">"It holds, MiB"</label>
                <input type="number" id="ask-database_mib" name="database_mib" inputmode="numeric" min="0" value=asked.database_mib placeholder="as measured"/>
            </div>
            {proposer}
            {absent}
            <button type="submit" class="button primary">"Who must approve?"</button>
        </form>
    }
    .into_any()
}

#[component]
fn AnswerCard(answer: AnswerView, holds: Option<String>) -> impl IntoView {
    let holds = holds.map(|said| view! { <Detail term="The database holds">{said}</Detail> });
    let (tone, label) = match (answer.pre_approved, answer.reachable) {
        (true, _) => (Tone::Warn, "approved beforehand: nobody is asked"),
        (false, true) => (Tone::Good, "can be approved"),
        (false, false) => (Tone::Bad, "nobody could get it approved"),
    };
    let missing = answer.missing.into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
    let short = (!answer.reachable).then(|| view! { <Detail term="Missing"><ul class="plain">{missing}</ul></Detail> });
    let staged = answer.rules.iter().any(|rule| rule.stage.is_some());
    let rows = answer.rules.into_iter().map(|rule| line(rule, staged)).collect_view();
    let head: &'static [&'static str] =
        if staged { &["Stage", "How many", "Of whom", "Who could"] } else { &["How many", "Of whom", "Who could"] };
    let second = answer.second.map_or_else(|| "It expires.".to_owned(), |people| format!("Also asked: {people}."));
    let rehearsal = answer.rehearsal.map(|said| view! { <Detail term="Rehearsal">"Needed before it may be proposed: "{said}"."</Detail> });
    let (name, version) = answer.policy;
    view! {
        <Card title="The answer" id="answer".to_owned()>
            <Details>
                <Detail term="Quorum"><Pill tone=tone label=label/></Detail>
                {short}
                <Detail term="Policy">{name}", version "{version}</Detail>
                <Detail term="It rules">{answer.rules_what}</Detail>
                {holds}
                <Detail term="Without quorum in time">{second}</Detail>
                {rehearsal}
            </Details>
            <Table caption="Who is asked" head=head>{rows}</Table>
            <p class="quiet">"All of them are different people. Whoever proposes, or writes a revision, never counts."</p>
        </Card>
    }
}

fn line(rule: RuleLine, staged: bool) -> impl IntoView {
    let there = if rule.there.is_empty() { "nobody".to_owned() } else { either(&rule.there) };
    let away = (!rule.absent.is_empty()).then(|| view! { <div class="quiet">"not there: "{rule.absent.join(", ")}</div> });
    let unknown = (!rule.unknown.is_empty()).then(|| {
        view! { <div class="quiet">"cannot be known that well, "{rule.lack}": "{rule.unknown.join(", ")}</div> }
    });
    let stage = staged.then(|| view! { <td data-label="Stage">{rule.stage.unwrap_or(1)}</td> });
    view! {
        <tr>
            {stage}
            <td data-label="How many">{rule.need}</td>
            <th scope="row">{rule.of_whom}<div class="quiet">"known at least "{rule.known}</div></th>
            <td class="wrap" data-label="Who could">{there}{away}{unknown}</td>
        </tr>
    }
}

/// Keeps the question with its answer.
#[component]
fn Keep(asked: Asked, answer: AnswerView) -> impl IntoView {
    let absent = asked.absent.iter().map(|person| view! { <input type="hidden" name="absent" value=person.clone()/> }).collect_view();
    view! {
        <Card title="Keep as an example">
            <p>"Every change of a policy then has to keep this true: "{answer.verdict}"."</p>
            <Form action="/policies/examples" submit="Keep this example" prefix="keep-" secondary=true>
                <input type="hidden" name="database" value=asked.database/>
                <input type="hidden" name="procedure" value=asked.procedure/>
                <input type="hidden" name="risk" value=asked.risk/>
                <input type="hidden" name="most_mib" value=asked.most_mib/>
                <input type="hidden" name="database_mib" value=asked.database_mib/>
                <input type="hidden" name="proposer" value=asked.proposer/>
                {absent}
                <Field name="name" label="What to call it" required=true hint="At most 80 characters." autocomplete="off"/>
            </Form>
        </Card>
    }
}

#[component]
fn Examples(rows: Vec<ExampleRow>, may_keep: bool) -> impl IntoView {
    if rows.is_empty() {
        return view! {
            <Card title="Examples">
                <Empty title="No example yet" why="An example is an imagined window with its answer, kept by an administrator. A change of a policy that would answer otherwise is refused."/>
            </Card>
        }
        .into_any();
    }
    let rows = rows
        .into_iter()
        .map(|row| {
            let to = row.asked.address();
            let (tone, label) = if row.differs.is_some() { (Tone::Bad, "differs") } else { (Tone::Good, "true") };
            let now = row.differs.map(|now| view! { <div>"Today: "{now}</div> });
            let forget = may_keep.then(|| {
                view! { <td><Form action=format!("/policies/examples/{}/forget", row.id) submit="Forget" prefix=format!("forget-{}-", row.id) secondary=true>""</Form></td> }
            });
            view! {
                <tr>
                    <th scope="row"><a href=to>{row.name}</a><div class="quiet">"on "{row.asked.database}", proposed by "{row.proposer}</div></th>
                    <td class="wrap" data-label="Expected">{row.expected}</td>
                    <td data-label="Today"><Pill tone=tone label=label/>{now}</td>
                    {forget}
                </tr>
            }
        })
        .collect_view();
    let head: &'static [&'static str] = if may_keep { &["Example", "Expected", "Today", ""] } else { &["Example", "Expected", "Today"] };
    view! {
        <Card title="Examples">
            <p>"A change of a policy that would make one of these untrue is refused."</p>
            <Table caption="Examples" head=head>{rows}</Table>
        </Card>
    }
    .into_any()
}
