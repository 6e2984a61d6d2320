//! Where somebody is signed in.

use crate::engine::Engine;
use crate::error::Result;
use crate::store::sign_ins;
use crate::transaction;
use domain::permission::{Actor, Verb, authorize};
use domain::view::sessions::SessionRow;

/// Living sessions of the reader, the one last used first.
pub async fn own(engine: &Engine, actor: &Actor) -> Result<Vec<SessionRow>> {
    authorize(actor, Verb::SeeOwn, None)?;
    let person = actor.person;
    transaction::read(engine.pool(), "own_sessions", move |db| Box::pin(async move { Ok(sign_ins::list(db, person).await?) })).await
}
