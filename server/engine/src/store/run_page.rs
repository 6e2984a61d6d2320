//! Everything the page of a run shows, each kind of thing in one statement.

use super::Stamp;
use crate::error::{Error, Result};
use domain::canonical::Digest;
use domain::hold::HoldVerb;
use domain::ids::{RunId, TargetId, WindowId};
use domain::procedure::{WorkItem, WorkList};
use domain::run::{AttemptState, Outcome, Phase};
use domain::view::gains::gains_of;
use domain::view::runs::{AttemptRow, EventRow, ItemRow, Progress, Stop, percent, sentences};
use domain::window::{Ending, RunState};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Most lines of what happened on one page; older ones are in the trail and in the attempts.
const MOST_EVENTS: i64 = 200;

/// The row of a run, as its page needs it.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its window.
    pub window: WindowId,
    /// On which database.
    pub target: TargetId,
    /// Of which revision.
    pub revision: i32,
    /// The approved bytes.
    pub plan_digest: Digest,
    /// How far it is.
    pub state: RunState,
    /// How it ended.
    pub ending: Option<Ending>,
    /// What it is busy with.
    pub phase: Phase,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// By whom; `None` by the schedule.
    pub opened_by: Option<String>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Worker that holds it.
    pub owner: Option<String>,
    /// Until when its lease holds.
    pub lease_until: Option<Timestamp>,
    /// A stop that was asked for.
    pub stop: Option<Stop>,
    /// A hold after the current item that was asked for.
    pub hold_asked: Option<Stop>,
    /// Why it is held.
    pub hold_reason: Option<String>,
    /// What may be decided.
    pub hold_verbs: Vec<HoldVerb>,
    /// What was decided, until a worker has taken it up.
    pub decision: Option<HoldVerb>,
    /// Findings before the start.
    pub pre_checks: Option<Value>,
    /// What people saw in the preview of its revision.
    pub preview: Option<Value>,
    /// Bytes of the sealed work list, with their digest.
    pub work_list: Option<(Digest, WorkList)>,
}

fn unknown(what: &str, word: &str) -> Error {
    Error::internal(format!("unknown {what} {word}"))
}

fn digest(raw: &[u8]) -> Result<Digest> {
    Digest::from_slice(raw).ok_or_else(|| Error::internal("a digest has 32 bytes"))
}

fn asked(at: Option<Stamp>, by: Option<String>, reason: Option<String>) -> Option<Stop> {
    at.map(|at| Stop { at: at.to_jiff(), by: by.unwrap_or_else(|| "somebody".to_owned()), reason: reason.unwrap_or_default() })
}

/// The run, or [`Error::NotFound`].
pub async fn load(db: &mut PgConnection, run: RunId) -> Result<Row> {
    let row = sqlx::query!(
        r#"SELECT u.window_id, u.target_id, u.revision, u.plan_digest, u.state, u.ending, u.phase, u.opened_at, o.name AS "opened_by?", u.ended_at AS "ended_at: Stamp", u.owner,
                  u.lease_until AS "lease_until: Stamp", u.stop_asked_at AS "stop_asked_at: Stamp", s.name AS "stop_asked_by?", u.stop_reason, u.hold_asked_at AS "hold_asked_at: Stamp", h.name AS "hold_asked_by?", u.hold_asked_reason, u.hold_reason, u.hold_verbs, u.decision,
                  u.pre_checks, r.preview, l.digest AS "list_digest?", l.bytes AS "list_bytes?"
           FROM drydock.run u
           JOIN drydock.revision r ON r.window_id = u.window_id AND r.number = u.revision
           LEFT JOIN drydock.person o ON o.id = u.opened_by
           LEFT JOIN drydock.person s ON s.id = u.stop_asked_by
           LEFT JOIN drydock.person h ON h.id = u.hold_asked_by
           LEFT JOIN drydock.work_list l ON l.run_id = u.id
           WHERE u.id = $1"#,
        run.0
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)?;
    let work_list = match (row.list_digest, row.list_bytes) {
        (Some(raw), Some(bytes)) => Some((digest(&raw)?, WorkList::from_bytes(&bytes)?)),
        _ => None,
    };
    Ok(Row {
        window: WindowId(row.window_id),
        target: TargetId(row.target_id),
        revision: row.revision,
        plan_digest: digest(&row.plan_digest)?,
        state: RunState::from_word(&row.state).ok_or_else(|| unknown("run state", &row.state))?,
        ending: row.ending.as_deref().and_then(Ending::from_word),
        phase: Phase::from_word(&row.phase).ok_or_else(|| unknown("phase", &row.phase))?,
        opened_at: row.opened_at.to_jiff(),
        opened_by: row.opened_by,
        ended_at: row.ended_at.map(|at| at.to_jiff()),
        owner: row.owner,
        lease_until: row.lease_until.map(|at| at.to_jiff()),
        stop: asked(row.stop_asked_at, row.stop_asked_by, row.stop_reason),
        hold_asked: asked(row.hold_asked_at, row.hold_asked_by, row.hold_asked_reason),
        hold_reason: row.hold_reason,
        hold_verbs: row.hold_verbs.unwrap_or_default().iter().filter_map(|word| HoldVerb::from_word(word)).collect(),
        decision: row.decision.as_deref().and_then(HoldVerb::from_word),
        pre_checks: row.pre_checks,
        preview: row.preview,
        work_list,
    })
}

