//! Questions to workers, and their answers.

use super::Stamp;
use super::targets::meaning;
use crate::error::Result;
use domain::examination::{ExaminationKind, ExaminationState};
use domain::ids::{ExaminationId, PersonId, TargetId, WindowId};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::PgConnection;

/// A question and how far it is.
#[derive(Debug, Clone)]
pub struct Examination {
    /// Identity.
    pub id: ExaminationId,
    /// About which database.
    pub target: TargetId,
    /// What is asked.
    pub kind: ExaminationKind,
    /// How far it is.
    pub state: ExaminationState,
    /// What the worker found.
    pub answer: Option<Value>,
    /// Why there is no answer, as a sentence that says what to do.
    pub failure: Option<String>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When the answer or failure came.
    pub answered_at: Option<Timestamp>,
}

/// A question a worker has taken.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Identity.
    pub id: ExaminationId,
    /// About which database.
    pub target: TargetId,
    /// For which window.
    pub window: Option<WindowId>,
    /// What is asked.
    pub kind: ExaminationKind,
    /// Its parameters.
    pub question: Value,
}

/// An open question that is the same, if there is one: it is answered once for both.
pub async fn open_like(
    db: &mut PgConnection,
    target: TargetId,
    kind: ExaminationKind,
    window: Option<WindowId>,
    question: &Value,
) -> Result<Option<ExaminationId>> {
    let id = sqlx::query_scalar!(
        "SELECT e.id FROM drydock.examination e
         WHERE e.target_id = $1 AND e.kind = $2 AND e.window_id IS NOT DISTINCT FROM $3 AND e.question = $4 AND e.state IN ('asked', 'working')
         ORDER BY e.asked_at LIMIT 1",
        target.0,
        kind.word(),
        window.map(|window| window.0),
        question
    )
    .fetch_optional(db)
    .await?;
    Ok(id.map(ExaminationId))
}

/// Asks.
pub async fn insert(
    db: &mut PgConnection,
    id: ExaminationId,
    target: TargetId,
    window: Option<WindowId>,
    kind: ExaminationKind,
    question: &Value,
    by: Option<PersonId>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.examination (id, target_id, window_id, kind, question, asked_by) VALUES ($1, $2, $3, $4, $5, $6)",
        id.0,
        target.0,
        window.map(|window| window.0),
        kind.word(),
        question,
        by.map(|person| person.0)
    )
    .execute(db)
    .await?;
    Ok(())
}

struct Row {
    id: uuid::Uuid,
    target_id: uuid::Uuid,
    kind: String,
    state: String,
    answer: Option<Value>,
    failure: Option<String>,
    asked_at: Stamp,
    answered_at: Option<Stamp>,
}

impl Row {
    fn read(self) -> Result<Examination> {
        Ok(Examination {
            id: ExaminationId(self.id),
            target: TargetId(self.target_id),
            kind: meaning(ExaminationKind::from_word(&self.kind), &self.kind)?,
            state: meaning(ExaminationState::from_word(&self.state), &self.state)?,
            answer: self.answer,
            failure: self.failure,
            asked_at: self.asked_at.to_jiff(),
            answered_at: self.answered_at.map(Stamp::to_jiff),
        })
    }
}

/// One question.
pub async fn find(db: &mut PgConnection, id: ExaminationId) -> Result<Option<Examination>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT e.id, e.target_id, e.kind, e.state, e.answer, e.failure, e.asked_at, e.answered_at FROM drydock.examination e WHERE e.id = $1",
        id.0
    )
    .fetch_optional(db)
    .await?;
    row.map(Row::read).transpose()
}

/// The newest question of a kind about a database.
pub async fn newest(db: &mut PgConnection, target: TargetId, kind: ExaminationKind) -> Result<Option<Examination>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT e.id, e.target_id, e.kind, e.state, e.answer, e.failure, e.asked_at, e.answered_at FROM drydock.examination e
         WHERE e.target_id = $1 AND e.kind = $2 ORDER BY e.asked_at DESC LIMIT 1",
        target.0,
        kind.word()
    )
    .fetch_optional(db)
    .await?;
    row.map(Row::read).transpose()
}

/// The newest question of a kind for a window.
pub async fn newest_of_window(db: &mut PgConnection, window: WindowId, kind: ExaminationKind) -> Result<Option<Examination>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT e.id, e.target_id, e.kind, e.state, e.answer, e.failure, e.asked_at, e.answered_at FROM drydock.examination e
         WHERE e.window_id = $1 AND e.kind = $2 ORDER BY e.asked_at DESC LIMIT 1",
        window.0,
        kind.word()
    )
    .fetch_optional(db)
    .await?;
    row.map(Row::read).transpose()
}

/// Takes the oldest question that is free, or whose worker went silent. Leases run by this database's clock.
///
/// Leases in seconds: of a question that measures, and of a connection test. A worker that proves no backup, or is at one already, leaves such
/// questions to others.
pub async fn claim(db: &mut PgConnection, worker: &str, measuring_s: f64, test_s: f64, proves: bool) -> Result<Option<Claimed>> {
    let row = sqlx::query!(
        "UPDATE drydock.examination e SET state = 'working', worker = $1,
                lease_until = clock_timestamp() + make_interval(secs => CASE WHEN e.kind IN ('connection_test', 'password_rotation') THEN $3::float8 ELSE $2::float8 END)
         WHERE e.id = (SELECT c.id FROM drydock.examination c
                       WHERE (c.state = 'asked' OR (c.state = 'working' AND c.lease_until < clock_timestamp())) AND ($4 OR c.kind <> 'backup_proof')
                       ORDER BY c.asked_at FOR UPDATE SKIP LOCKED LIMIT 1)
         RETURNING e.id, e.target_id, e.window_id, e.kind, e.question",
        worker,
        measuring_s,
        test_s,
        proves
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Claimed {
            id: ExaminationId(row.id),
            target: TargetId(row.target_id),
            window: row.window_id.map(WindowId),
            kind: meaning(ExaminationKind::from_word(&row.kind), &row.kind)?,
            question: row.question,
        })
    })
    .transpose()
}

