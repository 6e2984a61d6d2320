//! Loading what an action is about: what the actor may not see does not exist for them.

use super::cast_vote::stand_ins;
use super::{Caller, hide};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::series::Series;
use crate::store::targets::{self, Target};
use crate::store::windows::Window;
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::ids::{PersonId, TargetId, TeamId};
use domain::permission::{Actor, Permit, Verb, authorize, authorize_asked, holds};
use jiff::Timestamp;
use sqlx::PgConnection;

/// The database and the permit to do `verb` with it. Databases of teams the actor cannot see answer like missing ones.
pub(crate) async fn target(engine: &Engine, caller: &Caller, id: TargetId, verb: Verb) -> Result<(Target, Permit)> {
    let found = transaction::read(engine.pool(), "load_target", move |db| Box::pin(targets::find(db, id))).await?;
    let target = found.ok_or(Error::NotFound)?;
    let permit = authorize(&caller.actor, verb, Some(target.team)).map_err(|refusal| hide(&caller.actor, target.team, refusal))?;
    Ok((target, permit))
}

/// The permit to decide on a window: by a role in its team, or because its newest plan asks for the caller. For whoever sees nothing of the team and
/// is not asked, it does not exist.
pub(crate) async fn voter(db: &mut PgConnection, caller: &Caller, window: &Window) -> Result<Permit> {
    let Caller { actor, .. } = caller;
    let asked = !holds(actor, Verb::Vote, Some(window.team)) && is_asked(db, window, actor.person).await?;
    authorize_asked(actor, Verb::Vote, window.team, asked).map_err(|refusal| hide(actor, window.team, refusal))
}

/// Whether the newest plan of a window asks for this person, or for somebody in whose place they vote.
async fn is_asked(db: &mut PgConnection, window: &Window, person: PersonId) -> Result<bool> {
    let plan = window.plan()?;
    // As the page shows it: whoever may not vote yet, or lacks the second factor alone, is told so, and not that there is nothing.
    let people = store::groups::of_plan(db, &plan, Some(Timestamp::MAX)).await?;
    let stand_ins = stand_ins(db, window, &plan).await?;
    Ok(plan.wants_factor_of(&people, person) || plan.today(&people, &window.escalated).with_stand_ins(&stand_ins).asked().contains(&person))
}

/// Whether somebody may read the page on which a window is decided: by a role in its team, because its newest plan asks for them, or because their
/// vote on that stands.
pub(crate) async fn may_decide(db: &mut PgConnection, actor: &Actor, window: &Window) -> Result<bool> {
    if holds(actor, Verb::SeeTeam, Some(window.team)) || is_asked(db, window, actor.person).await? {
        return Ok(true);
    }
    Ok(store::votes::standing(db, window.id, window.digest).await?.iter().any(|(_, vote)| vote.person == actor.person))
}

/// The permit to approve dates of a series that were put together: by a role in its team, or because they ask for the caller.
pub(crate) async fn series_voter(db: &mut PgConnection, caller: &Caller, of: &Series, now: Timestamp) -> Result<Permit> {
    let Caller { actor, .. } = caller;
    let asked = !holds(actor, Verb::Vote, Some(of.team)) && is_asked_together(db, of, actor.person, now).await?;
    authorize_asked(actor, Verb::Vote, of.team, asked).map_err(|refusal| hide(actor, of.team, refusal))
}

/// Whether the dates after `since` of a series that were put together last ask for this person.
pub(crate) async fn is_asked_together(db: &mut PgConnection, of: &Series, person: PersonId, since: Timestamp) -> Result<bool> {
    let Some(asked) = store::series_digests::newest(db, of.id).await? else { return Ok(false) };
    let digest = asked.open()?;
    let Some(first) = digest.dates.first() else { return Ok(false) };
    let today = store::groups::of_plan(db, &digest.nameless(first).map_err(Error::internal)?, None).await?;
    digest.asks(person, &today, since).map_err(Error::internal)
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