/// The items of a run with all their tries, in the order of work.
pub async fn items(db: &mut PgConnection, run: RunId) -> Result<Vec<ItemRow>> {
    Ok(items_of(db, &[run.0]).await?.remove(&run).unwrap_or_default())
}

/// The items of several runs.
pub async fn items_of(db: &mut PgConnection, runs: &[Uuid]) -> Result<BTreeMap<RunId, Vec<ItemRow>>> {
    let mut tries = attempts(db, runs).await?;
    let rows = sqlx::query!(
        "SELECT i.run_id, i.ordinal, i.detail, i.outcome, i.outcome_detail, i.figures FROM drydock.item i WHERE i.run_id = ANY ($1) ORDER BY i.run_id, i.ordinal",
        runs
    )
    .fetch_all(db)
    .await?;
    let mut found: BTreeMap<RunId, Vec<ItemRow>> = BTreeMap::new();
    for row in rows {
        let measured = row.figures.unwrap_or(Value::Null);
        found.entry(RunId(row.run_id)).or_default().push(ItemRow {
            ordinal: row.ordinal,
            work: serde_json::from_value::<WorkItem>(row.detail)?,
            outcome: row.outcome.as_deref().and_then(Outcome::from_word),
            detail: row.outcome_detail,
            gains: gains_of(measured.get("before"), measured.get("after")),
            attempts: tries.remove(&(row.run_id, row.ordinal)).unwrap_or_default(),
        });
    }
    Ok(found)
}

async fn attempts(db: &mut PgConnection, runs: &[Uuid]) -> Result<BTreeMap<(Uuid, i32), Vec<AttemptRow>>> {
    let rows = sqlx::query!(
        r#"SELECT a.run_id, a.ordinal, a.number, a.state, a.intent_at, a.started_at AS "started_at: Stamp", a.ended_at AS "ended_at: Stamp", a.session_name, a.backend, a.outcome, a.outcome_detail, a.notices
           FROM drydock.attempt a WHERE a.run_id = ANY ($1) ORDER BY a.run_id, a.ordinal, a.number"#,
        runs
    )
    .fetch_all(db)
    .await?;
    let mut found: BTreeMap<(Uuid, i32), Vec<AttemptRow>> = BTreeMap::new();
    for row in rows {
        found.entry((row.run_id, row.ordinal)).or_default().push(AttemptRow {
            number: row.number,
            state: AttemptState::from_word(&row.state).ok_or_else(|| unknown("attempt state", &row.state))?,
            intent_at: row.intent_at.to_jiff(),
            started_at: row.started_at.map(|at| at.to_jiff()),
            ended_at: row.ended_at.map(|at| at.to_jiff()),
            session: row.session_name,
            backend: row.backend.as_ref().and_then(|backend| backend.get("pid")).map(ToString::to_string),
            outcome: row.outcome.as_deref().and_then(Outcome::from_word),
            detail: row.outcome_detail,
            notices: row.notices.as_array().into_iter().flatten().map(notice).collect(),
        });
    }
    Ok(found)
}

