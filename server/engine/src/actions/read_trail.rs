//! Reading the trail leaves a mark in the trail: one for each person and ten minutes, written apart from the page's read-only snapshot.

use super::Caller;
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::permission::{Verb, authorize};

const ACTION: &str = "trail.read";

/// One mark covers this many minutes of reading.
const MARK_MINUTES: i32 = 10;

/// Marks that the caller reads the trail, or tried to. Refused without the right, and the refusal is marked as well.
pub async fn read_trail(engine: &Engine, caller: &Caller) -> Result<()> {
    let allowed = authorize(&caller.actor, Verb::SeeTrail, None);
    let permit = match &allowed {
        Ok(permit) => permit.clone(),
        Err(_) => authorize(&caller.actor, Verb::SeeOwn, None)?,
    };
    let (request, person, done) = (caller.request.clone(), caller.actor.person, allowed.is_ok());
    let marked = transaction::run(engine.pool(), "read_trail", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            let result = if done { "done" } else { "refused" };
            if store::trail::did_lately(db, person.0, ACTION, result, MARK_MINUTES).await? {
                return Ok(false);
            }
            let fact = if done { NewFact::done(ACTION, "trail", "trail") } else { NewFact::refused(ACTION, "trail", "trail") };
            Ledger::open(db, &permit, &request).fact(fact).await?;
            Ok(true)
        })
    })
    .await?;
    if marked {
        wake(engine.pool(), &[Wake::Sealer]).await;
    }
    Ok(allowed.map(drop)?)
}
