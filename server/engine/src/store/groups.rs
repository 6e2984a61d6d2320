//! Who belongs to which group today: the people behind policies and messages.

use super::{Stamp, stamp};
use domain::approval::{Electorate, Electorates, Group};
use domain::ids::{PersonId, TargetId, TeamId};
use domain::plan::Plan;
use jiff::Timestamp;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// People of each of these groups who may vote now: active, with a mailbox of their own, not within 24 hours of a change of address or role.
pub async fn eligible(db: &mut PgConnection, target: TargetId, team: TeamId, groups: &BTreeSet<Group>) -> sqlx::Result<Electorate> {
    eligible_by(db, target, team, groups, None).await
}

/// The same for those who may vote by that instant at the latest; `None` is now.
pub async fn eligible_by(
    db: &mut PgConnection,
    target: TargetId,
    team: TeamId,
    groups: &BTreeSet<Group>,
    by: Option<Timestamp>,
) -> sqlx::Result<Electorate> {
    let mut found = Electorate::default();
    for group in groups {
        let people = match group {
            Group::Stakeholders => stakeholders(db, target, by).await?,
            Group::LeadsAndDeputies => heads_of(db, team, by).await?,
            Group::Engineers => engineers(db, team, by).await?,
            Group::People(people) => named(db, people, by).await?,
            Group::Team(other) => heads_of(db, *other, by).await?,
        };
        found.groups.insert(group.clone(), set(people));
    }
    found.accounts = accounts(db, &found.everybody()).await?;
    found.factors = factors(db, &found.everybody()).await?;
    Ok(found)
}

/// The people behind what each database of a plan asks for, who may vote by that instant at the latest; `None` is now.
pub async fn of_plan(db: &mut PgConnection, plan: &Plan, by: Option<Timestamp>) -> sqlx::Result<Electorates> {
    let places: Vec<_> = plan.asks().map(|(target, ..)| (target.id, Some(target.team))).collect();
    let groups: BTreeSet<Group> = plan.asks().flat_map(|(_, policy, _)| policy.rules.groups()).collect();
    let everybody = electorates_by(db, &places, &groups, by).await?;
    let own = |groups: &BTreeSet<Group>, target| everybody.get(&target).map(|people: &Electorate| people.among(groups)).unwrap_or_default();
    Ok(plan.asks().map(|(target, policy, _)| (target.id, own(&policy.rules.groups(), target.id))).collect())
}

fn set(ids: Vec<uuid::Uuid>) -> BTreeSet<PersonId> {
    ids.into_iter().map(PersonId).collect()
}

async fn stakeholders(db: &mut PgConnection, target: TargetId, by: Option<Timestamp>) -> sqlx::Result<Vec<uuid::Uuid>> {
    sqlx::query_scalar!(
        "SELECT p.id FROM drydock.target_stakeholder s JOIN drydock.person p ON p.id = s.person_id
         WHERE s.target_id = $1 AND p.active AND NOT p.shared_address AND p.may_vote_from <= coalesce($2, clock_timestamp())",
        target.0,
        by.map(stamp) as Option<Stamp>
    )
    .fetch_all(db)
    .await
}

async fn heads_of(db: &mut PgConnection, team: TeamId, by: Option<Timestamp>) -> sqlx::Result<Vec<uuid::Uuid>> {
    sqlx::query_scalar!(
        "SELECT p.id FROM drydock.membership m JOIN drydock.person p ON p.id = m.person_id
         WHERE m.team_id = $1 AND (m.role = 'lead' OR m.deputy) AND p.active AND NOT p.shared_address AND p.may_vote_from <= coalesce($2, clock_timestamp())",
        team.0,
        by.map(stamp) as Option<Stamp>
    )
    .fetch_all(db)
    .await
}

async fn engineers(db: &mut PgConnection, team: TeamId, by: Option<Timestamp>) -> sqlx::Result<Vec<uuid::Uuid>> {
    sqlx::query_scalar!(
        "SELECT p.id FROM drydock.membership m JOIN drydock.person p ON p.id = m.person_id
         WHERE m.team_id = $1 AND m.role = 'engineer' AND p.active AND NOT p.shared_address AND p.may_vote_from <= coalesce($2, clock_timestamp())",
        team.0,
        by.map(stamp) as Option<Stamp>
    )
    .fetch_all(db)
    .await
}

async fn named(db: &mut PgConnection, people: &BTreeSet<PersonId>, by: Option<Timestamp>) -> sqlx::Result<Vec<uuid::Uuid>> {
    let ids: Vec<uuid::Uuid> = people.iter().map(|person| person.0).collect();
    sqlx::query_scalar!(
        "SELECT p.id FROM drydock.person p
         WHERE p.id = ANY ($1) AND p.active AND NOT p.shared_address AND p.may_vote_from <= coalesce($2, clock_timestamp())",
        &ids,
        by.map(stamp) as Option<Stamp>
    )
    .fetch_all(db)
    .await
}

