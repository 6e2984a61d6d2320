//! The list of windows, as its page reads it.

use crate::error::{Error, Result};
use domain::ids::{PersonId, TeamId, WindowId};
use domain::view::windows::list::{Choice, Filter, PAGE_ROWS, Row};
use domain::window::WindowState;
use sqlx::PgConnection;
use uuid::Uuid;

/// Most choices offered by a filter.
const MOST_CHOICES: i64 = 200;

/// Windows of these teams (`None`: of all) that pass the filter, newest first: one more than a page, when there are more.
pub async fn rows(db: &mut PgConnection, reader: PersonId, teams: Option<&[TeamId]>, filter: &Filter) -> Result<Vec<Row>> {
    // Each filter that is off leaves the condition; a generic plan would have to keep them all.
    sqlx::query!("SET LOCAL plan_cache_mode = force_custom_plan").execute(&mut *db).await?;
    let teams = ids(teams);
    let states: Option<Vec<String>> = filter.state.states().map(|states| states.iter().map(|state| state.word().to_owned()).collect());
    let rows = sqlx::query!(
        r#"SELECT w.id, w.number, r.title, w.state, CASE WHEN t.state = 'deleted' THEN t.short_name || ' (deleted)' ELSE t.short_name END || drydock.more_databases(w.id, w.revision) AS "short_name!", drydock.environments(w.id, w.revision) AS "environments!", m.name AS team, t.zone, r.start_at, r.end_at,
                  CASE WHEN w.state = 'proposed' THEN
                      (EXISTS (SELECT FROM drydock.plan p CROSS JOIN LATERAL drydock.asked_for($8, p.window_id, p.digest, w.team_id)
                               WHERE p.window_id = w.id AND p.revision = w.revision)
                       OR EXISTS (SELECT FROM drydock.plan p CROSS JOIN LATERAL drydock.plan_asks(p.bytes) e
                                  WHERE p.window_id = w.id AND p.revision = w.revision AND e.people ? $8::uuid::text
                                    -- Later stages and the second group wait until they were asked.
                                    AND ((e.key NOT LIKE 'escalation%' AND NOT e.staged)
                                         OR EXISTS (SELECT FROM drydock.link l WHERE l.window_id = w.id AND l.digest = p.digest AND l.person_id = $8 AND l.purpose = 'approve')
                                         OR EXISTS (SELECT FROM drydock.message g WHERE g.window_id = w.id AND g.person_id = $8 AND g.kind = 'approval_needed' AND g.at >= p.sealed_at))))
                      AND NOT EXISTS (SELECT FROM drydock.plan_vote v JOIN drydock.plan p ON p.window_id = v.window_id AND p.digest = v.digest
                                      WHERE v.window_id = w.id AND p.revision = w.revision AND v.person_id = $8 AND v.withdrawn_at IS NULL)
                  ELSE false END AS "waits!",
                  CASE WHEN w.state IN ('proposed', 'approved', 'running', 'hold') THEN
                      (SELECT f.name FROM drydock.plan p JOIN drydock.window_target o ON o.window_id = w.id AND o.revision = w.revision
                       CROSS JOIN LATERAL drydock.freeze_between(o.target_id, w.id, p.digest, r.start_at, r.end_at) f
                       WHERE p.window_id = w.id AND p.revision = w.revision AND f.end_at > clock_timestamp() LIMIT 1) END AS "frozen?",
                  w.glass_id IS NOT NULL AS "glass!"
           FROM drydock.window w
           JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
           JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision
           JOIN drydock.target t ON t.id = wt.target_id
           JOIN drydock.team m ON m.id = w.team_id
           WHERE ($1::uuid[] IS NULL OR w.team_id = ANY ($1)) AND ($2::text[] IS NULL OR w.state = ANY ($2)) AND ($3 = '' OR t.environment = $3)
             AND ($4 = '' OR t.short_name = $4) AND ($5 = '' OR m.short_name = $5) AND ($6::bigint IS NULL OR w.number < $6)
             AND drydock.first_found(w.id, w.revision, wt.position, $4, $3)
           ORDER BY w.number DESC LIMIT $7"#,
        teams.as_deref() as Option<&[Uuid]>,
        states.as_deref() as Option<&[String]>,
        filter.environment,
        filter.database,
        filter.team,
        filter.before,
        i64::try_from(PAGE_ROWS + 1).map_err(Error::internal)?,
        reader.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Row {
                id: WindowId(row.id),
                number: row.number,
                title: row.title,
                state: state(&row.state)?,
                database: row.short_name,
                environments: row.environments,
                team: row.team,
                zone: row.zone,
                start: row.start_at.to_jiff(),
                end: row.end_at.to_jiff(),
                waits_for_reader: row.waits,
                waiting_for: None,
                glass: row.glass,
                frozen: row.frozen,
            })
        })
        .collect()
}

/// Teams that the filter offers.
pub async fn teams(db: &mut PgConnection, teams: Option<&[TeamId]>) -> sqlx::Result<Vec<Choice>> {
    let teams = ids(teams);
    let rows = sqlx::query!(
        "SELECT m.short_name, m.name FROM drydock.team m WHERE $1::uuid[] IS NULL OR m.id = ANY ($1) ORDER BY m.name LIMIT $2",
        teams.as_deref() as Option<&[Uuid]>,
        MOST_CHOICES
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| Choice { value: row.short_name, label: row.name }).collect())
}

/// Databases that the filter offers.
pub async fn databases(db: &mut PgConnection, teams: Option<&[TeamId]>) -> sqlx::Result<Vec<Choice>> {
    let teams = ids(teams);
    let rows = sqlx::query!(
        "SELECT t.short_name, t.name FROM drydock.target t WHERE ($1::uuid[] IS NULL OR t.team_id = ANY ($1)) AND t.state <> 'deleted' ORDER BY t.short_name LIMIT $2",
        teams.as_deref() as Option<&[Uuid]>,
        MOST_CHOICES
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| Choice { label: format!("{} ({})", row.short_name, row.name), value: row.short_name }).collect())
}

pub(super) fn ids(teams: Option<&[TeamId]>) -> Option<Vec<Uuid>> {
    teams.map(|teams| teams.iter().map(|team| team.0).collect())
}

/// A window's state from its stored word.
pub(crate) fn state(word: &str) -> Result<WindowState> {
    WindowState::from_word(word).ok_or_else(|| Error::internal(format!("unknown window state {word}")))
}
