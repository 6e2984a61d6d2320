//! Who tried what without the right to becomes a fact: one for each person, door and minute, in a transaction of its own.

use super::Caller;
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::permission::Permit;

const ACTION: &str = "access.refuse";

/// Notes that the caller was refused at `door`, the path of a form; `refusal` is what the person was told.
pub async fn note_refusal(engine: &Engine, caller: &Caller, door: &str, refusal: &str) -> Result<()> {
    let (caller, door, refusal) = (caller.clone(), door.chars().take(200).collect::<String>(), refusal.to_owned());
    let noted = transaction::run(engine.pool(), "note_refusal", move |db| {
        let (caller, door, refusal) = (caller.clone(), door.clone(), refusal.clone());
        Box::pin(async move {
            if store::trail::was_refused_lately(db, caller.actor.person.0, ACTION, &door).await? {
                return Ok(false);
            }
            let permit = Permit::tried(caller.actor.person);
            let fact = NewFact::refused(ACTION, "door", door).with("reason", refusal);
            Ledger::open(db, &permit, &caller.request).fact(fact).await?;
            Ok(true)
        })
    })
    .await?;
    if noted {
        wake(engine.pool(), &[Wake::Sealer]).await;
    }
    Ok(())
}
