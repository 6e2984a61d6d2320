//! Policies, their versions, and which of them rules.

use super::groups;
use crate::error::{Error, Result};
use domain::approval::choose::{self, Case, Known};
use domain::approval::{Electorate, Group, Policy};
use domain::canonical::Digest;
use domain::decision::Refusal;
use domain::ids::{PersonId, PolicyId, TargetId, TeamId};
use domain::plan::{Plan, PlanPolicy};
use domain::procedure::own;
use domain::proposal::Proposal;
use jiff::Timestamp;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// A policy at its current version.
#[derive(Debug, Clone)]
pub struct Row {
    /// With what it is chosen by.
    pub known: Known,
    /// Who saved this version; `None` for the first one.
    pub saved_by: Option<String>,
    /// When.
    pub saved_at: Timestamp,
}

/// All policies at their current versions, by name.
pub async fn all(db: &mut PgConnection) -> Result<Vec<Row>> {
    let rows = sqlx::query!(
        r#"SELECT p.id, p.name, p.environments, v.version, v.bytes, v.digest, v.created_at, c.name AS "saved_by?"
           FROM drydock.policy p JOIN drydock.policy_version v ON v.policy_id = p.id AND v.version = p.current_version
           LEFT JOIN drydock.person c ON c.id = v.created_by ORDER BY p.name"#
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let policy = PlanPolicy {
                id: PolicyId(row.id),
                version: row.version,
                name: row.name,
                digest: digest(&row.digest)?,
                rules: serde_json::from_slice(&row.bytes)?,
                raised: None,
            };
            let known = Known { policy, environments: row.environments.into_iter().collect() };
            Ok(Row { known, saved_by: row.saved_by, saved_at: row.created_at.to_jiff() })
        })
        .collect()
}

pub(super) fn digest(raw: &[u8]) -> Result<Digest> {
    Digest::from_slice(raw).ok_or_else(|| Error::internal("a digest has 32 bytes"))
}

/// The same, as the choice needs them.
pub async fn known(db: &mut PgConnection) -> Result<Vec<Known>> {
    Ok(all(db).await?.into_iter().map(|row| row.known).collect())
}

/// The policy that rules a case, at its current version.
pub async fn ruling(db: &mut PgConnection, case: &Case) -> Result<PlanPolicy> {
    Ok(ruled_by(&known(db).await?, case)?)
}

/// The same for several among those that are known, in their order.
pub fn ruling_each(known: &[Known], cases: impl IntoIterator<Item = Case>) -> Result<Vec<PlanPolicy>> {
    cases.into_iter().map(|case| Ok(ruled_by(known, &case)?)).collect()
}

fn ruled_by(known: &[Known], case: &Case) -> std::result::Result<PlanPolicy, Refusal> {
    choose::ruling(known, case).map(|found| found.policy.clone()).ok_or_else(|| choose::ruled_by_none(case))
}

/// What would rule each database of this plan if it were sealed today, in their order: by where it belongs today, by what the plan allows, and by
/// the most that it held, when the plan was sealed or now: where that chooses another policy, the run does not begin without its quorum.
pub async fn ruling_today(db: &mut PgConnection, plan: &Plan) -> Result<Vec<std::result::Result<PlanPolicy, Refusal>>> {
    let ids: Vec<TargetId> = plan.targets.iter().map(|target| target.id).collect();
    let places = places(db, &ids).await?;
    let known = known(db).await?;
    let ruled = places.into_iter().map(|place| {
        let case = Case {
            environment: place.environment,
            tags: place.tags,
            procedure: plan.procedure.key.clone(),
            alike: plan.procedure.alike(),
            risk: plan.risk(),
            most_mib: plan.envelope.most_bytes >> 20,
            database_mib: plan.counts_mib(place.id, place.measured_mib),
        };
        ruled_by(&known, &case)
    });
    Ok(ruled.collect())
}

/// How long before its latest start a window on these databases has to be decided on, in minutes, by whatever would rule it. Where nothing rules
/// one of them, the refusal says that, and no time does.
pub async fn lead_min(db: &mut PgConnection, targets: &[TargetId], proposal: &Proposal) -> Result<u32> {
    let places = places(db, targets).await?;
    let known = known(db).await?;
    let lead = |place: Place| {
        let case = Case {
            environment: place.environment,
            tags: place.tags,
            procedure: proposal.procedure.key.clone(),
            alike: own::alike(&proposal.procedure),
            risk: proposal.risk(),
            most_mib: proposal.most_bytes >> 20,
            database_mib: place.measured_mib,
        };
        choose::ruling(&known, &case).map_or(0, |ruling| ruling.policy.rules.lead_min())
    };
    Ok(places.into_iter().map(lead).max().unwrap_or(0))
}

/// What of a database its policy is chosen by.
struct Place {
    id: TargetId,
    environment: String,
    tags: BTreeSet<String>,
    measured_mib: Option<u64>,
}

