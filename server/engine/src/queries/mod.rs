//! One file per page family: a read-only snapshot of the state database becomes what the page shows.

pub mod absences;
pub mod account_links;
pub mod calendar;
pub mod cancellations;
pub mod conversations;
pub mod departures;
pub mod evidence;
pub mod factors;
pub mod feeds;
pub mod freezes;
pub mod home;
pub mod links;
pub mod live;
pub mod mailbox;
pub mod messages;
pub mod new_addresses;
mod next_wave;
pub mod outbox;
pub mod pauses;
pub mod people;
pub mod policies;
pub mod procedures;
pub mod proposals;
pub mod runs;
pub mod series;
pub mod series_together;
pub mod sessions;
pub mod simulator;
pub mod targets;
pub mod trail;
pub mod visit;
mod waiting;
pub mod webhooks;
pub mod windows;

use crate::error::{Error, Result};
use crate::store::watchers::{Watched, rows};
use domain::ids::TeamId;
use domain::permission::{Actor, Verb, holds};
use domain::view::watchers::Watchers;
use sqlx::PgConnection;

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

/// Teams in which the reader holds a right.
pub(crate) fn holding(actor: &Actor, verb: Verb) -> Vec<TeamId> {
    actor.teams.iter().map(|member| member.team).filter(|team| holds(actor, verb, Some(*team))).collect()
}

/// Passes for readers who may see this team's work; for everybody else the thing does not exist.
pub(crate) fn scope(actor: &Actor, team: TeamId) -> Result<()> {
    if holds(actor, Verb::SeeTeam, Some(team)) { Ok(()) } else { Err(Error::Hidden) }
}

/// Who watches a thing of this team, as its page shows them.
pub(crate) async fn watchers(db: &mut PgConnection, actor: &Actor, team: TeamId, watched: Watched) -> Result<Watchers> {
    let rows = rows(db, watched).await?;
    let (reader, may_add) = (actor.person, holds(actor, Verb::AddWatcher, Some(team)));
    Ok(Watchers { own: rows.iter().any(|row| row.person == reader), rows, may_add, reader })
}

/// How many rows a page reads to learn whether another one follows.
fn one_more(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX).saturating_add(1)
}
