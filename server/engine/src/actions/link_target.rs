//! Says that a database is a replica of another one, or on the same machine: what no connection test can see.

use super::{Caller, scope};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::ids::TargetId;
use domain::permission::{Verb, holds};
use domain::target::{LinkForm, MOST_LINKS, in_use};

/// Links it with another database that the caller sees. Windows on one of them are named to whoever plans on the other; nothing is forbidden.
///
/// # Errors
/// Fields: no such database, this one itself, linked already, too many. A database that is retired or deleted.
pub async fn link_target(engine: &Engine, caller: &Caller, target: TargetId, form: &LinkForm) -> Result<()> {
    let (found, permit) = scope::target(engine, caller, target, Verb::ManageTarget).await?;
    in_use(found.state)?;
    let by = permit.person().ok_or_else(|| Error::internal("a link is made by a person"))?;
    let (name, kind) = form.parse(&found.registration.short_name)?;
    let caller = caller.clone();
    transaction::run(engine.pool(), "link_target", move |db| {
        let (permit, caller, name) = (permit.clone(), caller.clone(), name.clone());
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let other = store::target_links::named(ledger.db(), &name).await?;
            // Other teams' databases answer like missing ones.
            let other = other.filter(|(_, team)| holds(&caller.actor, Verb::SeeTeam, Some(*team)));
            let unknown =
                || Error::field("other", "There is no such database among those you see. Look its short name up under Databases.");
            let (other, _) = other.ok_or_else(unknown)?;
            // A link is of both.
            for (one, called) in [(target, "This database"), (other, "The other database")] {
                if store::target_links::of(ledger.db(), one, None).await?.len() >= MOST_LINKS {
                    let message =
                        format!("{called} has {MOST_LINKS} links already, and that is the most. Remove one that is not true any more.");
                    return Err(Error::field("other", &message));
                }
            }
            if !store::target_links::add(ledger.db(), target, other, kind, by).await? {
                return Err(Error::field("other", "The two are linked already. Remove that link first if they share something else."));
            }
            let fact = NewFact::done("target.link", "target", target)
                .of_team(found.team)
                .with("other", other.to_string())
                .with("kind", kind.word());
            ledger.fact(fact).await.map(drop)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
