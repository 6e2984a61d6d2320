//! The own second factor.

use crate::actions::{elevated, factor};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::{factors, letters};
use crate::{second_factor, transaction};
use domain::factor::grouped;
use domain::permission::{Actor, Verb, authorize};
use domain::view::factors::FactorPage;
use secrecy::ExposeSecret as _;

/// How the reader's factor stands. Its secret is shown while it is set up and the password was typed lately, and never after.
pub async fn own(engine: &Engine, actor: &Actor) -> Result<FactorPage> {
    authorize(actor, Verb::SeeOwn, None)?;
    let person = actor.person;
    let (found, left, issuer, email) = transaction::read(engine.pool(), "own_factor", move |db| {
        Box::pin(async move {
            let found = factors::of(db, person).await?;
            let left = factors::recovery_codes_left(db, person).await?;
            Ok((found, left, letters::installation(db).await?.name, letters::recipient(db, person).await?.email))
        })
    })
    .await?;
    let Some(found) = found else { return Ok(FactorPage::None) };
    if let Some(since) = found.since {
        return Ok(FactorPage::Set { since, codes_left: left });
    }
    if found.until <= found.now || elevated(actor).is_err() {
        return Ok(FactorPage::None);
    }
    let key = factor::key(engine)?;
    let secret = factor::secret(&key, person, &found)?;
    let (typed, address) = second_factor::to_show(&secret, &issuer, &email)?;
    Ok(FactorPage::Pending { secret: grouped(typed.expose_secret()), address: address.expose_secret().to_owned(), until: found.until })
}