/// A notice as kept: text, or an object with a message and perhaps a severity.
fn notice(value: &Value) -> String {
    let part = |key: &str| value.get(key).and_then(Value::as_str);
    match (value.as_str(), part("severity"), part("message")) {
        (Some(text), _, _) => text.to_owned(),
        (None, Some(severity), Some(message)) => format!("{severity}: {message}"),
        (None, None, Some(message)) => message.to_owned(),
        _ => value.to_string(),
    }
}

/// What happened, newest first; progress lines are left out, but for the newest one.
pub async fn events(db: &mut PgConnection, run: RunId) -> sqlx::Result<Vec<EventRow>> {
    let rows = sqlx::query!(
        "SELECT e.seq, e.at, e.ordinal, e.kind, e.message FROM drydock.run_event e WHERE e.run_id = $1 AND e.kind <> 'progress' ORDER BY e.seq DESC LIMIT $2",
        run.0,
        MOST_EVENTS
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| EventRow { seq: row.seq, at: row.at.to_jiff(), ordinal: row.ordinal, kind: row.kind, message: row.message })
        .collect())
}

/// Lines after `seq`, oldest first; progress lines are left out.
pub async fn events_after(db: &mut PgConnection, run: RunId, seq: i64) -> sqlx::Result<Vec<EventRow>> {
    let rows = sqlx::query!(
        "SELECT e.seq, e.at, e.ordinal, e.kind, e.message FROM drydock.run_event e WHERE e.run_id = $1 AND e.seq > $2 AND e.kind <> 'progress' ORDER BY e.seq LIMIT $3",
        run.0,
        seq,
        MOST_EVENTS
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| EventRow { seq: row.seq, at: row.at.to_jiff(), ordinal: row.ordinal, kind: row.kind, message: row.message })
        .collect())
}

/// Number and time of the newest line of all.
pub async fn newest(db: &mut PgConnection, run: RunId) -> sqlx::Result<Option<(i64, Timestamp)>> {
    let newest = sqlx::query!("SELECT e.seq, e.at FROM drydock.run_event e WHERE e.run_id = $1 ORDER BY e.seq DESC LIMIT 1", run.0)
        .fetch_optional(db)
        .await?;
    Ok(newest.map(|row| (row.seq, row.at.to_jiff())))
}

/// The newest progress line of each item that is worked on, by run and in the order of work. A line is shown while its item runs, not after.
pub async fn progress(db: &mut PgConnection, runs: &[RunId]) -> sqlx::Result<BTreeMap<RunId, Vec<(i32, Progress)>>> {
    let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
    let rows = sqlx::query!(
        "SELECT a.run_id, a.ordinal, p.at, p.message, p.detail FROM drydock.attempt a
         CROSS JOIN LATERAL (SELECT e.at, e.message, e.detail FROM drydock.run_event e
                             WHERE e.run_id = a.run_id AND e.ordinal = a.ordinal AND e.kind = 'progress' ORDER BY e.seq DESC LIMIT 1) p
         WHERE a.run_id = ANY ($1) AND a.state IN ('intent', 'started', 'unknown') ORDER BY a.run_id, a.ordinal",
        &ids
    )
    .fetch_all(db)
    .await?;
    let mut found: BTreeMap<RunId, Vec<(i32, Progress)>> = BTreeMap::new();
    for row in rows {
        let progress = progress_of(row.message, row.at.to_jiff(), row.detail.as_ref());
        found.entry(RunId(row.run_id)).or_default().push((row.ordinal, progress));
    }
    Ok(found)
}

/// A progress line as pages show it.
fn progress_of(says: String, at: Timestamp, detail: Option<&Value>) -> Progress {
    let said = |name| sentences(detail, name);
    Progress { says, at, percent: percent(detail), blockers: said("blocked_by"), waiters: said("waited_for_by") }
}
