//! Runs, their items and attempts, as workers and actions load them.

use crate::error::{Error, Result};
use crate::store::Stamp;
use domain::canonical::Digest;
use domain::hold::{Found, HoldVerb};
use domain::ids::{AttemptId, PersonId, RunId, TargetId, WindowId};
use domain::procedure::{Act, ObjectName, StepClass, WorkItem};
use domain::run::{AttemptState, Outcome, Phase};
use domain::schedule::plan::{Snapshot, WindowAtHand};
use domain::window::{Ending, RunState, WindowState};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// A run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Identity.
    pub id: RunId,
    /// Of which window.
    pub window: WindowId,
    /// Of which revision.
    pub revision: i32,
    /// On which database.
    pub target: TargetId,
    /// The approved bytes.
    pub digest: Digest,
    /// How far it is.
    pub state: RunState,
    /// How it ended.
    pub ending: Option<Ending>,
    /// Rises by one with every owner.
    pub epoch: i64,
    /// What it is busy with.
    pub phase: Phase,
    /// Who started it; `None` when the schedule did.
    pub opened_by: Option<PersonId>,
    /// When its wave was opened.
    pub opened_at: Timestamp,
    /// Why somebody asked to stop it.
    pub stop_reason: Option<String>,
    /// Somebody asked to hold it after the current item.
    pub hold_asked: bool,
    /// What is known while it is held.
    pub hold_reason: Option<String>,
    /// What a person may decide while it is held.
    pub hold_verbs: Vec<HoldVerb>,
    /// What the person decided, until a worker has taken it up.
    pub decision: Option<HoldVerb>,
    /// Volatile identity seen at the first gate.
    pub volatile: Option<Value>,
    /// Findings before the start.
    pub pre_checks: Option<Value>,
    /// Its rollback was taken up: only the way to its end is open.
    pub rolling_back: bool,
    /// Until when it is watched after its work.
    pub soak_until: Option<Timestamp>,
}

fn unknown(what: &str, word: &str) -> Error {
    Error::internal(format!("unknown {what} {word}"))
}

pub(crate) fn digest(raw: &[u8]) -> Result<Digest> {
    Digest::from_slice(raw).ok_or_else(|| Error::internal("a digest has 32 bytes"))
}

/// A run by its id.
pub async fn load(db: &mut PgConnection, id: RunId) -> Result<Run> {
    load_all(db, &[id]).await?.pop().ok_or(Error::NotFound)
}

/// Runs by their ids, in no order.
pub async fn load_all(db: &mut PgConnection, ids: &[RunId]) -> Result<Vec<Run>> {
    let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT r.id, r.window_id, r.revision, r.target_id, r.plan_digest, r.state, r.ending, r.epoch, r.phase, r.opened_by, r.stop_asked_at, r.stop_reason, r.hold_asked_at IS NOT NULL AS "hold_asked!", r.hold_reason, r.hold_verbs,
                r.decision, r.volatile, r.pre_checks, r.opened_at, r.rolling_back_at IS NOT NULL AS "rolling_back!", r.soak_until AS "soak_until: Stamp"
         FROM drydock.run r WHERE r.id = ANY ($1)"#,
        &ids
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Run {
                id: RunId(row.id),
                window: WindowId(row.window_id),
                revision: row.revision,
                target: TargetId(row.target_id),
                digest: digest(&row.plan_digest)?,
                state: RunState::from_word(&row.state).ok_or_else(|| unknown("run state", &row.state))?,
                ending: row.ending.as_deref().and_then(Ending::from_word),
                epoch: row.epoch,
                phase: Phase::from_word(&row.phase).ok_or_else(|| unknown("phase", &row.phase))?,
                opened_by: row.opened_by.map(PersonId),
                opened_at: row.opened_at.to_jiff(),
                stop_reason: row.stop_asked_at.map(|_| row.stop_reason.unwrap_or_default()),
                hold_asked: row.hold_asked,
                hold_reason: row.hold_reason,
                hold_verbs: row.hold_verbs.unwrap_or_default().iter().filter_map(|word| HoldVerb::from_word(word)).collect(),
                decision: row.decision.as_deref().and_then(HoldVerb::from_word),
                volatile: row.volatile,
                pre_checks: row.pre_checks,
                rolling_back: row.rolling_back,
                soak_until: row.soak_until.map(Stamp::to_jiff),
            })
        })
        .collect()
}

/// Whether a person asked to hold a run of this revision that is not over: until it has held, or ended, nothing else of the window begins.
pub async fn hold_asked_beside(db: &mut PgConnection, window: WindowId, revision: i32) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.run r WHERE r.window_id = $1 AND r.revision = $2 AND r.state <> 'ended' AND r.hold_asked_at IS NOT NULL) AS "asked!""#,
        window.0,
        revision
    )
    .fetch_one(db)
    .await
}

