//! Calls of runs: which were made, and what came of them.

use super::Stamp;
use crate::error::Result;
use domain::ids::{RunId, TeamId, WebhookId};
use domain::view::runs::Done;
use domain::webhook::{Filter, Format};
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
    let done = |at: Option<Stamp>, by: Option<String>, said: Option<String>| {
        at.map(|at| Done { at: at.to_jiff(), by: by.unwrap_or_default(), said: said.unwrap_or_default() })
    };
    Ok(rows.into_iter().map(|row| (row.step, done(row.done_at, row.name, row.said))).collect())
}

/// A registered receiver, as a call looks for it.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// Identity.
    pub id: WebhookId,
    /// Scheme, host and port.
    pub origin: String,
    /// What it understands.
    pub format: Format,
    /// Why nothing is sent to it now.
    pub paused: Option<String>,
    /// Of whose windows it is told.
    pub filter: Filter,
    /// The whole address, sealed to the workers.
    pub url: Vec<u8>,
}

/// Receivers of this name.
pub async fn receivers(db: &mut PgConnection, name: &str) -> Result<Vec<Receiver>> {
    let rows = sqlx::query!(
        "SELECT h.id, h.origin, h.format, h.paused_reason, h.team_id, h.environment, h.url FROM drydock.webhook h WHERE h.name = $1 AND h.state <> 'deleted' ORDER BY h.id",
        name
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Receiver {
            id: WebhookId(row.id),
            origin: row.origin,
            format: Format::from_word(&row.format).unwrap_or(Format::CloudEvents),
            paused: row.paused_reason,
            filter: Filter { team: row.team_id.map(TeamId), environment: row.environment, ..Filter::default() },
            url: row.url,
        })
        .collect())
}
