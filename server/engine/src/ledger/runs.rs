//! Runs: opened, taken, begun, held, ended. Every write of a worker names run and epoch, under a lease that still holds.

use super::{FactRef, Ledger};
use crate::clock;
use crate::error::{Error, Result};
use crate::store::{Stamp, stamp};
use domain::canonical::Digest;
use domain::decision::Refusal;
use domain::hold::{HoldCause, HoldVerb};
use domain::ids::{PersonId, RunId, WindowId};
use domain::run::Phase;
use domain::window::Ending;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

/// Code of the refusal a worker gets whose lease is over: it stops at once and writes nothing more.
pub const LEASE_LOST: &str = "lease_lost";

/// Who may write for a run: nobody else, while the lease of this epoch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenure {
    /// The run.
    pub run: RunId,
    /// The epoch under which it is held.
    pub epoch: i64,
}

/// What a renewal tells its owner besides that the lease goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulse {
    /// Somebody asked to stop.
    pub stop_asked: bool,
    /// Somebody asked to hold after the current item.
    pub hold_asked: bool,
    /// All maintenance is paused, or a freeze covers the database: no item begins.
    pub barred: bool,
    /// State of the window, in its stored word.
    pub window_state: String,
}

/// Whether a write under a lease found its run.
fn owned(done: u64) -> Result<()> {
    if done == 1 { Ok(()) } else { Err(lost()) }
}

fn lost() -> Error {
    Refusal::new(LEASE_LOST, "The lease of this run is over; another worker may have it.", "").into()
}

/// True for the refusal that ends an owner's work.
#[must_use]
pub fn is_lease_lost(error: &Error) -> bool {
    matches!(error, Error::Refused(refusal) if refusal.code == LEASE_LOST)
}

/// Renews a lease for 15 s. One statement on the heartbeats' own pool; no transition, so no fact.
///
/// # Errors
/// [`LEASE_LOST`] when the lease is over, by time or by another owner.
pub async fn renew(heartbeats: &PgPool, tenure: Tenure) -> Result<Pulse> {
    let row = sqlx::query!(
        r#"UPDATE drydock.run AS r SET lease_until = clock_timestamp() + interval '15 s' FROM drydock.window w
           WHERE r.id = $1 AND r.epoch = $2 AND r.state = 'leased' AND r.lease_until > clock_timestamp() AND w.id = r.window_id
           RETURNING r.stop_asked_at IS NOT NULL AS "stop_asked!", r.hold_asked_at IS NOT NULL AS "hold_asked!", w.state,
               EXISTS (SELECT FROM drydock.pause p WHERE p.resumed_at IS NULL AND p.level = 'hold_running')
               OR EXISTS (SELECT FROM drydock.freeze_between(r.target_id, r.window_id, r.plan_digest, clock_timestamp(), clock_timestamp())) AS "barred!""#,
        tenure.run.0,
        tenure.epoch
    )
    .fetch_optional(heartbeats)
    .await?;
    row.map(|row| Pulse { stop_asked: row.stop_asked, hold_asked: row.hold_asked, barred: row.barred, window_state: row.state })
        .ok_or_else(lost)
}

/// Reads what a renewal tells, without renewing: for wake-ups between two renewals.
pub async fn pulse(heartbeats: &PgPool, tenure: Tenure) -> Result<Pulse> {
    let row = sqlx::query!(
        r#"SELECT r.stop_asked_at IS NOT NULL AS "stop_asked!", r.hold_asked_at IS NOT NULL AS "hold_asked!", w.state,
               EXISTS (SELECT FROM drydock.pause p WHERE p.resumed_at IS NULL AND p.level = 'hold_running')
               OR EXISTS (SELECT FROM drydock.freeze_between(r.target_id, r.window_id, r.plan_digest, clock_timestamp(), clock_timestamp())) AS "barred!"
           FROM drydock.run r JOIN drydock.window w ON w.id = r.window_id
           WHERE r.id = $1 AND r.epoch = $2 AND r.state = 'leased' AND r.lease_until > clock_timestamp()"#,
        tenure.run.0,
        tenure.epoch
    )
    .fetch_optional(heartbeats)
    .await?;
    row.map(|row| Pulse { stop_asked: row.stop_asked, hold_asked: row.hold_asked, barred: row.barred, window_state: row.state })
        .ok_or_else(lost)
}

