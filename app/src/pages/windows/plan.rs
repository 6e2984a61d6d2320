//! The plan as people approve it, rendered from the sealed bytes.

use super::change::ChangePart;
use super::frame::foreign;
use super::rehearsal::RehearsalPart;
use crate::parts::details::{Detail, Details, DigestShort};
use crate::parts::layout::Card;
use crate::parts::time::Time;
use domain::ids::TargetId;
use domain::lanes::Waves;
use domain::plan::{Plan, PlanQuery, PlanTarget};
use domain::procedure::text::{count, plural, size};
use domain::procedure::{ObjectRule, Parameters, Procedure};
use leptos::prelude::*;

/// Everything that is approved, in the order a reader asks for it.
#[component]
pub fn PlanCard(
    plan: Plan,
    /// For a reader who sees nothing else of the owner team's: without the ways to it.
    #[prop(optional)]
    outside: bool,
) -> impl IntoView {
    let steps = steps(&plan);
    let rollback = plan.rollback.steps.iter().cloned().map(|line| view! { <li>{line}</li> }).collect_view();
    let unusual =
        plan.outside_hours.as_ref().map(|outside| view! { <p class="message warn">"Unusual hours: "{foreign(&outside.said())}</p> });
    let known = plan.procedure.known();
    let (reason, summary, parameters) = (plan.reason.clone(), plan.rollback.summary.clone(), plan.parameters.clone());
    let timed: Vec<(String, PlanQuery)> = plan
        .targets
        .iter()
        .flat_map(|target| {
            let of = if plan.is_many() { format!("{}: ", foreign(&target.short_name)) } else { String::new() };
            plan.queries_of(target.id).iter().map(move |query| (format!("{of}{}", query.name), query.clone()))
        })
        .collect();
    let queries = (!timed.is_empty()).then(|| {
        let rows = timed
            .iter()
            .map(|(name, query)| {
                let (name, limit, sql) = (name.clone(), query.limit_ms, foreign(&query.sql));
                view! { <li><strong>{name}</strong>", at most "{limit}" ms"<pre class="statement">{sql}</pre></li> }
            })
            .collect_view();
        view! { <details><summary>"Critical queries, timed before and after"</summary><ul>{rows}</ul></details> }
    });
    view! {
        <Card title="Plan" id="plan".to_owned()>
            <p class="reason">{reason}</p>
            {unusual}
            <Facts plan=plan.clone()/>
            {plan.change.clone().map(|change| view! { <ChangePart change/> })}
            <RehearsalPart plan outside/>
            <h3>"Steps"</h3>
            <ol class="steps">{steps}</ol>
            <h3>"Way back"</h3>
            <p>{summary}</p>
            <ul>{rollback}</ul>
            {queries}
            <details><summary>"Thresholds"</summary><Thresholds parameters procedure=known/></details>
        </Card>
    }
}

#[component]
fn Facts(plan: Plan) -> impl IntoView {
    let (impact, risk, excluded) = (plan.impact(), plan.risk(), rules(&plan.envelope.excluded));
    let on = if plan.is_many() {
        plan.targets.iter().map(|target| view! { <Place target=target.clone()/><br/> }).collect_view().into_any()
    } else {
        view! { <Place target=plan.target().clone()/> }.into_any()
    };
    let order = plan.waves.as_ref().map(|waves| order(&plan, waves)).map(|said| view! { <Detail term="Order">{said}</Detail> });
    let on_call = on_call(&plan);
    let (procedure, times, envelope) = (plan.procedure.clone(), plan.times.clone(), plan.envelope.clone());
    // A text is sent whole: no limit leaves anything of it out.
    let limits = plan.selects().then(|| {
        view! {
            <Detail term="At most">{count(envelope.most_objects.into())}" objects, "{size(envelope.most_bytes)}" in all"</Detail>
            <Detail term="Left alone">{excluded}</Detail>
        }
    });
    // Sealed where policies are chosen by it.
    let held: Vec<String> =
        plan.targets.iter().filter_map(|target| Some(holds(&plan, target, *plan.measured_mib.get(&target.id)?))).collect();
    let measured = (!held.is_empty()).then(|| view! { <Detail term="Held when sealed">{held.join(", ")}</Detail> });
    let proofs: Vec<String> = plan
        .proofs_demanded()
        .into_iter()
        .map(|(target, hours)| {
            let of = if plan.is_many() { format!(" of {}", target.short_name) } else { String::new() };
            format!(", and a worker restored one{of} that is at most {hours} hours old: the policy demands it")
        })
        .collect();
    let proofs = proofs.concat();
    let to = format!("/procedures/{}", procedure.key);
    view! {
        <Details>
            <Detail term="What"><a href=to>{procedure.said()}</a>" "<DigestShort digest=procedure.digest/></Detail>
            <Detail term="On">{on}</Detail>
            {order}
            <Detail term="Impact">{impact}</Detail>
            <Detail term="Highest risk">{risk.word()}": "{risk.label()}</Detail>
            <Detail term="Starts"><Time at=times.start/></Detail>
            <Detail term="Latest start"><Time at=times.latest_start/></Detail>
            <Detail term="Cut-off"><Time at=times.cut_off/>" Nothing new begins after it."</Detail>
            <Detail term="Ends"><Time at=times.end/></Detail>
            <Detail term="Zone data">{times.zone}", version "{times.tz_version}</Detail>
            {limits}
            {measured}
            <Detail term="Backup">"The newest one on record is at most "{plan.backup_max_age_hours}" hours old at the start"{proofs}</Detail>
            <Detail term="On call">{on_call}</Detail>
        </Details>
    }
}

