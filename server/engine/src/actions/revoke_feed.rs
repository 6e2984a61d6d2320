//! A person revokes a calendar feed of their own: its address gives nothing any more.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::feeds;
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::fact::NewFact;
use domain::ids::FeedId;
use domain::permission::{Verb, authorize};

/// Revokes it for ever. Feeds of others do not exist.
pub async fn revoke_feed(engine: &Engine, caller: &Caller, feed: FeedId) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
    let (request, person) = (caller.request.clone(), caller.actor.person);
    transaction::run(engine.pool(), "revoke_feed", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, &request);
            if !feeds::revoke(ledger.db(), person, feed).await? {
                return Err(Error::NotFound);
            }
            ledger.fact(NewFact::done("feed.revoke", "person", person).with("feed", feed.to_string())).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
