//! All policies, in the order in which they are asked, and the changes that wait for agreement.

use super::waiting::ChangeCard;
use crate::door;
use crate::parts::details::{Detail, Details, DigestShort};
use crate::parts::layout::{Card, Heading};
use crate::parts::time::Time;
use domain::permission::Verb;
use domain::view::policies::{self, Names, PolicyView, rules_what, sentences};
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn PoliciesPage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    let may_change = door::may(Verb::ManagePolicies, None);
    Suspend::new(async move {
        let answer = async { queries::policies::list(&engine, &caller?).await }.await;
        door::show(answer, |page| view! { <List page may_change/> }.into_any())
    })
}

#[component]
fn List(page: policies::PoliciesPage, may_change: bool) -> impl IntoView {
    let names = page.names;
    let changes = page.changes.into_iter().map(|change| view! { <ChangeCard change names=names.clone()/> }).collect_view();
    let cards = page.policies.into_iter().map(|policy| view! { <PolicyCard policy names=names.clone() may_change/> }).collect_view();
    view! {
        <Heading title="Policies" lead="Who must agree before a window may run. The first that fits rules. A window keeps the policy that was sealed in its plan; a change holds for plans sealed after it.">
            <a class="button" href="/policies/who">"Who must approve?"</a>
            {may_change.then(|| view! { <a class="button" href="/policies/new">"Add a policy"</a> })}
        </Heading>
        {changes}
        {cards}
    }
}

#[component]
fn PolicyCard(policy: PolicyView, names: Names, may_change: bool) -> impl IntoView {
    let rules = sentences(&policy.rules, &names).into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
    let saved_by = policy.saved_by.clone().unwrap_or_else(|| "the first installation".into());
    let change = format!("/policies/{}", policy.id);
    let precedence = (policy.scope.precedence > 0).then(|| view! { <Detail term="Precedence">{policy.scope.precedence}</Detail> });
    view! {
        <Card title=policy.name.clone()>
            <Details>
                <Detail term="Rules">{rules_what(&policy.scope)}</Detail>
                {precedence}
                <Detail term="Version">{policy.version}" "<DigestShort digest=policy.digest/></Detail>
                <Detail term="Saved">"by "{saved_by}", "<Time at=policy.saved_at/></Detail>
            </Details>
            <ul>{rules}</ul>
            {may_change.then(|| view! { <p class="actions"><a class="button" href=change>"Change"<span class="unseen">" the policy "{policy.name.clone()}</span></a></p> })}
        </Card>
    }
}
