//! Forgets an example that is no longer meant.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::policy_cases;
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::fact::NewFact;
use domain::ids::PolicyCaseId;
use domain::permission::{Verb, authorize};

/// Forgets it: changes of policies no longer have to keep it true.
pub async fn forget_example(engine: &Engine, caller: &Caller, id: PolicyCaseId) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::ManagePolicies, None)?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "forget_example", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, &request);
            let (name, policy) = policy_cases::delete(ledger.db(), id).await?.ok_or(Error::NotFound)?;
            let fact = NewFact::done("policy.forget_example", "policy", policy).with("name", name);
            ledger.fact(fact).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
