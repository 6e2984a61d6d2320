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

/// Notes that the caller was refused at `door`, such as `POST /windows/{number}/cancel`, asking for `path`; `refusal` is what the person was
/// told, or what they were not told.
///
/// A door, and not a path: whoever tries all numbers leaves one fact a minute, with the first of them. People stand in line here, so that many
/// requests at once leave no more.
pub async fn note_refusal(engine: &Engine, caller: &Caller, door: &str, path: &str, refusal: &str) -> Result<()> {
    let shortened = |text: &str| text.chars().take(200).collect::<String>();
    let (caller, door, path, refusal) = (caller.clone(), shortened(door), shortened(path), refusal.to_owned());
    let noted = transaction::run(engine.pool(), "note_refusal", move |db| {
        let (caller, door, path, refusal) = (caller.clone(), door.clone(), path.clone(), refusal.clone());
        Box::pin(async move {
            store::people::lock(db, caller.actor.person).await?;
            if store::trail::was_refused_lately(db, caller.actor.person.0, ACTION, &door).await? {
                return Ok(false);
            }
            let permit = Permit::tried(caller.actor.person);
            let fact = NewFact::refused(ACTION, "door", door).with("path", path).with("reason", refusal);
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
