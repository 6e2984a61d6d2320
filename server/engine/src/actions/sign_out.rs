//! Ends the session somebody signs out of, as a fact.

use super::Caller;
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::store::sign_ins;
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::fact::NewFact;
use domain::ids::SessionId;
use domain::permission::{Verb, authorize};

/// Ends the session under whatever key it has by now: a request that is giving it a new one comes too late.
pub async fn sign_out(engine: &Engine, caller: &Caller, session: Option<SessionId>) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
    let caller = caller.clone();
    transaction::run(engine.pool(), "sign_out", move |db| {
        let (permit, caller) = (permit.clone(), caller.clone());
        Box::pin(async move {
            if let Some(session) = session {
                sign_ins::end(db, caller.actor.person, session).await?;
            }
            Ledger::open(db, &permit, &caller.request).fact(NewFact::done("session.end", "person", caller.actor.person)).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
