//! The work list of a run, the six steps of each attempt, and the lines of the run's page. All under the owner's lease.

use super::runs::Tenure;
use super::{FactRef, Ledger};
use crate::clock;
use crate::error::{Error, Result};
use crate::store::{Stamp, stamp};
use domain::canonical::Digest;
use domain::decision::Refusal;
use domain::ids::{AttemptId, PersonId};
use domain::procedure::WorkList;
use domain::run::Outcome;
use serde_json::Value;

/// An attempt about to be made.
#[derive(Debug, Clone)]
pub struct NewAttempt {
    /// At which item, from 1.
    pub ordinal: i32,
    /// Which try, from 1.
    pub number: i32,
    /// The approved bytes.
    pub plan_digest: Digest,
    /// The sealed list.
    pub work_list_digest: Digest,
    /// `application_name` of the session that will execute.
    pub session_name: String,
    /// The least time it needs until the end, by its estimate and the reserve; what `fits` computed, asked again by the statement.
    pub needs_ms: i64,
}

/// A line on the run's page.
#[derive(Debug, Clone)]
pub struct Line {
    /// About which item.
    pub ordinal: Option<i32>,
    /// `phase`, `progress`, `notice`, `outcome`, `warning` or `session`.
    pub kind: &'static str,
    /// In words; cut at 8,000 characters.
    pub message: String,
    /// Figures for the page.
    pub detail: Option<Value>,
}

impl Line {
    /// A line without figures.
    pub fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { ordinal: None, kind, message: message.into(), detail: None }
    }
    /// About an item.
    #[must_use]
    pub fn about(self, ordinal: i32) -> Self {
        Self { ordinal: Some(ordinal), ..self }
    }
    /// With figures.
    #[must_use]
    pub fn with(self, detail: Value) -> Self {
        Self { detail: Some(detail), ..self }
    }
}

