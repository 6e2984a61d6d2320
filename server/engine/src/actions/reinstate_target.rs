//! Takes a retired database back into use: with its password typed anew, and not ready before a connection test has passed.

use super::{Caller, ask_examination, elevated, scope};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{credentials, store, transaction};
use domain::decision::{FormCheck, Refusal};
use domain::examination::Question;
use domain::fact::NewFact;
use domain::ids::TargetId;
use domain::permission::Verb;
use domain::target::{self, TargetState};
use secrecy::{ExposeSecret as _, SecretString};

/// Reinstates the registration as it was, with this password; the test that is asked for says whether it is still the same database.
///
/// # Errors
/// A database that was not retired; a missing password; no worker key; no right in that team.
pub async fn reinstate_target(engine: &Engine, caller: &Caller, id: TargetId, password: &SecretString) -> Result<()> {
    let (target, permit) = scope::target(engine, caller, id, Verb::ManageTarget).await?;
    if target.state != TargetState::Retired {
        return Err(not_retired(target.state));
    }
    let by = permit.person().ok_or_else(|| Error::internal("a database is taken back by a person"))?;
    let mut form = FormCheck::default();
    target::check_password(&target.registration.place, password.expose_secret(), &mut form);
    form.finish(Some(()))?;
    elevated(&caller.actor)?;
    let (request, password) = (caller.request.clone(), password.clone());
    transaction::run(engine.pool(), "reinstate_target", move |db| {
        let (permit, request, password) = (permit.clone(), request.clone(), password.clone());
        let (place, short_name) = (target.registration.place.clone(), target.registration.short_name.clone());
        Box::pin(async move {
            store::targets::lock(db, id).await?;
            if !store::targets::reinstate(db, id).await? {
                return Err(scope::moved_on());
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            if !password.expose_secret().is_empty() {
                credentials::store_password(ledger.db(), id, &place, &password, by).await?;
            }
            ledger.fact(NewFact::done("target.reinstate", "target", id).of_team(target.team).with("short_name", short_name)).await?;
            ask_examination::apply(&mut ledger, id, target.team, &Question::ConnectionTest).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Examiner, Wake::Sealer]).await;
    Ok(())
}

fn not_retired(state: TargetState) -> Error {
    let way_out = if state == TargetState::Deleted { "Register it again: its name is free." } else { "" };
    Refusal::new("not_retired", format!("This database is “{}”, not retired.", state.label()), way_out).into()
}