#[component]
fn Place(target: PlanTarget) -> impl IntoView {
    let (name, database, host, port, username) =
        (foreign(&target.name), foreign(&target.database), foreign(&target.host), target.port, foreign(&target.username));
    view! { {name}": database "<code>{database}</code>" on "<code>{host}":"{port}</code>" as "<code>{username}</code> }
}

/// What a database held, with its name where there are several.
fn holds(plan: &Plan, target: &PlanTarget, mib: Option<u64>) -> String {
    let held = mib.map_or_else(|| "not measured, so it counts as large".to_owned(), |mib| size(mib.saturating_mul(1 << 20)));
    if plan.is_many() { format!("{}: {held}", foreign(&target.short_name)) } else { held }
}

/// The waves in words, by short name.
fn order(plan: &Plan, waves: &Waves) -> String {
    let name = |id: &TargetId| plan.lane(*id).map_or_else(String::new, |target| foreign(&target.short_name));
    let said: Vec<String> = waves
        .order
        .iter()
        .zip(1..)
        .map(|(wave, n)| format!("Wave {n}: {}.", wave.iter().map(name).collect::<Vec<_>>().join(", ")))
        .collect();
    let soak = match waves.soak_min {
        0 => "Each begins when every database of the one before ended clean.".to_owned(),
        n => {
            let watched = plural(u64::from(n), "minute", "minutes");
            format!("Each begins when every database of the one before ended clean and was watched for {watched}.")
        }
    };
    format!("{} {soak}", said.join(" "))
}

/// Whom to call: once for all databases, or for each its own.
fn on_call(plan: &Plan) -> String {
    let first = &plan.target().on_call;
    if plan.targets.iter().all(|target| target.on_call == *first) {
        return first.clone();
    }
    plan.targets.iter().map(|target| format!("{}: {}", foreign(&target.short_name), target.on_call)).collect::<Vec<_>>().join("; ")
}

fn steps(plan: &Plan) -> impl IntoView + use<> {
    let Some(procedure) = plan.procedure.known() else {
        // Another program sealed it: the keys are in the bytes, the words are not known here.
        return plan.envelope.steps.iter().cloned().map(|key| view! { <li>{key}</li> }.into_any()).collect_view().into_any();
    };
    procedure
        .steps
        .into_iter()
        .map(|step| {
            let works = step.is_surveyed();
            let approved = !works || plan.envelope.steps.contains(&step.key);
            let outside = step.is_outside();
            view! {
                <li>
                    <strong>{step.name}</strong>" "<span class="quiet">{step.risk.word()}", "{step.risk.label()}</span>
                    {(!approved).then_some(" — not part of this plan")}
                    <br/>{step.does}<br/><span class="quiet">"Proof: "{step.verified_by}</span>
                    {outside.then(|| view! { <br/><span class="quiet">"Way back: "{step.rollback}</span> })}
                </li>
            }
            .into_any()
        })
        .collect_view()
        .into_any()
}

fn rules(excluded: &[ObjectRule]) -> String {
    if excluded.is_empty() {
        return "nothing".to_owned();
    }
    excluded.iter().map(|rule| foreign(&rule.to_string())).collect::<Vec<_>>().join(", ")
}

/// Every threshold of the procedure; those that differ from the default are marked.
#[component]
fn Thresholds(parameters: Parameters, #[prop(optional_no_strip)] procedure: Option<Procedure>) -> impl IntoView {
    let rows = Parameters::specs_of(procedure.as_ref())
        .map(|spec| {
            let value = parameters.get(spec.name).unwrap_or(spec.default);
            let changed = (value != spec.default).then(|| view! { <span class="quiet">" (default "{count(spec.default)}")"</span> });
            view! { <Detail term=spec.label>{count(value)}" "{spec.unit}{changed}</Detail> }
        })
        .collect_view();
    view! { <Details>{rows}</Details> }
}
