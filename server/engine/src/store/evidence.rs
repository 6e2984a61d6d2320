//! What proves what happened to one window: each kind of thing in one statement, however many runs and revisions there were.

use super::Stamp;
use crate::error::{Error, Result};
use domain::canonical::Digest;
use domain::ids::{RunId, WindowId};
use domain::procedure::WorkList;
use domain::view::evidence::{MOST_LINES, Resolution, RunEvidence};
use domain::view::runs::{Stop, pre_checks};
use domain::view::windows::page::RevisionRow;
use domain::window::{Ending, RunState};
use sqlx::PgConnection;
use uuid::Uuid;

fn digest(raw: &[u8]) -> Result<Digest> {
    Digest::from_slice(raw).ok_or_else(|| Error::internal("a digest has 32 bytes"))
}

/// Every revision with its sealed bytes, oldest first.
pub async fn revisions(db: &mut PgConnection, window: WindowId) -> Result<Vec<(RevisionRow, Vec<u8>)>> {
    let rows = sqlx::query!(
        "SELECT p.revision, n.name, p.sealed_at, p.digest, p.bytes FROM drydock.plan p JOIN drydock.person n ON n.id = p.sealed_by
         WHERE p.window_id = $1 ORDER BY p.revision LIMIT $2",
        window.0,
        MOST_LINES
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let revision = RevisionRow { number: row.revision, by: row.name, at: row.sealed_at.to_jiff(), digest: digest(&row.digest)? };
            Ok((revision, row.bytes))
        })
        .collect()
}

/// Every run, oldest first, still without its items.
pub async fn runs(db: &mut PgConnection, window: WindowId) -> Result<Vec<RunEvidence>> {
    let rows = sqlx::query!(
        r#"SELECT u.id, u.revision, CASE WHEN EXISTS (SELECT FROM drydock.window_target o WHERE o.window_id = u.window_id AND o.revision = u.revision AND o.position > 1) THEN t.short_name END AS database, u.plan_digest, u.state, u.ending, u.opened_at, o.name AS "opened_by?", u.ended_at AS "ended_at: Stamp",
                  u.stop_asked_at AS "stop_asked_at: Stamp", s.name AS "stop_asked_by?", u.stop_reason, u.hold_reason, u.pre_checks,
                  l.digest AS "list_digest?", l.bytes AS "list_bytes?", l.sealed_at AS "list_at?: Stamp"
           FROM drydock.run u JOIN drydock.target t ON t.id = u.target_id LEFT JOIN drydock.person o ON o.id = u.opened_by LEFT JOIN drydock.person s ON s.id = u.stop_asked_by
           LEFT JOIN drydock.work_list l ON l.run_id = u.id
           WHERE u.window_id = $1 ORDER BY u.opened_at, u.id"#,
        window.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let list = row.list_bytes.map(|bytes| WorkList::from_bytes(&bytes)).transpose()?.unwrap_or_default();
            let work_list = row.list_digest.as_deref().map(digest).transpose()?.zip(row.list_at.map(|at| at.to_jiff()));
            Ok(RunEvidence {
                id: RunId(row.id),
                database: row.database,
                revision: row.revision,
                plan_digest: digest(&row.plan_digest)?,
                state: RunState::from_word(&row.state).ok_or_else(|| Error::internal(format!("unknown run state {}", row.state)))?,
                ending: row.ending.as_deref().and_then(Ending::from_word),
                opened_at: row.opened_at.to_jiff(),
                opened_by: row.opened_by,
                ended_at: row.ended_at.map(|at| at.to_jiff()),
                stop: row.stop_asked_at.map(|at| Stop {
                    at: at.to_jiff(),
                    by: row.stop_asked_by.unwrap_or_else(|| "somebody".to_owned()),
                    reason: row.stop_reason.unwrap_or_default(),
                }),
                hold_reason: row.hold_reason,
                pre_checks: row.pre_checks.as_ref().map(pre_checks).unwrap_or_default(),
                work_list,
                items: vec![],
                left_out: list.left_out,
                findings: list.findings,
                more_findings: list.more_findings,
                resolutions: vec![],
            })
        })
        .collect()
}

/// What people found about tries of unknown outcome, by run.
pub async fn resolutions(db: &mut PgConnection, runs: &[Uuid]) -> sqlx::Result<Vec<(RunId, Resolution)>> {
    let rows = sqlx::query!(
        r#"SELECT a.run_id, a.ordinal, a.number, p.name, s.name AS "second?", r.found, r.reason, r.resolved_at
           FROM drydock.resolution r JOIN drydock.attempt a ON a.id = r.attempt_id JOIN drydock.person p ON p.id = r.person_id
           LEFT JOIN drydock.person s ON s.id = r.second_person_id
           WHERE a.run_id = ANY ($1) ORDER BY r.resolved_at"#,
        runs
    )
    .fetch_all(db)
    .await?;
    let found = rows.into_iter().map(|row| {
        let resolution = Resolution {
            ordinal: row.ordinal,
            number: row.number,
            by: row.name,
            second: row.second,
            found: row.found,
            reason: row.reason,
            at: row.resolved_at.to_jiff(),
        };
        (RunId(row.run_id), resolution)
    });
    Ok(found.collect())
}
