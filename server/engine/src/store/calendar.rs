//! Windows by day and by database, as the calendar and the timeline read them: one statement a page, however many days or databases.

use super::window_list::{ids, state};
use crate::error::{Error, Result};
use domain::ids::{TargetId, TeamId};
use domain::schedule::DURATION_MAX_MIN;
use domain::view::calendar::{Bounds, Entry, Line, TIMELINE_BARS, TIMELINE_ROWS, shown, wanting};
use domain::view::windows::list::Filter;
use domain::window::WindowState;
use sqlx::PgConnection;
use uuid::Uuid;

/// What both pages ask for.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// Teams whose windows the reader sees; `None` for all.
    pub teams: Option<&'a [TeamId]>,
    /// Narrowed to what.
    pub filter: &'a Filter,
}

/// A window as both pages draw it, from a row of either statement.
macro_rules! entry {
    ($row:ident) => {
        Entry {
            number: $row.number,
            title: $row.title,
            state: state(&$row.state)?,
            database: $row.database,
            environments: $row.environments,
            team: $row.team,
            start: $row.start_at.to_jiff(),
            end: $row.end_at.to_jiff(),
            clashes: $row.clashes,
        }
    };
}

fn words(states: &[WindowState]) -> Vec<String> {
    states.iter().map(|state| state.word().to_owned()).collect()
}

/// Zone of a database the reader sees.
pub async fn zone(db: &mut PgConnection, teams: Option<&[TeamId]>, database: &str) -> sqlx::Result<Option<String>> {
    let teams = ids(teams);
    sqlx::query_scalar!(
        "SELECT t.zone FROM drydock.target t WHERE t.short_name = $1 AND t.state <> 'deleted' AND ($2::uuid[] IS NULL OR t.team_id = ANY ($2))",
        database,
        teams.as_deref() as Option<&[Uuid]>
    )
    .fetch_optional(db)
    .await
}

/// The first windows of each day and how many the day has: the position of the day, the number, the window.
///
/// No window is longer than [`DURATION_MAX_MIN`], so those that reach into a day are found by their start, which has an index.
pub async fn by_day(db: &mut PgConnection, wanted: &Wanted<'_>, days: &[Bounds], room: usize) -> Result<Vec<(usize, usize, Entry)>> {
    // Each filter that is off leaves the condition; a generic plan would have to keep them all.
    sqlx::query!("SET LOCAL plan_cache_mode = force_custom_plan").execute(&mut *db).await?;
    let teams = ids(wanted.teams);
    let begins: Vec<i64> = days.iter().map(|day| day.begins.as_second()).collect();
    let ends: Vec<i64> = days.iter().map(|day| day.ends.as_second()).collect();
    let rows = sqlx::query!(
        r#"SELECT d.n AS "day!", e.total AS "total!", e.number AS "number!", e.title AS "title!", e.state AS "state!", e.database AS "database!",
                  e.environments AS "environments!", e.team AS "team!", e.start_at AS "start_at!", e.end_at AS "end_at!", e.clashes AS "clashes!: Vec<i64>"
           FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS d (begins, ends, n)
           CROSS JOIN LATERAL (
               SELECT w.number, r.title, w.state, CASE WHEN t.state = 'deleted' THEN t.short_name || ' (deleted)' ELSE t.short_name END || drydock.more_databases(w.id, w.revision) AS database,
                      drydock.environments(w.id, w.revision) AS environments, m.name AS team, r.start_at, r.end_at, count(*) OVER () AS total,
                      ARRAY (SELECT ow.number FROM drydock.window_target ot JOIN drydock.window ow ON ow.id = ot.window_id AND ow.revision = ot.revision
                             WHERE ot.target_id IN (SELECT o.target_id FROM drydock.window_target o WHERE o.window_id = w.id AND o.revision = w.revision)
                               AND ot.window_id <> w.id AND ot.during && wt.during AND ow.state = ANY ($10) AND w.state = ANY ($10)
                             ORDER BY ow.number LIMIT 3) AS clashes
               FROM drydock.revision r
               JOIN drydock.window w ON w.id = r.window_id AND w.revision = r.number
               JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision
               JOIN drydock.target t ON t.id = wt.target_id
               JOIN drydock.team m ON m.id = w.team_id
               WHERE r.start_at < to_timestamp(d.ends) AND r.start_at > to_timestamp(d.begins - $3::bigint) AND r.end_at > to_timestamp(d.begins)
                 AND ($4::uuid[] IS NULL OR w.team_id = ANY ($4)) AND w.state = ANY ($5)
                 AND ($6 = '' OR t.environment = $6) AND ($7 = '' OR t.short_name = $7) AND ($8 = '' OR m.short_name = $8)
                 AND drydock.first_found(w.id, w.revision, wt.position, $7, $6)
               ORDER BY r.start_at, w.number LIMIT $9) e
           ORDER BY d.n, e.start_at, e.number"#,
        &begins,
        &ends,
        DURATION_MAX_MIN * 60,
        teams.as_deref() as Option<&[Uuid]>,
        &words(&shown(wanted.filter.state)),
        wanted.filter.environment,
        wanted.filter.database,
        wanted.filter.team,
        i64::try_from(room).map_err(Error::internal)?,
        &words(&wanting())
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let entry = entry!(row);
            Ok((usize::try_from(row.day - 1).map_err(Error::internal)?, usize::try_from(row.total).map_err(Error::internal)?, entry))
        })
        .collect()
}