/// The same of several, in their order.
async fn places(db: &mut PgConnection, targets: &[TargetId]) -> Result<Vec<Place>> {
    let ids: Vec<uuid::Uuid> = targets.iter().map(|target| target.0).collect();
    let rows = sqlx::query!(
        r#"SELECT t.id, t.environment, t.tags, drydock.measured_mib(t) AS measured_mib FROM unnest($1::uuid[]) WITH ORDINALITY AS asked (id, place)
           JOIN drydock.target t ON t.id = asked.id ORDER BY asked.place"#,
        &ids
    )
    .fetch_all(db)
    .await?;
    if rows.len() != ids.len() {
        return Err(Error::internal("a database of a plan is not registered"));
    }
    let place = |(id, environment, tags, mib): (_, _, Vec<String>, _)| Place {
        id: TargetId(id),
        environment,
        tags: tags.into_iter().collect(),
        measured_mib: super::windows::mib(mib),
    };
    Ok(rows.into_iter().map(|row| place((row.id, row.environment, row.tags, row.measured_mib))).collect())
}

/// Takes the row that stands for all policies for this transaction: what is checked against the others stays true until the commit.
pub async fn lock(db: &mut PgConnection) -> Result<()> {
    sqlx::query!("SELECT p.id FROM drydock.policy p ORDER BY p.id FOR UPDATE").fetch_all(db).await?;
    Ok(())
}

/// Adds a version and makes it the current one; the first version makes the policy.
pub async fn add_version(db: &mut PgConnection, id: PolicyId, name: &str, version: i32, policy: &Policy, by: PersonId) -> Result<Digest> {
    let (bytes, digest) = policy.seal()?;
    let environments: Vec<String> = policy.scope.iter().flat_map(|scope| scope.environments.iter().cloned()).collect();
    if version == 1 {
        sqlx::query!(
            "INSERT INTO drydock.policy (id, name, environments, current_version) VALUES ($1, $2, $3, 1)",
            id.0,
            name,
            &environments
        )
        .execute(&mut *db)
        .await?;
    }
    sqlx::query!(
        "INSERT INTO drydock.policy_version (policy_id, version, bytes, digest, created_by) VALUES ($1, $2, $3, $4, $5)",
        id.0,
        version,
        bytes,
        digest.0.as_slice(),
        by.0
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("UPDATE drydock.policy AS p SET current_version = $2, environments = $3 WHERE p.id = $1", id.0, version, &environments)
        .execute(db)
        .await?;
    Ok(digest)
}

/// One database that policies rule, with the people their rules would be counted over.
#[derive(Debug, Clone)]
pub struct Ruled {
    /// Identity.
    pub id: TargetId,
    /// Short name of the database.
    pub short_name: String,
    /// Where it belongs.
    pub environment: String,
    /// Words by which policies choose.
    pub tags: BTreeSet<String>,
    /// Who may propose there.
    pub proposers: Vec<(PersonId, String)>,
    /// Who of the groups that were asked for may vote today.
    pub people: Electorate,
}

/// Every database in these environments that is not retired, with the people of these groups.
pub async fn ruled(db: &mut PgConnection, environments: &BTreeSet<String>, groups: &BTreeSet<Group>) -> Result<Vec<Ruled>> {
    let environments: Vec<String> = environments.iter().cloned().collect();
    let targets = sqlx::query!(
        "SELECT t.id, t.team_id, t.short_name, t.environment, t.tags FROM drydock.target t
         WHERE t.environment = ANY ($1) AND t.state IN ('unverified', 'ready') ORDER BY t.short_name",
        &environments
    )
    .fetch_all(&mut *db)
    .await?;
    let ids: Vec<TargetId> = targets.iter().map(|target| TargetId(target.id)).collect();
    let teams: Vec<uuid::Uuid> = targets.iter().map(|target| target.team_id).collect();
    let mut electorates = groups::electorates(db, &ids, groups).await?;
    let proposers = groups::proposers_of(db, &teams).await?;
    Ok(targets
        .into_iter()
        .map(|target| Ruled {
            id: TargetId(target.id),
            short_name: target.short_name,
            environment: target.environment,
            tags: target.tags.into_iter().collect(),
            proposers: proposers.get(&TeamId(target.team_id)).cloned().unwrap_or_default(),
            people: electorates.remove(&TargetId(target.id)).unwrap_or_default(),
        })
        .collect())
}

/// Who may change policies and has an account.
pub async fn holders(db: &mut PgConnection) -> Result<BTreeSet<PersonId>> {
    let rows = sqlx::query_scalar!(
        "SELECT p.id FROM drydock.global_role g JOIN drydock.person p ON p.id = g.person_id JOIN drydock.account a ON a.person_id = p.id
         WHERE g.role = 'admin' AND p.active"
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(PersonId).collect())
}

/// The tags of a database.
pub async fn tags(db: &mut PgConnection, target: TargetId) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("SELECT t.tags FROM drydock.target t WHERE t.id = $1", target.0).fetch_one(db).await
}

/// Every tag that a database bears, in order; at most 200.
pub async fn all_tags(db: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT DISTINCT w.tag AS "tag!" FROM drydock.target t CROSS JOIN LATERAL unnest(t.tags) w (tag)
           WHERE t.state IN ('unverified', 'ready') ORDER BY 1 LIMIT 200"#
    )
    .fetch_all(db)
    .await
}

/// Sets the tags of a database. False when it is gone.
pub async fn set_tags(db: &mut PgConnection, target: TargetId, tags: &BTreeSet<String>) -> Result<bool> {
    let tags: Vec<String> = tags.iter().cloned().collect();
    let done = sqlx::query!("UPDATE drydock.target AS t SET tags = $2 WHERE t.id = $1 AND t.state <> 'deleted'", target.0, &tags)
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}
