//! Policies: who must approve what. Everybody with an account may read them; they are no secret.

use crate::actions::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::policies::Row;
use crate::store::policy_changes::{self, Change};
use crate::{store, transaction};
use domain::approval::change::{Agreeing, may_agree, unheard};
use domain::approval::{Group, Policy};
use domain::ids::{PersonId, PolicyId};
use domain::permission::{Actor, Verb, authorize, holds};
use domain::view::policies::{ChangeView, Names, PoliciesPage, PolicyFormPage, PolicyView};
use domain::view::windows::changes;
use sqlx::PgConnection;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// All policies, in the order in which they are asked, and the changes that wait.
pub async fn list(engine: &Engine, caller: &Caller) -> Result<PoliciesPage> {
    authorize(&caller.actor, Verb::SeeOwn, None)?;
    let actor = caller.actor.clone();
    transaction::read(engine.pool(), "policies", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let rows = store::policies::all(db).await?;
            let waiting = policy_changes::waiting(db).await?;
            let names = names(db, &rows, &waiting).await?;
            let mut changes = Vec::with_capacity(waiting.len());
            for change in waiting {
                changes.push(change_view(db, &actor, change, &rows, &names).await?);
            }
            let mut policies: Vec<PolicyView> = rows.into_iter().map(policy_view).collect();
            policies.sort_by_key(|policy| Reverse(policy.scope.precedence));
            Ok(PoliciesPage { policies, changes, names })
        })
    })
    .await
}

/// The form for a policy, or for a new one.
pub async fn form(engine: &Engine, caller: &Caller, id: Option<PolicyId>) -> Result<PolicyFormPage> {
    authorize(&caller.actor, Verb::ManagePolicies, None)?;
    let actor = caller.actor.clone();
    transaction::read(engine.pool(), "policy_form", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let rows = store::policies::all(db).await?;
            let waiting = policy_changes::waiting(db).await?;
            let names = names(db, &rows, &waiting).await?;
            let waits = waiting.into_iter().find(|change| Some(change.policy) == id);
            let waiting = match waits {
                Some(change) => Some(change_view(db, &actor, change, &rows, &names).await?),
                None => None,
            };
            let policy = match id {
                Some(id) => {
                    let row = rows.into_iter().find(|row| row.known.policy.id == id).ok_or(Error::NotFound)?;
                    Some(policy_view(row))
                }
                None => None,
            };
            Ok(PolicyFormPage { policy, waiting, names })
        })
    })
    .await
}

fn policy_view(row: Row) -> PolicyView {
    let scope = row.known.scope();
    let policy = row.known.policy;
    PolicyView {
        id: policy.id,
        name: policy.name,
        scope,
        version: policy.version,
        rules: policy.rules,
        digest: policy.digest,
        saved_by: row.saved_by,
        saved_at: row.saved_at,
    }
}

async fn change_view(db: &mut PgConnection, actor: &Actor, change: Change, rows: &[Row], names: &Names) -> Result<ChangeView> {
    let named = |person: &PersonId| names.people.get(person).cloned().unwrap_or_else(|| "somebody unknown".to_owned());
    let agreed = change.who_agreed();
    let (person, already) = (actor.person, agreed.contains(&actor.person));
    let people = change.agreement.by().into_iter().chain([person]).collect();
    let voices = store::voices::towards(db, change.proposed_by, change.proposed_at, &people).await?;
    let voice = voices.get(&person).ok_or(Error::NotFound)?;
    let agree = may_agree(&Agreeing { person, factor: actor.factor, already, voice }, change.proposed_by, &change.agreement);
    let asked = |person: &PersonId| match voices.get(person).and_then(unheard) {
        Some(why) => format!("{} ({why})", named(person)),
        None => named(person),
    };
    let before = rows.iter().find(|row| row.known.policy.id == change.policy);
    let differs = match before {
        Some(before) => {
            let whole = Policy { scope: Some(before.known.scope()), ..before.known.policy.rules.clone() };
            changes(&serde_json::to_value(whole)?, &serde_json::to_value(&change.rules)?)
        }
        None => vec![],
    };
    Ok(ChangeView {
        agree,
        may_withdraw: holds(actor, Verb::ManagePolicies, None),
        id: change.id,
        policy: change.policy,
        name: change.name,
        base_version: change.base_version,
        digest: change.digest,
        differs,
        proposed_by: named(&change.proposed_by),
        proposed_at: change.proposed_at,
        needed: change.agreement.needed(),
        missing: change.agreement.missing(&agreed),
        agreed: change.agreed.iter().map(|(person, at)| (named(person), *at)).collect(),
        asked: change.agreement.waiting_for(&agreed).iter().map(asked).collect(),
        rules: change.rules,
    })
}

async fn names(db: &mut PgConnection, rows: &[Row], waiting: &[Change]) -> Result<Names> {
    let policies = rows.iter().map(|row| &row.known.policy.rules).chain(waiting.iter().map(|change| &change.rules));
    let mut people: BTreeSet<PersonId> = policies
        .flat_map(Policy::groups)
        .flat_map(|group| match group {
            Group::People(people) => people,
            _ => BTreeSet::new(),
        })
        .collect();
    for change in waiting {
        people.extend(&change.agreement.by());
        people.insert(change.proposed_by);
    }
    let called = store::people_pages::called(db, &people).await?;
    let teams = store::teams::rows(db).await?;
    Ok(Names {
        people: called.iter().map(|(person, (name, _))| (*person, name.clone())).collect(),
        addresses: called.into_iter().map(|(person, (_, address))| (person, address)).collect(),
        teams: teams.into_iter().map(|team| (team.id, team.name)).collect(),
    })
}
