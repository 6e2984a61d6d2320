//! Databases as their pages read them.

use super::targets::meaning;
use super::{Stamp, examinations};
use crate::error::{Error, Result};
use domain::examination::{ExaminationKind, ExaminationState};
use domain::ids::{ExaminationId, TargetId, TeamId};
use domain::target::{Environment, TargetState};
use domain::view::targets::{Filter, PAGE_ROWS, ProofAsked, Rotation, Row, StakeholderRow, Test, WindowRow};
use domain::window::WindowState;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

/// Databases of these teams (`None`: of all) that pass the filter, by short name: one more than a page, when there are more.
pub async fn rows(db: &mut PgConnection, teams: Option<&[TeamId]>, filter: &Filter) -> Result<Vec<Row>> {
    let teams: Option<Vec<Uuid>> = teams.map(|teams| teams.iter().map(|team| team.0).collect());
    let rows = sqlx::query!(
        r#"SELECT t.id, t.short_name, t.name, t.environment, m.name AS team, t.state,
                  e.state AS "test_state?", e.passed AS "test_passed?", e.asked_at AS "test_at?", b.taken_at AS "backup_at?", v.taken_at AS "proven_at?",
                  n.number AS "next_number?", n.state AS "next_state?", n.start_at AS "next_start?"
           FROM drydock.target t JOIN drydock.team m ON m.id = t.team_id
           LEFT JOIN LATERAL (SELECT x.state, x.answer -> 'passed' = 'true'::jsonb AS passed, coalesce(x.answered_at, x.asked_at) AS asked_at FROM drydock.examination x
                              WHERE x.target_id = t.id AND x.kind = 'connection_test' ORDER BY x.asked_at DESC LIMIT 1) e ON true
           LEFT JOIN LATERAL (SELECT x.taken_at FROM drydock.backup_record x WHERE x.target_id = t.id ORDER BY x.taken_at DESC LIMIT 1) b ON true
           LEFT JOIN LATERAL (SELECT x.taken_at FROM drydock.backup_record x WHERE x.target_id = t.id AND x.proof -> 'of' = t.identity ORDER BY x.taken_at DESC LIMIT 1) v ON true
           LEFT JOIN LATERAL (SELECT w.number, w.state, r.start_at FROM drydock.window_target wt
                              JOIN drydock.window w ON w.id = wt.window_id AND w.revision = wt.revision
                              JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
                              WHERE wt.target_id = t.id AND w.state IN ('proposed', 'approved', 'running', 'hold', 'validating', 'rolling_back')
                              ORDER BY r.start_at LIMIT 1) n ON true
           WHERE ($1::uuid[] IS NULL OR t.team_id = ANY ($1))
             AND ($2 = '' OR position(lower($2) IN lower(t.name || ' ' || t.short_name)) > 0)
             AND ($3::text IS NULL OR t.environment = $3) AND ($4 = '' OR m.short_name = $4)
             AND CASE WHEN $5::text IS NULL THEN t.state NOT IN ('retired', 'deleted') ELSE t.state = $5 END
             AND ($6 = '' OR t.short_name > $6)
           ORDER BY t.short_name LIMIT $7"#,
        teams.as_deref() as Option<&[Uuid]>,
        filter.text,
        filter.environment.map(Environment::word),
        filter.team,
        filter.state.map(TargetState::word),
        filter.after,
        i64::try_from(PAGE_ROWS + 1).map_err(Error::internal)?
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let test_state = row.test_state.as_deref().map(|word| meaning(ExaminationState::from_word(word), word)).transpose()?;
            let next_state = row.next_state.as_deref().map(|word| meaning(WindowState::from_word(word), word)).transpose()?;
            Ok(Row {
                id: TargetId(row.id),
                short_name: row.short_name,
                name: row.name,
                environment: meaning(Environment::from_word(&row.environment), &row.environment)?,
                team: row.team,
                state: meaning(TargetState::from_word(&row.state), &row.state)?,
                test: test_state.zip(row.test_at).map(|(state, at)| (state, row.test_passed.unwrap_or(false), at.to_jiff())),
                backup_at: row.backup_at.map(Stamp::to_jiff),
                proven_at: row.proven_at.map(Stamp::to_jiff),
                next_window: row
                    .next_number
                    .zip(next_state)
                    .zip(row.next_start)
                    .map(|((number, state), start)| (number, state, start.to_jiff())),
            })
        })
        .collect()
}

/// Teams to filter by: short name and name, at most 200.
pub async fn teams(db: &mut PgConnection, teams: Option<&[TeamId]>) -> Result<Vec<(String, String)>> {
    let teams: Option<Vec<Uuid>> = teams.map(|teams| teams.iter().map(|team| team.0).collect());
    let rows = sqlx::query!(
        "SELECT m.short_name, m.name FROM drydock.team m WHERE $1::uuid[] IS NULL OR m.id = ANY ($1) ORDER BY m.name, m.short_name LIMIT 200",
        teams.as_deref() as Option<&[Uuid]>
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.short_name, row.name)).collect())
}

/// Names of teams, by name.
pub async fn team_names(db: &mut PgConnection, teams: &[TeamId]) -> Result<Vec<(TeamId, String)>> {
    let teams: Vec<Uuid> = teams.iter().map(|team| team.0).collect();
    let rows = sqlx::query!("SELECT m.id, m.name FROM drydock.team m WHERE m.id = ANY ($1) ORDER BY m.name", &teams).fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (TeamId(row.id), row.name)).collect())
}

