//! Takes a critical query out of use: windows proposed from now on do not time it.

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
use domain::target::TargetState;
use uuid::Uuid;

/// Retires the query; plans that name it already keep it.
///
/// # Errors
/// A query that is not in use on this database; no right in that team.
pub async fn retire_critical_query(engine: &Engine, caller: &Caller, id: TargetId, query: Uuid) -> Result<()> {
    let (target, permit) = scope::target(engine, caller, id, Verb::ManageTarget).await?;
    if target.state == TargetState::Retired {
        return Err(super::retire_target::retired());
    }
    let request = caller.request.clone();
    transaction::run(engine.pool(), "retire_critical_query", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            let name = store::critical_queries::retire(db, id, query).await?.ok_or_else(not_in_use)?;
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(NewFact::done("target.retire_query", "target", id).of_team(target.team).with("name", name)).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}

/// Somebody was quicker, or the page is older than the list.
fn not_in_use() -> Refusal {
    Refusal::new("moved_on", "This query is not in use on this database any more.", "Look at the list again.")
}
