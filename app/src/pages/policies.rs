//! Who must approve what: the policies, and their form for administrators.

use crate::door;
use crate::pages::windows::environment;
use crate::parts::details::{Detail, Details, DigestShort};
use crate::parts::form::{Field, Form, Group, Select};
use crate::parts::layout::{Card, Heading};
use crate::parts::time::Time;
use domain::approval;
use domain::permission::Verb;
use domain::view::policies::{PolicyView, sentences};
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn PoliciesPage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    let may_save = door::may(Verb::ManagePolicies, None);
    Suspend::new(async move {
        let answer = async { queries::policies::list(&engine, &caller?).await }.await;
        door::show(answer, |policies| {
            let cards = policies.into_iter().map(|policy| view! { <PolicyCard policy may_save/> }).collect_view();
            view! {
                <Heading title="Policies" lead="Who must agree before a window may run. A window keeps the policy that was sealed in its plan; a change holds for plans sealed after it."/>
                {cards}
            }
            .into_any()
        })
    })
}

#[component]
fn PolicyCard(policy: PolicyView, may_save: bool) -> impl IntoView {
    let rules = sentences(&policy.rules).into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
    let saved_by = policy.saved_by.clone().unwrap_or_else(|| "the first installation".into());
    let holds_for = policy.environments.iter().map(|word| environment(word)).collect::<Vec<_>>().join(", ");
    let form = may_save.then(|| view! { <PolicyForm policy=policy.clone()/> });
    view! {
        <Card title=policy.name.clone()>
            <Details>
                <Detail term="Holds for">{holds_for}</Detail>
                <Detail term="Version">{policy.version}" "<DigestShort digest=policy.digest/></Detail>
                <Detail term="Saved">"by "{saved_by}", "<Time at=policy.saved_at/></Detail>
            </Details>
            <ul>{rules}</ul>
            {form}
        </Card>
    }
}

#[component]
fn PolicyForm(policy: PolicyView) -> impl IntoView {
    let of = |key: &str| {
        let rule = policy.rules.rules.iter().find(|rule| rule.key == key);
        let assurance = if rule.is_some_and(|rule| rule.assurance >= approval::Assurance::Account) { "account" } else { "link" };
        (rule.map_or(0, |rule| rule.need).to_string(), assurance)
    };
    let (stakeholders, stakeholders_assurance) = of("stakeholder");
    let (leads, leads_assurance) = of("lead");
    let ways = || vec![("link".to_owned(), "by the link in the mail".to_owned()), ("account".to_owned(), "signed in".to_owned())];
    let prefix = format!("{}-", policy.name.to_lowercase());
    view! {
        <details>
            <summary>"Change this policy"</summary>
            <Form action=format!("/policies/{}", policy.id) submit="Save new version" prefix=prefix>
                <input type="hidden" name="version" value=policy.version/>
                <Group legend="Stakeholders of the database">
                    <Field name="stakeholders" label="How many must approve" kind="number" mode="numeric" required=true value=stakeholders/>
                    <Select name="stakeholders_assurance" label="Known at least" required=true value=stakeholders_assurance options=ways()/>
                </Group>
                <Group legend="Leads and deputies of the owner team">
                    <Field name="leads" label="How many must approve" kind="number" mode="numeric" required=true value=leads/>
                    <Select name="leads_assurance" label="Known at least" required=true value=leads_assurance options=ways()/>
                </Group>
                <Field name="decide_before_start_min" label="Decided by, minutes before the latest start" kind="number" mode="numeric" required=true
                    hint="0 lets people decide until the latest start; at most 20,160 (two weeks)." value=policy.rules.decide_before_start_min.to_string()/>
            </Form>
        </details>
    }
}
