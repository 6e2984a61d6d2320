//! The page behind an invitation or a reset.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::account_links;
use crate::transaction;
use domain::account_link::AccountLink;
use secrecy::{ExposeSecret as _, SecretString};

pub use crate::store::account_links::Living;

/// What a secret opens; [`Error::NotFound`] for every one that opens nothing, whatever the reason. Changes nothing.
pub async fn page(engine: &Engine, kind: AccountLink, secret: &str) -> Result<Living> {
    let secret = SecretString::from(secret.to_owned());
    transaction::read(engine.pool(), "account_link", move |db| {
        let secret = secret.clone();
        Box::pin(async move { account_links::living(db, kind, secret.expose_secret()).await?.ok_or(Error::NotFound) })
    })
    .await
}
