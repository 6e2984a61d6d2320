//! What hangs on a person, each kind in one statement whatever its number.

use super::Stamp;
use super::groups;
use super::windows::stages;
use crate::error::{Error, Result};
use domain::approval::{Assurance, StandingVote, VoteDecision};
use domain::canonical::Digest;
use domain::ids::{PersonId, TargetId, TeamId, WindowId};
use domain::plan::Plan;
use domain::view::departures::{HeldRun, MOST_LINES, OwnedWindow};
use domain::window::WindowState;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

fn most() -> i64 {
    i64::try_from(MOST_LINES).unwrap_or(i64::MAX)
}

fn state(word: &str) -> Result<WindowState> {
    WindowState::from_word(word).ok_or_else(|| Error::internal(format!("unknown window state {word}")))
}

/// Open windows this person owns or wrote, with those who could take them over.
pub async fn windows(db: &mut PgConnection, person: PersonId) -> Result<Vec<OwnedWindow>> {
    let rows = sqlx::query!(
        r#"SELECT w.number, r.title, w.state, t.short_name || drydock.more_databases(w.id, w.revision) AS "short_name!", w.team_id, (w.owner_id = $1) AS "owns!"
           FROM drydock.window w
           JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
           JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision AND wt.position = 1
           JOIN drydock.target t ON t.id = wt.target_id
           WHERE (w.owner_id = $1 OR w.id IN (SELECT c.window_id FROM drydock.contributor c WHERE c.person_id = $1))
             AND w.state IN ('draft', 'proposed', 'approved', 'running', 'hold', 'validating', 'rolling_back')
           ORDER BY w.owner_id = $1 DESC, w.number LIMIT $2"#,
        person.0,
        most()
    )
    .fetch_all(&mut *db)
    .await?;
    let teams: Vec<Uuid> = rows.iter().map(|row| row.team_id).collect();
    let proposers = groups::proposers_of(db, &teams).await?;
    rows.into_iter()
        .map(|row| {
            let heirs = proposers.get(&TeamId(row.team_id)).into_iter().flatten().filter(|(other, _)| *other != person).cloned().collect();
            Ok(OwnedWindow {
                number: row.number,
                title: row.title,
                state: state(&row.state)?,
                database: row.short_name,
                owns: row.owns,
                heirs,
            })
        })
        .collect()
}

/// A window whose votes are counted.
#[derive(Debug)]
pub struct Counted {
    /// Which.
    pub id: WindowId,
    /// Its number.
    pub number: i64,
    /// Its title.
    pub title: String,
    /// Its state.
    pub state: WindowState,
    /// Its newest plan.
    pub plan: Plan,
    /// Its digest.
    pub digest: Digest,
    /// Votes that stand on it.
    pub votes: Vec<StandingVote>,
    /// In whose places some of them were given.
    pub in_place_of: BTreeSet<PersonId>,
    /// Stages whose second group was asked.
    pub escalated: BTreeSet<u32>,
    /// It was approved by a break-glass: whether this person is one of the two.
    pub glass: Option<bool>,
}

/// Open windows whose newest plan this person approved, was approved in the place of, or is asked to; by a vote, or as one of the two who broke
/// the glass.
pub async fn counted(db: &mut PgConnection, person: PersonId) -> Result<Vec<Counted>> {
    let ids = sqlx::query_scalar!(
        r#"SELECT w.id AS "id!" FROM drydock.window w JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision
           WHERE w.state IN ('proposed', 'approved', 'running', 'hold')
             AND (EXISTS (SELECT FROM drydock.break_glass g WHERE g.id = w.glass_id AND $1 IN (g.asked_by, g.confirmed_by))
                  OR EXISTS (SELECT FROM drydock.plan_vote v WHERE (v.person_id = $1 OR v.in_place_of @> ARRAY[$1::uuid]) AND v.window_id = w.id AND v.digest = p.digest AND v.withdrawn_at IS NULL)
                  OR (w.state = 'proposed' AND EXISTS (SELECT FROM drydock.plan_rolls(p.bytes) e WHERE e.people ? $1::uuid::text)))
           ORDER BY w.number LIMIT $2"#,
        person.0,
        most()
    )
    .fetch_all(&mut *db)
    .await?;
    counted_of(db, &ids, Some(person)).await
}

/// These windows, with what counting their votes takes, and with `person`'s part in a break-glass.
pub async fn counted_of(db: &mut PgConnection, ids: &[Uuid], person: Option<PersonId>) -> Result<Vec<Counted>> {
    let rows = sqlx::query!(
        r#"SELECT w.id, w.number, r.title, w.state, p.digest, p.bytes, w.escalated_stages,
                  CASE WHEN g.id IS NOT NULL THEN coalesce($2 IN (g.asked_by, g.confirmed_by), false) END AS glass
           FROM drydock.window w
           JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
           JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision
           LEFT JOIN drydock.break_glass g ON g.id = w.glass_id
           WHERE w.id = ANY ($1) ORDER BY w.number"#,
        ids,
        person.map(|person| person.0)
    )
    .fetch_all(&mut *db)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let digest = Digest::from_slice(&row.digest).ok_or_else(|| Error::internal("a digest has 32 bytes"))?;
        found.push(Counted {
            id: WindowId(row.id),
            number: row.number,
            title: row.title,
            state: state(&row.state)?,
            plan: Plan::open(&row.bytes, digest).map_err(Error::internal)?,
            digest,
            votes: Vec::new(),
            in_place_of: BTreeSet::new(),
            escalated: stages(&row.escalated_stages),
            glass: row.glass,
        });
    }
    let votes = sqlx::query!(
        r#"SELECT v.window_id AS "window_id!", v.person_id AS "person_id!", v.decision AS "decision!", v.assurance AS "assurance!", v.cast_at AS "cast_at!: Stamp", v.in_place_of AS "in_place_of!" FROM drydock.plan_vote v
         JOIN drydock.window w ON w.id = v.window_id JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision AND p.digest = v.digest
         WHERE v.window_id = ANY ($1) AND v.withdrawn_at IS NULL ORDER BY v.cast_at"#,
        ids
    )
    .fetch_all(db)
    .await?;
    for row in votes {
        let unknown = || Error::internal("a vote has an unknown word");
        let vote = StandingVote {
            person: PersonId(row.person_id),
            decision: VoteDecision::from_word(&row.decision).ok_or_else(unknown)?,
            assurance: Assurance::from_word(&row.assurance).ok_or_else(unknown)?,
            at: row.cast_at.to_jiff(),
        };
        if let Some(window) = found.iter_mut().find(|window| window.id.0 == row.window_id) {
            window.votes.push(vote);
            window.in_place_of.extend(row.in_place_of.into_iter().map(PersonId));
        }
    }
    Ok(found)
}

