//! Example cases kept with the policies, and what imagining a window needs.

use crate::error::{Error, Result};
use domain::approval::choose::Case;
use domain::approval::example::{Question, Verdict};
use domain::ids::{PersonId, PolicyCaseId, PolicyId, TargetId, TeamId};
use domain::procedure::{RiskClass, own};
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// An example.
#[derive(Debug, Clone)]
pub struct Example {
    /// Identity.
    pub id: PolicyCaseId,
    /// As people call it.
    pub name: String,
    /// On which database.
    pub target: TargetId,
    /// Its short name.
    pub database: String,
    /// Name of whoever proposes.
    pub proposer: String,
    /// What is asked, by where the database belongs today.
    pub question: Question,
    /// What has to be answered.
    pub expected: Verdict,
}

/// All examples by name, but those on databases that are gone.
pub async fn all(db: &mut PgConnection) -> Result<Vec<Example>> {
    let rows = sqlx::query!(
        "SELECT c.id, c.name, c.target_id, t.short_name, t.environment, t.tags, coalesce(c.database_mib, drydock.measured_mib(t)) AS measured_mib, c.procedure, c.risk, c.most_mib, c.proposer_id, p.name AS proposer, c.absent,
                c.policy_id, y.name AS policy, c.people, c.reachable
         FROM drydock.policy_case c JOIN drydock.target t ON t.id = c.target_id JOIN drydock.person p ON p.id = c.proposer_id JOIN drydock.policy y ON y.id = c.policy_id
         WHERE t.state IN ('unverified', 'ready') ORDER BY c.name"
    )
    .fetch_all(&mut *db)
    .await?;
    let shelf = super::own_procedures::shelf(db).await?;
    rows.into_iter()
        .map(|row| {
            let case = Case {
                environment: row.environment,
                tags: row.tags.into_iter().collect(),
                alike: shelf.by_key(&row.procedure).map(|one| own::alike(&one)).unwrap_or_default(),
                procedure: row.procedure,
                risk: RiskClass::from_word(&row.risk).ok_or_else(|| Error::internal("an unknown risk class"))?,
                most_mib: u64::try_from(row.most_mib).map_err(Error::internal)?,
                database_mib: super::windows::mib(row.measured_mib),
            };
            Ok(Example {
                id: PolicyCaseId(row.id),
                name: row.name,
                target: TargetId(row.target_id),
                database: row.short_name,
                proposer: row.proposer,
                question: Question { case, proposer: PersonId(row.proposer_id), absent: row.absent.into_iter().map(PersonId).collect() },
                expected: Verdict {
                    policy: PolicyId(row.policy_id),
                    name: row.policy,
                    people: usize::try_from(row.people).map_err(Error::internal)?,
                    reachable: row.reachable,
                },
            })
        })
        .collect()
}

/// Keeps an example. False when there is one of this name.
pub async fn insert(
    db: &mut PgConnection,
    id: PolicyCaseId,
    name: &str,
    target: TargetId,
    question: &Question,
    expected: &Verdict,
    by: PersonId,
) -> Result<bool> {
    let absent: Vec<uuid::Uuid> = question.absent.iter().map(|person| person.0).collect();
    let done = sqlx::query!(
        "INSERT INTO drydock.policy_case (id, name, target_id, procedure, risk, most_mib, proposer_id, absent, policy_id, people, reachable, kept_by, database_mib)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (name) DO NOTHING",
        id.0,
        name,
        target.0,
        question.case.procedure,
        question.case.risk.word(),
        i64::try_from(question.case.most_mib).map_err(Error::internal)?,
        question.proposer.0,
        &absent,
        expected.policy.0,
        i32::try_from(expected.people).map_err(Error::internal)?,
        expected.reachable,
        by.0,
        question.case.database_mib.map(i64::try_from).transpose().map_err(Error::internal)?
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets an example; gives its name and the policy it expected, or nothing when it is gone.
pub async fn delete(db: &mut PgConnection, id: PolicyCaseId) -> sqlx::Result<Option<(String, PolicyId)>> {
    let row = sqlx::query!("DELETE FROM drydock.policy_case WHERE id = $1 RETURNING name, policy_id", id.0).fetch_optional(db).await?;
    Ok(row.map(|row| (row.name, PolicyId(row.policy_id))))
}

/// A database that windows can be imagined on.
#[derive(Debug, Clone)]
pub struct Place {
    /// Identity.
    pub id: TargetId,
    /// Its short name.
    pub short_name: String,
    /// Owner team.
    pub team: TeamId,
    /// Its name.
    pub team_name: String,
    /// Where it belongs.
    pub environment: String,
    /// Words by which policies choose.
    pub tags: BTreeSet<String>,
    /// What it held when it was last measured, in MiB.
    pub measured_mib: Option<u64>,
}

/// Databases of these teams, or of all where none are given; by short name, at most 1,000.
pub async fn places(db: &mut PgConnection, teams: Option<&[TeamId]>) -> sqlx::Result<Vec<Place>> {
    let teams: Option<Vec<uuid::Uuid>> = teams.map(|teams| teams.iter().map(|team| team.0).collect());
    let rows = sqlx::query!(
        "SELECT t.id, t.short_name, t.team_id, m.name AS team_name, t.environment, t.tags, drydock.measured_mib(t) AS measured_mib FROM drydock.target t JOIN drydock.team m ON m.id = t.team_id
         WHERE t.state IN ('unverified', 'ready') AND ($1::uuid[] IS NULL OR t.team_id = ANY ($1)) ORDER BY t.short_name LIMIT 1000",
        teams.as_deref()
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Place {
            id: TargetId(row.id),
            short_name: row.short_name,
            team: TeamId(row.team_id),
            team_name: row.team_name,
            environment: row.environment,
            tags: row.tags.into_iter().collect(),
            measured_mib: super::windows::mib(row.measured_mib),
        })
        .collect())
}
