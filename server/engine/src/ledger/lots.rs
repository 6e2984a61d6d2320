//! Several tries at once: what was put on record before any of them was sent, and what became of them. A single try is a lot of one.

use super::runs::Tenure;
use super::{FactRef, Ledger, Line, NewAttempt};
use crate::clock;
use crate::error::{Error, Result};
use domain::decision::Refusal;
use domain::ids::AttemptId;
use domain::run::Verdict;
use serde_json::Value;

/// What is on record before the first statement of a session is sent.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The session's process on the target.
    pub backend: Value,
    /// What never changes of the identity seen in it.
    pub stable: Value,
    /// What may change of it, and must not.
    pub volatile: Value,
    /// The states of the objects, in the order of the tries.
    pub before: Vec<Value>,
}

/// How a try of a lot ended.
#[derive(Debug, Clone)]
pub struct Concluded {
    /// Which.
    pub attempt: AttemptId,
    /// At which item.
    pub ordinal: i32,
    /// How.
    pub verdict: Verdict,
    /// What the server said meanwhile.
    pub notices: Value,
    /// The object's state afterwards.
    pub after: Option<Value>,
    /// This is the item's outcome too; otherwise it is tried again.
    pub last: bool,
    /// When its statement was sent, in microseconds before this is written.
    pub begun_ago_us: i64,
    /// When the server had answered.
    pub ended_ago_us: i64,
}

fn microseconds(facts: &[FactRef]) -> Vec<i64> {
    facts.iter().map(|fact| fact.at.as_microsecond()).collect()
}

fn moved_on() -> Error {
    Refusal::new("moved_on", "It may no longer begin: the time is up, somebody asked to stop, or the window changed.", "").into()
}

fn other_identity() -> Error {
    Refusal::new("identity", "The session's identity is not the one that was approved, or seen at the first gate.", "").into()
}