/// Who asked to hold a run after its current item, and why; `None` when nobody did.
pub async fn hold_asked(db: &mut PgConnection, run: RunId) -> sqlx::Result<Option<(String, String)>> {
    let row = sqlx::query!(
        r#"SELECT p.name, r.hold_asked_reason AS "reason!" FROM drydock.run r JOIN drydock.person p ON p.id = r.hold_asked_by WHERE r.id = $1 AND r.hold_asked_at IS NOT NULL"#,
        run.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.name, row.reason)))
}

/// Runs that a worker may take: waiting ones, decided holds, and those whose lease ended more than three seconds ago.
pub async fn claimable(db: &mut PgConnection, most: i64) -> Result<Vec<RunId>> {
    let rows = sqlx::query_scalar!(
        "SELECT r.id FROM drydock.run r
         WHERE r.state = 'waiting' OR (r.state = 'held' AND r.decision IS NOT NULL) OR (r.state = 'leased' AND r.lease_until < clock_timestamp() - interval '3 s')
         ORDER BY r.opened_at LIMIT $1",
        most
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(RunId).collect())
}

/// Seconds until the next lease of somebody else may be taken over, by the state database's clock; `None` when nobody holds one.
pub async fn next_takeover_s(db: &mut PgConnection, me: &str) -> sqlx::Result<Option<f64>> {
    sqlx::query_scalar!(
        "SELECT extract(epoch FROM min(r.lease_until) + interval '3 s' - clock_timestamp())::float8 FROM drydock.run r WHERE r.state = 'leased' AND r.owner <> $1",
        me
    )
    .fetch_one(db)
    .await
}

/// The run that keeps a database, as a sentence: another window's, or one of this very revision.
pub async fn in_the_way(
    db: &mut PgConnection,
    target: TargetId,
    window: WindowId,
    revision: i32,
    own: Option<RunId>,
) -> sqlx::Result<Option<String>> {
    let row = sqlx::query!(
        r#"SELECT w.number, r.state, r.window_id = $2 AND r.revision = $3 AS "same!" FROM drydock.run r JOIN drydock.window w ON w.id = r.window_id
           WHERE r.target_id = $1 AND r.id IS DISTINCT FROM $4 AND (r.state <> 'ended' OR (r.window_id = $2 AND r.revision = $3)) LIMIT 1"#,
        target.0,
        window.0,
        revision,
        own.map(|run| run.0)
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| match (row.same, row.state.as_str()) {
        (true, "ended") => "This plan was run already, and a plan runs once.".to_owned(),
        (true, _) => "Its run is open already: a worker does the pre-checks.".to_owned(),
        (false, _) => format!("The run of window #{} on this database is not over.", row.number),
    }))
}

/// Everything the planner looks at, at one moment.
pub async fn snapshot(db: &mut PgConnection) -> Result<Snapshot> {
    let now = now(&mut *db).await?;
    let rows = sqlx::query!(
        r#"SELECT w.id, w.number, w.revision, w.state, v.start_at, v.latest_start_at, a.decide_by_at AS "decide_by_at!", a.escalate_at AS "escalate_at: Stamp", a.remind_at AS "remind_at: Stamp", r.state AS "run?"
           FROM drydock.window w
           JOIN drydock.revision v ON v.window_id = w.id AND v.number = w.revision
           LEFT JOIN LATERAL (SELECT o.state FROM drydock.run o WHERE o.window_id = w.id AND o.revision = w.revision
                              ORDER BY array_position(ARRAY['leased', 'held', 'waiting', 'ended'], o.state) LIMIT 1) r ON true
           LEFT JOIN drydock.revision_stage s ON s.window_id = w.id AND s.revision = w.revision AND s.stage = w.stage
           CROSS JOIN LATERAL (SELECT coalesce(s.decide_by_at, v.decide_by_at) AS decide_by_at,
                                      CASE WHEN w.stage <> ALL (w.escalated_stages) THEN s.escalate_at END AS escalate_at,
                                      greatest(w.state_at, w.asked_at) + make_interval(mins => s.remind_every_min) AS remind_at) a
           WHERE (w.state = 'proposed' AND (a.decide_by_at <= clock_timestamp() OR a.escalate_at <= clock_timestamp() OR a.remind_at <= clock_timestamp()))
              OR (w.state = 'approved' AND v.start_at <= clock_timestamp())
           ORDER BY v.start_at LIMIT 500"#
    )
    .fetch_all(&mut *db)
    .await?;
    let windows = rows.into_iter().map(|row| {
        Ok(WindowAtHand {
            id: WindowId(row.id),
            number: row.number,
            revision: row.revision,
            state: WindowState::from_word(&row.state).ok_or_else(|| unknown("window state", &row.state))?,
            start: row.start_at.to_jiff(),
            latest_start: row.latest_start_at.to_jiff(),
            decide_by: row.decide_by_at.to_jiff(),
            escalate_at: row.escalate_at.map(|at| at.to_jiff()),
            remind_at: row.remind_at.map(|at| at.to_jiff()),
            run: row.run.as_deref().and_then(RunState::from_word),
        })
    });
    let windows = windows.collect::<Result<_>>()?;
    Ok(Snapshot { now, windows, waves: super::lanes::waves_at_hand(db).await? })
}