/// Gives a lease back at once, so that the next worker need not wait: the soft stop's hand-over. A lost lease is no error here.
pub async fn hand_over(heartbeats: &PgPool, tenure: Tenure) -> Result<()> {
    sqlx::query!(
        "UPDATE drydock.run AS r SET lease_until = clock_timestamp() - interval '3 s' WHERE r.id = $1 AND r.epoch = $2 AND r.state = 'leased' AND r.lease_until > clock_timestamp()",
        tenure.run.0,
        tenure.epoch
    )
    .execute(heartbeats)
    .await?;
    Ok(())
}

/// Ends the leases of a process that is proven to be gone, as its own hand-over would have. Says of how many runs.
///
/// # Errors
/// When the state database does not answer.
pub async fn owner_is_gone(heartbeats: &PgPool, owner: &str) -> Result<u64> {
    let ended = sqlx::query!(
        "UPDATE drydock.run AS r SET lease_until = clock_timestamp() - interval '3 s' WHERE r.owner = $1 AND r.state = 'leased' AND r.lease_until > clock_timestamp() - interval '3 s'",
        owner
    )
    .execute(heartbeats)
    .await?;
    Ok(ended.rows_affected())
}

impl Ledger<'_> {
    /// Opens the runs of one wave of an approved revision, all of them or none. Asks what the gate asked once more, by this statement's own clock.
    pub async fn open_runs(
        &mut self,
        window: WindowId,
        revision: i32,
        digest: Digest,
        wave: u32,
        by: Option<PersonId>,
        fact: FactRef,
    ) -> Result<Vec<RunId>> {
        let wave = i32::try_from(wave).map_err(Error::internal)?;
        let targets = sqlx::query_scalar!(
            "SELECT t.target_id FROM drydock.window_target t WHERE t.window_id = $1 AND t.revision = $2 AND t.wave = $3 ORDER BY t.position",
            window.0,
            revision,
            wave
        )
        .fetch_all(&mut *self.db)
        .await?;
        let ids: Vec<uuid::Uuid> = targets.iter().map(|_| clock::new_id::<RunId>().0).collect();
        let opened = sqlx::query!(
            "INSERT INTO drydock.run (id, window_id, revision, target_id, plan_digest, opened_by, state_fact_id, state_fact_at)
             SELECT u.id, w.id, w.revision, t.target_id, p.digest, $5, $6, $7
             FROM unnest($1::uuid[], $8::uuid[]) AS u (id, target_id)
             JOIN drydock.window w ON w.id = $2
             JOIN drydock.revision v ON v.window_id = w.id AND v.number = w.revision
             JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision
             JOIN drydock.window_target t ON t.window_id = w.id AND t.revision = w.revision AND t.target_id = u.target_id AND t.live
             WHERE w.revision = $3 AND p.digest = $4
               AND ((t.wave = 1 AND w.state = 'approved' AND clock_timestamp() BETWEEN v.start_at AND v.latest_start_at)
                    OR (t.wave > 1 AND w.state = 'running' AND clock_timestamp() < v.cut_off_at))
               AND NOT EXISTS (SELECT FROM drydock.clock_guard g WHERE g.frozen_reason IS NOT NULL)",
            &ids,
            window.0,
            revision,
            digest.0.as_slice(),
            by.map(|person| person.0),
            fact.id,
            stamp(fact.at) as Stamp,
            &targets
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        if opened > 0 && usize::try_from(opened) == Ok(ids.len()) {
            return Ok(ids.into_iter().map(RunId).collect());
        }
        Err(Refusal::new(
            "moved_on",
            "The window changed, or its time passed, at this very moment: it was not started.",
            "Look at its page again.",
        )
        .into())
    }

    /// Takes the run's row for this transaction, if nobody else does: the first half of a claim. `None` when it is not to be had.
    pub async fn lock_claimable(&mut self, run: RunId) -> Result<Option<i64>> {
        Ok(sqlx::query_scalar!(
            "SELECT r.epoch FROM drydock.run r
             WHERE r.id = $1 AND (r.state = 'waiting' OR (r.state = 'held' AND r.decision IS NOT NULL) OR (r.state = 'leased' AND r.lease_until < clock_timestamp() - interval '3 s'))
             FOR UPDATE SKIP LOCKED",
            run.0
        )
        .fetch_optional(&mut *self.db)
        .await?)
    }

    /// Makes `worker` the owner under the next epoch, with a lease of 15 s. The row was taken by [`Self::lock_claimable`].
    pub async fn claim_run(&mut self, run: RunId, epoch: i64, worker: &str, fact: FactRef) -> Result<Tenure> {
        let epoch = sqlx::query_scalar!(
            "UPDATE drydock.run AS r SET state = 'leased', epoch = r.epoch + 1, owner = $3, lease_until = clock_timestamp() + interval '15 s', state_fact_id = $4, state_fact_at = $5
             WHERE r.id = $1 AND r.epoch = $2 AND r.state IN ('waiting', 'held', 'leased')
               AND (r.owner IS NULL OR r.lease_until < clock_timestamp() - interval '3 s') RETURNING r.epoch",
            run.0,
            epoch,
            worker,
            fact.id,
            stamp(fact.at) as Stamp
        )
        .fetch_optional(&mut *self.db)
        .await?
        .ok_or_else(lost)?;
        Ok(Tenure { run, epoch })
    }

    /// Takes the run's row for this transaction and proves that its owner may write: nobody can take it over before the commit.
    /// Order of locks: the window before.
    pub async fn keep(&mut self, tenure: Tenure) -> Result<()> {
        sqlx::query_scalar!(
            r#"SELECT 1 AS "one!" FROM drydock.run r WHERE r.id = $1 AND r.epoch = $2 AND r.state = 'leased' AND r.lease_until > clock_timestamp() FOR NO KEY UPDATE"#,
            tenure.run.0,
            tenure.epoch
        )
        .fetch_optional(&mut *self.db)
        .await?
        .map(drop)
        .ok_or_else(lost)
    }

    /// Notes what the run is busy with.
    pub async fn run_phase(&mut self, tenure: Tenure, phase: Phase) -> Result<()> {
        let done = sqlx::query!(
            "UPDATE drydock.run AS r SET phase = $3 WHERE r.id = $1 AND r.epoch = $2 AND r.state = 'leased' AND r.lease_until > clock_timestamp()",
            tenure.run.0,
            tenure.epoch,
            phase.word()
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        owned(done)
    }

    /// The work is over, and measurements are next: nobody can ask to hold from then on. False while somebody has, and no stop is stronger.
    pub async fn run_to_probing(&mut self, tenure: Tenure) -> Result<bool> {
        self.keep(tenure).await?;
        let done = sqlx::query!(
            "UPDATE drydock.run AS r SET phase = 'probing'
             WHERE r.id = $1 AND r.epoch = $2 AND r.state = 'leased' AND r.lease_until > clock_timestamp() AND (r.hold_asked_at IS NULL OR r.stop_asked_at IS NOT NULL)",
            tenure.run.0,
            tenure.epoch
        )
        .execute(&mut *self.db)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Notes what the pre-checks found.
    pub async fn run_pre_checks(&mut self, tenure: Tenure, findings: &Value) -> Result<()> {
        let done = sqlx::query!(
            "UPDATE drydock.run AS r SET pre_checks = $3 WHERE r.id = $1 AND r.epoch = $2 AND r.state = 'leased' AND r.lease_until > clock_timestamp()",
            tenure.run.0,
            tenure.epoch,
            findings
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        owned(done)
    }

    /// Lets the run begin: its window is approved at this revision and digest, and it is between start and latest start; or another database
    /// of the same window has begun, and this one's time, `begin_by`, has not passed. Not while somebody waits for a run of it to hold.
    pub async fn begin_run(&mut self, tenure: Tenure, volatile: &Value, begin_by: Timestamp) -> Result<()> {
        let begun = sqlx::query!(
            "UPDATE drydock.run AS r SET phase = 'baseline', volatile = $3
             FROM drydock.window w, drydock.revision v
             WHERE r.id = $1 AND r.epoch = $2 AND r.state = 'leased' AND r.lease_until > clock_timestamp() AND r.phase = 'pre_checks' AND r.stop_asked_at IS NULL
               AND w.id = r.window_id AND w.revision = r.revision AND v.window_id = w.id AND v.number = w.revision
               AND ((w.state = 'approved' AND clock_timestamp() BETWEEN v.start_at AND v.latest_start_at)
                    OR (w.state = 'running' AND clock_timestamp() BETWEEN v.start_at AND least($4, v.cut_off_at)
                        AND (SELECT count(*) > 1 FROM drydock.window_target t WHERE t.window_id = w.id AND t.revision = w.revision)))
               AND NOT EXISTS (SELECT FROM drydock.run o WHERE o.window_id = r.window_id AND o.revision = r.revision AND o.state <> 'ended' AND o.hold_asked_at IS NOT NULL)
               AND NOT EXISTS (SELECT FROM drydock.clock_guard g WHERE g.frozen_reason IS NOT NULL)",
            tenure.run.0,
            tenure.epoch,
            volatile,
            stamp(begin_by) as Stamp
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        if begun == 1 {
            return Ok(());
        }
        self.keep(tenure).await?;
        Err(Refusal::new("moved_on", "The window changed, or its latest start passed, at this very moment.", "").into())
    }

    /// Stops the run until a person decides; the lease is given back.
    pub async fn hold_run(&mut self, tenure: Tenure, cause: HoldCause, reason: &str, verbs: &[HoldVerb], fact: FactRef) -> Result<()> {
        let verbs: Vec<String> = verbs.iter().map(|verb| verb.word().to_owned()).collect();
        let done = sqlx::query!(
            "UPDATE drydock.run AS r SET state = 'held', owner = NULL, lease_until = NULL, hold_reason = $3, hold_verbs = $4, decision = NULL, hold_asked_at = NULL, hold_asked_by = NULL, hold_asked_reason = NULL, state_fact_id = $5, state_fact_at = $6,
                    hold_step = CASE $7 WHEN 'by_hand' THEN (SELECT b.step FROM drydock.by_hand b WHERE b.run_id = r.id AND b.done_at IS NULL ORDER BY b.asked_at DESC LIMIT 1)
                                        WHEN 'call' THEN (SELECT c.step FROM drydock.run_call c WHERE c.run_id = r.id AND c.done_at IS NULL ORDER BY c.asked_at DESC LIMIT 1) END
             WHERE r.id = $1 AND r.epoch = $2 AND r.state = 'leased' AND r.lease_until > clock_timestamp()",
            tenure.run.0,
            tenure.epoch,
            reason,
            &verbs,
            fact.id,
            stamp(fact.at) as Stamp,
            match cause {
                HoldCause::ByHand => "by_hand",
                HoldCause::Unanswered => "call",
                _ => "",
            }
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        owned(done)
    }

    /// The run waits for a person to do a step: on record once, however often it is asked for.
    pub async fn ask_by_hand(&mut self, tenure: Tenure, step: &str) -> Result<()> {
        self.keep(tenure).await?;
        sqlx::query!("INSERT INTO drydock.by_hand (run_id, step) VALUES ($1, $2) ON CONFLICT DO NOTHING", tenure.run.0, step)
            .execute(&mut *self.db)
            .await?;
        Ok(())
    }

    /// Somebody did a step that the run waits for.
    pub async fn did_by_hand(&mut self, run: RunId, step: &str, by: PersonId, said: &str) -> Result<()> {
        sqlx::query!(
            "UPDATE drydock.by_hand AS b SET done_at = clock_timestamp(), done_by = $3, said = $4 WHERE b.run_id = $1 AND b.step = $2 AND b.done_at IS NULL",
            run.0,
            step,
            by.0,
            said
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }

    /// Another program is about to be called: on record once, under one id, however often that is.
    pub async fn ask_call(&mut self, tenure: Tenure, step: &str, id: Uuid) -> Result<()> {
        self.keep(tenure).await?;
        sqlx::query!(
            "INSERT INTO drydock.run_call (run_id, step, id) VALUES ($1, $2, $3) ON CONFLICT (run_id, step) DO NOTHING",
            tenure.run.0,
            step,
            id
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }

    /// It said yes.
    pub async fn call_done(&mut self, run: RunId, step: &str, said: &str) -> Result<()> {
        sqlx::query!(
            "UPDATE drydock.run_call AS c SET done_at = clock_timestamp(), answered_at = clock_timestamp(), said = $3 WHERE c.run_id = $1 AND c.step = $2 AND c.done_at IS NULL",
            run.0,
            step,
            said
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }

    /// It did not, and a person says that it is done all the same.
    pub async fn settle_call(&mut self, run: RunId, step: &str, by: PersonId, said: &str) -> Result<()> {
        sqlx::query!(
            "UPDATE drydock.run_call AS c SET done_at = clock_timestamp(), settled_by = $3, said = $4 WHERE c.run_id = $1 AND c.step = $2 AND c.done_at IS NULL",
            run.0,
            step,
            by.0,
            said
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }

    /// A worker has taken up what the person decided.
    pub async fn take_up_decision(&mut self, tenure: Tenure) -> Result<()> {
        let done = sqlx::query!(
            "UPDATE drydock.run AS r SET decision = NULL, hold_reason = NULL, hold_verbs = NULL WHERE r.id = $1 AND r.epoch = $2 AND r.state = 'leased' AND r.lease_until > clock_timestamp()",
            tenure.run.0,
            tenure.epoch
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        owned(done)
    }

    /// Its rollback begins: from here on only the way to its end is open.
    pub async fn rolling_back(&mut self, tenure: Tenure) -> Result<()> {
        let done = sqlx::query!(
            "UPDATE drydock.run AS r SET rolling_back_at = coalesce(r.rolling_back_at, clock_timestamp()) WHERE r.id = $1 AND r.epoch = $2 AND r.state = 'leased' AND r.lease_until > clock_timestamp()",
            tenure.run.0,
            tenure.epoch
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        owned(done)
    }

    /// Its work is over, and it is watched for a while, but not past the cut-off: nothing could follow. An instant that was noted before stays. Gives the
    /// instant.
    pub async fn soak(&mut self, tenure: Tenure, soak_s: i64, cut_off: Timestamp) -> Result<Timestamp> {
        let until = sqlx::query_scalar!(
            r#"UPDATE drydock.run AS r SET soak_until = coalesce(r.soak_until, least(clock_timestamp() + $3::bigint * interval '1 s', $4))
               WHERE r.id = $1 AND r.epoch = $2 AND r.state = 'leased' AND r.lease_until > clock_timestamp() RETURNING r.soak_until AS "until!: Stamp""#,
            tenure.run.0,
            tenure.epoch,
            soak_s,
            stamp(cut_off) as Stamp
        )
        .fetch_optional(&mut *self.db)
        .await?;
        Ok(until.ok_or_else(lost)?.to_jiff())
    }

    /// Ends the run under its lease. `clean` is its verdict: everything on this database went as planned.
    pub async fn end_run(&mut self, tenure: Tenure, ending: Ending, clean: bool, fact: FactRef) -> Result<()> {
        let done = sqlx::query!(
            "UPDATE drydock.run AS r SET state = 'ended', ending = $3, ended_at = $5, clean = $6, phase = 'over', owner = NULL, lease_until = NULL, decision = NULL, state_fact_id = $4, state_fact_at = $5
             WHERE r.id = $1 AND r.epoch = $2 AND r.state = 'leased' AND r.lease_until > clock_timestamp()",
            tenure.run.0,
            tenure.epoch,
            ending.word(),
            fact.id,
            stamp(fact.at) as Stamp,
            clean
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        owned(done)
    }

    /// Ends runs of a window that no worker ever took: it was missed or called off. Says how many.
    pub async fn end_waiting_runs(&mut self, window: WindowId, fact: FactRef) -> Result<u64> {
        let done = sqlx::query!(
            "UPDATE drydock.run AS r SET state = 'ended', ending = 'not_begun', ended_at = $3, phase = 'over', state_fact_id = $2, state_fact_at = $3 WHERE r.window_id = $1 AND r.state = 'waiting'",
            window.0,
            fact.id,
            stamp(fact.at) as Stamp
        )
        .execute(&mut *self.db)
        .await?;
        Ok(done.rows_affected())
    }

    /// A person asks to stop. False when somebody asked before, or the run is over.
    pub async fn ask_stop(&mut self, run: RunId, by: PersonId, reason: &str) -> Result<bool> {
        let done = sqlx::query!(
            "UPDATE drydock.run AS r SET stop_asked_at = clock_timestamp(), stop_asked_by = $2, stop_reason = $3 WHERE r.id = $1 AND r.state IN ('waiting', 'leased') AND r.stop_asked_at IS NULL",
            run.0,
            by.0,
            reason
        )
        .execute(&mut *self.db)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// A person asks to hold after the current item. False when somebody asked before, or there is nothing to hold.
    pub async fn ask_hold(&mut self, run: RunId, by: PersonId, reason: &str) -> Result<bool> {
        let done = sqlx::query!(
            "UPDATE drydock.run AS r SET hold_asked_at = clock_timestamp(), hold_asked_by = $2, hold_asked_reason = $3
             WHERE r.id = $1 AND r.state = 'leased' AND r.phase IN ('baseline', 'selecting', 'working') AND r.decision IS NULL AND r.stop_asked_at IS NULL AND r.hold_asked_at IS NULL",
            run.0,
            by.0,
            reason
        )
        .execute(&mut *self.db)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// A person decides on a held run; a worker takes it up.
    pub async fn decide_hold(&mut self, run: RunId, by: PersonId, verb: HoldVerb) -> Result<()> {
        let done = sqlx::query!(
            "UPDATE drydock.run AS r SET decision = $2, decided_by = $3 WHERE r.id = $1 AND r.state = 'held' AND r.decision IS NULL AND $2 = ANY (r.hold_verbs)",
            run.0,
            verb.word(),
            by.0
        )
        .execute(&mut *self.db)
        .await?;
        if done.rows_affected() == 1 {
            return Ok(());
        }
        Err(Refusal::new("moved_on", "Somebody decided on this run already, or it is no longer on hold.", "Look at its page again.").into())
    }
}
