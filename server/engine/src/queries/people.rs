//! People and teams, as every signed-in person may see them.

use super::visible_teams;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::{account_links, factors, people_pages, teams};
use crate::transaction;
use domain::ids::{PersonId, TeamId};
use domain::notice::topics::Off;
use domain::permission::{Actor, Verb, authorize, holds};
use domain::view::people::{PEOPLE_ROWS, PeopleFilter, PeoplePage, PersonPage, TeamPage, TeamRow};
use uuid::Uuid;

/// One page of the list, narrowed.
pub async fn list(engine: &Engine, actor: &Actor, filter: &PeopleFilter, after: Option<PersonId>) -> Result<PeoplePage> {
    authorize(actor, Verb::SeePeople, None)?;
    let (text, may_manage) = (filter.text.trim().chars().take(100).collect(), holds(actor, Verb::ManagePeople, None));
    let filter = PeopleFilter { text, ..filter.clone() };
    transaction::read(engine.pool(), "people_list", move |db| {
        let filter = filter.clone();
        Box::pin(async move {
            let most = i64::try_from(PEOPLE_ROWS + 1).map_err(Error::internal)?;
            let mut rows = people_pages::rows(db, &filter, after, most).await?;
            let next = (rows.len() > PEOPLE_ROWS).then(|| rows[PEOPLE_ROWS - 1].id);
            rows.truncate(PEOPLE_ROWS);
            Ok(PeoplePage { rows, next, filter, teams: people_pages::team_names(db).await?, may_manage })
        })
    })
    .await
}

/// One person's page. Databases are named only where the reader sees their team's work.
pub async fn show(engine: &Engine, actor: &Actor, person: PersonId) -> Result<PersonPage> {
    authorize(actor, Verb::SeePeople, None)?;
    let (own, may_manage) = (actor.person == person, holds(actor, Verb::ManagePeople, None));
    let teams: Option<Vec<Uuid>> =
        if own { None } else { visible_teams(actor).map(|teams| teams.into_iter().map(|team| team.0).collect()) };
    let reader = actor.clone();
    transaction::read(engine.pool(), "people_show", move |db| {
        let (teams, reader) = (teams.clone(), reader.clone());
        Box::pin(async move {
            let row = people_pages::some(db, &[person.0]).await?.pop().ok_or(Error::NotFound)?;
            let row_teams: Vec<TeamId> = row.places.iter().map(|place| place.team).collect();
            let more = people_pages::more(db, person).await?.ok_or(Error::NotFound)?;
            let stakeholder_of = people_pages::stakeholder_of(db, person, teams.as_deref()).await?;
            let invitation = if may_manage && !row.account { account_links::invitation(db, person).await? } else { None };
            let factor_since = if may_manage || own { factors::since(db, person).await? } else { None };
            Ok(PersonPage {
                person: row,
                factor_since,
                zone: more.zone,
                since: more.since,
                may_vote_from: more.may_vote_from,
                stakeholder_of,
                sessions: more.sessions,
                invitation,
                may_say_absence: own
                    || holds(&reader, Verb::SayAbsence, None)
                    || row_teams.iter().any(|team| holds(&reader, Verb::SayAbsence, Some(*team))),
                may_manage,
                own,
            })
        })
    })
    .await
}

/// The colours a person chose.
pub async fn theme(engine: &Engine, person: PersonId) -> Result<String> {
    Ok(crate::store::people::account(engine.pool(), person).await?.map_or("system".to_owned(), |(_, theme)| theme))
}

/// What the reader switched off.
pub async fn notices_off(engine: &Engine, actor: &Actor) -> Result<Off> {
    let person = actor.person;
    transaction::read(engine.pool(), "notices_off", move |db| {
        Box::pin(async move { Ok(crate::store::watchers::off(db, &[person]).await?.remove(&person).unwrap_or_default()) })
    })
    .await
}

/// All teams.
pub async fn teams(engine: &Engine, actor: &Actor) -> Result<Vec<TeamRow>> {
    authorize(actor, Verb::SeePeople, None)?;
    transaction::read(engine.pool(), "teams_list", |db| Box::pin(async move { Ok(teams::rows(db).await?) })).await
}

/// One team's page.
pub async fn team(engine: &Engine, actor: &Actor, team: TeamId) -> Result<TeamPage> {
    authorize(actor, Verb::SeePeople, None)?;
    let (may_manage, may_add_contact) = (holds(actor, Verb::ManagePeople, None), holds(actor, Verb::AddContact, Some(team)));
    let may_place = holds(actor, Verb::ManageMembers, Some(team));
    let sees_work = holds(actor, Verb::SeeTeam, Some(team));
    transaction::read(engine.pool(), "teams_show", move |db| {
        Box::pin(async move {
            let known = teams::one(db, team).await?.ok_or(Error::NotFound)?;
            Ok(TeamPage {
                id: team,
                short_name: known.short_name,
                name: known.name,
                members: teams::members(db, team).await?,
                databases: if sees_work { teams::databases(db, team).await? } else { Vec::new() },
                candidates: if may_place { teams::candidates(db, team).await? } else { Vec::new() },
                may_manage,
                may_place,
                may_add_contact,
            })
        })
    })
    .await
}