/// Whether whoever is waited for on a proposal is to be asked again now.
pub async fn reminder_due(db: &mut PgConnection, window: WindowId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.window w JOIN drydock.revision_stage s ON s.window_id = w.id AND s.revision = w.revision AND s.stage = w.stage
                          WHERE w.id = $1 AND greatest(w.state_at, w.asked_at) + make_interval(mins => s.remind_every_min) <= clock_timestamp()) AS "due!""#,
        window.0
    )
    .fetch_one(db)
    .await
}

/// The state database's clock: the only one that decides.
pub async fn now(db: &mut PgConnection) -> sqlx::Result<Timestamp> {
    let at: Stamp = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "at!""#).fetch_one(db).await?;
    Ok(at.to_jiff())
}

/// Why starts are frozen; `None` when they are not.
pub async fn clock_frozen(db: &mut PgConnection) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("SELECT g.frozen_reason FROM drydock.clock_guard g").fetch_optional(db).await.map(Option::flatten)
}

/// An item of the sealed work list and how it ended.
#[derive(Debug, Clone)]
pub struct Item {
    /// Order of work, from 1.
    pub ordinal: i32,
    /// What is done, exactly.
    pub work: WorkItem,
    /// How it ended; `None` while open.
    pub outcome: Option<Outcome>,
    /// Figures before and after.
    pub figures: Option<Value>,
}

/// The items of a run, in order.
pub async fn items(db: &mut PgConnection, run: RunId) -> Result<Vec<Item>> {
    let rows =
        sqlx::query!("SELECT i.ordinal, i.detail, i.outcome, i.figures FROM drydock.item i WHERE i.run_id = $1 ORDER BY i.ordinal", run.0)
            .fetch_all(db)
            .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Item {
                ordinal: row.ordinal,
                work: serde_json::from_value(row.detail)?,
                outcome: row.outcome.as_deref().and_then(Outcome::from_word),
                figures: row.figures,
            })
        })
        .collect()
}

/// The bytes of the sealed work list and their digest.
pub async fn work_list(db: &mut PgConnection, run: RunId) -> Result<Option<(Vec<u8>, Digest)>> {
    let row = sqlx::query!("SELECT l.bytes, l.digest FROM drydock.work_list l WHERE l.run_id = $1", run.0).fetch_optional(db).await?;
    row.map(|row| Ok((row.bytes, digest(&row.digest)?))).transpose()
}

/// One try at an item.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Identity.
    pub id: AttemptId,
    /// At which item.
    pub ordinal: i32,
    /// Counts tries, from 1.
    pub number: i32,
    /// How far it is.
    pub state: AttemptState,
    /// Its session's name on the target.
    pub session_name: String,
    /// Its process on the target, once started.
    pub backend: Option<Value>,
}

/// The attempts of a run that are not over.
pub async fn open_attempts(db: &mut PgConnection, run: RunId) -> Result<Vec<Attempt>> {
    let rows = sqlx::query!(
        "SELECT a.id, a.ordinal, a.number, a.state, a.session_name, a.backend FROM drydock.attempt a WHERE a.run_id = $1 AND a.state <> 'done' ORDER BY a.ordinal",
        run.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Attempt {
                id: AttemptId(row.id),
                ordinal: row.ordinal,
                number: row.number,
                state: AttemptState::from_word(&row.state).ok_or_else(|| unknown("attempt state", &row.state))?,
                session_name: row.session_name,
                backend: row.backend,
            })
        })
        .collect()
}

/// Ordinals of the items that were ever tried.
pub async fn tried(db: &mut PgConnection, run: RunId) -> sqlx::Result<BTreeSet<i32>> {
    let rows = sqlx::query_scalar!("SELECT DISTINCT a.ordinal FROM drydock.attempt a WHERE a.run_id = $1", run.0).fetch_all(db).await?;
    Ok(rows.into_iter().collect())
}

/// How often an item was tried.
pub async fn tries(db: &mut PgConnection, run: RunId, ordinal: i32) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        r#"SELECT coalesce(max(a.number), 0) AS "tries!" FROM drydock.attempt a WHERE a.run_id = $1 AND a.ordinal = $2"#,
        run.0,
        ordinal
    )
    .fetch_one(db)
    .await
}

