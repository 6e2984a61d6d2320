//! Proposes a version of an own procedure, from its file. It counts once somebody else agrees; what is sealed in plans stays as it is.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::receiver::registered;
use crate::store::own_procedures::{self, Version};
use crate::store::webhooks;
use crate::wake::{Wake, wake};
use crate::{change, clock, procedure_file, transaction};
use domain::decision::{FieldError, Refusal};
use domain::fact::NewFact;
use domain::ids::OwnProcedureId;
use domain::permission::{Verb, authorize};
use domain::procedure::own::changes;
use domain::procedure::own_file::{FIELD, File};
use domain::procedure::{Procedure, library};
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// What was typed, pasted or chosen.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// A chosen file.
    pub file: String,
    /// Typed or pasted text, where no file was chosen.
    pub text: String,
    /// Key of the procedure that the page is about; nothing where it is about a new one.
    pub of: String,
    /// The version of it that counted when the page was shown; nothing where none did.
    pub base: String,
}

/// Proposes it; returns its key.
///
/// # Errors
/// The file (everything wrong with it at once), a version that waits already, a version that came to count meanwhile, nothing that differs.
pub async fn propose_procedure(engine: &Engine, caller: &Caller, input: &Input) -> Result<String> {
    let permit = authorize(&caller.actor, Verb::ManageProcedures, None)?;
    let text = if input.file.trim().is_empty() { &input.text } else { &input.file };
    let file = procedure_file::read(text).map_err(|error| vec![error])?;
    let (request, input) = (caller.request.clone(), Input { file: String::new(), text: String::new(), ..input.clone() });
    let key = transaction::run(engine.pool(), "propose_procedure", move |db| {
        let (permit, request, file, input) = (permit.clone(), request.clone(), file.clone(), input.clone());
        Box::pin(async move {
            let by = permit.person().ok_or_else(|| Error::internal("a procedure is proposed by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &request);
            own_procedures::lock(ledger.db()).await?;
            let versions = own_procedures::versions(ledger.db(), Some(&file.key)).await?;
            let procedure = next(ledger.db(), &file, &versions, &input).await?;
            let id: OwnProcedureId = clock::new_id();
            own_procedures::insert(ledger.db(), id, &procedure, by).await?;
            ledger.fact(fact("procedure.propose", id, &procedure).with("procedure", serde_json::to_value(&procedure)?)).await?;
            Ok(procedure.key)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(key)
}

/// The version that the file would be, after those there are.
async fn next(db: &mut PgConnection, file: &File, versions: &[Version], input: &Input) -> Result<Procedure> {
    let number = versions.iter().map(|version| version.procedure.version).max().unwrap_or(0) + 1;
    let procedure = file.read(number, &taken(db, &file.key).await?)?;
    change::check_own(&procedure)?;
    check_receivers(db, &procedure).await?;
    if let Some(waits) = versions.iter().find(|version| version.waits()) {
        return Err(Refusal::new(
            "change_waits",
            format!("Version {} of “{}” waits for somebody's agreement already.", waits.procedure.version, waits.procedure.name),
            "Let it be decided, or take it back, before you propose another one.",
        )
        .into());
    }
    let current = versions.iter().find(|version| version.counts()).map(|version| &version.procedure);
    if let Some(current) = current {
        if input.of.trim() != file.key {
            let message = format!(
                "key: {} is “{}”, of which version {} counts. Choose another key; a version of that one is proposed on its own page.",
                file.key, current.name, current.version
            );
            return Err(Error::field("text", message));
        }
        if input.base.trim().parse() != Ok(current.version) {
            let message = format!("Version {} counts meanwhile, which your page did not show.", current.version);
            return Err(Refusal::new("moved_on", message, "Compare with what is there now, then propose it again.").into());
        }
    }
    if current.is_some_and(|current| changes(current, &procedure).is_empty()) {
        return Err(Error::field("text", "This does the same as the version that counts. There is nothing to propose."));
    }
    Ok(procedure)
}

/// Whether everybody whom it calls is registered as the file says.
async fn check_receivers(db: &mut PgConnection, procedure: &Procedure) -> Result<()> {
    let mut errors = Vec::new();
    for (call, n) in procedure.calls().iter().zip(1..) {
        if let Err(why) = registered(webhooks::receivers(db, &call.receiver).await?, call) {
            errors.push(FieldError::new(FIELD, format!("webhook {n}, receiver: {why}")));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors.into()) }
}

/// Names of all other procedures.
pub(super) async fn taken(db: &mut PgConnection, key: &str) -> Result<BTreeSet<String>> {
    let own = own_procedures::versions(db, None).await?;
    let own = own.into_iter().map(|version| version.procedure).filter(|procedure| procedure.key != key);
    Ok(library::all().into_iter().chain(own).map(|procedure| procedure.name).collect())
}

/// What a fact says of a version.
pub(super) fn fact(action: &'static str, id: OwnProcedureId, procedure: &Procedure) -> NewFact {
    NewFact::done(action, "procedure", id)
        .with("key", procedure.key.clone())
        .with("name", procedure.name.clone())
        .with("version", procedure.version)
        .with("digest", procedure.digest().hex())
}
