//! Sets the tags of a database. They choose its policy, so whoever may change policies sets them.

use super::{Caller, audience};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::approval::form;
use domain::fact::NewFact;
use domain::freeze::may_drop_tags;
use domain::ids::TargetId;
use domain::notice::NoticeKind;
use domain::permission::{Verb, authorize};

/// What was typed.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Words, separated by commas.
    pub tags: String,
}

/// Sets them. Refused: what is not a tag, a database that is retired or deleted, and dropping a tag while a freeze of it is in force. Owners of
/// windows that a freeze of a new tag meets are told. Windows that are approved go by the stricter of the policy sealed in their plan and the one
/// that rules by the new tags.
pub async fn set_tags(engine: &Engine, caller: &Caller, target: TargetId, input: &Input) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::ManagePolicies, None)?;
    let tags = form::tags("tags", &input.tags).map_err(|error| vec![error])?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "set_tags", move |db| {
        let (permit, request, tags) = (permit.clone(), request.clone(), tags.clone());
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, &request);
            let found = store::targets::find(ledger.db(), target).await?.ok_or(Error::NotFound)?;
            domain::target::in_use(found.state)?;
            store::freezes::hold_all(ledger.db()).await?;
            let before = store::policies::tags(ledger.db(), target).await?;
            let gone: Vec<String> = before.iter().filter(|tag| !tags.contains(*tag)).cloned().collect();
            let come: Vec<String> = tags.iter().filter(|tag| !before.contains(tag)).cloned().collect();
            let standing = store::freezes::over_tags(ledger.db(), &gone).await?;
            may_drop_tags(&standing, store::runs::now(ledger.db()).await?)?;
            if !store::policies::set_tags(ledger.db(), target, &tags).await? {
                return Err(Error::NotFound);
            }
            let fact =
                NewFact::done("target.tag", "target", target).of_team(found.team).with("tags", tags.iter().cloned().collect::<Vec<_>>());
            let fact = ledger.fact(fact).await?;
            for freeze in store::freezes::over_tags(ledger.db(), &come).await? {
                let owners = store::freezes::owners_met_on(ledger.db(), freeze.id, target).await?;
                audience::tell_owners(&mut ledger, &owners, NoticeKind::Frozen, freeze.id, None, fact).await?;
            }
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}