/// What a person found out about an attempt: name, finding, reason.
pub async fn resolution(db: &mut PgConnection, attempt: AttemptId) -> Result<Option<(String, Found, String)>> {
    let row = sqlx::query!(
        "SELECT p.name, r.found, r.reason FROM drydock.resolution r JOIN drydock.person p ON p.id = r.person_id WHERE r.attempt_id = $1",
        attempt.0
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| Ok((row.name, Found::from_word(&row.found).ok_or_else(|| unknown("finding", &row.found))?, row.reason))).transpose()
}

/// What an earlier run did, and how long it took.
#[derive(Debug, Clone)]
pub struct PastWork {
    /// What was done.
    pub act: Act,
    /// To what.
    pub object: ObjectName,
    /// The size of all it touched.
    pub bytes: u64,
    /// How long its statement took.
    pub ms: i64,
}

/// How long earlier runs took on a database, oldest first. Runs are looked at from the newest one until there are enough: a database of many
/// tables has a long past, and only the end of it is asked for.
pub async fn past_work(db: &mut PgConnection, target: TargetId) -> Result<Vec<PastWork>> {
    let rows = sqlx::query!(
        r#"SELECT x.act AS "act!", x.object AS "object!", x.bytes AS "bytes!", x.ms AS "ms!"
           FROM (SELECT r.id FROM drydock.run r WHERE r.target_id = $1 ORDER BY r.opened_at DESC) r
           CROSS JOIN LATERAL (
               SELECT i.detail -> 'act' AS act, i.detail #> '{object,name}' AS object, (i.detail ->> 'bytes')::bigint AS bytes,
                      (extract(epoch FROM a.ended_at - a.started_at) * 1000)::bigint AS ms
               FROM drydock.attempt a JOIN drydock.item i ON i.run_id = a.run_id AND i.ordinal = a.ordinal
               WHERE a.run_id = r.id AND a.outcome = 'done' AND a.started_at IS NOT NULL ORDER BY a.ended_at DESC) x
           LIMIT 2000"#,
        target.0
    )
    .fetch_all(db)
    .await?;
    let read = |act, object, bytes: i64, ms| {
        let (act, object) = (serde_json::from_value(act)?, serde_json::from_value(object)?);
        Ok(PastWork { act, object, bytes: u64::try_from(bytes).unwrap_or(0), ms })
    };
    rows.into_iter().rev().map(|row| read(row.act, row.object, row.bytes, row.ms)).collect()
}

/// The attempt whose outcome a person must find out, with the class of its item.
pub async fn unknown_attempt(db: &mut PgConnection, run: RunId) -> Result<Option<(AttemptId, StepClass)>> {
    let row = sqlx::query!(
        "SELECT a.id, i.class FROM drydock.attempt a JOIN drydock.item i ON i.run_id = a.run_id AND i.ordinal = a.ordinal
         WHERE a.run_id = $1 AND a.state = 'unknown' AND NOT EXISTS (SELECT FROM drydock.resolution x WHERE x.attempt_id = a.id) ORDER BY a.ordinal LIMIT 1",
        run.0
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| Ok((AttemptId(row.id), StepClass::from_word(&row.class).ok_or_else(|| unknown("step class", &row.class))?))).transpose()
}

/// The sealed bytes that a run obeys.
pub async fn plan_bytes(db: &mut PgConnection, window: WindowId, digest: Digest) -> Result<Vec<u8>> {
    sqlx::query_scalar!("SELECT p.bytes FROM drydock.plan p WHERE p.window_id = $1 AND p.digest = $2", window.0, digest.0.as_slice())
        .fetch_optional(db)
        .await?
        .ok_or(Error::NotFound)
}

/// Active people who started a run of this window, or held, stopped or decided on one, and still may see the team's work.
pub async fn executors(db: &mut PgConnection, window: WindowId) -> sqlx::Result<BTreeSet<PersonId>> {
    let rows = sqlx::query_scalar!(
        r#"SELECT DISTINCT p.id FROM drydock.fact f JOIN drydock.person p ON p.id = f.actor_id JOIN drydock.window w ON w.id = f.window_id
           WHERE f.window_id = $1 AND f.result = 'done' AND f.action IN ('run.open', 'run.ask_hold', 'run.stop', 'run.resolve') AND p.active
             AND (EXISTS (SELECT FROM drydock.membership m WHERE m.team_id = w.team_id AND m.person_id = p.id) OR EXISTS (SELECT FROM drydock.global_role g WHERE g.person_id = p.id))"#,
        window.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(PersonId).collect())
}

/// Whether a run of this window ever waited for a person.
pub async fn was_held(db: &mut PgConnection, window: WindowId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.fact f WHERE f.window_id = $1 AND f.action = 'run.hold') AS "held!""#,
        window.0
    )
    .fetch_one(db)
    .await
}