/// Which of these people have an account.
async fn accounts(db: &mut PgConnection, people: &BTreeSet<PersonId>) -> sqlx::Result<BTreeSet<PersonId>> {
    let ids: Vec<uuid::Uuid> = people.iter().map(|person| person.0).collect();
    sqlx::query_scalar!("SELECT a.person_id FROM drydock.account a WHERE a.person_id = ANY ($1)", &ids).fetch_all(db).await.map(set)
}

/// Which of these people have a second factor.
async fn factors(db: &mut PgConnection, people: &BTreeSet<PersonId>) -> sqlx::Result<BTreeSet<PersonId>> {
    let ids: Vec<uuid::Uuid> = people.iter().map(|person| person.0).collect();
    sqlx::query_scalar!("SELECT f.person_id FROM drydock.factor f WHERE f.person_id = ANY ($1) AND f.confirmed_at IS NOT NULL", &ids)
        .fetch_all(db)
        .await
        .map(set)
}

/// Who is told about a database's windows: active stakeholders, and leads and deputies of the owner team. Shared mailboxes are told too.
pub async fn told(db: &mut PgConnection, target: TargetId, team: TeamId) -> sqlx::Result<(BTreeSet<PersonId>, BTreeSet<PersonId>)> {
    let rows = sqlx::query!(
        r#"SELECT s.person_id AS "person!", true AS "stakeholder!" FROM drydock.target_stakeholder s JOIN drydock.person p ON p.id = s.person_id WHERE s.target_id = $1 AND p.active
           UNION ALL
           SELECT m.person_id, false FROM drydock.membership m JOIN drydock.person p ON p.id = m.person_id WHERE m.team_id = $2 AND (m.role = 'lead' OR m.deputy) AND p.active"#,
        target.0,
        team.0
    )
    .fetch_all(db)
    .await?;
    let pick = |stakeholder: bool| rows.iter().filter(|row| row.stakeholder == stakeholder).map(|row| PersonId(row.person)).collect();
    Ok((pick(true), pick(false)))
}

/// Who is told what concerns the whole installation: active leads and deputies of every team, and administrators.
pub async fn heads(db: &mut PgConnection) -> sqlx::Result<BTreeSet<PersonId>> {
    let rows = sqlx::query_scalar!(
        r#"SELECT p.id AS "id!" FROM drydock.person p
           WHERE p.active AND (EXISTS (SELECT FROM drydock.membership m WHERE m.person_id = p.id AND (m.role = 'lead' OR m.deputy))
                               OR EXISTS (SELECT FROM drydock.global_role g WHERE g.person_id = p.id AND g.role = 'admin'))"#
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(PersonId).collect())
}

/// Active administrators.
pub async fn administrators(db: &mut PgConnection) -> sqlx::Result<BTreeSet<PersonId>> {
    let rows = sqlx::query_scalar!(
        "SELECT p.id FROM drydock.global_role g JOIN drydock.person p ON p.id = g.person_id WHERE g.role = 'admin' AND p.active"
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(PersonId).collect())
}

/// Active auditors.
pub async fn auditors(db: &mut PgConnection) -> sqlx::Result<BTreeSet<PersonId>> {
    let rows = sqlx::query_scalar!(
        "SELECT p.id FROM drydock.global_role g JOIN drydock.person p ON p.id = g.person_id WHERE g.role = 'auditor' AND p.active"
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(PersonId).collect())
}

/// Active leads and deputies of these teams.
pub async fn leads(db: &mut PgConnection, teams: &[TeamId]) -> sqlx::Result<BTreeSet<PersonId>> {
    let teams: Vec<uuid::Uuid> = teams.iter().map(|team| team.0).collect();
    let rows = sqlx::query_scalar!(
        "SELECT DISTINCT p.id FROM drydock.membership m JOIN drydock.person p ON p.id = m.person_id WHERE m.team_id = ANY ($1) AND (m.role = 'lead' OR m.deputy) AND p.active",
        &teams
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(PersonId).collect())
}

/// Which of these people are active now.
pub async fn active(db: &mut PgConnection, people: &BTreeSet<PersonId>) -> sqlx::Result<BTreeSet<PersonId>> {
    let ids: Vec<uuid::Uuid> = people.iter().map(|person| person.0).collect();
    let rows = sqlx::query_scalar!("SELECT p.id FROM drydock.person p WHERE p.id = ANY ($1) AND p.active", &ids).fetch_all(db).await?;
    Ok(rows.into_iter().map(PersonId).collect())
}

/// People who may propose windows of a team, with their names.
pub async fn proposers(db: &mut PgConnection, team: TeamId) -> sqlx::Result<Vec<(PersonId, String)>> {
    let rows = sqlx::query!(
        "SELECT p.id, p.name FROM drydock.membership m JOIN drydock.person p ON p.id = m.person_id WHERE m.team_id = $1 AND p.active AND (m.role IN ('lead', 'engineer') OR m.deputy) ORDER BY p.name",
        team.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (PersonId(row.id), row.name)).collect())
}

