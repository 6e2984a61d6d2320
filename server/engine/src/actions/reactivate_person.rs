//! Gives a person their rights back. Whoever could vote in their name meanwhile must not: so their votes rest for 24 hours.

use super::{Caller, elevated};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::ids::PersonId;
use domain::permission::{Verb, authorize};
use domain::voice::Changed;

/// Reactivates; somebody who is active stays as they are.
pub async fn reactivate_person(engine: &Engine, caller: &Caller, person: PersonId) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::ManagePeople, None)?;
    elevated(&caller.actor)?;
    let (request, by) = (caller.request.clone(), caller.actor.person);
    transaction::run(engine.pool(), "reactivate_person", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            if store::people::lock(db, person).await?.ok_or(Error::NotFound)?.active {
                return Ok(());
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(NewFact::done("person.reactivate", "person", person)).await?;
            store::people::pause_votes(ledger.db(), person, Changed::Return, by).await?;
            Ok(store::people::set_active(ledger.db(), person, true).await?)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
