//! Makes a browser's session somebody's, and gives it a new key where rights grew: at the sign-in, at the confirmed or
//! changed password, and when a second factor was set up in it.
//!
//! Between taking the old key and giving the new one the session can be ended, and then no key opens it.

use crate::engine::Engine;
use crate::error::Result;
use crate::store::sign_ins::{self, Origin};
pub use crate::store::sign_ins::{Gain, SignedIn};
use crate::transaction;
use domain::decision::Refusal;
use domain::ids::PersonId;
use sha2::{Digest as _, Sha256};

/// SHA-256 of the id in the cookie: what a session is stored under.
pub type SessionKey = [u8; 32];

/// A session whose old key opens nothing any more, and that has no new one yet.
#[derive(Debug, Clone, Copy)]
pub struct Parked {
    key: SessionKey,
    person: PersonId,
}

pub(super) fn ended() -> Refusal {
    Refusal::new("signed_out", "Your session was ended at this moment.", "Sign in again.")
}

/// Makes the fresh session under `key` the person's; refused when all their sessions were ended since they proved who they are.
pub async fn begin(engine: &Engine, key: SessionKey, signed_in: SignedIn, origin: Origin) -> Result<()> {
    transaction::run(engine.pool(), "begin_session", move |db| {
        let origin = origin.clone();
        Box::pin(async move {
            let began = sign_ins::begin(db, &key, signed_in, &origin).await?;
            if began { Ok(()) } else { Err(ended().into()) }
        })
    })
    .await
}

/// Leaves the fresh session under `key` with nobody, and remembers for some minutes whose password was typed in it.
pub async fn wait_for_factor(engine: &Engine, key: SessionKey, person: PersonId, epoch: i64) -> Result<()> {
    transaction::run(engine.pool(), "half_session", move |db| {
        Box::pin(async move { if sign_ins::wait_for_factor(db, &key, person, epoch).await? { Ok(()) } else { Err(ended().into()) } })
    })
    .await
}

/// Takes the session away from its key. No cookie leads to where it is meanwhile: that key is a hash of a hash.
pub async fn park(engine: &Engine, key: SessionKey, person: PersonId) -> Result<Parked> {
    let parked = Parked { key: Sha256::digest(key).into(), person };
    transaction::run(engine.pool(), "park_session", move |db| {
        Box::pin(async move {
            let taken = sign_ins::park(db, &key, &parked.key, person).await?;
            if taken { Ok(()) } else { Err(ended().into()) }
        })
    })
    .await?;
    Ok(parked)
}

/// Gives the session its new key, and what it gains; its end stays where it was.
pub async fn unpark(engine: &Engine, parked: Parked, key: SessionKey, gain: Gain) -> Result<()> {
    transaction::run(engine.pool(), "unpark_session", move |db| {
        Box::pin(async move {
            let given = sign_ins::unpark(db, &parked.key, &key, parked.person, gain).await?;
            if given { Ok(()) } else { Err(ended().into()) }
        })
    })
    .await
}