/// Says that a worker is still at a question that takes longer than any lease; false when it is another's by now.
pub async fn renew(db: &mut PgConnection, id: ExaminationId, worker: &str, lease_s: f64) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.examination SET lease_until = clock_timestamp() + make_interval(secs => $3) WHERE id = $1 AND state = 'working' AND worker = $2",
        id.0,
        worker,
        lease_s
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives up questions nobody answered within `most_s`: whoever asked has gone, or every worker that took it died of it. Proofs of backups wait
/// for each other, so they have a limit of their own.
pub async fn expire(db: &mut PgConnection, proofs: bool, most_s: f64, sentence: &str) -> Result<u64> {
    let done = sqlx::query!(
        "UPDATE drydock.examination e SET state = 'failed', failure = $2, answered_at = clock_timestamp(), lease_until = NULL
         WHERE (e.state = 'asked' OR (e.state = 'working' AND e.lease_until < clock_timestamp())) AND e.asked_at < clock_timestamp() - make_interval(secs => $1)
           AND (e.kind = 'backup_proof') = $3",
        most_s,
        sentence,
        proofs
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Puts a question back: the worker stops and another may take it.
pub async fn put_back(db: &mut PgConnection, id: ExaminationId, worker: &str) -> Result<()> {
    sqlx::query!(
        "UPDATE drydock.examination SET state = 'asked', worker = NULL, lease_until = NULL WHERE id = $1 AND state = 'working' AND worker = $2",
        id.0,
        worker
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes the answer or the failure, if the question is still this worker's; false otherwise.
pub async fn finish(db: &mut PgConnection, id: ExaminationId, worker: &str, result: std::result::Result<&Value, &str>) -> Result<bool> {
    let (state, answer, failure) = match result {
        Ok(answer) => (ExaminationState::Answered, Some(answer), None),
        Err(failure) => (ExaminationState::Failed, None, Some(failure)),
    };
    let done = sqlx::query!(
        "UPDATE drydock.examination SET state = $3, answer = $4, failure = $5, answered_at = clock_timestamp(), lease_until = NULL
         WHERE id = $1 AND state = 'working' AND worker = $2",
        id.0,
        worker,
        state.word(),
        answer,
        failure
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Who asked a question.
pub async fn asked_by(db: &mut PgConnection, id: ExaminationId) -> Result<Option<PersonId>> {
    let by = sqlx::query_scalar!("SELECT e.asked_by FROM drydock.examination e WHERE e.id = $1", id.0).fetch_optional(db).await?;
    Ok(by.flatten().map(PersonId))
}

/// Whether a worker is about to change the password of this database.
pub async fn is_rotating(db: &mut PgConnection, target: TargetId) -> Result<bool> {
    let open = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.examination e WHERE e.target_id = $1 AND e.kind = 'password_rotation' AND e.state IN ('asked', 'working')) AS "open!""#,
        target.0
    )
    .fetch_one(db)
    .await?;
    Ok(open)
}

/// Keeps what a preview found with the revision it was asked for, unless the window has moved on to another one.
pub async fn set_preview(db: &mut PgConnection, window: WindowId, revision: i32, preview: &Value) -> Result<bool> {
    let done = sqlx::query!("UPDATE drydock.revision SET preview = $3 WHERE window_id = $1 AND number = $2", window.0, revision, preview)
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// This database's clock.
pub async fn now(db: &mut PgConnection) -> Result<Timestamp> {
    Ok(sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#).fetch_one(db).await?.to_jiff())
}

/// Previews of changes about a database that are over, the newest first: whatever copies they made are left over.
pub async fn trials_over(db: &mut PgConnection, target: TargetId) -> Result<Vec<ExaminationId>> {
    let ids = sqlx::query_scalar!(
        "SELECT e.id FROM drydock.examination e
         WHERE e.target_id = $1 AND e.kind = 'preview' AND e.question ? 'scripts' AND e.state IN ('answered', 'failed')
         ORDER BY e.asked_at DESC LIMIT 100",
        target.0
    )
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(ExaminationId).collect())
}

/// Databases on which a trial of the last week may have left its copy: it was given up, or its answer says so.
pub async fn trials_left(db: &mut PgConnection) -> Result<Vec<TargetId>> {
    let ids = sqlx::query_scalar!(
        "SELECT DISTINCT e.target_id FROM drydock.examination e JOIN drydock.target t ON t.id = e.target_id
         WHERE e.kind = 'preview' AND e.question ? 'scripts' AND e.asked_at > clock_timestamp() - interval '7 days' AND t.state = 'ready'
           AND (e.answer -> 'trial' -> 'left_over' IS NOT NULL OR (e.state = 'failed' AND t.trial_copy))
         ORDER BY e.target_id LIMIT 100"
    )
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(TargetId).collect())
}
