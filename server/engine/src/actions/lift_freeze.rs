//! Lifts a freeze: ends it early, or calls it off before it begins. Approved windows start again at their times.

use super::{Caller, audience, hide};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::freeze::{Freeze, Phase, may_freeze};
use domain::ids::FreezeId;
use domain::notice::NoticeKind;
use domain::people;
use domain::permission::{Actor, Permit};
use jiff::Timestamp;
use sqlx::PgConnection;

/// Lifts, with a reason. Owners of windows that it met are told.
///
/// # Errors
/// No right over what it covers; over or lifted already; a missing reason.
pub async fn lift_freeze(engine: &Engine, caller: &Caller, id: FreezeId, reason: &str) -> Result<()> {
    let (caller, reason) = (caller.clone(), reason.to_owned());
    transaction::run(engine.pool(), "lift_freeze", move |db| {
        let (caller, reason) = (caller.clone(), reason.clone());
        Box::pin(async move {
            let (freeze, permit, _) = load(db, &caller.actor, id).await?;
            let by = permit.person().ok_or_else(|| Error::internal("a freeze is lifted by a person"))?;
            let reason = people::text("reason", &reason, 1, 2000).map_err(|error| vec![error])?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let owners = store::freezes::owners_met(ledger.db(), id).await?;
            if !store::freezes::lift(ledger.db(), id, by, &reason).await? {
                return Err(over(Phase::Lifted).into());
            }
            let mut fact = NewFact::done("freeze.lift", "freeze", id)
                .with("name", freeze.name)
                .with("end", freeze.end.to_string())
                .with("reason", reason);
            if let Some(team) = freeze.scope.team() {
                fact = fact.of_team(team);
            }
            let fact = ledger.fact(fact).await?;
            audience::tell_owners(&mut ledger, &owners, NoticeKind::FreezeChanged, id, None, fact).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}

/// The freeze, its row taken, the permit to change it, and the time by the database's clock; one that is over is refused.
pub(super) async fn load(db: &mut PgConnection, actor: &Actor, id: FreezeId) -> Result<(Freeze, Permit, Timestamp)> {
    let freeze = store::freezes::lock(db, id).await?.freeze;
    let now = store::runs::now(db).await?;
    let permit = may_freeze(actor, &freeze.scope).map_err(|refusal| match freeze.scope.team() {
        Some(team) => hide(actor, team, refusal),
        None => refusal.into(),
    })?;
    match freeze.phase(now) {
        Phase::Coming | Phase::Now => Ok((freeze, permit, now)),
        phase => Err(over(phase).into()),
    }
}

fn over(phase: Phase) -> Refusal {
    let message = if phase == Phase::Lifted { "This freeze was lifted already." } else { "This freeze is over." };
    Refusal::new("freeze_over", message, "Make a new one if something has to be frozen again.")
}
