//! Takes a critical query out of use: windows proposed from now on do not time it.

use super::{Caller, scope};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::ids::TargetId;
use domain::permission::Verb;
use uuid::Uuid;

/// Retires the query; plans that name it already keep it.
///
/// # Errors
/// A query that is not in use on this database; no right in that team.
pub async fn retire_critical_query(engine: &Engine, caller: &Caller, id: TargetId, query: Uuid) -> Result<()> {
    let (target, permit) = scope::target(engine, caller, id, Verb::ManageTarget).await?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "retire_critical_query", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            let name = store::critical_queries::retire(db, id, query).await?.ok_or(Error::NotFound)?;
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(NewFact::done("target.retire_query", "target", id).of_team(target.team).with("name", name)).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
