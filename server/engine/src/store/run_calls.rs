//! Calls of runs: which were made, and what came of them.

use super::Stamp;
use super::by_hand::as_done;
use crate::error::Result;
use domain::ids::RunId;
use domain::view::runs::Done;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Calls of a run by key.
#[derive(Debug, Clone, Default)]
pub struct Calls {
    /// Those that may have had their effect.
    pub asked: BTreeSet<String>,
    /// Those that are over.
    pub done: BTreeSet<String>,
}

/// The calls of a run.
pub async fn calls(db: &mut PgConnection, run: RunId) -> Result<Calls> {
    let rows = sqlx::query!(r#"SELECT c.step, c.done_at IS NOT NULL AS "done!" FROM drydock.run_call c WHERE c.run_id = $1"#, run.0)
        .fetch_all(db)
        .await?;
    let mut calls = Calls::default();
    for row in rows {
        if row.done {
            calls.done.insert(row.step.clone());
        }
        calls.asked.insert(row.step);
    }
    Ok(calls)
}

/// What the receiver of a call knows it by.
pub async fn id(db: &mut PgConnection, run: RunId, step: &str) -> Result<Uuid> {
    let id =
        sqlx::query_scalar!("SELECT c.id FROM drydock.run_call c WHERE c.run_id = $1 AND c.step = $2", run.0, step).fetch_one(db).await?;
    Ok(id)
}

/// The one that a run is held for; none where it is held for anything else.
pub async fn waiting(db: &mut PgConnection, run: RunId) -> Result<Option<String>> {
    let step = sqlx::query_scalar!(
        "SELECT c.step FROM drydock.run_call c JOIN drydock.run r ON r.id = c.run_id AND r.hold_step = c.step WHERE c.run_id = $1 AND r.state = 'held' AND c.done_at IS NULL",
        run.0
    )
    .fetch_optional(db)
    .await?;
    Ok(step)
}

/// Those that were made, by key, with who says that they are done; the receiver where nobody did.
pub async fn of(db: &mut PgConnection, run: RunId) -> Result<BTreeMap<String, Option<Done>>> {
    let rows = sqlx::query!(
        r#"SELECT c.step, c.done_at AS "done_at: Stamp", p.name AS "name?", c.said FROM drydock.run_call c LEFT JOIN drydock.person p ON p.id = c.settled_by
           WHERE c.run_id = $1"#,
        run.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.step, as_done(row.done_at, row.name, row.said))).collect())
}
