//! A person ends sessions of their own: one of them, all others, or all.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::sign_ins;
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::fact::NewFact;
use domain::ids::SessionId;
use domain::permission::{Verb, authorize};

/// Which sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(SessionId),
    /// All but this one.
    Others(SessionId),
    /// Every one.
    All,
}

/// Ends them, as a fact; returns how many there were. Sign-ins and requests that are under way bring none of them back.
pub async fn end_sessions(engine: &Engine, caller: &Caller, which: Which) -> Result<u64> {
    let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
    let (request, person) = (caller.request.clone(), caller.actor.person);
    let ended = transaction::run(engine.pool(), "end_sessions", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            let (ended, word) = match which {
                Which::One(session) => (u64::from(sign_ins::end(db, person, session).await?), "one"),
                Which::Others(keep) => (sign_ins::end_others(db, person, keep).await?, "others"),
                Which::All => {
                    let open = sign_ins::list(db, person).await?.len() as u64;
                    sign_ins::end_all(db, person).await?;
                    (open, "all")
                }
            };
            if ended == 0 && matches!(which, Which::One(_)) {
                return Err(Error::NotFound);
            }
            let fact = NewFact::done("session.end", "person", person).with("which", word).with("sessions", ended);
            Ledger::open(db, &permit, &request).fact(fact).await?;
            Ok(ended)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(ended)
}