/// Name of the owner team, when the database was registered, and by whom.
pub async fn origin(db: &mut PgConnection, id: TargetId) -> Result<(String, Timestamp, String)> {
    let row = sqlx::query!(
        "SELECT m.name AS team, t.created_at, p.name AS by FROM drydock.target t JOIN drydock.team m ON m.id = t.team_id JOIN drydock.person p ON p.id = t.created_by WHERE t.id = $1",
        id.0
    )
    .fetch_one(db)
    .await?;
    Ok((row.team, row.created_at.to_jiff(), row.by))
}

/// The newest connection test, with who asked.
pub async fn newest_test(db: &mut PgConnection, id: TargetId) -> Result<Option<Test>> {
    let Some(found) = examinations::newest(db, id, ExaminationKind::ConnectionTest).await? else { return Ok(None) };
    let asked_by = asked_by(db, found.id).await?;
    let refusal = found.answer.and_then(|mut answer| serde_json::from_value(answer["refusal"].take()).ok()).flatten();
    Ok(Some(Test {
        state: found.state,
        asked_by,
        asked_at: found.asked_at,
        answered_at: found.answered_at,
        failure: found.failure,
        refusal,
    }))
}

/// The newest change of password that a worker was asked for, and whether one is not finished.
pub async fn newest_rotation(db: &mut PgConnection, id: TargetId) -> Result<Option<Rotation>> {
    let unfinished = super::secrets::has_candidate(db, id).await?;
    let Some(found) = examinations::newest(db, id, ExaminationKind::PasswordRotation).await? else { return Ok(None) };
    Ok(Some(Rotation {
        state: found.state,
        asked_at: found.asked_at,
        answered_at: found.answered_at,
        failure: found.failure,
        old_refused: found.answer.and_then(|answer| answer["old_refused"].as_bool()),
        unfinished,
    }))
}

/// The newest question for the proof of a backup, with who asked.
pub async fn newest_proof(db: &mut PgConnection, id: TargetId) -> Result<Option<ProofAsked>> {
    let Some(found) = examinations::newest(db, id, ExaminationKind::BackupProof).await? else { return Ok(None) };
    let asked_by = asked_by(db, found.id).await?;
    Ok(Some(ProofAsked {
        state: found.state,
        asked_by,
        asked_at: found.asked_at,
        answered_at: found.answered_at,
        failure: found.failure,
        proof: found.answer.map(serde_json::from_value).transpose()?,
    }))
}

/// Name of whoever asked a question.
async fn asked_by(db: &mut PgConnection, id: ExaminationId) -> Result<Option<String>> {
    let name =
        sqlx::query_scalar!("SELECT p.name FROM drydock.examination e JOIN drydock.person p ON p.id = e.asked_by WHERE e.id = $1", id.0);
    Ok(name.fetch_optional(db).await?)
}

/// What the newest test said about the identity before an edit; `None` where there was none before.
pub async fn same_as_before(db: &mut PgConnection, id: TargetId) -> Result<Option<bool>> {
    let found = examinations::newest(db, id, ExaminationKind::ConnectionTest).await?;
    Ok(found.and_then(|test| test.answer).and_then(|answer| answer["same_as_before"].as_bool()))
}

/// Teams a database could be given to.
pub async fn other_teams(db: &mut PgConnection, owner: TeamId) -> sqlx::Result<Vec<(TeamId, String)>> {
    let rows =
        sqlx::query!("SELECT m.id, m.name FROM drydock.team m WHERE m.id <> $1 ORDER BY m.name LIMIT 500", owner.0).fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (TeamId(row.id), row.name)).collect())
}

/// When the stored password was set, and by whom; `None` when there is none that could be opened.
pub async fn password_note(db: &mut PgConnection, id: TargetId) -> Result<Option<(Timestamp, String)>> {
    let row = sqlx::query!(
        "SELECT s.set_at, p.name FROM drydock.sealed_secret s JOIN drydock.person p ON p.id = s.set_by
         WHERE s.target_id = $1 AND s.state = 'current' AND EXISTS (SELECT FROM drydock.sealed_key k WHERE k.secret_id = s.id) ORDER BY s.version DESC LIMIT 1",
        id.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.set_at.to_jiff(), row.name)))
}

/// Who depends on the database, by name.
pub async fn stakeholders(db: &mut PgConnection, id: TargetId) -> Result<Vec<StakeholderRow>> {
    let rows = sqlx::query_as!(
        StakeholderRow,
        "SELECT p.name, p.email, p.shared_address AS shared, p.active FROM drydock.target_stakeholder s JOIN drydock.person p ON p.id = s.person_id
         WHERE s.target_id = $1 ORDER BY p.name, p.email",
        id.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// The newest windows on the database that belong to these teams (`None`: to any): those of a former owner stay with it.
pub async fn windows(db: &mut PgConnection, id: TargetId, teams: Option<&[TeamId]>, most: i64) -> Result<Vec<WindowRow>> {
    let teams: Option<Vec<Uuid>> = teams.map(|teams| teams.iter().map(|team| team.0).collect());
    let rows = sqlx::query!(
        "SELECT w.number, r.title, w.state, r.start_at FROM drydock.window_target wt
         JOIN drydock.window w ON w.id = wt.window_id AND w.revision = wt.revision
         JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
         WHERE wt.target_id = $1 AND ($3::uuid[] IS NULL OR w.team_id = ANY ($3)) ORDER BY w.number DESC LIMIT $2",
        id.0,
        most,
        teams.as_deref() as Option<&[Uuid]>
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let state = meaning(WindowState::from_word(&row.state), &row.state)?;
            Ok(WindowRow { number: row.number, title: row.title, state, start: row.start_at.to_jiff() })
        })
        .collect()
}
