//! Agrees to a proposed version of a policy. The last agreement that is needed makes it the current version.

use super::{Caller, policy_check, propose_policy};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::policy_changes;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::approval::change::{Agreeing, may_agree};
use domain::approval::choose::Known;
use domain::canonical::Digest;
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::PolicyChangeId;
use domain::permission::{Verb, authorize};
use domain::plan::PlanPolicy;
use std::collections::BTreeSet;

/// What was sent.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Digest of what the page showed, 64 hex digits.
    pub digest: String,
}

/// Agrees; returns how many more are needed. It is no right of a role: the change itself names who is asked.
///
/// Refused: the person who proposed it, people who are not asked, people whose votes rest or whom the proposer changed, a session without the
/// second factor where the old policy wants one, a change that was decided meanwhile, and rules that today's people could no longer meet.
pub async fn agree_policy(engine: &Engine, caller: &Caller, id: PolicyChangeId, input: &Input) -> Result<usize> {
    let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
    let (request, input, factor) = (caller.request.clone(), input.clone(), caller.actor.factor);
    let missing = transaction::run(engine.pool(), "agree_policy", move |db| {
        let (permit, request, input) = (permit.clone(), request.clone(), input.clone());
        Box::pin(async move {
            let person = permit.person().ok_or_else(|| Error::internal("a change is agreed to by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &request);
            store::policies::lock(ledger.db()).await?;
            let mut change = policy_changes::lock(ledger.db(), id).await?.ok_or(Error::NotFound)?;
            if Digest::from_hex(input.digest.trim()) != Some(change.digest) {
                return Err(Refusal::new("moved_on", "This is not the change that your page showed.", "Look at the page again.").into());
            }
            let already = change.agreed.iter().any(|(other, _)| *other == person);
            let voices = store::voices::towards(ledger.db(), change.proposed_by, change.proposed_at, &BTreeSet::from([person])).await?;
            let voice = voices.get(&person).ok_or(Error::NotFound)?;
            may_agree(&Agreeing { person, factor, already, voice }, change.proposed_by, &change.agreement)?;
            policy_changes::agree(ledger.db(), id, person).await?;
            let fact = NewFact::done("policy.agree", "policy", change.policy)
                .with("version", change.base_version + 1)
                .with("digest", change.digest.hex());
            let fact = ledger.fact(fact).await?;
            change.agreed.push((person, fact.at()));
            let missing = change.agreement.missing(&change.who_agreed());
            if missing == 0 {
                let before = store::policies::known(ledger.db()).await?;
                let version = change.base_version + 1;
                let policy = PlanPolicy {
                    id: change.policy,
                    version,
                    name: change.name.clone(),
                    digest: change.digest,
                    rules: change.rules.clone(),
                    raised: None,
                };
                policy_check::check(ledger.db(), before, &Known { policy, environments: BTreeSet::new() }).await?;
                propose_policy::adopt(&mut ledger, &change, person).await?;
            }
            Ok(missing)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(missing)
}
