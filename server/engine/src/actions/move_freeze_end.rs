//! Gives a freeze that is not over another end.

use super::{Caller, audience, lift_freeze};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::freeze::EndForm;
use domain::ids::FreezeId;
use domain::notice::NoticeKind;
use jiff::tz::TimeZone;

/// Moves the end, with a reason. Owners of windows that it meets, or met before, are told.
///
/// # Errors
/// No right over what it covers; over, lifted, or changed meanwhile; fields, all at once.
pub async fn move_freeze_end(engine: &Engine, caller: &Caller, id: FreezeId, form: &EndForm) -> Result<()> {
    let (caller, form) = (caller.clone(), form.clone());
    transaction::run(engine.pool(), "move_freeze_end", move |db| {
        let (caller, form) = (caller.clone(), form.clone());
        Box::pin(async move {
            let (before, permit, now) = lift_freeze::load(db, &caller.actor, id).await?;
            let zone = TimeZone::get(&before.zone).map_err(|_| Error::internal(format!("unknown zone {}", before.zone)))?;
            let (end, reason) = form.parse(before.start, &zone, now)?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let mut owners = store::freezes::owners_met(ledger.db(), id).await?;
            if !store::freezes::move_end(ledger.db(), id, form.revision, end).await? {
                return Err(moved_on().into());
            }
            let mut fact = NewFact::done("freeze.move_end", "freeze", id)
                .with("name", before.name)
                .with("before", before.end.to_string())
                .with("after", end.to_string())
                .with("reason", reason);
            if let Some(team) = before.scope.team() {
                fact = fact.of_team(team);
            }
            let fact = ledger.fact(fact).await?;
            owners.extend(store::freezes::owners_met(ledger.db(), id).await?);
            audience::tell_owners(&mut ledger, &owners, NoticeKind::FreezeChanged, id, None, fact).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}

fn moved_on() -> Refusal {
    Refusal::new("moved_on", "Somebody changed this freeze meanwhile.", "Look at it as it is now, and decide again.")
}
