//! Ends every right of a person at once, or gives them back.

use super::edit_person::last_admin;
use super::{Caller, elevated};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::PersonId;
use domain::people::GlobalRole;
use domain::permission::{Verb, authorize};

/// Deactivates or reactivates; returns the numbers of open windows whose approval counted on this person.
pub async fn set_active(engine: &Engine, caller: &Caller, person: PersonId, active: bool) -> Result<Vec<i64>> {
    let permit = authorize(&caller.actor, Verb::ManagePeople, None)?;
    elevated(&caller.actor)?;
    if !active && person == caller.actor.person {
        return Err(Refusal::new("own_account", "You cannot deactivate yourself.", "Ask another administrator.").into());
    }
    let (request, by) = (caller.request.clone(), caller.actor.person);
    let windows = transaction::run(engine.pool(), "set_active", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            store::people::lock_first_run(db).await?;
            let known = store::people::lock(db, person).await?.ok_or(Error::NotFound)?;
            if known.active == active {
                return Ok(Vec::new());
            }
            if !active && known.global.contains(&GlobalRole::Admin) && store::people::other_admins(db, person).await? == 0 {
                return Err(last_admin().into());
            }
            let windows = if active { Vec::new() } else { store::people::windows_counting_on(db, person).await? };
            let mut ledger = Ledger::open(db, &permit, &request);
            let action = if active { "person.reactivate" } else { "person.deactivate" };
            ledger.fact(NewFact::done(action, "person", person).with("windows_counting_on_them", windows.clone())).await?;
            store::people::set_active(ledger.db(), person, active).await?;
            if active {
                store::people::pause_votes(ledger.db(), person, by).await?;
            } else {
                store::sessions::end_all(ledger.db(), person).await?;
            }
            Ok(windows)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer, Wake::Runner]).await;
    Ok(windows)
}