impl Ledger<'_> {
    /// Step 1 of each, the intent: only while the window runs at this digest, nobody asked to stop or hold, and there is time left by this
    /// statement's own clock. All of them or none; all go to one session in one slot.
    /// Of several databases one that waits for a person holds the window, and not the work of the others.
    pub async fn intents(&mut self, tenure: Tenure, new: &[NewAttempt], facts: &[FactRef]) -> Result<Vec<AttemptId>> {
        let Some(first) = new.first() else { return Ok(Vec::new()) };
        let ids: Vec<AttemptId> = new.iter().map(|_| clock::new_id()).collect();
        let done = sqlx::query!(
            "INSERT INTO drydock.attempt (id, run_id, ordinal, number, epoch, plan_digest, work_list_digest, state, session_name, fact_id, fact_at, slot, relation)
             SELECT u.id, r.id, u.ordinal, u.number, r.epoch, r.plan_digest, $7, 'intent', $8, u.fact_id, 'epoch'::timestamptz + u.fact_us * interval '1 microsecond', $12, u.relation
             FROM unnest($1::uuid[], $4::integer[], $5::integer[], $9::bigint[], $10::bigint[], $13::text[]) AS u (id, ordinal, number, fact_id, fact_us, relation)
             JOIN drydock.run r ON r.id = $2
             JOIN drydock.window w ON w.id = r.window_id AND w.revision = r.revision
             JOIN drydock.revision v ON v.window_id = w.id AND v.number = w.revision
             WHERE r.epoch = $3 AND r.state = 'leased' AND r.lease_until > clock_timestamp() AND r.plan_digest = $6 AND r.volatile IS NOT NULL
               AND (w.state = 'running' OR (w.state = 'hold' AND (SELECT count(*) > 1 FROM drydock.window_target t WHERE t.window_id = w.id AND t.revision = w.revision)))
               AND r.stop_asked_at IS NULL AND r.hold_asked_at IS NULL AND r.rolling_back_at IS NULL
               AND clock_timestamp() >= v.start_at AND clock_timestamp() < v.cut_off_at AND clock_timestamp() + $11::bigint * interval '1 ms' <= v.end_at
               AND NOT EXISTS (SELECT FROM drydock.clock_guard g WHERE g.frozen_reason IS NOT NULL)",
            &ids.iter().map(|id| id.0).collect::<Vec<_>>(),
            tenure.run.0,
            tenure.epoch,
            &new.iter().map(|one| one.ordinal).collect::<Vec<_>>(),
            &new.iter().map(|one| one.number).collect::<Vec<_>>(),
            first.plan_digest.0.as_slice(),
            first.work_list_digest.0.as_slice(),
            first.session_name,
            &facts.iter().map(|fact| fact.id).collect::<Vec<_>>(),
            &microseconds(facts),
            first.needs_ms,
            first.slot,
            &new.iter().map(|one| one.relation.clone()).collect::<Vec<_>>()
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        if done == new.len() as u64 {
            return Ok(ids);
        }
        self.keep(tenure).await?;
        Err(moved_on())
    }

    /// Step 3 of each, the start: the session's process is on record before a statement is sent. Refused unless the identity observed in that
    /// very session is the plan's, and its volatile part the one of the first gate.
    pub async fn started(&mut self, tenure: Tenure, attempts: &[AttemptId], begun: &Begun) -> Result<()> {
        let ids: Vec<uuid::Uuid> = attempts.iter().map(|id| id.0).collect();
        let done = sqlx::query!(
            "WITH fits AS MATERIALIZED (
                 SELECT r.id, r.epoch FROM drydock.run r JOIN drydock.plan p ON p.window_id = r.window_id AND p.digest = r.plan_digest
                 WHERE r.id = $1 AND r.epoch = $2 AND r.state = 'leased' AND r.lease_until > clock_timestamp() AND r.volatile = $6::jsonb
                   AND (SELECT e.target -> 'identity' FROM jsonb_array_elements(convert_from(p.bytes, 'UTF8')::jsonb -> 'targets') AS e (target)
                        WHERE e.target ->> 'id' = r.target_id::text) = $5::jsonb)
             UPDATE drydock.attempt AS a SET state = 'started', started_at = clock_timestamp(), backend = $4, observed = jsonb_build_object('stable', $5::jsonb, 'volatile', $6::jsonb)
             FROM fits WHERE a.id = ANY ($3) AND a.state = 'intent' AND a.run_id = fits.id AND a.epoch = fits.epoch",
            tenure.run.0,
            tenure.epoch,
            &ids,
            begun.backend,
            begun.stable,
            begun.volatile
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        if done != attempts.len() as u64 {
            self.keep(tenure).await?;
            return Err(other_identity());
        }
        self.before(&ids, begun).await
    }

    /// Steps 1 and 3 of each in one statement, for a session that is open already: [`Ledger::intents`] and [`Ledger::started`] with every one of
    /// their conditions. The rows are written once, not written and then changed.
    pub async fn lot_begun(&mut self, tenure: Tenure, new: &[NewAttempt], facts: &[FactRef], begun: &Begun) -> Result<Vec<AttemptId>> {
        let Some(first) = new.first() else { return Ok(Vec::new()) };
        let ids: Vec<AttemptId> = new.iter().map(|_| clock::new_id()).collect();
        let raw_ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.0).collect();
        let done = sqlx::query!(
            "WITH fits AS MATERIALIZED (
                 SELECT r.id, r.epoch, r.plan_digest, jsonb_build_object('stable', $15::jsonb, 'volatile', $16::jsonb) AS observed
                 FROM drydock.run r
                 JOIN drydock.window w ON w.id = r.window_id AND w.revision = r.revision
                 JOIN drydock.revision v ON v.window_id = w.id AND v.number = w.revision
                 JOIN drydock.plan p ON p.window_id = r.window_id AND p.digest = r.plan_digest
                 WHERE r.id = $2 AND r.epoch = $3 AND r.state = 'leased' AND r.lease_until > clock_timestamp() AND r.plan_digest = $6
                   AND (w.state = 'running' OR (w.state = 'hold' AND (SELECT count(*) > 1 FROM drydock.window_target t WHERE t.window_id = w.id AND t.revision = w.revision)))
                   AND r.stop_asked_at IS NULL AND r.hold_asked_at IS NULL AND r.rolling_back_at IS NULL
                   AND clock_timestamp() >= v.start_at AND clock_timestamp() < v.cut_off_at AND clock_timestamp() + $11::bigint * interval '1 ms' <= v.end_at
                   AND NOT EXISTS (SELECT FROM drydock.clock_guard g WHERE g.frozen_reason IS NOT NULL)
                   AND r.volatile = $16::jsonb
                   AND (SELECT e.target -> 'identity' FROM jsonb_array_elements(convert_from(p.bytes, 'UTF8')::jsonb -> 'targets') AS e (target)
                        WHERE e.target ->> 'id' = r.target_id::text) = $15::jsonb)
             INSERT INTO drydock.attempt (id, run_id, ordinal, number, epoch, plan_digest, work_list_digest, state, session_name, fact_id, fact_at, slot, relation, started_at, backend, observed)
             SELECT u.id, fits.id, u.ordinal, u.number, fits.epoch, fits.plan_digest, $7, 'started', $8, u.fact_id, 'epoch'::timestamptz + u.fact_us * interval '1 microsecond', $12, u.relation,
                    clock_timestamp(), $14, fits.observed
             FROM fits CROSS JOIN unnest($1::uuid[], $4::integer[], $5::integer[], $9::bigint[], $10::bigint[], $13::text[]) AS u (id, ordinal, number, fact_id, fact_us, relation)",
            &raw_ids,
            tenure.run.0,
            tenure.epoch,
            &new.iter().map(|one| one.ordinal).collect::<Vec<_>>(),
            &new.iter().map(|one| one.number).collect::<Vec<_>>(),
            first.plan_digest.0.as_slice(),
            first.work_list_digest.0.as_slice(),
            first.session_name,
            &facts.iter().map(|fact| fact.id).collect::<Vec<_>>(),
            &microseconds(facts),
            first.needs_ms,
            first.slot,
            &new.iter().map(|one| one.relation.clone()).collect::<Vec<_>>(),
            begun.backend,
            begun.stable,
            begun.volatile
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        if done != new.len() as u64 {
            self.keep(tenure).await?;
            return Err(if self.is_identity(tenure, begun).await? { moved_on() } else { other_identity() });
        }
        self.before(&raw_ids, begun).await?;
        Ok(ids)
    }

    /// Whether the identity observed in a session is the plan's, and its volatile part the one of the first gate.
    async fn is_identity(&mut self, tenure: Tenure, begun: &Begun) -> Result<bool> {
        let same = sqlx::query_scalar!(
            r#"SELECT coalesce(r.volatile = $3::jsonb AND (
                   SELECT e.target -> 'identity' FROM jsonb_array_elements(convert_from(p.bytes, 'UTF8')::jsonb -> 'targets') AS e (target)
                   WHERE e.target ->> 'id' = r.target_id::text) = $2::jsonb, false) AS "same!"
               FROM drydock.run r JOIN drydock.plan p ON p.window_id = r.window_id AND p.digest = r.plan_digest WHERE r.id = $1"#,
            tenure.run.0,
            begun.stable,
            begun.volatile
        );
        Ok(same.fetch_optional(&mut *self.db).await?.unwrap_or(false))
    }

    /// The states of the objects before, for whoever comes after a crash.
    async fn before(&mut self, attempts: &[uuid::Uuid], begun: &Begun) -> Result<()> {
        sqlx::query!(
            "UPDATE drydock.item AS i SET figures = jsonb_build_object('before', u.before)
             FROM unnest($1::uuid[], $2::jsonb[]) AS u (attempt_id, before) JOIN drydock.attempt a ON a.id = u.attempt_id
             WHERE i.run_id = a.run_id AND i.ordinal = a.ordinal",
            attempts,
            &begun.before
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }

    /// Step 6 of each: the tries are over, each with the time that its own statement took, and those that are the last give their items the
    /// outcome. The caller holds the run by [`Ledger::keep`].
    pub async fn lot_done(&mut self, tenure: Tenure, ended: &[Concluded]) -> Result<()> {
        let outcomes: Vec<String> = ended.iter().map(|one| one.verdict.outcome.word().to_owned()).collect();
        let details: Vec<String> = ended.iter().map(|one| one.verdict.sentence.clone()).collect();
        let done = sqlx::query!(
            "UPDATE drydock.attempt AS a SET state = 'done', started_at = t.at - u.begun_ago_us * interval '1 microsecond', ended_at = t.at - u.ended_ago_us * interval '1 microsecond',
                    outcome = u.outcome, outcome_detail = u.detail, notices = u.notices
             FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::bigint[], $6::bigint[]) AS u (id, outcome, detail, notices, begun_ago_us, ended_ago_us)
                  CROSS JOIN (SELECT clock_timestamp() AS at) AS t
             WHERE a.id = u.id AND a.state <> 'done'",
            &ended.iter().map(|one| one.attempt.0).collect::<Vec<_>>(),
            &outcomes,
            &details,
            &ended.iter().map(|one| one.notices.clone()).collect::<Vec<_>>(),
            &ended.iter().map(|one| one.begun_ago_us).collect::<Vec<_>>(),
            &ended.iter().map(|one| one.ended_ago_us).collect::<Vec<_>>()
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        if done != ended.len() as u64 {
            return Err(Error::internal("an attempt ended twice"));
        }
        let last: Vec<&Concluded> = ended.iter().filter(|one| one.last).collect();
        sqlx::query!(
            "UPDATE drydock.item AS i SET outcome = u.outcome, outcome_detail = u.detail,
                    figures = CASE WHEN u.after IS NULL THEN i.figures ELSE coalesce(i.figures, '{}') || jsonb_build_object('after', u.after) END
             FROM unnest($2::integer[], $3::text[], $4::text[], $5::jsonb[]) AS u (ordinal, outcome, detail, after)
             WHERE i.run_id = $1 AND i.ordinal = u.ordinal",
            tenure.run.0,
            &last.iter().map(|one| one.ordinal).collect::<Vec<_>>(),
            &last.iter().map(|one| one.verdict.outcome.word().to_owned()).collect::<Vec<_>>(),
            &last.iter().map(|one| one.verdict.sentence.clone()).collect::<Vec<_>>(),
            &last.iter().map(|one| one.after.clone()).collect::<Vec<_>>() as &[Option<Value>]
        )
        .execute(&mut *self.db)
        .await?;
        let words = |one: &Concluded| format!("{}: {}", one.verdict.outcome.label(), one.verdict.sentence);
        let lines: Vec<Line> = ended.iter().map(|one| Line::new("outcome", words(one)).about(one.ordinal)).collect();
        self.lines(tenure, &lines).await
    }
}
