//! Steps outside the database of runs: which are done, and of those by hand which were asked for, and who did them.

use super::Stamp;
use crate::error::Result;
use domain::ids::RunId;
use domain::view::runs::Done;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// Keys of those of a run that are done, by people or by other programs.
pub async fn done(db: &mut PgConnection, run: RunId) -> Result<BTreeSet<String>> {
    let rows = sqlx::query_scalar!(
        r#"SELECT b.step AS "step!" FROM drydock.by_hand b WHERE b.run_id = $1 AND b.done_at IS NOT NULL
           UNION ALL SELECT c.step FROM drydock.run_call c WHERE c.run_id = $1 AND c.done_at IS NOT NULL"#,
        run.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().collect())
}

/// The one that a run is held for; none where it is held for anything else.
pub async fn waiting(db: &mut PgConnection, run: RunId) -> Result<Option<String>> {
    let step = sqlx::query_scalar!(
        "SELECT b.step FROM drydock.by_hand b JOIN drydock.run r ON r.id = b.run_id AND r.hold_step = b.step WHERE b.run_id = $1 AND r.state = 'held' AND b.done_at IS NULL",
        run.0
    )
    .fetch_optional(db)
    .await?;
    Ok(step)
}

/// Those that were asked for, by key, with who did them.
pub async fn of(db: &mut PgConnection, run: RunId) -> Result<BTreeMap<String, Option<Done>>> {
    let rows = sqlx::query!(
        r#"SELECT b.step, b.done_at AS "done_at: Stamp", p.name AS "name?", b.said FROM drydock.by_hand b LEFT JOIN drydock.person p ON p.id = b.done_by
           WHERE b.run_id = $1"#,
        run.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.step, as_done(row.done_at, row.name, row.said))).collect())
}

/// When a step was done, by whom, and what was said; nothing while it is not.
pub(super) fn as_done(at: Option<Stamp>, by: Option<String>, said: Option<String>) -> Option<Done> {
    at.map(|at| Done { at: at.to_jiff(), by: by.unwrap_or_default(), said: said.unwrap_or_default() })
}
