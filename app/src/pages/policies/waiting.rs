//! A change of a policy that waits for the agreement of others.

use crate::pages::windows::Changes;
use crate::parts::details::{Detail, Details, DigestShort};
use crate::parts::form::Form;
use crate::parts::layout::Card;
use crate::parts::time::Time;
use domain::view::policies::{ChangeView, Names, rules_what, sentences};
use domain::view::windows::blocked::either;
use leptos::prelude::*;

#[component]
pub(super) fn ChangeCard(change: ChangeView, names: Names) -> impl IntoView {
    let title = if change.base_version == 0 {
        format!("Proposed: a new policy “{}”", change.name)
    } else {
        format!("Proposed: version {} of “{}”", change.base_version + 1, change.name)
    };
    let rules = sentences(&change.rules, &names).into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
    let rules_it = change.rules.scope.as_ref().map(rules_what).map(|line| view! { <Detail term="Would rule">{line}</Detail> });
    let agreed = change.agreed.iter().map(|(who, at)| view! { <li>{who.clone()}", "<Time at=*at/></li> }).collect_view();
    let some = !change.agreed.is_empty();
    let (have, needed) = (change.needed.saturating_sub(change.missing), change.needed);
    let asked = either(&change.asked);
    let differs = (!change.differs.is_empty()).then(|| view! { <Changes changes=change.differs.clone() caption="What it changes"/> });
    let (agree, withdraw) = (format!("/policies/changes/{}/agree", change.id), format!("/policies/changes/{}/withdraw", change.id));
    let prefix = change.id.to_string();
    let form = match change.agree {
        Ok(()) => view! {
            <Form action=agree submit="Agree to this change" prefix=format!("agree-{prefix}-")>
                <input type="hidden" name="digest" value=change.digest.hex()/>
                <p>"It counts for every window that is proposed after the last agreement. Windows under way keep what is sealed in their plan, and the stricter of both."</p>
            </Form>
        }
        .into_any(),
        Err(refusal) => view! { <p class="quiet">{refusal.message}" "{refusal.way_out}</p> }.into_any(),
    };
    view! {
        <Card title=title>
            <Details>
                <Detail term="Proposed">"by "{change.proposed_by}", "<Time at=change.proposed_at/>" "<DigestShort digest=change.digest/></Detail>
                <Detail term="Agreed">{have}" of "{needed}", waiting for "{asked}{some.then(|| view! { <ul class="plain quiet">{agreed}</ul> })}</Detail>
                {rules_it}
            </Details>
            <ul>{rules}</ul>
            {differs}
            {form}
            {change.may_withdraw.then(|| view! { <Form action=withdraw submit="Take it back" prefix=format!("back-{prefix}-") secondary=true>""</Form> })}
        </Card>
    }
}
