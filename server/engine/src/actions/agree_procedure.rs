//! Agrees to a version of an own procedure that somebody else proposed. It counts from then on, in the place of the one before.

use super::Caller;
use super::propose_procedure::{fact, taken};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::{self, own_procedures};
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::canonical::Digest;
use domain::decision::Refusal;
use domain::ids::OwnProcedureId;
use domain::permission::{Verb, authorize};
use domain::procedure::own::may_agree;
use std::collections::BTreeSet;

/// What was sent.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Digest of what the page showed, 64 hex digits.
    pub digest: String,
}

/// Agrees; returns the key of the procedure.
///
/// Refused: whoever proposed it, people whom the proposer changed or whose votes rest, a version that was decided meanwhile, one whose steps the
/// library has otherwise by now, and one whose name another procedure has by now.
pub async fn agree_procedure(engine: &Engine, caller: &Caller, id: OwnProcedureId, input: &Input) -> Result<String> {
    let permit = authorize(&caller.actor, Verb::ManageProcedures, None)?;
    let (request, input) = (caller.request.clone(), input.clone());
    let key = transaction::run(engine.pool(), "agree_procedure", move |db| {
        let (permit, request, input) = (permit.clone(), request.clone(), input.clone());
        Box::pin(async move {
            let person = permit.person().ok_or_else(|| Error::internal("a version is agreed to by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &request);
            own_procedures::lock(ledger.db()).await?;
            let key = own_procedures::key_of(ledger.db(), id).await?;
            let versions = own_procedures::versions(ledger.db(), Some(&key)).await?;
            let version = versions.iter().find(|version| version.id == id && version.waits()).ok_or_else(decided)?;
            if Digest::from_hex(input.digest.trim()) != Some(version.digest) {
                return Err(Refusal::new("moved_on", "This is not the version that your page showed.", "Look at the page again.").into());
            }
            let voices = store::voices::towards(ledger.db(), version.proposed_by, version.proposed_at, &BTreeSet::from([person])).await?;
            let voice = voices.get(&person).ok_or(Error::NotFound)?;
            may_agree(person, version.proposed_by, voice, &version.procedure)?;
            let name = version.procedure.name.to_lowercase();
            if taken(ledger.db(), &key).await?.iter().any(|other| other.to_lowercase() == name) {
                let message = format!("Another procedure is called “{}” by now.", version.procedure.name);
                return Err(Refusal::new("name_taken", message, "Take this version back and propose it under another name.").into());
            }
            if let Some(before) = versions.iter().find(|version| version.counts()) {
                own_procedures::end(ledger.db(), before.id, person).await?;
            }
            own_procedures::agree(ledger.db(), id, person).await?;
            ledger.fact(fact("procedure.agree", id, &version.procedure).with("proposed_by", version.proposed_by.to_string())).await?;
            Ok(key)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(key)
}

/// The refusal for a version of which something became meanwhile.
pub(super) fn decided() -> Refusal {
    Refusal::new("moved_on", "This version was decided about meanwhile.", "Look at the page again.")
}
