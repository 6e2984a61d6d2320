//! Windows and their sealed plans, as actions and workers load them.

use super::Stamp;
use crate::error::{Error, Result};
use domain::canonical::Digest;
use domain::ids::{PersonId, TargetId, TeamId, WindowId};
use domain::plan::{Plan, PlanQuery, PlanTarget};
use domain::schedule::hours::Hours;
use domain::window::WindowState;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// A window at its newest revision.
#[derive(Debug, Clone)]
pub struct Window {
    /// Identity.
    pub id: WindowId,
    /// What people say.
    pub number: i64,
    /// Owner team.
    pub team: TeamId,
    /// Where it is in its life.
    pub state: WindowState,
    /// Newest revision.
    pub revision: i32,
    /// Digest of its plan.
    pub digest: Digest,
    /// Canonical bytes of its plan.
    pub bytes: Vec<u8>,
    /// What was typed.
    pub form: Value,
    /// Its database, or the first of several.
    pub target: TargetId,
    /// Its databases, in the order of the plan.
    pub targets: Vec<TargetId>,
    /// Whoever wrote the first revision.
    pub created_by: PersonId,
    /// Who answers for it.
    pub owner: PersonId,
    /// Nothing starts before.
    pub start_at: Timestamp,
    /// Not begun by then: missed.
    pub latest_start_at: Timestamp,
    /// Everything has ended by then.
    pub end_at: Timestamp,
    /// The stage whose turn it is not met by then: expired.
    pub decide_by_at: Timestamp,
    /// Stages of the newest revision whose second group was asked.
    pub escalated: BTreeSet<u32>,
}

/// Stages as they are stored.
pub(super) fn stages(raw: &[i32]) -> BTreeSet<u32> {
    raw.iter().filter_map(|stage| u32::try_from(*stage).ok()).collect()
}

impl Window {
    /// The plan, read from its bytes and only if they have the approved digest.
    pub fn plan(&self) -> Result<Plan> {
        Plan::open(&self.bytes, self.digest).map_err(Error::internal)
    }
}

/// A window by its number.
pub async fn by_number(db: &mut PgConnection, number: i64) -> Result<Window> {
    let id = sqlx::query_scalar!("SELECT w.id FROM drydock.window w WHERE w.number = $1", number)
        .fetch_optional(&mut *db)
        .await?
        .ok_or(Error::NotFound)?;
    load(db, WindowId(id)).await
}

/// A window by its id.
pub async fn load(db: &mut PgConnection, id: WindowId) -> Result<Window> {
    let row = sqlx::query!(
        r#"SELECT w.id, w.number, w.team_id, w.state, w.revision, w.created_by, w.owner_id, p.digest, p.bytes, r.form, r.start_at, r.latest_start_at, r.end_at, coalesce(s.decide_by_at, r.decide_by_at) AS "decide_by_at!", w.escalated_stages,
                ARRAY (SELECT t.target_id FROM drydock.window_target t WHERE t.window_id = w.id AND t.revision = w.revision ORDER BY t.position) AS "targets!"
         FROM drydock.window w
         JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
         JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision
         LEFT JOIN drydock.revision_stage s ON s.window_id = w.id AND s.revision = w.revision AND s.stage = w.stage
         WHERE w.id = $1"#,
        id.0
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)?;
    let targets: Vec<TargetId> = row.targets.into_iter().map(TargetId).collect();
    Ok(Window {
        id: WindowId(row.id),
        number: row.number,
        team: TeamId(row.team_id),
        state: WindowState::from_word(&row.state).ok_or_else(|| Error::internal(format!("unknown window state {}", row.state)))?,
        revision: row.revision,
        digest: Digest::from_slice(&row.digest).ok_or_else(|| Error::internal("a digest has 32 bytes"))?,
        bytes: row.bytes,
        form: row.form,
        target: *targets.first().ok_or_else(|| Error::internal("a window without a database"))?,
        targets,
        created_by: PersonId(row.created_by),
        owner: PersonId(row.owner_id.unwrap_or(row.created_by)),
        start_at: row.start_at.to_jiff(),
        latest_start_at: row.latest_start_at.to_jiff(),
        end_at: row.end_at.to_jiff(),
        decide_by_at: row.decide_by_at.to_jiff(),
        escalated: stages(&row.escalated_stages),
    })
}

