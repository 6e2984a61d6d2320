//! One file per page family: a read-only snapshot of the state database becomes what the page shows.

pub mod home;
pub mod links;
pub mod mailbox;
pub mod outbox;
pub mod people;
pub mod policies;
pub mod proposals;
pub mod runs;
pub mod targets;
pub mod trail;
pub mod visit;
pub mod windows;

use crate::error::{Error, Result};
use domain::ids::TeamId;
use domain::permission::{Actor, Verb, holds};

/// Teams whose work the reader sees; `None` for all of them.
pub(crate) fn visible_teams(actor: &Actor) -> Option<Vec<TeamId>> {
    if actor.is_admin() || actor.is_auditor() {
        return None;
    }
    let mut teams: Vec<TeamId> = actor.teams.iter().map(|member| member.team).chain(actor.stakeholder_of_teams.iter().copied()).collect();
    teams.sort_unstable();
    teams.dedup();
    Some(teams)
}

/// Passes for readers who may see this team's work; for everybody else the thing does not exist.
pub(crate) fn scope(actor: &Actor, team: TeamId) -> Result<()> {
    if holds(actor, Verb::SeeTeam, Some(team)) { Ok(()) } else { Err(Error::NotFound) }
}
