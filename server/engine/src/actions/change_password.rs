//! A person changes their own password; every other session of theirs ends.

use super::sign_in::{SignedIn, confirm_password};
use super::{Caller, revoke_feed};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{passwords, store, transaction};
use domain::decision::FieldError;
use domain::fact::NewFact;
use domain::notice::{NewNotice, NoticeKind};
use domain::permission::{Verb, authorize};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Map;
use std::net::IpAddr;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// The password until now.
    pub old_password: SecretString,
    /// The new one.
    pub password: SecretString,
    /// The same again.
    pub password_again: SecretString,
}

/// Changes the password, ends all sessions and revokes the calendar feeds: the web side makes a new one for this browser.
pub async fn change_password(engine: &Engine, caller: &Caller, input: &Input, address: IpAddr) -> Result<SignedIn> {
    let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
    confirm_password(engine, caller, "old_password", &input.old_password, address).await?;
    let mut errors = Vec::new();
    if let Err(error) = passwords::judge("password", &input.password, &[&caller.actor.name]) {
        errors.push(error);
    } else if input.password.expose_secret() != input.password_again.expose_secret() {
        errors.push(FieldError::new("password_again", "The two passwords differ. Type the same one twice."));
    }
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let hash = passwords::hash(&input.password).await?;
    let (request, person) = (caller.request.clone(), caller.actor.person);
    let epoch = transaction::run(engine.pool(), "change_password", move |db| {
        let (permit, request, hash) = (permit.clone(), request.clone(), hash.clone());
        Box::pin(async move {
            // A feed that is being made at this moment is made before, and goes with the others.
            store::people::lock(db, person).await?.ok_or(Error::NotFound)?;
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact = ledger.fact(NewFact::done("person.change_password", "person", person)).await?;
            let notice = NewNotice::new(NoticeKind::PasswordChanged, person, Map::new());
            ledger.notice(&notice, None, None, None, fact).await?;
            revoke_feed::revoke_all(&mut ledger, person).await?;
            store::people::put_account(ledger.db(), person, &hash).await?;
            Ok(store::sign_ins::end_all(ledger.db(), person).await?)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(SignedIn { person, epoch, factor: caller.actor.factor })
}
