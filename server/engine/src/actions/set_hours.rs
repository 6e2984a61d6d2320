//! Sets the hours in which a database may be maintained.

use super::{Caller, scope};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::ids::TargetId;
use domain::permission::Verb;
use domain::schedule::hours::Hours;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// One span a line, such as `Mon-Fri 22:00-06:00`; blank is always.
    pub hours: String,
}

/// Sets them. Refused: what cannot be read, and a database that is retired or deleted. Windows that are proposed keep their times: who decides
/// on them saw those.
pub async fn set_hours(engine: &Engine, caller: &Caller, target: TargetId, input: &Input) -> Result<()> {
    let (found, permit) = scope::target(engine, caller, target, Verb::ManageTarget).await?;
    domain::target::in_use(found.state)?;
    let hours = Hours::parse("hours", &input.hours).map_err(|error| vec![error])?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "set_hours", move |db| {
        let (permit, request, hours) = (permit.clone(), request.clone(), hours.clone());
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, &request);
            let before = store::hours::of(ledger.db(), target).await?;
            if !store::hours::set(ledger.db(), target, &hours).await? {
                return Err(Error::NotFound);
            }
            let fact = NewFact::done("target.hours", "target", target)
                .of_team(found.team)
                .with("before", before.to_string())
                .with("after", hours.to_string());
            ledger.fact(fact).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
