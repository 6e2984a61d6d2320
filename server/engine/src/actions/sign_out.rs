//! Ends a session, as a fact.

use super::Caller;
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::fact::NewFact;
use domain::permission::{Verb, authorize};

/// Writes that the person signed out; the web side has ended the session before.
pub async fn sign_out(engine: &Engine, caller: &Caller) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
    let caller = caller.clone();
    transaction::run(engine.pool(), "sign_out", move |db| {
        let (permit, caller) = (permit.clone(), caller.clone());
        Box::pin(async move {
            Ledger::open(db, &permit, &caller.request).fact(NewFact::done("session.end", "person", caller.actor.person)).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
