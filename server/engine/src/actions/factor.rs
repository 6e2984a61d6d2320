//! What the verbs about second factors share: whether what was typed is good, and the mail about what happened.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::factor_key::FactorKey;
use crate::ledger::{FactRef, Ledger};
use crate::throttle::Guess;
use crate::{second_factor, store};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::factor::{Happened, Typed};
use domain::ids::PersonId;
use domain::notice::{NewNotice, NoticeKind};
use serde_json::Map;
use sqlx::PgConnection;
use std::net::IpAddr;
use std::sync::Arc;

/// What was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// A code of the app.
    Code,
    /// A recovery code; so many are left.
    Recovery(i64),
}

impl Proof {
    /// The word in facts.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Recovery(_) => "recovery_code",
        }
    }
}

/// The process's key. Only web processes hold it.
pub(crate) fn key(engine: &Engine) -> Result<Arc<FactorKey>> {
    engine.factor_key().cloned().ok_or_else(|| Error::internal("this process holds no key of second factors"))
}

/// Refuses a factor of another key: under this one no code of it is good, and none of them is a wrong try.
fn of_this_key(key: &FactorKey, factor: &store::factors::Factor) -> Result<(), Refusal> {
    if factor.key_id == key.id() {
        return Ok(());
    }
    Err(Refusal::new(
        "other_factor_key",
        "This server has not the key that your second factor was set up with.",
        "Tell whoever runs it that factor.key is not the one of the other servers, or have an administrator remove your second factor.",
    ))
}

/// The secret of a stored factor.
pub(crate) fn secret(key: &FactorKey, person: PersonId, factor: &store::factors::Factor) -> Result<zeroize::Zeroizing<Vec<u8>>> {
    of_this_key(key, factor)?;
    key.unseal(person, &factor.sealed)
}

/// Takes what was typed, if it is good: each code once. `None` when it is not, or the person has no factor.
pub(super) async fn prove(db: &mut PgConnection, key: &FactorKey, person: PersonId, typed: &Typed) -> Result<Option<Proof>> {
    let Some(factor) = store::factors::of(db, person).await?.filter(|factor| factor.since.is_some()) else { return Ok(None) };
    of_this_key(key, &factor)?;
    match typed {
        Typed::Code(digits) => {
            let secret = secret(key, person, &factor)?;
            let step = second_factor::step_of(&secret, digits, factor.now)?;
            let Some(step) = step else { return Ok(None) };
            Ok(store::factors::take_step(db, person, step).await?.then_some(Proof::Code))
        }
        Typed::Recovery(code) => {
            let mac = key.recovery_mac(person, code)?;
            if !store::factors::take_recovery_code(db, person, &mac).await? {
                return Ok(None);
            }
            Ok(Some(Proof::Recovery(store::factors::recovery_codes_left(db, person).await?)))
        }
    }
}

/// Counts a code that was not good; once a minute that is a fact.
pub(super) async fn wrong(ledger: &mut Ledger<'_>, guess: &Guess, person: PersonId, address: IpAddr) -> Result<()> {
    if guess.failed(ledger.db()).await? {
        ledger.fact(NewFact::refused("session.factor", "person", person).with("address", address.to_string())).await?;
    }
    Ok(())
}

/// Tells the person by mail: whoever did not do this has to learn it. `more` is what else the mail says.
pub(super) async fn tell(
    ledger: &mut Ledger<'_>,
    person: PersonId,
    what: Happened,
    more: &[(&str, serde_json::Value)],
    fact: FactRef,
) -> Result<()> {
    let more = more.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
    let payload: Map<_, _> = more.chain([("what".to_owned(), what.word().into())]).collect();
    ledger.notice(&NewNotice::new(NoticeKind::FactorChanged, person, payload), None, None, None, fact).await.map(drop)
}
