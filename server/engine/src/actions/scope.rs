//! Loading what an action is about: what the actor may not see does not exist for them.

use super::{Caller, hide};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::targets::{self, Target};
use crate::transaction;
use domain::decision::Refusal;
use domain::ids::{TargetId, TeamId};
use domain::permission::{Actor, Permit, Verb, authorize, holds};

/// The database and the permit to do `verb` with it. Databases of teams the actor cannot see answer like missing ones.
pub(crate) async fn target(engine: &Engine, caller: &Caller, id: TargetId, verb: Verb) -> Result<(Target, Permit)> {
    let found = transaction::read(engine.pool(), "load_target", move |db| Box::pin(targets::find(db, id))).await?;
    let target = found.ok_or(Error::NotFound)?;
    let permit = authorize(&caller.actor, verb, Some(target.team)).map_err(|refusal| hide(&caller.actor, target.team, refusal))?;
    Ok((target, permit))
}

/// Passes for people who may see this team's work; for everybody else the thing does not exist.
pub(crate) fn visible(actor: &Actor, team: TeamId) -> Result<()> {
    if holds(actor, Verb::SeeTeam, Some(team)) { Ok(()) } else { Err(Error::Hidden) }
}

/// Somebody changed the registration between reading and writing.
pub(crate) fn moved_on() -> Error {
    changed_meanwhile("registration")
}

/// Somebody changed what was edited between reading and writing; `what` is the word people know it by.
pub(crate) fn changed_meanwhile(what: &str) -> Error {
    Refusal::new(
        "moved_on",
        format!("Somebody else changed this {what} meanwhile."),
        "Look at it as it is now; what you typed is still in the form. Save again if it is still right.",
    )
    .into()
}
