//! What hangs on a person, before the account is closed.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::stand_ins::{self, Counting};
use crate::store::{departures, groups, people, people_pages, policies};
use crate::transaction;
use domain::approval::choose::{self, Case, Known};
use domain::approval::{Electorate, Electorates, Group, StandIn};
use domain::ids::{PersonId, TargetId};
use domain::people::GlobalRole;
use domain::permission::{Actor, Verb, authorize};
use domain::view::departures::{CountedVote, DeparturePage, LeftDatabase, Part, follows, follows_glass, unmet, without};
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// The page. Administrators only.
pub async fn show(engine: &Engine, actor: &Actor, person: PersonId) -> Result<DeparturePage> {
    authorize(actor, Verb::ManagePeople, None)?;
    let own = actor.person == person;
    transaction::read(engine.pool(), "departures_show", move |db| {
        Box::pin(async move {
            let row = people_pages::some(db, &[person.0]).await?.pop().ok_or(Error::NotFound)?;
            let admin = row.active && row.account && row.global.contains(&GlobalRole::Admin);
            Ok(DeparturePage {
                last_admin: admin && people::other_admins(db, person).await? == 0,
                windows: departures::windows(db, person).await?,
                votes: votes(db, person).await?,
                holds: departures::holds(db, person).await?,
                on_call: departures::on_call(db, person).await?,
                teams: departures::teams_left(db, person).await?,
                databases: databases(db, person).await?,
                person: row,
                own,
            })
        })
    })
    .await
}

/// Each window that asks for this person's vote or counts it, and what becomes of it without.
pub(crate) async fn votes(db: &mut PgConnection, person: PersonId) -> Result<Vec<CountedVote>> {
    let counted = departures::counted(db, person).await?;
    let asks = || counted.iter().flat_map(|window| window.plan.asks());
    let targets: Vec<TargetId> = asks().map(|(target, ..)| target.id).collect::<BTreeSet<_>>().into_iter().collect();
    let asked: BTreeSet<Group> = asks().flat_map(|(_, policy, _)| policy.rules.groups()).collect();
    let today: Electorates = groups::electorates(db, &targets, &asked).await?;
    let gone: Electorates = today.iter().map(|(target, people)| (*target, without(people, person))).collect();
    let mut found = Vec::with_capacity(counted.len());
    for window in counted {
        let voters = window.plan.voters();
        let counting = Counting { window: window.id, digest: window.digest, team: window.plan.target().team, voters: &voters };
        let stand_ins = stand_ins::of(db, &counting).await?;
        let standing = |people: &Electorates, stand_ins: &[StandIn]| {
            window.plan.today(people, &window.escalated).with_stand_ins(stand_ins).count(&window.votes)
        };
        // Whoever leaves votes for nobody any more, either.
        let left: Vec<StandIn> = stand_ins.iter().filter(|one| one.delegate != person).copied().collect();
        found.push(CountedVote {
            number: window.number,
            state: window.state,
            part: match window.glass {
                Some(true) => Part::BrokeGlass,
                _ if window.votes.iter().any(|vote| vote.person == person) => Part::Voted,
                _ if window.in_place_of.contains(&person) => Part::VotedInPlace,
                _ => Part::Asked,
            },
            follows: match window.glass {
                Some(one_of_the_two) => follows_glass(window.state, one_of_the_two, &standing(&gone, &left)),
                None => follows(window.state, &standing(&today, &stand_ins), &standing(&gone, &left)),
            },
            title: window.title,
        });
    }
    Ok(found)
}

/// Each database that asks for this person, and whether its policy can still be met without.
async fn databases(db: &mut PgConnection, person: PersonId) -> Result<Vec<LeftDatabase>> {
    let asked = departures::databases(db, person).await?;
    let targets: Vec<TargetId> = asked.iter().map(|database| database.id).collect();
    let teams: Vec<_> = asked.iter().map(|database| database.team.0).collect();
    let known = policies::known(db).await?;
    let groups: BTreeSet<Group> = known.iter().flat_map(|one| one.policy.rules.groups()).collect();
    let (electorates, proposers) = (groups::electorates(db, &targets, &groups).await?, groups::proposers_of(db, &teams).await?);
    let scopes: Vec<_> = known.iter().map(Known::scope).collect();
    let (nobody, none) = (Vec::new(), Electorate::default());
    Ok(asked
        .iter()
        .map(|database| LeftDatabase {
            id: database.id,
            short_name: database.short_name.clone(),
            stakeholder: database.stakeholder,
            unmet: choose::cases(&database.environment, &database.tags, &scopes).iter().find_map(|case: &Case| {
                let policy = &choose::ruling(&known, case)?.policy.rules;
                let proposers = proposers.get(&database.team).unwrap_or(&nobody);
                unmet(policy, proposers, electorates.get(&database.id).unwrap_or(&none), person)
            }),
        })
        .filter(|database| database.stakeholder || database.unmet.is_some())
        .collect())
}
