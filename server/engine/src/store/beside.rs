//! Windows on other databases of the same server, or linked with one.

use super::window_list;
use super::{Stamp, stamp};
use crate::error::Result;
use domain::ids::{TargetId, TeamId, WindowId};
use domain::view::windows::beside::{Beside, Seen, Shared};
use jiff::Timestamp;
use sqlx::PgConnection;

/// Windows that are planned or under way between two instants on another database of this one's cluster, of a replica of it, of its host, or one
/// that people linked with it; those that begin first on top, at most 50. `teams` are those whose windows the reader sees (`None`: all).
pub async fn between(
    db: &mut PgConnection,
    target: TargetId,
    (from, until): (Timestamp, Timestamp),
    except: Option<WindowId>,
    teams: Option<&[TeamId]>,
) -> Result<Vec<Beside>> {
    let rows = sqlx::query!(
        r#"SELECT w.number, r.title, t.short_name, m.name AS team, w.team_id, w.state, r.start_at AS "start_at: Stamp", r.end_at AS "end_at: Stamp",
                  CASE WHEN l.kind = 'replica' AND l.target_id = t.id THEN 'replica' WHEN l.kind = 'replica' THEN 'primary'
                       WHEN t.identity ->> 'system_identifier' = me.identity ->> 'system_identifier' THEN 'cluster'
                       WHEN l.kind = 'machine' THEN 'machine' ELSE 'host' END AS "shared!"
           FROM drydock.target me
           JOIN drydock.target t ON t.id <> me.id AND t.state <> 'deleted'
           LEFT JOIN drydock.target_link l ON (l.target_id, l.other_id) IN ((me.id, t.id), (t.id, me.id))
           JOIN drydock.window_target wt ON wt.target_id = t.id AND wt.during && tstzrange($2, $3)
           JOIN drydock.window w ON w.id = wt.window_id AND w.revision = wt.revision
             AND w.state IN ('proposed', 'approved', 'running', 'hold', 'validating', 'rolling_back')
           JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
           JOIN drydock.team m ON m.id = w.team_id
           WHERE me.id = $1 AND (t.identity ->> 'system_identifier' = me.identity ->> 'system_identifier' OR t.host = me.host OR l.kind IS NOT NULL)
             AND ($4::uuid IS NULL OR w.id <> $4)
           ORDER BY r.start_at, w.number LIMIT 50"#,
        target.0,
        stamp(from) as Stamp,
        stamp(until) as Stamp,
        except.map(|window| window.0)
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let seen = teams.is_none_or(|teams| teams.contains(&TeamId(row.team_id)));
            Ok(Beside {
                seen: seen.then_some(Seen { number: row.number, title: row.title, database: row.short_name }),
                team: row.team,
                state: window_list::state(&row.state)?,
                start: row.start_at.to_jiff(),
                end: row.end_at.to_jiff(),
                shared: super::targets::meaning(Shared::from_word(&row.shared), &row.shared)?,
            })
        })
        .collect()
}