/// Held runs this person could decide, with how many others of the team could.
pub async fn holds(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Vec<HeldRun>> {
    sqlx::query_as!(
        HeldRun,
        r#"SELECT w.number, r.title,
                  (SELECT count(*) FROM drydock.membership o JOIN drydock.person p ON p.id = o.person_id JOIN drydock.account a ON a.person_id = p.id
                   WHERE o.team_id = w.team_id AND o.person_id <> $1 AND p.active AND (o.role IN ('lead', 'engineer') OR o.deputy)) AS "others!"
           FROM drydock.membership m JOIN drydock.window w ON w.team_id = m.team_id JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
           WHERE m.person_id = $1 AND (m.role IN ('lead', 'engineer') OR m.deputy) AND w.state = 'hold' ORDER BY w.number LIMIT $2"#,
        person.0,
        most()
    )
    .fetch_all(db)
    .await
}

/// Databases whose on-call contact names the person or their address.
pub async fn on_call(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Vec<(TargetId, String)>> {
    let rows = sqlx::query!(
        "SELECT t.id, t.short_name, t.on_call, p.name, p.email FROM drydock.target t JOIN drydock.person p ON p.id = $1
         WHERE t.state <> 'retired' AND (strpos(lower(t.on_call), lower(p.name)) > 0 OR strpos(lower(t.on_call), p.email) > 0) ORDER BY t.short_name LIMIT $2",
        person.0,
        most()
    )
    .fetch_all(db)
    .await?;
    let named = rows.into_iter().filter(|row| domain::people::names_person(&row.on_call, &row.name, &row.email));
    Ok(named.map(|row| (TargetId(row.id), row.short_name)).collect())
}

/// Teams in which nobody else leads or stands in.
pub async fn teams_left(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Vec<(TeamId, String)>> {
    let rows = sqlx::query!(
        "SELECT t.id, t.name FROM drydock.membership m JOIN drydock.team t ON t.id = m.team_id
         WHERE m.person_id = $1 AND (m.role = 'lead' OR m.deputy)
           AND NOT EXISTS (SELECT FROM drydock.membership o JOIN drydock.person p ON p.id = o.person_id
                           WHERE o.team_id = m.team_id AND o.person_id <> $1 AND (o.role = 'lead' OR o.deputy) AND p.active) ORDER BY t.name",
        person.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (TeamId(row.id), row.name)).collect())
}

/// A database on which the person's vote could be asked for.
#[derive(Debug)]
pub struct Asked {
    /// Which.
    pub id: TargetId,
    /// Its owner team.
    pub team: TeamId,
    /// Its short name.
    pub short_name: String,
    /// Where it belongs.
    pub environment: String,
    /// Words by which policies choose.
    pub tags: BTreeSet<String>,
    /// By being its stakeholder; otherwise by leading its owner team.
    pub stakeholder: bool,
}

/// Databases this person is stakeholder of, or whose owner team they lead or stand in for.
pub async fn databases(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Vec<Asked>> {
    let rows = sqlx::query!(
        r#"SELECT t.id, t.team_id, t.short_name, t.environment, t.tags, EXISTS (SELECT FROM drydock.target_stakeholder s WHERE s.target_id = t.id AND s.person_id = $1) AS "stakeholder!"
           FROM drydock.target t
           WHERE t.state <> 'retired'
             AND (t.id IN (SELECT s.target_id FROM drydock.target_stakeholder s WHERE s.person_id = $1)
                  OR t.team_id IN (SELECT m.team_id FROM drydock.membership m WHERE m.person_id = $1 AND (m.role = 'lead' OR m.deputy)))
           ORDER BY t.short_name LIMIT $2"#,
        person.0,
        most()
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Asked {
            id: TargetId(row.id),
            team: TeamId(row.team_id),
            short_name: row.short_name,
            environment: row.environment,
            tags: row.tags.into_iter().collect(),
            stakeholder: row.stakeholder,
        })
        .collect())
}

/// Rows of an owner's windows, by number: identity and owner team, taken for this transaction in the order in which everybody takes them.
pub(crate) async fn take_owned(db: &mut PgConnection, owner: PersonId) -> sqlx::Result<BTreeMap<i64, (WindowId, TeamId)>> {
    let rows = sqlx::query!(
        "SELECT w.id, w.number, w.team_id FROM drydock.window w
         WHERE w.owner_id = $1 AND w.state IN ('draft', 'proposed', 'approved', 'running', 'hold', 'validating', 'rolling_back') ORDER BY w.id FOR UPDATE",
        owner.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.number, (WindowId(row.id), TeamId(row.team_id)))).collect())
}