/// Databases that have windows between the first day and the last, by short name from behind `after` on, each with its first windows: one more
/// database than a page, when there are more.
pub async fn by_database(db: &mut PgConnection, wanted: &Wanted<'_>, days: &[Bounds], after: &str) -> Result<Vec<Line>> {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(Vec::new()) };
    sqlx::query!("SET LOCAL plan_cache_mode = force_custom_plan").execute(&mut *db).await?;
    let (teams, (name, behind)) = (ids(wanted.teams), Line::behind(after));
    let rows = sqlx::query!(
        r#"WITH drawn AS (
               SELECT e.*, dense_rank() OVER (ORDER BY e.database, e.target_id) AS line, count(*) OVER (PARTITION BY e.target_id) AS total,
                      row_number() OVER (PARTITION BY e.target_id ORDER BY e.start_at, e.number) AS place
               FROM (SELECT w.id, w.number, r.title, w.state, CASE WHEN t.state = 'deleted' THEN t.short_name || ' (deleted)' ELSE t.short_name END AS database,
                            t.environment, m.name AS team, r.start_at, r.end_at, wt.target_id, wt.during
                     FROM drydock.revision r
                     JOIN drydock.window w ON w.id = r.window_id AND w.revision = r.number
                     JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision
                     JOIN drydock.target t ON t.id = wt.target_id
                     JOIN drydock.team m ON m.id = w.team_id
                     WHERE r.start_at < to_timestamp($2::bigint) AND r.start_at > to_timestamp($1::bigint - $3::bigint) AND r.end_at > to_timestamp($1::bigint)
                       AND ($4::uuid[] IS NULL OR w.team_id = ANY ($4)) AND w.state = ANY ($5)
                       AND ($6 = '' OR t.environment = $6) AND ($7 = '' OR t.short_name = $7) AND ($8 = '' OR m.short_name = $8)) e
               WHERE (e.database, e.target_id) > ($9, $13::uuid))
           SELECT d.total AS "total!", d.number AS "number!", d.title AS "title!", d.state AS "state!", d.database AS "database!",
                  d.target_id AS "target_id!", d.environment AS "environments!", d.team AS "team!", d.start_at AS "start_at!", d.end_at AS "end_at!",
                  ARRAY (SELECT ow.number FROM drydock.window_target ot JOIN drydock.window ow ON ow.id = ot.window_id AND ow.revision = ot.revision
                         WHERE ot.target_id = d.target_id AND ot.window_id <> d.id AND ot.during && d.during AND ow.state = ANY ($10) AND d.state = ANY ($10)
                         ORDER BY ow.number LIMIT 3) AS "clashes!: Vec<i64>"
           FROM drawn d WHERE d.line <= $11 AND d.place <= $12 ORDER BY d.line, d.start_at, d.number"#,
        first.begins.as_second(),
        last.ends.as_second(),
        DURATION_MAX_MIN * 60,
        teams.as_deref() as Option<&[Uuid]>,
        &words(&shown(wanted.filter.state)),
        wanted.filter.environment,
        wanted.filter.database,
        wanted.filter.team,
        name,
        &words(&wanting()),
        i64::try_from(TIMELINE_ROWS + 1).map_err(Error::internal)?,
        i64::try_from(TIMELINE_BARS).map_err(Error::internal)?,
        behind.0
    )
    .fetch_all(db)
    .await?;
    let mut lines: Vec<Line> = Vec::new();
    for row in rows {
        let entry = entry!(row);
        match lines.last_mut().filter(|line| line.target.0 == row.target_id) {
            Some(line) => line.entries.push(entry),
            None => lines.push(Line {
                target: TargetId(row.target_id),
                database: entry.database.clone(),
                environment: entry.environments.clone(),
                total: usize::try_from(row.total).map_err(Error::internal)?,
                entries: vec![entry],
            }),
        }
    }
    Ok(lines)
}
