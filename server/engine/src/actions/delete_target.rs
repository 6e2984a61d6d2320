//! Deletes a retired registration for ever: its secrets, stakeholders and contacts go, its name is free; windows, runs and facts stay.

use super::{Caller, elevated, scope};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::TargetId;
use domain::permission::Verb;
use domain::target::TargetState;

/// Deletes the database after its short name was typed.
///
/// # Errors
/// Another name typed; a database that was not retired first; no lead of the owner team.
pub async fn delete_target(engine: &Engine, caller: &Caller, id: TargetId, typed: &str) -> Result<()> {
    let (target, permit) = scope::target(engine, caller, id, Verb::DeleteTarget).await?;
    let short_name = target.registration.short_name;
    if target.state != TargetState::Retired {
        return Err(Refusal::new(
            "not_retired",
            format!("This database is “{}”.", target.state.label()),
            if target.state == TargetState::Deleted { "" } else { "Retire it first: that is the step that can be taken back." },
        )
        .into());
    }
    if typed.trim() != short_name {
        return Err(Error::field("confirm", format!("Type {short_name} to confirm: deleting cannot be taken back.")));
    }
    elevated(&caller.actor)?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "delete_target", move |db| {
        let (permit, request, short_name) = (permit.clone(), request.clone(), short_name.clone());
        Box::pin(async move {
            store::targets::lock(db, id).await?;
            // Before: nothing about a deleted database changes any more.
            store::targets::replace_stakeholders(db, id, &[]).await?;
            store::critical_queries::retire_all(db, id).await?;
            store::secrets::erase(db, id).await?;
            if !store::targets::delete(db, id).await? {
                return Err(scope::moved_on());
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(NewFact::done("target.delete", "target", id).of_team(target.team).with("short_name", short_name)).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
