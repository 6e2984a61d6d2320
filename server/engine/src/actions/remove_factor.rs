//! Ends a second factor: by its person, who shows password and code once more, or by an administrator for somebody who lost both app and codes.

use super::sign_in::confirm_password;
use super::{Caller, elevated, factor};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::throttle::Guess;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::factor::{self as rules, Happened};
use domain::ids::PersonId;
use domain::people;
use domain::permission::{Verb, authorize};
use domain::voice::Changed;
use secrecy::{ExposeSecret as _, SecretString};
use std::net::IpAddr;

/// What the person typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Their password.
    pub password: SecretString,
    /// A code of the app, or a recovery code.
    pub code: SecretString,
}

/// What an administrator typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Reason {
    /// Why, for the trail and for the person.
    pub reason: String,
}

fn none() -> Error {
    Refusal::new("no_factor", "There is no second factor.", "").into()
}

/// Removes the own factor. From then on the password alone signs in, and no vote is known by a factor.
pub async fn remove_factor(engine: &Engine, caller: &Caller, input: &Input, address: IpAddr) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
    let typed = rules::typed("code", input.code.expose_secret()).map_err(|slip| Error::Invalid(vec![slip]))?;
    confirm_password(engine, caller, "password", &input.password, address).await?;
    let key = factor::key(engine)?;
    let (request, person) = (caller.request.clone(), caller.actor.person);
    let guess = Guess::factor(engine.pool(), person, address).await?;
    let done = transaction::run(engine.pool(), "remove_factor", move |db| {
        let (permit, request, typed, guess, key) = (permit.clone(), request.clone(), typed.clone(), guess.clone(), key.clone());
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, &request);
            let Some(proof) = factor::prove(ledger.db(), &key, person, &typed).await? else {
                factor::wrong(&mut ledger, &guess, person, address).await?;
                return Ok(false);
            };
            // Somebody else may have begun the pause meanwhile: then nothing is taken, and the code is good again.
            if !guess.succeeded(ledger.db()).await? {
                return Err(Error::field("code", WRONG));
            }
            if !store::factors::remove(ledger.db(), person).await? {
                return Err(none());
            }
            let fact = ledger.fact(NewFact::done("factor.remove", "person", person).with("shown", proof.word())).await?;
            factor::tell(&mut ledger, person, Happened::Removed, &[], fact).await?;
            Ok(true)
        })
    })
    .await?;
    if !done {
        return Err(Error::field("code", WRONG));
    }
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer, Wake::Runner]).await;
    Ok(())
}

/// What is said of a code that is none.
pub(super) const WRONG: &str =
    "This code is not good, or it was used before. Wait for the next one of your app, or use another recovery code.";

/// Removes somebody else's factor. They are told and signed out everywhere; no vote of theirs counts for 24 hours, nor ever on windows of this
/// administrator that are there by then: otherwise whoever resets both password and factor could vote in their name.
pub async fn take_factor_away(engine: &Engine, caller: &Caller, person: PersonId, input: &Reason) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::ManagePeople, None)?;
    elevated(&caller.actor)?;
    if person == caller.actor.person {
        return Err(Refusal::new("own_factor", "This is your own second factor.", "Remove it on your profile, with a code of it.").into());
    }
    let reason = people::text("reason", &input.reason, 1, 2000).map_err(|error| Error::Invalid(vec![error]))?;
    let (request, by, by_name) = (caller.request.clone(), caller.actor.person, caller.actor.name.clone());
    transaction::run(engine.pool(), "take_factor_away", move |db| {
        let (permit, request, reason, by_name) = (permit.clone(), request.clone(), reason.clone(), by_name.clone());
        Box::pin(async move {
            store::people::lock(db, person).await?.ok_or(Error::NotFound)?;
            if !store::factors::remove(db, person).await? {
                return Err(none());
            }
            store::people::pause_votes(db, person, Changed::Factor, by).await?;
            store::sign_ins::end_all(db, person).await?;
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact = ledger.fact(NewFact::done("factor.take_away", "person", person).with("reason", reason.clone())).await?;
            let more = [("by", by_name.into()), ("reason", reason.into())];
            factor::tell(&mut ledger, person, Happened::TakenAway, &more, fact).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer, Wake::Runner]).await;
    Ok(())
}
