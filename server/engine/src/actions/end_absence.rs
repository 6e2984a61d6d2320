//! Ends an absence before its last day, or calls it off before it begins. What the delegate voted meanwhile stays.

use super::move_absence::{Open, open};
use super::say_absence::fact;
use super::{Caller, audience};
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::store::absences;
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::absence::Absence;
use domain::ids::{AbsenceId, PersonId};
use domain::notice::NoticeKind;

/// Ends it now; returns whose absence it was. Refused: one that is over.
pub async fn end_absence(engine: &Engine, caller: &Caller, id: AbsenceId) -> Result<PersonId> {
    let caller = caller.clone();
    let person = transaction::run(engine.pool(), "end_absence", move |db| {
        let caller = caller.clone();
        Box::pin(async move {
            let Open { permit, absence, now } = open(db, &caller.actor, id).await?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let fact = ledger.fact(fact("absence.end", &absence)).await?;
            absences::end(ledger.db(), id, caller.actor.person).await?;
            let over = Absence { ends: now, ..absence };
            audience::tell_of_absence(&mut ledger, NoticeKind::AbsenceChanged, &over, fact).await?;
            Ok(over.person)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Notifier, Wake::Sealer]).await;
    Ok(person)
}
