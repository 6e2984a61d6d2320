//! The first code of a second factor: from now on it is asked for at every sign-in of this person.

use super::{Caller, elevated, factor};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::throttle::Guess;
use crate::wake::{Wake, wake};
use crate::{clock, second_factor, store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::factor::{self as rules, Happened, RECOVERY_CODES, Typed};
use domain::ids::SessionId;
use domain::permission::{Verb, authorize};
use secrecy::{ExposeSecret as _, SecretString};
use std::net::IpAddr;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// The code that the app shows.
    pub code: SecretString,
}

fn too_late() -> Error {
    Refusal::new("set_up_too_late", "Setting it up took too long, or was begun anew elsewhere.", "Begin again: your app gets a new secret.")
        .into()
}

fn wrong() -> Error {
    let text = "This is not the code that your app shows now. Wait for the next one, and see that your device's clock is right.";
    Error::field("code", text)
}

/// Turns the factor on and gives the recovery codes, which are shown once. Every other session of the person ends: none of them showed it.
pub async fn confirm_factor(
    engine: &Engine,
    caller: &Caller,
    session: Option<SessionId>,
    input: &Input,
    address: IpAddr,
) -> Result<Vec<SecretString>> {
    let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
    elevated(&caller.actor)?;
    let session = session.ok_or_else(|| Error::internal("a form of a signed-in person comes from a session"))?;
    let Typed::Code(digits) = rules::typed("code", input.code.expose_secret()).map_err(|slip| Error::Invalid(vec![slip]))? else {
        return Err(Error::field("code", "Type the six digits that your app shows now."));
    };
    let (key, person) = (factor::key(engine)?, caller.actor.person);
    let guess = Guess::factor(engine.pool(), person, address).await?;
    let codes: Vec<SecretString> = std::iter::repeat_with(|| rules::recovery_code(clock::random()).into()).take(RECOVERY_CODES).collect();
    let macs = codes.iter().map(|code| key.recovery_mac(person, code.expose_secret()).map(Vec::from)).collect::<Result<Vec<_>>>()?;
    let pending = {
        let mut db = engine.pool().acquire().await?;
        store::factors::of(&mut db, person)
            .await?
            .filter(|factor| factor.since.is_none() && factor.now < factor.until)
            .ok_or_else(too_late)?
    };
    let step = second_factor::step_of(&factor::secret(&key, person, &pending)?, &digits, pending.now)?;
    let (request, sealed) = (caller.request.clone(), pending.sealed);
    let done = transaction::run(engine.pool(), "confirm_factor", move |db| {
        let (permit, request, macs, guess, sealed) = (permit.clone(), request.clone(), macs.clone(), guess.clone(), sealed.clone());
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, &request);
            let Some(step) = step else {
                factor::wrong(&mut ledger, &guess, person, address).await?;
                return Ok(false);
            };
            // The account first, as every end of sessions takes it: a sign-in under way ends with it.
            store::sign_ins::end_others(ledger.db(), person, session).await?;
            if !store::factors::confirm(ledger.db(), person, &sealed, step).await? {
                return Err(too_late());
            }
            store::factors::add_recovery_codes(ledger.db(), person, &macs).await?;
            // Somebody else may have begun the pause meanwhile: then nothing is turned on.
            if !guess.succeeded(ledger.db()).await? {
                return Err(wrong());
            }
            let fact = ledger.fact(NewFact::done("factor.set", "person", person)).await?;
            factor::tell(&mut ledger, person, Happened::Set, &[], fact).await?;
            Ok(true)
        })
    })
    .await?;
    if !done {
        return Err(wrong());
    }
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(codes.iter().map(|code| rules::shown(code.expose_secret()).into()).collect())
}
