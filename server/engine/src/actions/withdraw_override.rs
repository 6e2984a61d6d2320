//! Takes back that a window may pass a freeze: the freeze holds it again.

use super::Caller;
use super::override_freeze::{Change, tell, visible};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::freeze::may_freeze;
use domain::ids::FreezeId;
use domain::people;

/// Withdraws the override, with a reason. Refused: no right over what the freeze covers; nothing to take back; a missing reason.
pub async fn withdraw_override(engine: &Engine, caller: &Caller, number: i64, freeze: FreezeId, reason: &str) -> Result<()> {
    let (caller, reason) = (caller.clone(), reason.to_owned());
    transaction::run(engine.pool(), "withdraw_override", move |db| {
        let (caller, reason) = (caller.clone(), reason.clone());
        Box::pin(async move {
            let window = visible(db, &caller, number).await?;
            if !store::freeze_overrides::passed(db, window.id, window.digest).await?.iter().any(|(id, _)| *id == freeze) {
                return Err(nothing().into());
            }
            let freeze = store::freezes::find(db, freeze).await?.ok_or_else(nothing)?.freeze;
            let permit = may_freeze(&caller.actor, &freeze.scope)?;
            let by = permit.person().ok_or_else(|| Error::internal("an override is withdrawn by a person"))?;
            let reason = people::text("reason", &reason, 1, 2000).map_err(|error| vec![error])?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            ledger.lock_window(window.id).await?;
            if !store::freeze_overrides::withdraw(ledger.db(), freeze.id, (window.id, window.digest), by, &reason).await? {
                return Err(nothing().into());
            }
            tell(&mut ledger, &caller, Change::Withdrawn, &window, &freeze, reason).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}

fn nothing() -> Refusal {
    Refusal::new("moved_on", "There is nothing to take back: this plan may not pass that freeze.", "Look at the page again.")
}
