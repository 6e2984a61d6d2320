//! Windows: creation, revisions, transitions.

use super::{FactRef, Ledger};
use crate::error::{Error, Result};
use crate::store::{Stamp, stamp};
use domain::approval::StageTimes;
use domain::canonical::Digest;
use domain::checklist::PlannedCheck;
use domain::decision::Refusal;
use domain::ids::{GlassId, PersonId, TeamId, WindowId};
use domain::plan::{Plan, PlanTarget};
use domain::webhook::Event;
use domain::window::WindowState;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// A sealed revision about to be written.
#[derive(Debug, Clone)]
pub struct NewRevision {
    /// The plan.
    pub plan: Plan,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
    /// Its digest.
    pub digest: Digest,
    /// What was typed.
    pub form: Value,
    /// What a worker found when asked.
    pub preview: Option<Value>,
    /// When each stage has to be met, in order.
    pub stages: Vec<StageTimes>,
    /// Without quorum by then: expired.
    pub decide_by: Timestamp,
    /// Who wrote it.
    pub by: PersonId,
}

/// An item of a validation list about to be written.
struct NewItem<'p> {
    key: &'p str,
    title: String,
    by_probe: bool,
    target: Option<uuid::Uuid>,
}

/// One list for a window of one database; of several each has its own.
fn items(plan: &Plan) -> Vec<NewItem<'_>> {
    if !plan.is_many() {
        return plan.checklist.iter().map(|check| NewItem::of(check, None)).collect();
    }
    plan.targets.iter().flat_map(|target| plan.checklist.iter().map(move |check| NewItem::of(check, Some(target)))).collect()
}

impl<'p> NewItem<'p> {
    fn of(check: &'p PlannedCheck, target: Option<&PlanTarget>) -> Self {
        Self {
            key: &check.key,
            title: target.map_or_else(|| check.title.clone(), |target| format!("{}: {}", target.short_name, check.title)),
            by_probe: check.by_probe,
            target: target.map(|target| target.id.0),
        }
    }
}

