//! The parts of a way back, each on record before it is sent. All under the owner's lease.

use super::runs::Tenure;
use super::{FactRef, Ledger};
use crate::error::{Error, Result};
use crate::store::{Stamp, stamp};
use domain::decision::Refusal;
use domain::run::Verdict;
use serde_json::Value;

/// A part about to be sent.
#[derive(Debug, Clone)]
pub struct NewUndo {
    /// Which part of the way back, from 1.
    pub ordinal: i32,
    /// Which try, from 1.
    pub number: i32,
    /// Exactly what is sent.
    pub statement: String,
    /// `application_name` of the session that will send it.
    pub session_name: String,
}

impl Ledger<'_> {
    /// The intent: only while the run is rolled back under this lease.
    pub async fn undo_intent(&mut self, tenure: Tenure, new: &NewUndo, fact: FactRef) -> Result<()> {
        let done = sqlx::query!(
            "INSERT INTO drydock.undo_part (run_id, ordinal, number, epoch, statement, session_name, fact_id, fact_at)
             SELECT r.id, $3, $4, r.epoch, $5, $6, $7, $8 FROM drydock.run r
             WHERE r.id = $1 AND r.epoch = $2 AND r.state = 'leased' AND r.lease_until > clock_timestamp() AND r.rolling_back_at IS NOT NULL",
            tenure.run.0,
            tenure.epoch,
            new.ordinal,
            new.number,
            new.statement,
            new.session_name,
            fact.id,
            stamp(fact.at) as Stamp
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        if done == 1 {
            return Ok(());
        }
        self.keep(tenure).await?;
        Err(Refusal::new("moved_on", "The way back is not gone any more: somebody decided otherwise.", "").into())
    }

    /// Its session is on record, with what tells later whether it ran.
    pub async fn undo_started(&mut self, tenure: Tenure, ordinal: i32, number: i32, backend: &Value, evidence: &Value) -> Result<()> {
        let done = sqlx::query!(
            "UPDATE drydock.undo_part SET state = 'started', started_at = clock_timestamp(), backend = $4, evidence = $5
             WHERE run_id = $1 AND ordinal = $2 AND number = $3 AND state = 'intent'",
            tenure.run.0,
            ordinal,
            number,
            backend,
            evidence
        )
        .execute(&mut *self.db)
        .await?;
        one(done.rows_affected())
    }

    /// It is over.
    pub async fn undo_done(&mut self, tenure: Tenure, ordinal: i32, number: i32, verdict: &Verdict) -> Result<()> {
        let done = sqlx::query!(
            "UPDATE drydock.undo_part SET state = 'done', ended_at = clock_timestamp(), outcome = $4, detail = $5
             WHERE run_id = $1 AND ordinal = $2 AND number = $3 AND state <> 'done'",
            tenure.run.0,
            ordinal,
            number,
            verdict.outcome.word(),
            verdict.sentence
        )
        .execute(&mut *self.db)
        .await?;
        one(done.rows_affected())
    }
}

fn one(rows: u64) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(Error::internal("a part of a way back that nobody wrote down")) }
}