/// When a window was first written down; `None` for one that is about to be.
pub async fn created_at(db: &mut PgConnection, window: WindowId) -> sqlx::Result<Option<Timestamp>> {
    let at = sqlx::query_scalar!(r#"SELECT w.created_at AS "at: Stamp" FROM drydock.window w WHERE w.id = $1"#, window.0)
        .fetch_optional(db)
        .await?;
    Ok(at.map(|at| at.to_jiff()))
}

/// A database as a proposal needs it.
#[derive(Debug, Clone)]
pub struct ProposalTarget {
    /// As it enters the plan.
    pub plan: PlanTarget,
    /// `unverified`, `ready` or `retired`.
    pub state: String,
    /// IANA zone.
    pub zone: String,
    /// Queries to time.
    pub critical_queries: Vec<PlanQuery>,
    /// Words by which policies choose.
    pub tags: BTreeSet<String>,
    /// When it may be maintained, by the clock of its zone.
    pub hours: Hours,
    /// What it held when it was last measured, in MiB.
    pub measured_mib: Option<u64>,
}

/// The database with this short name.
pub async fn proposal_target(db: &mut PgConnection, short_name: &str) -> Result<ProposalTarget> {
    let row = sqlx::query!(
        "SELECT t.id, t.team_id, t.short_name, t.name, t.dbms, t.host, t.port, t.database, t.username, t.environment, t.zone, t.on_call, t.state, t.identity, t.tags, t.allowed_hours,
                drydock.measured_mib(t) AS measured_mib
         FROM drydock.target t WHERE t.short_name = $1 AND t.state <> 'deleted'",
        short_name
    )
    .fetch_optional(&mut *db)
    .await?
    .ok_or(Error::NotFound)?;
    let queries = sqlx::query!(
        "SELECT q.name, q.sql_text, q.limit_ms FROM drydock.critical_query q WHERE q.target_id = $1 AND q.active ORDER BY q.name",
        row.id
    )
    .fetch_all(db)
    .await?;
    Ok(ProposalTarget {
        plan: PlanTarget {
            id: TargetId(row.id),
            short_name: row.short_name,
            name: row.name,
            dbms: row.dbms,
            environment: row.environment,
            host: row.host,
            port: row.port,
            database: row.database,
            username: row.username,
            team: TeamId(row.team_id),
            on_call: row.on_call,
            identity: row.identity.unwrap_or(Value::Null),
            critical_queries: vec![],
        },
        tags: row.tags.into_iter().collect(),
        measured_mib: mib(row.measured_mib),
        hours: super::hours::read(&row.allowed_hours)?,
        state: row.state,
        zone: row.zone,
        critical_queries: queries
            .into_iter()
            .map(|query| PlanQuery { name: query.name, sql: query.sql_text, limit_ms: query.limit_ms })
            .collect(),
    })
}

/// A size as it is stored.
pub(super) fn mib(stored: Option<i64>) -> Option<u64> {
    stored.and_then(|mib| u64::try_from(mib).ok())
}

/// Another window on the same database at an overlapping time.
#[derive(Debug, Clone)]
pub struct Neighbour {
    /// Its number.
    pub number: i64,
    /// Its title.
    pub title: String,
    /// Its state.
    pub state: WindowState,
    /// Its start.
    pub start_at: Timestamp,
    /// Its end.
    pub end_at: Timestamp,
    /// Approved or later: nothing may overlap it.
    pub live: bool,
}

/// Windows that overlap `start … end` on this database, live ones first; `except` is the window being edited.
pub async fn neighbours(
    db: &mut PgConnection,
    target: TargetId,
    start: Timestamp,
    end: Timestamp,
    except: Option<WindowId>,
) -> Result<Vec<Neighbour>> {
    let rows = sqlx::query!(
        "SELECT w.number, r.title, w.state, r.start_at, r.end_at, t.live
         FROM drydock.window_target t
         JOIN drydock.window w ON w.id = t.window_id AND w.revision = t.revision
         JOIN drydock.revision r ON r.window_id = t.window_id AND r.number = t.revision
         WHERE t.target_id = $1 AND t.during && tstzrange($2, $3) AND (t.live OR w.state = 'proposed') AND ($4::uuid IS NULL OR t.window_id <> $4)
         ORDER BY t.live DESC, r.start_at LIMIT 20",
        target.0,
        super::stamp(start) as Stamp,
        super::stamp(end) as Stamp,
        except.map(|window| window.0)
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Neighbour {
                number: row.number,
                title: row.title,
                state: WindowState::from_word(&row.state).ok_or_else(|| Error::internal("unknown window state"))?,
                start_at: row.start_at.to_jiff(),
                end_at: row.end_at.to_jiff(),
                live: row.live,
            })
        })
        .collect()
}

/// When windows take this database between two instants: approved ones, and those that wait for approval; at most 500.
pub async fn taken(
    db: &mut PgConnection,
    target: TargetId,
    from: Timestamp,
    to: Timestamp,
    except: Option<WindowId>,
) -> Result<Vec<(Timestamp, Timestamp)>> {
    let rows = sqlx::query!(
        r#"SELECT lower(t.during) AS "start!: Stamp", upper(t.during) AS "end!: Stamp" FROM drydock.window_target t
           JOIN drydock.window w ON w.id = t.window_id AND w.revision = t.revision
           WHERE t.target_id = $1 AND t.during && tstzrange($2, $3) AND (t.live OR w.state = 'proposed') AND ($4::uuid IS NULL OR t.window_id <> $4)
           ORDER BY 1 LIMIT 500"#,
        target.0,
        super::stamp(from) as Stamp,
        super::stamp(to) as Stamp,
        except.map(|window| window.0)
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.start.to_jiff(), row.end.to_jiff())).collect())
}

/// Who wrote any revision.
pub async fn contributors(db: &mut PgConnection, window: WindowId) -> sqlx::Result<BTreeSet<PersonId>> {
    let rows = sqlx::query_scalar!("SELECT c.person_id FROM drydock.contributor c WHERE c.window_id = $1", window.0).fetch_all(db).await?;
    Ok(rows.into_iter().map(PersonId).collect())
}

/// What a worker found for one revision.
pub async fn preview(db: &mut PgConnection, window: WindowId, revision: i32) -> sqlx::Result<Option<Value>> {
    let found =
        sqlx::query_scalar!("SELECT r.preview FROM drydock.revision r WHERE r.window_id = $1 AND r.number = $2", window.0, revision)
            .fetch_optional(db)
            .await?;
    Ok(found.flatten())
}

/// What a worker answered to a preview of this database.
pub async fn preview_answer(db: &mut PgConnection, id: domain::ids::ExaminationId, target: TargetId) -> sqlx::Result<Option<Value>> {
    let row = sqlx::query_scalar!(
        "SELECT e.answer FROM drydock.examination e WHERE e.id = $1 AND e.target_id = $2 AND e.kind = 'preview' AND e.state = 'answered'",
        id.0,
        target.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.flatten())
}
