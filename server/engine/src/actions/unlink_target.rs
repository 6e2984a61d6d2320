//! Takes a link between two databases away.

use super::{Caller, scope};
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::TargetId;
use domain::permission::Verb;
use domain::target::in_use;

/// Takes it away, whichever side said it. Refused: a database that is retired or deleted, and two that are not linked.
pub async fn unlink_target(engine: &Engine, caller: &Caller, target: TargetId, other: TargetId) -> Result<()> {
    let (found, permit) = scope::target(engine, caller, target, Verb::ManageTarget).await?;
    in_use(found.state)?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "unlink_target", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, &request);
            if !store::target_links::remove(ledger.db(), target, other).await? {
                return Err(Refusal::new(
                    "moved_on",
                    "These two databases are not linked, or not any more.",
                    "Look at the page as it is now.",
                )
                .into());
            }
            let fact = NewFact::done("target.unlink", "target", target).of_team(found.team).with("other", other.to_string());
            ledger.fact(fact).await.map(drop)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
