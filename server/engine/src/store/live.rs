//! What the feed of watched runs reads: little, for all of them at once, many times a minute.

use super::Stamp;
use crate::error::{Error, Result};
use domain::ids::{RunId, TeamId};
use domain::run::Phase;
use domain::view::runs::Progress;
use domain::window::{Ending, RunState};
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

/// Where a run stands.
#[derive(Debug, Clone)]
pub struct Row {
    /// Which.
    pub run: RunId,
    /// Now, by this database's clock.
    pub now: Timestamp,
    /// How far it is.
    pub state: RunState,
    /// How it ended.
    pub ending: Option<Ending>,
    /// What it is busy with.
    pub phase: Phase,
    /// Its work list is sealed.
    pub selected: bool,
    /// Somebody asked to stop it.
    pub stop_asked: bool,
    /// Somebody asked to hold it after the current item.
    pub hold_asked: bool,
    /// A hold was decided on.
    pub decided: bool,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// From then on nothing new begins.
    pub cut_off_at: Timestamp,
    /// End of its window.
    pub end_at: Timestamp,
    /// Worker that holds it.
    pub owner: Option<String>,
    /// Until when its lease holds.
    pub lease_until: Option<Timestamp>,
    /// Number and time of its newest line.
    pub newest: Option<(i64, Timestamp)>,
    /// The newest progress line of each item that is worked on.
    pub progress: Vec<(i32, Progress)>,
    /// Rises with every change of an item or of one of its tries.
    pub version: i64,
}

/// Where these runs stand. Two statements, whatever their number; unknown ones are left out.
pub async fn rows(db: &mut PgConnection, runs: &[RunId]) -> Result<Vec<Row>> {
    let mut progress = super::run_page::progress(&mut *db, runs).await?;
    let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
    // States of tries only move forward, and outcomes only appear: the sum rises with every change.
    let rows = sqlx::query!(
        r#"SELECT u.id, clock_timestamp() AS "now!: Stamp", u.state, u.ending, u.phase, EXISTS (SELECT FROM drydock.work_list l WHERE l.run_id = u.id) AS "selected!", u.stop_asked_at IS NOT NULL AS "stop_asked!", u.hold_asked_at IS NOT NULL AS "hold_asked!",
                  u.decision IS NOT NULL AS "decided!", u.opened_at, u.ended_at AS "ended_at: Stamp", v.cut_off_at, v.end_at, u.owner, u.lease_until AS "lease_until: Stamp",
                  n.seq AS "seq?", n.at AS "line_at?: Stamp",
                  (SELECT count(*) + count(i.outcome) FROM drydock.item i WHERE i.run_id = u.id)
                    + (SELECT coalesce(sum(CASE a.state WHEN 'intent' THEN 1 WHEN 'started' THEN 2 WHEN 'unknown' THEN 3 ELSE 4 END), 0)
                       FROM drydock.attempt a WHERE a.run_id = u.id) AS "version!"
           FROM drydock.run u
           JOIN drydock.revision v ON v.window_id = u.window_id AND v.number = u.revision
           LEFT JOIN LATERAL (SELECT e.seq, e.at FROM drydock.run_event e WHERE e.run_id = u.id ORDER BY e.seq DESC LIMIT 1) n ON true
           WHERE u.id = ANY($1)"#,
        &ids
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Row {
                run: RunId(row.id),
                now: row.now.to_jiff(),
                state: RunState::from_word(&row.state).ok_or_else(|| Error::internal(format!("unknown run state {}", row.state)))?,
                ending: row.ending.as_deref().and_then(Ending::from_word),
                phase: Phase::from_word(&row.phase).ok_or_else(|| Error::internal(format!("unknown phase {}", row.phase)))?,
                selected: row.selected,
                stop_asked: row.stop_asked,
                hold_asked: row.hold_asked,
                decided: row.decided,
                opened_at: row.opened_at.to_jiff(),
                ended_at: row.ended_at.map(|at| at.to_jiff()),
                cut_off_at: row.cut_off_at.to_jiff(),
                end_at: row.end_at.to_jiff(),
                owner: row.owner,
                lease_until: row.lease_until.map(|at| at.to_jiff()),
                newest: row.seq.zip(row.line_at.map(|at| at.to_jiff())),
                progress: progress.remove(&RunId(row.id)).unwrap_or_default(),
                version: row.version,
            })
        })
        .collect()
}

/// Team of a run's window; `None` when there is no such run.
pub async fn team(db: &mut PgConnection, run: RunId) -> sqlx::Result<Option<TeamId>> {
    let team =
        sqlx::query_scalar!("SELECT w.team_id FROM drydock.run u JOIN drydock.window w ON w.id = u.window_id WHERE u.id = $1", run.0);
    Ok(team.fetch_optional(db).await?.map(TeamId))
}
