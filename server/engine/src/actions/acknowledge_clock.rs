//! Lets starts go on after the state database's clock jumped or the database was restored.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::people;
use domain::permission::{Verb, authorize};

/// Takes the freeze away. An administrator says what was found out; the guard starts anew from what is true now.
pub async fn acknowledge_clock(engine: &Engine, caller: &Caller, reason: &str) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::ManageSettings, None)?;
    let reason = people::text("reason", reason, 1, 2000).map_err(|error| Error::Invalid(vec![error]))?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "acknowledge_clock", move |db| {
        let (permit, request, reason) = (permit.clone(), request.clone(), reason.clone());
        Box::pin(async move {
            let frozen = store::runs::clock_frozen(db).await?;
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger
                .fact(NewFact::done("clock.acknowledge", "clock", "state database").with("frozen_because", frozen).with("reason", reason))
                .await?;
            if !store::clock_guard::acknowledge(ledger.db()).await? {
                return Err(Refusal::new("not_frozen", "Starts are not frozen.", "").into());
            }
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Sealer]).await;
    Ok(())
}