impl Ledger<'_> {
    /// Makes a window in state draft; its number comes from the database.
    pub async fn new_window(&mut self, id: WindowId, team: TeamId, by: PersonId, fact: FactRef) -> Result<i64> {
        let number = sqlx::query_scalar!(
            "INSERT INTO drydock.window (id, team_id, created_by, state_at, state_fact_id, state_fact_at) VALUES ($1, $2, $3, $4, $5, $4) RETURNING number",
            id.0,
            team.0,
            by.0,
            stamp(fact.at) as Stamp,
            fact.id
        )
        .fetch_one(&mut *self.db)
        .await?;
        Ok(number)
    }

    /// Writes a revision with its sealed plan, takes its time on the database (not yet live), and remembers its author for ever.
    pub async fn add_revision(&mut self, new: &NewRevision) -> Result<()> {
        let (plan, times) = (&new.plan, &new.plan.times);
        sqlx::query!(
            "INSERT INTO drydock.revision (window_id, number, title, form, preview, start_at, latest_start_at, cut_off_at, end_at, decide_by_at, policy_id, policy_version, created_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            plan.window.0,
            plan.revision,
            plan.title,
            new.form,
            new.preview,
            stamp(times.start) as Stamp,
            stamp(times.latest_start) as Stamp,
            stamp(times.cut_off) as Stamp,
            stamp(times.end) as Stamp,
            stamp(new.decide_by) as Stamp,
            plan.policy.id.0,
            plan.policy.version,
            new.by.0
        )
        .execute(&mut *self.db)
        .await?;
        for stage in &new.stages {
            sqlx::query!(
                "INSERT INTO drydock.revision_stage (window_id, revision, stage, decide_by_at, escalate_at, remind_every_min) VALUES ($1, $2, $3, $4, $5, nullif($6, 0))",
                plan.window.0,
                plan.revision,
                i32::try_from(stage.stage).map_err(Error::internal)?,
                stamp(stage.decide_by) as Stamp,
                stage.escalate_at.map(stamp) as Option<Stamp>,
                i32::try_from(stage.remind_every_min).map_err(Error::internal)?
            )
            .execute(&mut *self.db)
            .await?;
        }
        sqlx::query!(
            "INSERT INTO drydock.plan (window_id, digest, revision, bytes, sealed_by) VALUES ($1, $2, $3, $4, $5)",
            plan.window.0,
            new.digest.0.as_slice(),
            plan.revision,
            new.bytes,
            new.by.0
        )
        .execute(&mut *self.db)
        .await?;
        for (target, position) in plan.targets.iter().zip(1_i32..) {
            sqlx::query!(
                "INSERT INTO drydock.window_target (window_id, revision, target_id, team_id, during, wave, position) VALUES ($1, $2, $3, $4, tstzrange($5, $6), $7, $8)",
                plan.window.0,
                plan.revision,
                target.id.0,
                target.team.0,
                stamp(times.start) as Stamp,
                stamp(times.end) as Stamp,
                i32::try_from(plan.wave_of(target.id)).map_err(Error::internal)?,
                position
            )
            .execute(&mut *self.db)
            .await?;
        }
        sqlx::query!(
            "INSERT INTO drydock.contributor (window_id, person_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            plan.window.0,
            new.by.0
        )
        .execute(&mut *self.db)
        .await?;
        for (item, ordinal) in items(plan).into_iter().zip(1_i32..) {
            sqlx::query!(
                "INSERT INTO drydock.check_item (window_id, revision, ordinal, key, title, by_probe, target_id) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                plan.window.0,
                plan.revision,
                ordinal,
                item.key,
                item.title,
                item.by_probe,
                item.target
            )
            .execute(&mut *self.db)
            .await?;
        }
        Ok(())
    }

    /// Remembers further people who wrote what a window says: they never vote on it.
    pub async fn add_contributors(&mut self, window: WindowId, people: &BTreeSet<PersonId>) -> Result<()> {
        let people: Vec<uuid::Uuid> = people.iter().map(|person| person.0).collect();
        sqlx::query!(
            "INSERT INTO drydock.contributor (window_id, person_id) SELECT $1, p.id FROM unnest($2::uuid[]) AS p (id) ON CONFLICT DO NOTHING",
            window.0,
            &people
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }

    /// Makes the next revision the newest one; refused when somebody edited meanwhile.
    pub async fn bump_revision(&mut self, window: WindowId, expected: i32) -> Result<()> {
        let done = sqlx::query!(
            "UPDATE drydock.window AS w SET revision = $2 + 1, stage = 0, asked_at = clock_timestamp(), escalated_stages = '{}' WHERE w.id = $1 AND w.revision = $2",
            window.0,
            expected
        )
        .execute(&mut *self.db)
        .await?;
        if done.rows_affected() == 1 {
            return Ok(());
        }
        let (now, current) = self.lock_window(window).await?;
        Err(moved_on(now, current, expected).into())
    }

    /// Takes the window's row for this transaction: votes, stops and starts on one window happen one after another.
    ///
    /// Returns its state and revision now.
    pub async fn lock_window(&mut self, window: WindowId) -> Result<(WindowState, i32)> {
        let row = sqlx::query!("SELECT w.state, w.revision FROM drydock.window w WHERE w.id = $1 FOR UPDATE", window.0)
            .fetch_optional(&mut *self.db)
            .await?
            .ok_or(Error::NotFound)?;
        let state = WindowState::from_word(&row.state).ok_or_else(|| Error::internal(format!("unknown window state {}", row.state)))?;
        Ok((state, row.revision))
    }

    /// The second group of the stage whose turn it is is asked. `None` when it was asked before, or has time yet.
    pub async fn escalated(&mut self, window: WindowId) -> Result<Option<u32>> {
        let stage = sqlx::query_scalar!(
            "UPDATE drydock.window AS w SET escalated_stages = w.escalated_stages || w.stage
             FROM drydock.revision_stage s WHERE w.id = $1 AND s.window_id = w.id AND s.revision = w.revision AND s.stage = w.stage
               AND s.escalate_at <= clock_timestamp() AND w.stage <> ALL (w.escalated_stages) RETURNING w.stage",
            window.0
        )
        .fetch_optional(&mut *self.db)
        .await?;
        stage.map(|stage| u32::try_from(stage).map_err(Error::internal)).transpose()
    }

    /// Another stage has its turn, so its deadlines hold from now on. False when it had it already.
    pub async fn turn(&mut self, window: WindowId, stage: u32, fact: FactRef) -> Result<bool> {
        let done = sqlx::query!(
            "UPDATE drydock.window AS w SET stage = $2, asked_at = $3 WHERE w.id = $1 AND w.stage <> $2",
            window.0,
            i32::try_from(stage).map_err(Error::internal)?,
            stamp(fact.at) as Stamp
        )
        .execute(&mut *self.db)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Those who are waited for were asked again.
    pub async fn reminded(&mut self, window: WindowId, fact: FactRef) -> Result<()> {
        sqlx::query!("UPDATE drydock.window AS w SET asked_at = $2 WHERE w.id = $1", window.0, stamp(fact.at) as Stamp)
            .execute(&mut *self.db)
            .await?;
        Ok(())
    }

    /// Makes somebody else answer for a window. Refused by the table for people who could not have proposed it.
    pub async fn hand_over(&mut self, window: WindowId, to: PersonId) -> Result<()> {
        sqlx::query!("UPDATE drydock.window AS w SET owner_id = $2 WHERE w.id = $1", window.0, to.0).execute(&mut *self.db).await?;
        Ok(())
    }

    /// Writes down what did not go as planned; empty text leaves it owed, where it is.
    pub async fn issues_met(&mut self, window: WindowId, text: &str) -> Result<()> {
        sqlx::query!("UPDATE drydock.window AS w SET issues_met = nullif($2, '') WHERE w.id = $1", window.0, text)
            .execute(&mut *self.db)
            .await?;
        Ok(())
    }

    /// Whether that text is there already. The window's row is taken before.
    pub async fn issues_written(&mut self, window: WindowId) -> Result<bool> {
        Ok(sqlx::query_scalar!(r#"SELECT w.issues_met IS NOT NULL AS "written!" FROM drydock.window w WHERE w.id = $1"#, window.0)
            .fetch_one(&mut *self.db)
            .await?)
    }

    /// Moves a window from an expected state and revision to the next state, and owes the event to whoever is called of it; the loser of a race
    /// learns what happened instead.
    pub async fn move_window(
        &mut self,
        window: WindowId,
        revision: i32,
        from: WindowState,
        to: WindowState,
        reason: Option<&str>,
        fact: FactRef,
    ) -> Result<()> {
        self.put_window(window, revision, from, to, reason, fact).await?;
        self.event(window, from, to, reason.unwrap_or_default(), fact).await
    }

    /// The same without its event.
    pub(super) async fn put_window(
        &mut self,
        window: WindowId,
        revision: i32,
        from: WindowState,
        to: WindowState,
        reason: Option<&str>,
        fact: FactRef,
    ) -> Result<()> {
        let moved = sqlx::query!(
            "UPDATE drydock.window AS w SET state = $4, state_at = $7, state_reason = $5, state_fact_id = $6, state_fact_at = $7 WHERE w.id = $1 AND w.revision = $2 AND w.state = $3",
            window.0, revision, from.word(), to.word(), reason, fact.id, stamp(fact.at) as Stamp
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        self.moved(window, revision, moved == 1).await?;
        self.take_time(window, revision, (from, to)).await
    }

    /// Approves a proposed window by a break-glass, whose mark it bears from then on. Receivers are owed both: that it is approved, and how.
    pub async fn break_glass(&mut self, window: WindowId, revision: i32, glass: GlassId, reason: &str, fact: FactRef) -> Result<()> {
        let (from, to) = (WindowState::Proposed, WindowState::Approved);
        let moved = sqlx::query!(
            "UPDATE drydock.window AS w SET state = 'approved', state_at = $5, state_reason = $3, state_fact_id = $4, state_fact_at = $5, glass_id = $6 WHERE w.id = $1 AND w.revision = $2 AND w.state = 'proposed'",
            window.0, revision, reason, fact.id, stamp(fact.at) as Stamp, glass.0
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        self.moved(window, revision, moved == 1).await?;
        self.take_time(window, revision, (from, to)).await?;
        self.event(window, from, to, reason, fact).await?;
        self.owe_to_callers(Event::GlassBroken, window, (from, to), reason, fact).await
    }

    /// The loser of a race learns what happened instead.
    async fn moved(&mut self, window: WindowId, revision: i32, done: bool) -> Result<()> {
        if done {
            return Ok(());
        }
        let (now, current) = self.lock_window(window).await?;
        Err(moved_on(now, current, revision).into())
    }

    /// A window that becomes live takes its time on the databases, and gives it back when it is live no more.
    async fn take_time(&mut self, window: WindowId, revision: i32, (from, to): (WindowState, WindowState)) -> Result<()> {
        if from.is_live() != to.is_live() {
            sqlx::query!(
                "UPDATE drydock.window_target AS t SET live = (t.revision = $2) AND $3 WHERE t.window_id = $1 AND (t.live OR t.revision = $2)",
                window.0,
                revision,
                to.is_live()
            )
            .execute(&mut *self.db)
            .await?;
        }
        Ok(())
    }
}

/// The sentence for somebody who acted on a page that is no longer true.
fn moved_on(now: WindowState, current: i32, expected: i32) -> Refusal {
    let message = if current == expected {
        format!("Somebody was faster: this window is now “{}”.", now.label())
    } else {
        format!("This window was edited meanwhile: it is at revision {current}, your page showed revision {expected}.")
    };
    Refusal::new("moved_on", message, "Look at the page again and decide on what it shows now.")
}
