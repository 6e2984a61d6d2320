//! Takes a proposed version of a policy back before it is adopted.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::policy_changes;
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::fact::NewFact;
use domain::ids::PolicyChangeId;
use domain::permission::{Verb, authorize};

/// Takes it back. Anybody who may change policies can: what keeps a bar as it is needs nobody's agreement.
pub async fn withdraw_policy(engine: &Engine, caller: &Caller, id: PolicyChangeId) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::ManagePolicies, None)?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "withdraw_policy", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            let by = permit.person().ok_or_else(|| Error::internal("a change is taken back by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &request);
            let change = policy_changes::lock(ledger.db(), id).await?.ok_or(Error::NotFound)?;
            policy_changes::end(ledger.db(), id, by, false).await?;
            let fact = NewFact::done("policy.withdraw", "policy", change.policy)
                .with("version", change.base_version + 1)
                .with("digest", change.digest.hex());
            ledger.fact(fact).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
