//! The validation list of a window: baselines, probes, ticks.

use crate::error::{Error, Result};
use domain::checklist::CheckState;
use domain::ids::{PersonId, TargetId, WindowId};
use domain::plan::Plan;
use serde_json::Value;
use sqlx::PgConnection;

/// One item of the list.
#[derive(Debug, Clone)]
pub struct Check {
    /// Order on the page, from 1.
    pub ordinal: i32,
    /// Stable key.
    pub key: String,
    /// As people read it.
    pub title: String,
    /// About which database, where the window has several.
    pub target: Option<TargetId>,
    /// A probe answers first.
    pub by_probe: bool,
    /// Where it stands.
    pub state: CheckState,
    /// Measured before the first change.
    pub baseline: Option<Value>,
    /// Measured after the last.
    pub probe: Option<Value>,
}

/// The list of one database of a window.
#[derive(Debug, Clone, Copy)]
pub struct List {
    /// Which window.
    pub window: WindowId,
    /// Which revision.
    pub revision: i32,
    /// Which database; `None` where the window has one.
    pub target: Option<TargetId>,
}

impl List {
    /// The list of a database in this plan.
    #[must_use]
    pub fn of(plan: &Plan, target: TargetId) -> Self {
        Self { window: plan.window, revision: plan.revision, target: plan.is_many().then_some(target) }
    }
    /// Whether an item stands in it.
    #[must_use]
    pub fn holds(&self, check: &Check) -> bool {
        check.target == self.target
    }
}

/// Every item of a window, in order.
pub async fn list(db: &mut PgConnection, window: WindowId, revision: i32) -> Result<Vec<Check>> {
    let rows = sqlx::query!(
        "SELECT c.ordinal, c.key, c.title, c.target_id, c.by_probe, c.state, c.baseline, c.probe FROM drydock.check_item c WHERE c.window_id = $1 AND c.revision = $2 ORDER BY c.ordinal",
        window.0,
        revision
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Check {
                ordinal: row.ordinal,
                key: row.key,
                title: row.title,
                target: row.target_id.map(TargetId),
                by_probe: row.by_probe,
                state: CheckState::from_word(&row.state).ok_or_else(|| Error::internal(format!("unknown check state {}", row.state)))?,
                baseline: row.baseline,
                probe: row.probe,
            })
        })
        .collect()
}

/// Notes what was measured before the first change; a baseline that is there already stays.
pub async fn set_baseline(db: &mut PgConnection, list: &List, key: &str, baseline: &Value) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE drydock.check_item AS c SET baseline = $4
         WHERE c.window_id = $1 AND c.revision = $2 AND c.key = $3 AND c.target_id IS NOT DISTINCT FROM $5 AND c.baseline IS NULL",
        list.window.0,
        list.revision,
        key,
        baseline,
        list.target.map(|target| target.0)
    )
    .execute(db)
    .await
    .map(drop)
}

/// Notes what a probe measured, and its answer. What a person accepted or ruled out stays as that person left it.
pub async fn set_probe(db: &mut PgConnection, list: &List, key: &str, probe: &Value, state: CheckState) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE drydock.check_item AS c SET probe = $4, probed_at = clock_timestamp(),
                state = CASE WHEN c.state IN ('open', 'passed', 'failed') THEN $5 ELSE c.state END,
                decided_by = CASE WHEN c.state IN ('open', 'passed', 'failed') THEN NULL ELSE c.decided_by END,
                decided_at = CASE WHEN c.state IN ('open', 'passed', 'failed') THEN NULL ELSE c.decided_at END
         WHERE c.window_id = $1 AND c.revision = $2 AND c.key = $3 AND c.target_id IS NOT DISTINCT FROM $6 AND c.by_probe",
        list.window.0,
        list.revision,
        key,
        probe,
        state.word(),
        list.target.map(|target| target.0)
    )
    .execute(db)
    .await
    .map(drop)
}

/// A person's answer. False when the item has another state by now than the person saw.
pub async fn answer(
    db: &mut PgConnection,
    (window, revision, ordinal): (WindowId, i32, i32),
    from: CheckState,
    to: CheckState,
    note: &str,
    by: PersonId,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.check_item AS c SET state = $5, note = $6, decided_by = $7, decided_at = clock_timestamp()
         WHERE c.window_id = $1 AND c.revision = $2 AND c.ordinal = $3 AND c.state = $4",
        window.0,
        revision,
        ordinal,
        from.word(),
        to.word(),
        note,
        by.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
