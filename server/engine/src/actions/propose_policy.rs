//! Proposes a version of a policy. It waits for the agreement of others before it counts; windows under way keep what is sealed in their plan.

use super::{Caller, policy_check};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::policy_changes::{self, NewChange};
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction};
use domain::approval::Policy;
use domain::approval::choose::Known;
use domain::approval::form::Typed;
use domain::decision::{FieldError, Refusal};
use domain::fact::NewFact;
use domain::ids::{PersonId, PolicyChangeId, PolicyId};
use domain::people;
use domain::permission::{Verb, authorize};
use domain::plan::PlanPolicy;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// What was typed besides the fields of the policy.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Version the page showed; nothing for a new policy.
    pub version: String,
    /// Name of a new policy, 1 to 80 characters.
    pub name: String,
}

/// What became of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposed {
    /// The policy.
    pub policy: PolicyId,
    /// How many others have to agree; none means that it counts already.
    pub needed: usize,
}

/// Proposes the next version of a policy, or a new one.
///
/// Refused: fields (all at once), a version saved or proposed meanwhile, rules that somebody who may propose could never get through, a
/// database that nothing would rule, and a change to which nobody else could agree.
pub async fn propose_policy(
    engine: &Engine,
    caller: &Caller,
    id: Option<PolicyId>,
    input: &Input,
    fields: &[(String, String)],
) -> Result<Proposed> {
    let permit = authorize(&caller.actor, Verb::ManagePolicies, None)?;
    let (request, input, fields) = (caller.request.clone(), input.clone(), fields.to_vec());
    let proposed = transaction::run(engine.pool(), "propose_policy", move |db| {
        let (permit, request, input, fields) = (permit.clone(), request.clone(), input.clone(), fields.clone());
        Box::pin(async move {
            let by = permit.person().ok_or_else(|| Error::internal("a policy is proposed by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &request);
            store::policies::lock(ledger.db()).await?;
            let before = store::policies::known(ledger.db()).await?;
            let (policy, name, base_version) = whose(&before, id, &input)?;
            one_at_a_time(ledger.db(), policy, &name).await?;
            let rules = read(ledger.db(), &fields).await?;
            let (_, digest) = rules.seal()?;
            let plan = PlanPolicy { id: policy, version: base_version + 1, name: name.clone(), digest, rules: rules.clone(), raised: None };
            let outlook = policy_check::check(ledger.db(), before, &Known { policy: plan, environments: BTreeSet::new() }).await?;
            let holders = store::policies::holders(ledger.db()).await?;
            let agreement = outlook.agreement(&holders, by)?;
            let change: PolicyChangeId = clock::new_id();
            let new = NewChange { id: change, policy, name: &name, base_version, rules: &rules, by, agreement: &agreement };
            policy_changes::insert(ledger.db(), &new).await?;
            let fact = NewFact::done("policy.propose", "policy", policy)
                .with("name", name.clone())
                .with("version", base_version + 1)
                .with("digest", digest.hex())
                .with("rules", serde_json::to_value(&rules)?)
                .with("agreements_needed", u32::try_from(agreement.needed()).map_err(Error::internal)?)
                .with("seats", serde_json::to_value(&agreement)?)
                .with("asked", agreement.by().iter().map(ToString::to_string).collect::<Vec<_>>());
            ledger.fact(fact).await?;
            if agreement.needed() == 0 {
                let change = policy_changes::lock(ledger.db(), change).await?.ok_or(Error::NotFound)?;
                adopt(&mut ledger, &change, by).await?;
            }
            Ok(Proposed { policy, needed: agreement.needed() })
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(proposed)
}

/// Makes an agreed change the current version. The caller has checked it against today's people.
pub(super) async fn adopt(ledger: &mut Ledger<'_>, change: &policy_changes::Change, by: PersonId) -> Result<()> {
    let before = store::policies::known(ledger.db()).await?.into_iter().find(|one| one.policy.id == change.policy);
    policy_changes::end(ledger.db(), change.id, by, true).await?;
    let version = change.base_version + 1;
    store::policies::add_version(ledger.db(), change.policy, &change.name, version, &change.rules, change.proposed_by).await?;
    let mut fact = NewFact::done("policy.save", "policy", change.policy)
        .with("version", version)
        .with("digest", change.digest.hex())
        .with("rules", serde_json::to_value(&change.rules)?)
        .with("proposed_by", change.proposed_by.to_string())
        .with("agreed", change.agreed.iter().map(|(person, _)| person.to_string()).collect::<Vec<_>>());
    if let Some(before) = before {
        fact = fact.with("before", before.policy.digest.hex());
    }
    ledger.fact(fact).await?;
    Ok(())
}

/// Which policy a change is of: its id, its name, and the version it would follow.
fn whose(before: &[Known], id: Option<PolicyId>, input: &Input) -> Result<(PolicyId, String, i32)> {
    let Some(id) = id else {
        let name = people::text("name", &input.name, 1, 80).map_err(|error| vec![error])?;
        if before.iter().any(|one| one.policy.name.to_lowercase() == name.to_lowercase()) {
            return Err(Error::field("name", "There is a policy of this name. Change that one, or choose another name."));
        }
        return Ok((clock::new_id(), name, 0));
    };
    let current = &before.iter().find(|one| one.policy.id == id).ok_or(Error::NotFound)?.policy;
    if input.version.trim().parse() != Ok(current.version) {
        let message = format!("Somebody saved version {} meanwhile; your page showed version {}.", current.version, input.version.trim());
        return Err(Refusal::new("moved_on", message, "Compare with what is there now, then propose it again.").into());
    }
    Ok((id, current.name.clone(), current.version))
}

async fn one_at_a_time(db: &mut PgConnection, policy: PolicyId, name: &str) -> Result<()> {
    let waiting = policy_changes::waiting(db).await?;
    if waiting.iter().any(|change| change.policy == policy || change.name.to_lowercase() == name.to_lowercase()) {
        return Err(Refusal::new(
            "change_waits",
            format!("A change of “{name}” waits for agreement already."),
            "Let it be decided, or have it taken back, before you propose another one.",
        )
        .into());
    }
    Ok(())
}

/// The policy that the fields mean, with the people and the teams they name.
async fn read(db: &mut PgConnection, fields: &[(String, String)]) -> Result<Policy> {
    let typed = Typed(fields);
    let people = store::people_pages::by_address(db, &typed.addresses()).await?;
    let policy = typed.parse(&people)?;
    let teams: Vec<_> = store::teams::rows(db).await?.into_iter().map(|team| team.id).collect();
    let unknown = typed.teams().into_iter().find(|(_, team)| !teams.contains(team));
    match unknown {
        Some((field, _)) => Err(vec![FieldError::new(field, "There is no such team. Choose one from the list.")].into()),
        None => Ok(policy),
    }
}
