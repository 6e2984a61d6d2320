//! Signs a person in by address and password. Every failure reads the same, costs the same, and is a fact once a minute.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{passwords, store, throttle, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::PersonId;
use domain::permission::{Permit, Verb, authorize};
use jiff::SignedDuration;
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

/// Failures of one account before it pauses.
const FREE_FAILURES: i32 = 5;
/// Longest pause of an account: a stranger who knows an address cannot lock its person out for longer.
const LONGEST_PAUSE_S: i64 = 300;

/// Pause after this many failures in a row: 1 s, doubling, five minutes at most.
fn pause(failures: i32) -> SignedDuration {
    let beyond = u32::try_from(failures - FREE_FAILURES).unwrap_or(0).min(20);
    SignedDuration::from_secs(if failures < FREE_FAILURES { 0 } else { (1_i64 << beyond).min(LONGEST_PAUSE_S) })
}

fn failed() -> Error {
    Error::Refused(Refusal::new(
        "sign_in_failed",
        "Address and password do not belong together.",
        "Check both. After several failures signing in pauses for up to five minutes. If you lost your password, ask an administrator.",
    ))
}

/// Signs in. The caller makes the session; this checks, counts and writes the facts.
pub async fn sign_in(engine: &Engine, request: &str, input: &Input, address: IpAddr) -> Result<PersonId> {
    throttle::admit(address).inspect_err(|_| count("throttled"))?;
    let email = domain::people::email("email", &input.email).ok();
    let known = match &email {
        Some(email) => store::people::sign_in_of(engine.pool(), email).await?,
        None => None,
    };
    let usable = known.as_ref().filter(|known| known.active && known.blocked_until <= engine.clock().now());
    let good = passwords::verify(&input.password, usable.map(|known| known.hash.as_str())).await?;
    match usable.filter(|_| good) {
        Some(known) => succeed(engine, request, known, address).await.inspect(|_| count("done")),
        None => fail(engine, request, known.as_ref(), address).await.inspect_err(|_| count("failed")),
    }
}

fn count(outcome: &'static str) {
    crate::metrics::metrics().sign_ins.get_or_create(&[("outcome", outcome)]).inc();
}

async fn succeed(engine: &Engine, request: &str, known: &store::people::SignIn, address: IpAddr) -> Result<PersonId> {
    let (person, hash, request) = (known.person, known.hash.clone(), request.to_owned());
    transaction::run(engine.pool(), "sign_in", move |db| {
        let (hash, request) = (hash.clone(), request.clone());
        Box::pin(async move {
            let actor = store::people::actor(db, person, false).await?.ok_or_else(failed)?;
            let permit = authorize(&actor, Verb::SeeOwn, None)?;
            // The password may have been changed while this one was verified.
            if !store::people::clear_failures(db, person, &hash).await? {
                return Err(failed());
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(NewFact::done("session.start", "person", person).with("address", address.to_string())).await?;
            Ok(())
        })
    })
    .await?;
    store::sessions::sweep(engine.pool()).await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(person)
}

async fn fail(engine: &Engine, request: &str, known: Option<&store::people::SignIn>, address: IpAddr) -> Result<PersonId> {
    let person = known.map(|known| known.person);
    let blocked_until = known.map(|known| engine.clock().now() + pause(known.failures + 1));
    let tell = throttle::failed(address, person);
    let request = request.to_owned();
    transaction::run(engine.pool(), "sign_in_failed", move |db| {
        let request = request.clone();
        Box::pin(async move {
            if let Some((person, until)) = person.zip(blocked_until) {
                store::people::count_failure(db, person, until).await?;
            }
            if tell {
                let whom = person.map_or("unknown".to_owned(), |person| person.to_string());
                let permit = Permit::system();
                Ledger::open(db, &permit, &request)
                    .fact(NewFact::refused("session.start", "person", whom).with("address", address.to_string()))
                    .await?;
            }
            Ok(())
        })
    })
    .await?;
    Err(failed())
}

/// Makes sure that the signed-in person knows their password; `field` is where the answer goes when not.
pub async fn confirm_password(engine: &Engine, caller: &Caller, field: &str, typed: &SecretString, address: IpAddr) -> Result<()> {
    throttle::admit(address)?;
    let person = caller.actor.person;
    let stored = store::people::account(engine.pool(), person).await?.map(|(hash, _)| hash);
    if passwords::verify(typed, stored.as_deref()).await? {
        return Ok(());
    }
    if throttle::failed(address, Some(person)) {
        let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
        let request = caller.request.clone();
        transaction::run(engine.pool(), "confirm_password_failed", move |db| {
            let (permit, request) = (permit.clone(), request.clone());
            Box::pin(async move {
                let fact = NewFact::refused("session.confirm", "person", person).with("address", address.to_string());
                Ledger::open(db, &permit, &request).fact(fact).await.map(drop)
            })
        })
        .await?;
    }
    Err(Error::field(field, "This is not your password."))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end() {
        let seconds: Vec<_> = [1, 4, 5, 6, 7, 13, 14, 1000].into_iter().map(|failures| pause(failures).as_secs()).collect();
        assert_eq!(seconds, [0, 0, 1, 2, 4, 256, 300, 300]);
    }
}
