//! One procedure: what it does step by step, its versions, its file, and a version that waits for a second person.

use crate::door;
use crate::parts::details::{Detail, Details, DigestShort};
use crate::parts::form::Form;
use crate::parts::layout::{Card, Heading};
use crate::parts::status::{Pill, Tone};
use crate::parts::table::Table;
use crate::parts::time::Time;
use domain::ids::OwnProcedureId;
use domain::people::visible;
use domain::procedure::own_sql::{OwnSql, OwnValue};
use domain::procedure::{Parameters, Procedure, library, text::count};
use domain::view::procedures::{PastVersion, ProcedurePage, WaitingVersion};
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn ProcedureShowPage() -> impl IntoView {
    let (engine, caller, key) = (door::engine(), door::caller(), door::path_parameter::<String>("key"));
    Suspend::new(async move {
        let answer = async { queries::procedures::show(&engine, &caller?, &key?).await }.await;
        door::show(answer, |page| view! { <Show page/> }.into_any())
    })
}

#[component]
fn Show(page: ProcedurePage) -> impl IntoView {
    let (title, key) = (page.name().to_owned(), page.key.clone());
    let own = page.current.as_ref().is_none_or(|(_, procedure)| procedure.is_own());
    let lead = match &page.current {
        Some((_, procedure)) => procedure.about().to_owned(),
        None if page.waiting.is_some() => "Nothing can be proposed with it yet.".to_owned(),
        None => "Nothing can be proposed with it any more.".to_owned(),
    };
    let compose = (page.may_manage && page.file.is_some() && page.waiting.is_none()).then(|| {
        let label = if own { "Propose a version" } else { "Compose one like it" };
        view! { <a class="button" href=format!("/procedures/new?from={key}")>{label}</a> }
    });
    let ends = page.current.clone().and_then(|(id, _)| id).filter(|_| page.may_manage);
    let steps = page.current.clone().map(|(_, procedure)| view! { <Steps procedure title="What it does"/> });
    let file = page.file.clone();
    view! {
        <p class="crumb"><a href="/procedures">"← Procedures"</a></p>
        <Heading title=title lead=lead>{compose}</Heading>
        {page.waiting.map(|waiting| view! { <Waiting waiting may_manage=page.may_manage/> })}
        {steps}
        <Versions versions=page.versions/>
        {file.map(|text| view! { <File key text/> })}
        {ends.map(|id| view! { <End id/> })}
    }
}

