//! What the pages that lead to a proposal read.

use super::Stamp;
use super::window_list::ids;
use super::windows::ProposalTarget;
use crate::error::Result;
use domain::examination::{ExaminationState, PreviewQuestion};
use domain::ids::{ExaminationId, TargetId, TeamId};
use domain::plan::Plan;
use domain::proposal::ProposalForm;
use domain::proposal::several::in_todays_names;
use domain::view::windows::propose::{Candidate, Proposable};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Most databases one page offers.
const MOST_DATABASES: i64 = 500;

/// Databases of these teams that are not retired.
pub async fn proposable(db: &mut PgConnection, teams: &[TeamId]) -> Result<Vec<Proposable>> {
    let teams = ids(Some(teams));
    let rows = sqlx::query!(
        r#"SELECT t.short_name, t.name, t.environment, t.host, t.port, t.database, m.name AS team, t.state, t.tags,
                  (SELECT min(lower(wt.during)) FROM drydock.window_target wt WHERE wt.target_id = t.id AND wt.live AND upper(wt.during) > clock_timestamp()) AS "next_start: Stamp"
           FROM drydock.target t JOIN drydock.team m ON m.id = t.team_id
           WHERE t.team_id = ANY ($1) AND t.state IN ('unverified', 'ready') ORDER BY t.short_name LIMIT $2"#,
        teams.as_deref() as Option<&[Uuid]>,
        MOST_DATABASES
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Proposable {
            short_name: row.short_name,
            name: row.name,
            environment: row.environment,
            place: format!("{}:{}/{}", row.host, row.port, row.database),
            team: row.team,
            ready: row.state == "ready",
            tags: row.tags,
            next_start: row.next_start.map(Stamp::to_jiff),
        })
        .collect())
}

/// What was typed for a sealed plan, under the names that its databases bear today.
pub async fn form_today(db: &mut PgConnection, form: Value, plan: &Plan) -> Result<ProposalForm> {
    let form: ProposalForm = serde_json::from_value(form)?;
    if form.waves.is_empty() {
        return Ok(form);
    }
    let targets: Vec<Uuid> = plan.targets.iter().map(|target| target.id.0).collect();
    let rows = sqlx::query!("SELECT t.id, t.short_name FROM drydock.target t WHERE t.id = ANY ($1) AND t.state <> 'deleted'", &targets)
        .fetch_all(db)
        .await?;
    let sealed = |id| plan.lane(TargetId(id)).map(|target| target.short_name.clone());
    let today = rows.into_iter().filter_map(|row| Some((sealed(row.id)?, row.short_name))).collect();
    Ok(ProposalForm { waves: in_todays_names(form.waves, &today), ..form })
}

/// Most further databases that one form offers.
const MOST_CANDIDATES: i64 = 60;

/// Other databases of the same team and kind that are ready, the first by name; and those of `chosen`, which nobody drops by not seeing them.
pub async fn beside_in_team(db: &mut PgConnection, first: &ProposalTarget, chosen: &BTreeSet<String>) -> Result<Vec<Candidate>> {
    let chosen: Vec<String> = chosen.iter().cloned().collect();
    let rows = sqlx::query!(
        r#"SELECT t.short_name, CASE t.state WHEN 'ready' THEN t.name ELSE t.name || ' (' || t.state || ')' END AS "name!", t.environment, t.tags FROM drydock.target t
           WHERE t.team_id = $1 AND t.dbms = $2 AND (t.state = 'ready' OR (t.short_name = ANY ($4) AND t.state <> 'deleted')) AND t.id <> $3 ORDER BY t.short_name = ANY ($4) DESC, t.short_name LIMIT $5"#,
        first.plan.team.0,
        first.plan.dbms,
        first.plan.id.0,
        &chosen,
        MOST_CANDIDATES
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Candidate { short_name: row.short_name, name: row.name, environment: row.environment, tags: row.tags })
        .collect())
}

/// A look that was asked for a form.
#[derive(Debug, Clone)]
pub struct Asked {
    /// About which database.
    pub target: TargetId,
    /// What was asked, with the form as typed.
    pub question: PreviewQuestion,
    /// How far it is.
    pub state: ExaminationState,
    /// What the worker found.
    pub answer: Option<Value>,
    /// Why there is no answer.
    pub failure: Option<String>,
    /// When it was asked.
    pub asked_at: Timestamp,
}

/// The look with this identity, if it is one that was asked for a form.
pub async fn asked(db: &mut PgConnection, id: ExaminationId) -> Result<Option<Asked>> {
    let row = sqlx::query!(
        "SELECT e.target_id, e.question, e.state, e.answer, e.failure, e.asked_at FROM drydock.examination e WHERE e.id = $1 AND e.kind = 'preview'",
        id.0
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Asked {
        target: TargetId(row.target_id),
        question: serde_json::from_value(row.question)?,
        state: super::targets::meaning(ExaminationState::from_word(&row.state), &row.state)?,
        answer: row.answer,
        failure: row.failure,
        asked_at: row.asked_at.to_jiff(),
    }))
}

/// Now, by the state database's clock.
pub async fn now(db: &mut PgConnection) -> Result<Timestamp> {
    let at: Stamp = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "at!""#).fetch_one(db).await?;
    Ok(at.to_jiff())
}
