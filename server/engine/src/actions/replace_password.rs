//! Replaces the stored password of a database: the old one is destroyed, and the connection is tested with the new one.

use super::{Caller, ask_examination, elevated, scope};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{credentials, store, transaction};
use domain::decision::FormCheck;
use domain::examination::Question;
use domain::fact::NewFact;
use domain::ids::TargetId;
use domain::permission::Verb;
use domain::target;
use secrecy::{ExposeSecret as _, SecretString};

/// Seals the new password to every admitted worker.
///
/// # Errors
/// An empty or unusable password; no worker key; a retired database; no right in that team.
pub async fn replace_password(engine: &Engine, caller: &Caller, id: TargetId, password: &SecretString) -> Result<()> {
    let (target, permit) = scope::target(engine, caller, id, Verb::ManageTarget).await?;
    elevated(&caller.actor)?;
    let by = permit.person().ok_or_else(|| Error::internal("a password is replaced by a person"))?;
    let mut form = FormCheck::default();
    if password.expose_secret().is_empty() {
        form.refuse("password", "Type the new password.");
    } else {
        target::check_password(&target.registration.place, password.expose_secret(), &mut form);
    }
    form.finish(Some(()))?;
    let (request, password) = (caller.request.clone(), password.clone());
    transaction::run(engine.pool(), "replace_password", move |db| {
        let (permit, request, password) = (permit.clone(), request.clone(), password.clone());
        Box::pin(async move {
            store::targets::lock(db, id).await?;
            // Read again under the lock: it is sealed to the address as it is now.
            let target = store::targets::find(db, id).await?.ok_or(Error::NotFound)?;
            target::in_use(target.state)?;
            super::rotate_password::refuse_while_rotating(db, id).await?;
            let mut ledger = Ledger::open(db, &permit, &request);
            let version = credentials::store_password(ledger.db(), id, &target.registration.place, &password, by).await?;
            ledger.fact(NewFact::done("target.replace_password", "target", id).of_team(target.team).with("version", version)).await?;
            ask_examination::apply(&mut ledger, id, target.team, &Question::ConnectionTest).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Examiner, Wake::Sealer]).await;
    Ok(())
}
