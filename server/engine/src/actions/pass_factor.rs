//! The second half of a sign-in: a code after the password. Until it came nobody is signed in.

use super::factor;
use super::keep_session::SessionKey;
use super::remove_factor::WRONG;
use super::sign_in::SignedIn;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::throttle::Guess;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::factor::{self as rules, Happened};
use domain::permission::{Verb, authorize};
use secrecy::{ExposeSecret as _, SecretString};
use std::net::IpAddr;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// A code of the app, or a recovery code.
    pub code: SecretString,
}

/// Code of the refusal that leads back to the password.
pub const BEGIN_AGAIN: &str = "sign_in_again";

fn begin_again() -> Error {
    Refusal::new(BEGIN_AGAIN, "Your sign-in took too long, or was ended.", "Begin again with your password.").into()
}

/// Signs in whoever typed the password in this session. A wrong code is counted, and is a fact once a minute; the use of a recovery code is told by
/// mail.
pub async fn pass_factor(engine: &Engine, request: &str, session: Option<SessionKey>, input: &Input, address: IpAddr) -> Result<SignedIn> {
    let typed = rules::typed("code", input.code.expose_secret()).map_err(|slip| Error::Invalid(vec![slip]))?;
    let half = match session {
        Some(session) => store::sign_ins::half(&mut *engine.pool().acquire().await?, &session).await?,
        None => None,
    };
    let (person, epoch) = half.ok_or_else(begin_again)?;
    let key = factor::key(engine)?;
    let guess = Guess::factor(engine.pool(), person, address).await?;
    let request = request.to_owned();
    let passed = transaction::run(engine.pool(), "pass_factor", move |db| {
        let (typed, guess, request, key) = (typed.clone(), guess.clone(), request.clone(), key.clone());
        Box::pin(async move {
            let actor = store::people::actor(db, person, false).await?.ok_or_else(begin_again)?;
            let permit = authorize(&actor, Verb::SeeOwn, None)?;
            let mut ledger = Ledger::open(db, &permit, &request);
            let Some(proof) = factor::prove(ledger.db(), &key, person, &typed).await? else {
                factor::wrong(&mut ledger, &guess, person, address).await?;
                return Ok(false);
            };
            // Somebody else may have begun the pause meanwhile: then nothing is taken, and the code is good again.
            if !guess.succeeded(ledger.db()).await? {
                return Err(Error::field("code", WRONG));
            }
            let start = NewFact::done("session.start", "person", person).with("address", address.to_string()).with("factor", proof.word());
            let fact = ledger.fact(start).await?;
            if let factor::Proof::Recovery(left) = proof {
                factor::tell(&mut ledger, person, Happened::Recovered, &[("left", left.into())], fact).await?;
            }
            Ok(true)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    if passed { Ok(SignedIn { person, epoch, factor: true }) } else { Err(Error::field("code", WRONG)) }
}
