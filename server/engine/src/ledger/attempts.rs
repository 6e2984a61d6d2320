//! The work list of a run, what becomes of single attempts, and the lines of the run's page. All under the owner's lease.

use super::Ledger;
use super::runs::Tenure;
use crate::error::{Error, Result};
use domain::canonical::Digest;
use domain::ids::{AttemptId, PersonId};
use domain::procedure::{WorkItem, WorkList};
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
    /// Slot of the fence that this session takes, from 1.
    pub slot: i16,
    /// The table whose lock it needs, as people read it.
    pub relation: String,
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
        let text = |of: fn(&WorkItem) -> String| list.items.iter().map(of).collect::<Vec<_>>();
        sqlx::query!(
            "INSERT INTO drydock.item (run_id, ordinal, work_list_digest, step, class, object, statement, detail)
             SELECT $1, u.nth, $2, u.step, u.class, u.object, u.statement, u.detail
             FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[]) WITH ORDINALITY AS u (step, class, object, statement, detail, nth)",
            tenure.run.0,
            digest.0.as_slice(),
            &text(|item| item.step.clone()),
            &text(|item| item.class.word().to_owned()),
            &text(|item| item.object.name.to_string()),
            &text(|item| item.statement.clone()),
            &list.items.iter().map(serde_json::to_value).collect::<std::result::Result<Vec<_>, _>>()?
        )
        .execute(&mut *self.db)
        .await?;
        Ok(digest)
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

    /// Adds a line to the run's page. The caller holds the run by [`Ledger::keep`].
    pub async fn line(&mut self, tenure: Tenure, line: &Line) -> Result<()> {
        self.lines(tenure, std::slice::from_ref(line)).await
    }

    /// Adds lines to the run's page. The caller holds the run by [`Ledger::keep`], so the numbers have no gap and no double.
    pub async fn lines(&mut self, tenure: Tenure, lines: &[Line]) -> Result<()> {
        let short = |line: &Line| line.message.chars().take(8000).collect::<String>();
        sqlx::query!(
            "INSERT INTO drydock.run_event (run_id, seq, ordinal, kind, message, detail)
             SELECT $1, (SELECT coalesce(max(e.seq), 0) FROM drydock.run_event e WHERE e.run_id = $1) + u.nth, u.ordinal, u.kind, u.message, u.detail
             FROM unnest($2::integer[], $3::text[], $4::text[], $5::jsonb[]) WITH ORDINALITY AS u (ordinal, kind, message, detail, nth)",
            tenure.run.0,
            &lines.iter().map(|line| line.ordinal).collect::<Vec<_>>() as &[Option<i32>],
            &lines.iter().map(|line| line.kind.to_owned()).collect::<Vec<_>>(),
            &lines.iter().map(short).collect::<Vec<_>>(),
            &lines.iter().map(|line| line.detail.clone()).collect::<Vec<_>>() as &[Option<Value>]
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }
}