impl Ledger<'_> {
    /// Seals the work list and writes its items. The caller holds the run by [`Ledger::keep`].
    pub async fn seal_work_list(&mut self, tenure: Tenure, plan: Digest, list: &WorkList) -> Result<Digest> {
        let (bytes, digest) = (list.bytes(), list.digest());
        sqlx::query!(
            "INSERT INTO drydock.work_list (run_id, digest, plan_digest, bytes) VALUES ($1, $2, $3, $4)",
            tenure.run.0,
            digest.0.as_slice(),
            plan.0.as_slice(),
            bytes
        )
        .execute(&mut *self.db)
        .await?;
        for (item, ordinal) in list.items.iter().zip(1_i32..) {
            sqlx::query!(
                "INSERT INTO drydock.item (run_id, ordinal, work_list_digest, step, class, object, statement, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                tenure.run.0,
                ordinal,
                digest.0.as_slice(),
                item.step,
                item.class.word(),
                item.object.name.to_string(),
                item.statement,
                serde_json::to_value(item)?
            )
            .execute(&mut *self.db)
            .await?;
        }
        Ok(digest)
    }

    /// Step 1, the intent: only while the window runs at this digest, nobody asked to stop or hold, and there is time left by this statement's own clock.
    /// Of several databases one that waits for a person holds the window, and not the work of the others.
    pub async fn intent(&mut self, tenure: Tenure, new: &NewAttempt, fact: FactRef) -> Result<AttemptId> {
        let id: AttemptId = clock::new_id();
        let done = sqlx::query!(
            "INSERT INTO drydock.attempt (id, run_id, ordinal, number, epoch, plan_digest, work_list_digest, state, session_name, fact_id, fact_at)
             SELECT $1, r.id, $4, $5, r.epoch, r.plan_digest, $7, 'intent', $8, $9, $10
             FROM drydock.run r
             JOIN drydock.window w ON w.id = r.window_id AND w.revision = r.revision
             JOIN drydock.revision v ON v.window_id = w.id AND v.number = w.revision
             WHERE r.id = $2 AND r.epoch = $3 AND r.state = 'leased' AND r.lease_until > clock_timestamp() AND r.plan_digest = $6 AND r.volatile IS NOT NULL
               AND (w.state = 'running' OR (w.state = 'hold' AND (SELECT count(*) > 1 FROM drydock.window_target t WHERE t.window_id = w.id AND t.revision = w.revision)))
               AND r.stop_asked_at IS NULL AND r.hold_asked_at IS NULL AND r.rolling_back_at IS NULL
               AND clock_timestamp() >= v.start_at AND clock_timestamp() < v.cut_off_at AND clock_timestamp() + $11::bigint * interval '1 ms' <= v.end_at
               AND NOT EXISTS (SELECT FROM drydock.clock_guard g WHERE g.frozen_reason IS NOT NULL)",
            id.0,
            tenure.run.0,
            tenure.epoch,
            new.ordinal,
            new.number,
            new.plan_digest.0.as_slice(),
            new.work_list_digest.0.as_slice(),
            new.session_name,
            fact.id,
            stamp(fact.at) as Stamp,
            new.needs_ms
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        if done == 1 {
            return Ok(id);
        }
        self.keep(tenure).await?;
        Err(Refusal::new("moved_on", "It may no longer begin: the time is up, somebody asked to stop, or the window changed.", "").into())
    }

    /// Step 3, the start: the session's process is on record before the statement is sent. Refused unless the identity observed in that very
    /// session is the plan's, and its volatile part the one of the first gate.
    pub async fn started(
        &mut self,
        tenure: Tenure,
        attempt: AttemptId,
        backend: &Value,
        stable: &Value,
        volatile: &Value,
        before: Option<&Value>,
    ) -> Result<()> {
        let done = sqlx::query!(
            "UPDATE drydock.attempt AS a SET state = 'started', started_at = clock_timestamp(), backend = $4, observed = jsonb_build_object('stable', $5::jsonb, 'volatile', $6::jsonb)
             FROM drydock.run r JOIN drydock.plan p ON p.window_id = r.window_id AND p.digest = r.plan_digest
             WHERE a.id = $3 AND a.state = 'intent' AND a.run_id = r.id AND a.epoch = r.epoch
               AND r.id = $1 AND r.epoch = $2 AND r.state = 'leased' AND r.lease_until > clock_timestamp()
               AND r.volatile = $6::jsonb
               AND (SELECT e.target -> 'identity' FROM jsonb_array_elements(convert_from(p.bytes, 'UTF8')::jsonb -> 'targets') AS e (target)
                    WHERE e.target ->> 'id' = r.target_id::text) = $5::jsonb",
            tenure.run.0,
            tenure.epoch,
            attempt.0,
            backend,
            stable,
            volatile
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        if done == 0 {
            self.keep(tenure).await?;
            return Err(Refusal::new(
                "identity",
                "The session's identity is not the one that was approved, or seen at the first gate.",
                "",
            )
            .into());
        }
        if let Some(before) = before {
            sqlx::query!(
                "UPDATE drydock.item AS i SET figures = jsonb_build_object('before', $2::jsonb) FROM drydock.attempt a WHERE a.id = $1 AND i.run_id = a.run_id AND i.ordinal = a.ordinal",
                attempt.0,
                before
            )
            .execute(&mut *self.db)
            .await?;
        }
        Ok(())
    }

    /// Its owner is gone, and the target has not told yet what became of it. The caller holds the run by [`Ledger::keep`].
    pub async fn attempt_unknown(&mut self, attempt: AttemptId) -> Result<()> {
        sqlx::query!("UPDATE drydock.attempt AS a SET state = 'unknown' WHERE a.id = $1 AND a.state = 'started'", attempt.0)
            .execute(&mut *self.db)
            .await?;
        Ok(())
    }

    /// Step 6, done: the attempt is over, with what the server said. The caller holds the run by [`Ledger::keep`].
    pub async fn attempt_done(&mut self, attempt: AttemptId, outcome: Outcome, detail: &str, notices: &Value) -> Result<()> {
        let done = sqlx::query!(
            "UPDATE drydock.attempt AS a SET state = 'done', ended_at = clock_timestamp(), outcome = $2, outcome_detail = $3, notices = $4 WHERE a.id = $1 AND a.state <> 'done'",
            attempt.0,
            outcome.word(),
            detail,
            notices
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        if done == 1 { Ok(()) } else { Err(Error::internal("an attempt ended twice")) }
    }

    /// The item has its outcome. The caller holds the run by [`Ledger::keep`].
    pub async fn item_outcome(
        &mut self,
        tenure: Tenure,
        ordinal: i32,
        outcome: Outcome,
        detail: &str,
        after: Option<&Value>,
    ) -> Result<()> {
        sqlx::query!(
            "UPDATE drydock.item AS i SET outcome = $3, outcome_detail = $4, figures = CASE WHEN $5::jsonb IS NULL THEN i.figures ELSE coalesce(i.figures, '{}') || jsonb_build_object('after', $5::jsonb) END
             WHERE i.run_id = $1 AND i.ordinal = $2",
            tenure.run.0,
            ordinal,
            outcome.word(),
            detail,
            after
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }

    /// What a person found out about an attempt of unknown outcome.
    pub async fn resolve_attempt(&mut self, attempt: AttemptId, by: PersonId, found: &str, reason: &str) -> Result<()> {
        sqlx::query!(
            "INSERT INTO drydock.resolution (attempt_id, person_id, found, reason) VALUES ($1, $2, $3, $4)",
            attempt.0,
            by.0,
            found,
            reason
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }

    /// Adds a line to the run's page. The caller holds the run by [`Ledger::keep`], so the numbers have no gap and no double.
    pub async fn line(&mut self, tenure: Tenure, line: &Line) -> Result<()> {
        let message: String = line.message.chars().take(8000).collect();
        sqlx::query!(
            "INSERT INTO drydock.run_event (run_id, seq, ordinal, kind, message, detail) SELECT $1, coalesce(max(e.seq), 0) + 1, $2, $3, $4, $5 FROM drydock.run_event e WHERE e.run_id = $1",
            tenure.run.0,
            line.ordinal,
            line.kind,
            message,
            line.detail
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }
}
