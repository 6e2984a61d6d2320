//! An administrator gives somebody a new password, or a first one.

use super::{Caller, elevated};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{passwords, store, transaction};
use domain::fact::NewFact;
use domain::ids::PersonId;
use domain::permission::{Verb, authorize};
use domain::voice::Changed;
use secrecy::SecretString;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// The password, told to the person by another way.
    pub password: SecretString,
}

/// Sets the password, ends the person's sessions. Whoever knows another person's password could vote for them: so no vote of theirs counts for
/// 24 hours, and never on windows of this administrator until then.
pub async fn reset_password(engine: &Engine, caller: &Caller, person: PersonId, input: &Input) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::ManagePeople, None)?;
    elevated(&caller.actor)?;
    passwords::judge("password", &input.password, &[]).map_err(|error| Error::Invalid(vec![error]))?;
    let hash = passwords::hash(&input.password).await?;
    let (request, by) = (caller.request.clone(), caller.actor.person);
    transaction::run(engine.pool(), "reset_password", move |db| {
        let (permit, request, hash) = (permit.clone(), request.clone(), hash.clone());
        Box::pin(async move {
            store::people::lock(db, person).await?.ok_or(Error::NotFound)?;
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(NewFact::done("person.reset_password", "person", person)).await?;
            store::people::put_account(ledger.db(), person, &hash).await?;
            store::people::pause_votes(ledger.db(), person, Changed::Password, by).await?;
            store::sessions::end_all(ledger.db(), person).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
