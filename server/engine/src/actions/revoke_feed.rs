//! A person revokes a calendar feed of their own: its address gives nothing any more. So does a new password with all of them.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::feeds;
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::fact::NewFact;
use domain::ids::{FeedId, PersonId};
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

/// Revokes all that the person has, as a part of what gives them a new password: whoever knew the old one could have made feeds, too.
pub(super) async fn revoke_all(ledger: &mut Ledger<'_>, person: PersonId) -> Result<()> {
    for feed in feeds::revoke_all(ledger.db(), person).await? {
        let fact = NewFact::done("feed.revoke", "person", person).with("feed", feed.to_string()).with("reason", "the password was changed");
        ledger.fact(fact).await?;
    }
    Ok(())
}
