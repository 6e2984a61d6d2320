//! Takes back that a window may pass a freeze: the freeze holds it again.

use super::override_freeze::{told, visible};
use super::{Caller, audience};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::freeze::may_freeze;
use domain::ids::FreezeId;
use domain::notice::NoticeKind;
use domain::people;
use std::collections::BTreeSet;

/// Withdraws the override, with a reason. Refused: no right over what the freeze covers; nothing to take back; a missing reason.
pub async fn withdraw_override(engine: &Engine, caller: &Caller, number: i64, freeze: FreezeId, reason: &str) -> Result<()> {
    let (caller, reason) = (caller.clone(), reason.to_owned());
    transaction::run(engine.pool(), "withdraw_override", move |db| {
        let (caller, reason) = (caller.clone(), reason.clone());
        Box::pin(async move {
            let window = visible(db, &caller, number).await?;
            if !store::freezes::passed(db, window.id, window.digest).await?.iter().any(|(id, _)| *id == freeze) {
                return Err(nothing().into());
            }
            let freeze = store::freezes::find(db, freeze).await?.ok_or_else(nothing)?.freeze;
            let permit = may_freeze(&caller.actor, freeze.scope)?;
            let by = permit.person().ok_or_else(|| Error::internal("an override is withdrawn by a person"))?;
            let reason = people::text("reason", &reason, 1, 2000).map_err(|error| vec![error])?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            ledger.lock_window(window.id).await?;
            if !store::freezes::withdraw(ledger.db(), freeze.id, (window.id, window.digest), by, &reason).await? {
                return Err(nothing().into());
            }
            let fact = told("window.withdraw_override", &window, &freeze).with("reason", reason);
            let fact = ledger.fact(fact).await?;
            let people = BTreeSet::from([window.owner, freeze.by]);
            audience::tell_owners(&mut ledger, &people, NoticeKind::FreezeChanged, freeze.id, fact).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}

fn nothing() -> Refusal {
    Refusal::new("moved_on", "There is nothing to take back: this plan may not pass that freeze.", "Look at the page again.")
}
