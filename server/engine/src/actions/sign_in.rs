//! Signs a person in by address and password. Every failure reads the same, costs the same, and is a fact once a minute.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
pub use crate::store::sign_ins::SignedIn;
use crate::throttle::Guess;
use crate::wake::{Wake, wake};
use crate::{passwords, store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::PersonId;
use domain::permission::{Permit, Verb, authorize};
use secrecy::SecretString;
use std::net::IpAddr;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// The address.
    pub email: String,
    /// The password.
    pub password: SecretString,
}

fn failed() -> Error {
    Error::Refused(Refusal::new(
        "sign_in_failed",
        "Address and password do not belong together.",
        "Check both. After several failures signing in pauses for up to five minutes. If you lost your password, have a link mailed to you.",
    ))
}

/// How far a good password leads.
#[derive(Debug, Clone, Copy)]
pub enum Entered {
    /// All the way.
    In(SignedIn),
    /// To the second factor of this person, in this epoch: nobody is signed in yet.
    Half(PersonId, i64),
}

/// Signs in, or half-way where the person has a second factor. The caller makes the session; this checks, counts and writes the facts.
pub async fn sign_in(engine: &Engine, request: &str, input: &Input, address: IpAddr) -> Result<Entered> {
    let guess = Guess::sign_in(engine.pool(), &input.email, address).await.inspect_err(|error| {
        if matches!(error, Error::Refused(_)) {
            count("throttled");
        }
    })?;
    let email = domain::people::email("email", &input.email).ok();
    let known = match &email {
        Some(email) => store::people::sign_in_of(engine.pool(), email).await?,
        None => None,
    };
    let usable = known.as_ref().filter(|known| known.active && !guess.paused());
    let good = passwords::verify(&input.password, usable.map(|known| known.hash.as_str())).await?;
    match usable.filter(|_| good) {
        Some(known) => succeed(engine, request, known, &guess, address).await.inspect(|_| count("done")),
        None => {
            count("failed");
            fail(engine, request, known.map(|known| known.person), &guess, address).await?;
            Err(failed())
        }
    }
}

fn count(outcome: &'static str) {
    crate::metrics::metrics().sign_ins.get_or_create(&[("outcome", outcome)]).inc();
}

async fn succeed(engine: &Engine, request: &str, known: &store::people::SignIn, guess: &Guess, address: IpAddr) -> Result<Entered> {
    let (person, hash, guess, request) = (known.person, known.hash.clone(), guess.clone(), request.to_owned());
    let entered = transaction::run(engine.pool(), "sign_in", move |db| {
        let (hash, guess, request) = (hash.clone(), guess.clone(), request.clone());
        Box::pin(async move {
            let actor = store::people::actor(db, person, false).await?.ok_or_else(failed)?;
            let permit = authorize(&actor, Verb::SeeOwn, None)?;
            // The password may have been changed, or the account begun to pause, while this one was verified.
            let epoch = store::people::epoch(db, person, &hash).await?.ok_or_else(failed)?;
            if !guess.succeeded(db).await? {
                return Err(failed());
            }
            let whole = store::factors::since(db, person).await?.is_none();
            let action = if whole { "session.start" } else { "session.password" };
            let fact = NewFact::done(action, "person", person).with("address", address.to_string());
            Ledger::open(db, &permit, &request).fact(fact).await?;
            Ok(if whole { Entered::In(SignedIn { person, epoch, factor: false }) } else { Entered::Half(person, epoch) })
        })
    })
    .await?;
    store::sessions::sweep(engine.pool()).await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(entered)
}

/// Counts a failure, in the same way whether somebody is known or not.
async fn fail(engine: &Engine, request: &str, person: Option<PersonId>, guess: &Guess, address: IpAddr) -> Result<()> {
    let (guess, request) = (guess.clone(), request.to_owned());
    transaction::run(engine.pool(), "sign_in_failed", move |db| {
        let (guess, request) = (guess.clone(), request.clone());
        Box::pin(async move {
            if guess.failed(db).await? {
                let whom = person.map_or("unknown".to_owned(), |person| person.to_string());
                let permit = Permit::system();
                Ledger::open(db, &permit, &request)
                    .fact(NewFact::refused("session.start", "person", whom).with("address", address.to_string()))
                    .await?;
            }
            Ok(())
        })
    })
    .await
}

/// Makes sure that the signed-in person knows their password; `field` is where the answer goes when not.
pub async fn confirm_password(engine: &Engine, caller: &Caller, field: &str, typed: &SecretString, address: IpAddr) -> Result<()> {
    let person = caller.actor.person;
    let guess = Guess::confirm(engine.pool(), person, address).await?;
    let stored = store::people::account(engine.pool(), person).await?.map(|(hash, _)| hash);
    let good = passwords::verify(typed, stored.as_deref()).await?;
    let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "confirm_password", move |db| {
        let (permit, request, guess) = (permit.clone(), request.clone(), guess.clone());
        Box::pin(async move {
            if good {
                return guess.succeeded(db).await.map(drop);
            }
            if guess.failed(db).await? {
                let fact = NewFact::refused("session.confirm", "person", person).with("address", address.to_string());
                Ledger::open(db, &permit, &request).fact(fact).await?;
            }
            Ok(())
        })
    })
    .await?;
    if good { Ok(()) } else { Err(Error::field(field, "This is not your password.")) }
}

/// The password was typed again: writes it down. The web side gives the session its few minutes of elevation.
pub async fn elevate(engine: &Engine, caller: &Caller, password: &SecretString, address: IpAddr) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
    confirm_password(engine, caller, "password", password, address).await?;
    let (request, person) = (caller.request.clone(), caller.actor.person);
    transaction::run(engine.pool(), "elevate", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(
            async move { Ledger::open(db, &permit, &request).fact(NewFact::done("session.confirm", "person", person)).await.map(drop) },
        )
    })
    .await
}