/// Who of these groups may vote now on each of these databases.
pub async fn electorates(
    db: &mut PgConnection,
    targets: &[TargetId],
    groups: &BTreeSet<Group>,
) -> sqlx::Result<BTreeMap<TargetId, Electorate>> {
    electorates_by(db, &targets.iter().map(|target| (*target, None)).collect::<Vec<_>>(), groups, None).await
}

/// The same for those who may vote by that instant at the latest; `None` is now. A database stands with the team whose leads and engineers are
/// meant; `None` is its owner team of today. As many statements for many databases as for one.
async fn electorates_by(
    db: &mut PgConnection,
    places: &[(TargetId, Option<TeamId>)],
    groups: &BTreeSet<Group>,
    by: Option<Timestamp>,
) -> sqlx::Result<BTreeMap<TargetId, Electorate>> {
    let (ids, teams): (Vec<uuid::Uuid>, Vec<Option<uuid::Uuid>>) =
        places.iter().map(|(target, team)| (target.0, team.map(|team| team.0))).unzip();
    let rows = sqlx::query!(
        r#"SELECT s.target_id AS "target!", p.id AS "person!", 'stakeholder' AS "group!", a.person_id IS NOT NULL AS "account!"
           FROM drydock.target_stakeholder s JOIN drydock.person p ON p.id = s.person_id LEFT JOIN drydock.account a ON a.person_id = p.id
           WHERE s.target_id = ANY ($1) AND p.active AND NOT p.shared_address AND p.may_vote_from <= coalesce($3, clock_timestamp())
           UNION ALL
           SELECT t.id, p.id, k.kind, a.person_id IS NOT NULL
           FROM unnest($1::uuid[], $2::uuid[]) o (target, team) JOIN drydock.target t ON t.id = o.target
           JOIN drydock.membership m ON m.team_id = coalesce(o.team, t.team_id) JOIN drydock.person p ON p.id = m.person_id LEFT JOIN drydock.account a ON a.person_id = p.id
           CROSS JOIN (VALUES ('lead'), ('engineer')) k (kind)
           WHERE ((k.kind = 'lead' AND (m.role = 'lead' OR m.deputy)) OR (k.kind = 'engineer' AND m.role = 'engineer'))
             AND p.active AND NOT p.shared_address AND p.may_vote_from <= coalesce($3, clock_timestamp())"#,
        &ids,
        &teams as &[Option<uuid::Uuid>],
        by.map(stamp) as Option<Stamp>
    )
    .fetch_all(&mut *db)
    .await?;
    // Named people and other teams are the same everywhere.
    let mut everywhere = Electorate::default();
    for group in groups {
        let people = match group {
            Group::People(people) => named(db, people, by).await?,
            Group::Team(team) => heads_of(db, *team, by).await?,
            Group::Stakeholders | Group::LeadsAndDeputies | Group::Engineers => vec![],
        };
        everywhere.groups.insert(group.clone(), set(people));
    }
    everywhere.accounts = accounts(db, &everywhere.everybody()).await?;
    let mut found: BTreeMap<TargetId, Electorate> = places.iter().map(|(target, _)| (*target, everywhere.clone())).collect();
    for row in rows {
        let group = match row.group.as_str() {
            "stakeholder" => Group::Stakeholders,
            "engineer" => Group::Engineers,
            _ => Group::LeadsAndDeputies,
        };
        let Some(electorate) = found.get_mut(&TargetId(row.target)) else { continue };
        electorate.groups.entry(group).or_default().insert(PersonId(row.person));
        if row.account {
            electorate.accounts.insert(PersonId(row.person));
        }
    }
    let with_factor = factors(db, &found.values().flat_map(Electorate::everybody).collect()).await?;
    for electorate in found.values_mut() {
        electorate.factors = electorate.everybody().intersection(&with_factor).copied().collect();
    }
    Ok(found)
}

/// People who may propose windows of each of these teams, with their names.
pub async fn proposers_of(db: &mut PgConnection, teams: &[uuid::Uuid]) -> sqlx::Result<BTreeMap<TeamId, Vec<(PersonId, String)>>> {
    let rows = sqlx::query!(
        "SELECT m.team_id, p.id, p.name FROM drydock.membership m JOIN drydock.person p ON p.id = m.person_id
         WHERE m.team_id = ANY ($1) AND p.active AND (m.role IN ('lead', 'engineer') OR m.deputy) ORDER BY p.name",
        teams
    )
    .fetch_all(db)
    .await?;
    let mut found: BTreeMap<TeamId, Vec<(PersonId, String)>> = BTreeMap::new();
    for row in rows {
        found.entry(TeamId(row.team_id)).or_default().push((PersonId(row.id), row.name));
    }
    Ok(found)
}
