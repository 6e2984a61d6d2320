//! The lanes of a window: its databases with their runs, as the fold and the planner want them.

use super::Stamp;
use crate::error::{Error, Result};
use domain::ids::{RunId, TargetId, WindowId};
use domain::lanes::{Lane, LaneState, RunAt, begin_by};
use domain::run::Phase;
use domain::schedule::plan::WaveAtHand;
use domain::window::{Ending, RunState};
use jiff::Timestamp;
use sqlx::PgConnection;

/// One database of a window, with its run.
#[derive(Debug, Clone)]
pub struct LaneRow {
    /// What the fold looks at.
    pub lane: Lane,
    /// Short name of the database.
    pub name: String,
    /// Its run, once its wave was opened.
    pub run: Option<RunId>,
    /// When the run ended.
    pub ended_at: Option<Timestamp>,
    /// Why it is never started.
    pub not_started: Option<String>,
    /// Until when it is watched after its work.
    pub soak_until: Option<Timestamp>,
}

/// What the fold looks at.
#[must_use]
pub fn states(rows: &[LaneRow]) -> Vec<Lane> {
    rows.iter().map(|row| row.lane).collect()
}

/// Every database on which something went otherwise than planned, with what became of it, in words.
#[must_use]
pub fn failures(rows: &[LaneRow]) -> Vec<String> {
    let failed = domain::lanes::failures(&states(rows));
    rows.iter().filter(|row| failed.contains(&row.lane)).map(said).collect()
}

/// Every database that keeps the waves behind its own from being started, in the same words.
#[must_use]
pub fn in_the_way(rows: &[LaneRow]) -> Vec<String> {
    rows.iter().filter(|row| row.lane.state.stops_what_follows()).map(said).collect()
}

fn said(row: &LaneRow) -> String {
    format!("{}: {}", row.name, row.lane.state.label().to_lowercase())
}

/// The lanes of a revision, in the order of its plan.
pub async fn of(db: &mut PgConnection, window: WindowId, revision: i32) -> Result<Vec<LaneRow>> {
    let rows = sqlx::query!(
        r#"SELECT t.target_id, t.wave, t.not_started, d.short_name, r.id AS "id?", r.state AS "state?", r.phase AS "phase?", r.ending, r.clean, r.ended_at AS "ended_at: Stamp", r.soak_until AS "soak_until: Stamp",
                  coalesce(r.decision IS NOT NULL, false) AS "decided!", coalesce(r.rolling_back_at IS NOT NULL, false) AS "rolling_back!"
           FROM drydock.window_target t
           JOIN drydock.target d ON d.id = t.target_id
           LEFT JOIN drydock.run r ON r.window_id = t.window_id AND r.revision = t.revision AND r.target_id = t.target_id AND r.kind = 'maintenance'
           WHERE t.window_id = $1 AND t.revision = $2 ORDER BY t.position"#,
        window.0,
        revision
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let run = match (row.state.as_deref(), row.phase.as_deref()) {
                (Some(state), Some(phase)) => Some(RunAt {
                    state: RunState::from_word(state).ok_or_else(|| Error::internal(format!("unknown run state {state}")))?,
                    phase: Phase::from_word(phase).ok_or_else(|| Error::internal(format!("unknown phase {phase}")))?,
                    ending: row.ending.as_deref().and_then(Ending::from_word),
                    clean: row.clean,
                    decided: row.decided,
                    rolling_back: row.rolling_back,
                }),
                _ => None,
            };
            Ok(LaneRow {
                lane: Lane {
                    target: TargetId(row.target_id),
                    wave: row.wave.unsigned_abs(),
                    state: LaneState::of(run, row.not_started.is_some()),
                },
                name: row.short_name,
                run: row.id.map(RunId),
                ended_at: row.ended_at.map(Stamp::to_jiff),
                not_started: row.not_started,
                soak_until: row.soak_until.map(Stamp::to_jiff),
            })
        })
        .collect()
}

/// Waves that are next, in windows that run: every database before them ended clean, and nothing is open.
pub async fn waves_at_hand(db: &mut PgConnection) -> Result<Vec<WaveAtHand>> {
    let rows = sqlx::query!(
        r#"SELECT w.id, w.number, w.revision, v.start_at, v.latest_start_at, v.cut_off_at, n.wave AS "wave!", n.since AS "since!: Stamp"
           FROM drydock.window w
           JOIN drydock.revision v ON v.window_id = w.id AND v.number = w.revision
           CROSS JOIN LATERAL (
               SELECT min(t.wave) FILTER (WHERE r.id IS NULL AND t.not_started IS NULL) AS wave, max(r.ended_at) AS since, bool_and(coalesce(r.clean, r.id IS NULL)) AS clean
               FROM drydock.window_target t
               LEFT JOIN drydock.run r ON r.window_id = t.window_id AND r.revision = t.revision AND r.target_id = t.target_id AND r.kind = 'maintenance'
               WHERE t.window_id = w.id AND t.revision = w.revision) n
           WHERE w.state = 'running' AND n.wave IS NOT NULL AND n.since IS NOT NULL AND n.clean
           ORDER BY v.start_at LIMIT 500"#
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let (start, latest, cut_off) = (row.start_at.to_jiff(), row.latest_start_at.to_jiff(), row.cut_off_at.to_jiff());
            let wave = row.wave.unsigned_abs();
            WaveAtHand {
                id: WindowId(row.id),
                number: row.number,
                revision: row.revision,
                wave,
                begin_by: begin_by((start, latest, cut_off), wave, row.since.to_jiff()),
            }
        })
        .collect())
}