/// What it does, step by step, with its thresholds and questions where they are its own.
#[component]
fn Steps(procedure: Procedure, title: &'static str) -> impl IntoView {
    let risk = procedure.highest_risk();
    let typed = library::is_typed(&procedure.key).then(|| view! { <p>"What it sends is typed each time, and approved word by word."</p> });
    let sql = procedure.own_sql().map(|(sql, values)| view! { <Text sql=sql.clone() values=values.to_vec()/> });
    let own = procedure.own.clone();
    let thresholds: Vec<_> = own.iter().flat_map(|own| own.thresholds.clone()).collect();
    let checks: Vec<_> = own.map(|own| own.checks).unwrap_or_default();
    let thresholds = (!thresholds.is_empty()).then(|| {
        let rows = thresholds.into_iter().map(|(name, value)| view! { <li>{threshold(&name, value)}</li> }).collect_view();
        view! { <h3>"Thresholds of its own"</h3><ul>{rows}</ul> }
    });
    let checks = (!checks.is_empty()).then(|| {
        let rows = checks.into_iter().map(|check| view! { <li><strong>{check.title}</strong><br/>{check.rule}</li> }).collect_view();
        view! { <h3>"Asked on the validation list, besides what every window asks"</h3><ul>{rows}</ul> }
    });
    let steps = procedure
        .steps
        .into_iter()
        .map(|step| {
            view! {
                <li>
                    <strong>{step.name}</strong>" "<span class="quiet"><code>{step.key}</code>", "{step.risk.word()}", "{step.risk.label()}</span>
                    <br/>{step.does}
                    <br/><span class="quiet">"Proof: "{step.verified_by}</span>
                    <br/><span class="quiet">"Way back: "{step.rollback}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <Card title=title>
            <Details><Detail term="Highest risk">{risk.word()}", "{risk.label()}</Detail></Details>
            {typed}
            {sql}
            <ol class="steps">{steps}</ol>
            {thresholds}
            {checks}
        </Card>
    }
}

/// The text it sends, what takes it back, and what is typed for it.
#[component]
fn Text(sql: OwnSql, values: Vec<OwnValue>) -> impl IntoView {
    let role = (!sql.as_role.is_empty()).then(|| view! { <p>"Sent as the role "<code>{visible(&sql.as_role)}</code>"."</p> });
    let out = sql.kept_out().map(|out| view! { <p>{visible(&out.said())}</p> });
    let back = if sql.back.trim().is_empty() {
        view! { <p>"No way back: "{visible(&sql.no_way_back)}</p> }.into_any()
    } else {
        view! { <p>"Taken back by"</p><pre class="statement">{visible(sql.back.trim())}</pre> }.into_any()
    };
    let values = (!values.is_empty()).then(|| {
        let rows = values
            .into_iter()
            .map(|value| view! { <li><strong>{value.label.clone()}</strong>" "<code>{format!("{{{{{}}}}}", value.name)}</code><br/>{value.hint()}</li> })
            .collect_view();
        view! { <h3>"Typed each time"</h3><ul>{rows}</ul> }
    });
    view! {
        <h3>"The statements"</h3>
        <pre class="statement">{visible(sql.statements.trim())}</pre>
        {role}
        {out}
        {back}
        {values}
    }
}

/// A threshold in words; the name where this program has no words for it.
fn threshold(name: &str, value: u64) -> String {
    match Parameters::SPECS.iter().find(|spec| spec.name == name) {
        Some(spec) => format!("{}: {} {} (the library's is {})", spec.label, count(value), spec.unit, count(spec.default)),
        None => format!("{name}: {}", count(value)),
    }
}

/// A version that waits for a second person.
#[component]
fn Waiting(waiting: WaitingVersion, may_manage: bool) -> impl IntoView {
    let (agree, end) = (format!("/procedures/versions/{}/agree", waiting.id), format!("/procedures/versions/{}/end", waiting.id));
    let title = format!("Version {} waits for a second person", waiting.procedure.version);
    let called = format!("{}: {}", waiting.procedure.name, waiting.procedure.about());
    let changes = waiting.changes.map(|changes| {
        let lines = changes.into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
        view! { <h3>"What it does otherwise than the version that counts"</h3><ul class="changes">{lines}</ul> }
    });
    let form = match waiting.may_agree {
        Ok(()) => view! {
            <Form action=agree submit="Agree: it counts from now on" prefix="agree-">
                <input type="hidden" name="digest" value=waiting.digest.hex()/>
                <p>"Windows that are sealed keep the version they have. Dates of series that were approved together ask for a new approval."</p>
            </Form>
        }
        .into_any(),
        Err(refusal) => view! { <p class="quiet">{refusal.message}" "{refusal.way_out}</p> }.into_any(),
    };
    view! {
        <Card title=title id="waiting">
            <Details>
                <Detail term="Proposed">"by "{waiting.by}", "<Time at=waiting.at/>" "<DigestShort digest=waiting.digest/></Detail>
                <Detail term="Called">{called}</Detail>
            </Details>
            {changes}
            {form}
            {may_manage.then(|| view! { <Form action=end submit="Take it back" prefix="back-" secondary=true><input type="hidden" name="shown" value="waits"/></Form> })}
        </Card>
        <Steps procedure=waiting.procedure title="What it would do"/>
    }
}

#[component]
fn Versions(versions: Vec<PastVersion>) -> impl IntoView {
    let newest = versions.first().map(|one| one.version);
    let rows = versions
        .into_iter()
        .map(|one| {
            let state = match (&one.proposed, &one.agreed, &one.ended) {
                (None, _, _) if newest == Some(one.version) => view! { <Pill tone=Tone::Good label="Counts"/> }.into_any(),
                (None, _, _) => view! { <Pill tone=Tone::Quiet label="Only in older plans"/> }.into_any(),
                (_, None, None) => view! { <Pill tone=Tone::Waiting label="Waits"/> }.into_any(),
                (_, Some(_), None) => view! { <Pill tone=Tone::Good label="Counts"/> }.into_any(),
                (_, Some(_), Some(_)) => view! { <Pill tone=Tone::Quiet label="Ended"/> }.into_any(),
                (_, None, Some(_)) => view! { <Pill tone=Tone::Quiet label="Taken back"/> }.into_any(),
            };
            let said = |verb: &'static str, act: Option<(String, jiff::Timestamp)>| {
                act.map(|(who, at)| view! { <li>{verb}" by "{who}", "<Time at/></li> })
            };
            view! {
                <tr>
                    <th scope="row">{one.version}" "<DigestShort digest=one.digest/></th>
                    <td>{state}</td>
                    <td class="wrap"><ul class="plain quiet">
                        {one.proposed.is_none().then(|| view! { <li>"Comes with Drydock"</li> })}
                        {said("Proposed", one.proposed)}{said("Agreed to", one.agreed)}{said("Ended", one.ended)}
                    </ul></td>
                </tr>
            }
        })
        .collect_view();
    view! { <Card title="Versions"><Table caption="Versions, newest first" head=&["Version", "State", "History"]>{rows}</Table></Card> }
}

#[component]
fn File(key: String, text: String) -> impl IntoView {
    let to = format!("/procedures/{key}/file");
    view! {
        <Card title="As a file" id="file">
            <pre class="statement">{text}</pre>
            <p class="actions"><a class="button" href=to rel="external" download=format!("{key}.toml")>"Download it"</a></p>
        </Card>
    }
}

#[component]
fn End(id: OwnProcedureId) -> impl IntoView {
    view! {
        <Card title="End it">
            <Form action=format!("/procedures/versions/{id}/end") submit="End it" prefix="end-" danger=true>
                <input type="hidden" name="shown" value="counts"/>
                <p>"Nothing new is proposed with it then, and its series propose no more windows. Windows that are sealed keep it. A new version can be proposed at any time."</p>
            </Form>
        </Card>
    }
}
