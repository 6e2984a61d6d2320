//! Makes a team, or renames one.

use super::{Caller, elevated};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction};
use domain::decision::FormCheck;
use domain::fact::NewFact;
use domain::ids::TeamId;
use domain::people;
use domain::permission::{Verb, authorize};

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// As people call it.
    pub name: String,
    /// Handle for addresses and filters.
    pub short_name: String,
}

/// Makes a team (`None`) or renames one. Administrators only.
pub async fn put_team(engine: &Engine, caller: &Caller, team: Option<TeamId>, input: &Input) -> Result<TeamId> {
    let permit = authorize(&caller.actor, Verb::ManagePeople, None)?;
    elevated(&caller.actor)?;
    let mut form = FormCheck::default();
    let name = form.take(people::label("name", &input.name, 80));
    let short_name = form.take(people::short_name("short_name", &input.short_name));
    let (name, short_name) = form.finish(name.zip(short_name))?;
    let request = caller.request.clone();
    let id = transaction::run(engine.pool(), "put_team", move |db| {
        let (permit, request, name, short_name) = (permit.clone(), request.clone(), name.clone(), short_name.clone());
        Box::pin(async move {
            let id = team.unwrap_or_else(clock::new_id);
            let before = store::teams::one(db, id).await?;
            if team.is_some() && before.is_none() {
                return Err(Error::NotFound);
            }
            let action = if before.is_some() { "team.edit" } else { "team.add" };
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact = NewFact::done(action, "team", id)
                .of_team(id)
                .with("short_name_before", before.as_ref().map(|team| team.short_name.clone()))
                .with("short_name", short_name.clone())
                .with("name", name.clone());
            ledger.fact(fact).await?;
            if before.is_some() {
                store::teams::update(ledger.db(), id, &short_name, &name).await?;
            } else {
                store::teams::insert(ledger.db(), id, &short_name, &name).await?;
            }
            Ok(id)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(id)
}
