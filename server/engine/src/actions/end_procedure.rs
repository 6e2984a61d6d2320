//! Takes a version of an own procedure back that waits, or ends the one that counts: nothing new is proposed with it then.

use super::Caller;
use super::agree_procedure::decided;
use super::propose_procedure::fact;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::own_procedures;
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::ids::OwnProcedureId;
use domain::permission::{Verb, authorize};

/// What was sent.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// `waits` or `counts`: what the page showed of it.
    pub shown: String,
}

/// Ends it; returns the key of the procedure, and whether it counted. Whoever may propose can: nothing is done by it that was not before.
pub async fn end_procedure(engine: &Engine, caller: &Caller, id: OwnProcedureId, input: &Input) -> Result<(String, bool)> {
    let permit = authorize(&caller.actor, Verb::ManageProcedures, None)?;
    let (request, input) = (caller.request.clone(), input.clone());
    let ended = transaction::run(engine.pool(), "end_procedure", move |db| {
        let (permit, request, input) = (permit.clone(), request.clone(), input.clone());
        Box::pin(async move {
            let by = permit.person().ok_or_else(|| Error::internal("a version is ended by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &request);
            own_procedures::lock(ledger.db()).await?;
            let key = own_procedures::key_of(ledger.db(), id).await?;
            let versions = own_procedures::versions(ledger.db(), Some(&key)).await?;
            let version = versions.iter().find(|version| version.id == id && version.ended.is_none()).ok_or_else(decided)?;
            if input.shown != (if version.counts() { "counts" } else { "waits" }) {
                return Err(decided().into());
            }
            own_procedures::end(ledger.db(), id, by).await?;
            let action = if version.counts() { "procedure.end" } else { "procedure.withdraw" };
            ledger.fact(fact(action, id, &version.procedure)).await?;
            Ok((key, version.counts()))
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(ended)
}
