//! The page behind a link to a new address.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::new_addresses::{self, Waiting};
use crate::transaction;
use domain::permission::Actor;

/// What a secret still opens; [`Error::NotFound`] for every other, whatever the reason.
pub async fn page(engine: &Engine, secret: &str) -> Result<Waiting> {
    let secret = zeroize::Zeroizing::new(secret.to_owned());
    transaction::read(engine.pool(), "new_address", move |db| {
        let secret = secret.clone();
        Box::pin(async move { new_addresses::waiting(db, &secret).await?.ok_or(Error::NotFound) })
    })
    .await
}

/// The address the reader waits to have confirmed.
pub async fn own(engine: &Engine, actor: &Actor) -> Result<Option<String>> {
    let person = actor.person;
    transaction::read(engine.pool(), "own_new_address", move |db| Box::pin(async move { Ok(new_addresses::of(db, person).await?) })).await
}
