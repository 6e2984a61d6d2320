//! Runs that may have rehearsed a plan: those that are over on other databases of the team, and what one of them did.

use super::Stamp;
use crate::error::{Error, Result};
use domain::canonical::Digest;
use domain::checklist::CheckState;
use domain::ids::{RunId, TargetId, TeamId, WindowId};
use domain::plan::Plan;
use domain::rehearsal::{Candidate, CheckSeen, ItemSeen, Seen};
use domain::run::Outcome;
use domain::target::Environment;
use domain::window::WindowState;
use sqlx::PgConnection;

/// Newest runs that are looked at on each database.
const MOST_RUNS: i64 = 20;
/// Databases of a team on which it is looked for, by name; a team with more of them below production names the window it means.
const MOST_DATABASES: i64 = 50;

fn digest(raw: &[u8]) -> Result<Digest> {
    Digest::from_slice(raw).ok_or_else(|| Error::internal("a digest has 32 bytes"))
}

/// Databases of the team in these environments that could rehearse a plan of this kind of server, by short name.
pub async fn nearby(db: &mut PgConnection, team: TeamId, dbms: &str, environments: &[String]) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "SELECT t.short_name FROM drydock.target t
         WHERE t.team_id = $1 AND t.dbms = $2 AND t.environment = ANY ($3) AND t.state IN ('unverified', 'ready')
         ORDER BY t.short_name LIMIT 5",
        team.0,
        dbms,
        environments
    )
    .fetch_all(db)
    .await
}

/// Runs of this procedure that are over on databases of the team in these environments, the newest of each database; or those of one window.
pub async fn candidates(
    db: &mut PgConnection,
    team: TeamId,
    procedure: &str,
    environments: &[String],
    number: Option<i64>,
) -> Result<Vec<Candidate>> {
    let rows = sqlx::query!(
        r#"SELECT w.id, w.number, w.state, f.run_id AS "run_id!", f.target_id AS "target_id!", f.opened_at AS "opened_at!: Stamp", f.ended_at AS "ended_at!: Stamp", f.plan_digest AS "plan_digest!", p.bytes,
                  NOT EXISTS (SELECT FROM drydock.window_target o
                              LEFT JOIN drydock.run r ON r.window_id = o.window_id AND r.revision = o.revision AND r.target_id = o.target_id AND r.kind = 'maintenance'
                              WHERE o.window_id = w.id AND o.revision = w.revision AND r.clean IS DISTINCT FROM true) AS "clean!",
                  EXISTS (SELECT FROM drydock.check_item c WHERE c.window_id = w.id AND c.revision = w.revision AND c.state = 'accepted') AS "accepted_red!"
           FROM (SELECT t.id FROM drydock.target t WHERE t.team_id = $1 AND t.environment = ANY ($3) AND t.state <> 'deleted' ORDER BY t.short_name LIMIT CASE WHEN $4::bigint IS NULL THEN $6::bigint END) t
           CROSS JOIN LATERAL (
               SELECT u.id AS run_id, u.window_id, u.revision, u.target_id, u.opened_at, u.ended_at, u.plan_digest
               FROM drydock.run u JOIN drydock.revision v ON v.window_id = u.window_id AND v.number = u.revision
               WHERE u.target_id = t.id AND u.state = 'ended' AND u.kind = 'maintenance' AND u.ending <> 'not_begun' AND v.form ->> 'procedure' = $2
                 AND ($4::bigint IS NULL OR u.window_id = (SELECT n.id FROM drydock.window n WHERE n.number = $4))
               ORDER BY u.ended_at DESC LIMIT $5) f
           JOIN drydock.window w ON w.id = f.window_id AND w.revision = f.revision AND w.team_id = $1
           JOIN drydock.plan p ON p.window_id = f.window_id AND p.digest = f.plan_digest"#,
        team.0,
        procedure,
        environments,
        number,
        MOST_RUNS,
        MOST_DATABASES
    )
    .fetch_all(db)
    .await?;
    let mut found = Vec::new();
    for row in rows {
        let plan_digest = digest(&row.plan_digest)?;
        let plan = Plan::open(&row.bytes, plan_digest).map_err(Error::internal)?;
        let target = TargetId(row.target_id);
        // As it was when it ran: a database that was called something else then is judged by that.
        let Some(lane) = plan.lane(target) else { continue };
        let Some(environment) = Environment::from_word(&lane.environment) else { continue };
        found.push(Candidate {
            window: WindowId(row.id),
            number: row.number,
            state: WindowState::from_word(&row.state).ok_or_else(|| Error::internal(format!("unknown window state {}", row.state)))?,
            run: RunId(row.run_id),
            target,
            short_name: lane.short_name.clone(),
            environment,
            clean: row.clean,
            accepted_red: row.accepted_red,
            opened_at: row.opened_at.to_jiff(),
            ended_at: row.ended_at.to_jiff(),
            plan_digest,
            texts: plan.change.as_ref().map(domain::change::Change::texts).unwrap_or_default(),
            procedure: plan.procedure,
            parameters: plan.parameters,
        });
    }
    Ok(found)
}

/// What a run that was chosen did, and how its validation went.
pub async fn seen(db: &mut PgConnection, of: &Candidate) -> Result<Seen> {
    let items = sqlx::query!(
        r#"SELECT i.step, i.object, i.outcome,
                  coalesce((SELECT sum(extract(epoch FROM a.ended_at - a.intent_at) * 1000) FROM drydock.attempt a WHERE a.run_id = i.run_id AND a.ordinal = i.ordinal), 0)::bigint AS "work_ms!"
           FROM drydock.item i WHERE i.run_id = $1 ORDER BY i.ordinal"#,
        of.run.0
    )
    .fetch_all(&mut *db)
    .await?;
    let checks = sqlx::query!(
        "SELECT c.title, c.state FROM drydock.check_item c JOIN drydock.window w ON w.id = c.window_id AND w.revision = c.revision
         WHERE c.window_id = $1 AND (c.target_id IS NULL OR c.target_id = $2) ORDER BY c.ordinal",
        of.window.0,
        of.target.0
    )
    .fetch_all(&mut *db)
    .await?;
    let list =
        sqlx::query_scalar!("SELECT l.digest FROM drydock.work_list l WHERE l.run_id = $1", of.run.0).fetch_optional(&mut *db).await?;
    let issues_met = sqlx::query_scalar!("SELECT w.issues_met FROM drydock.window w WHERE w.id = $1", of.window.0).fetch_one(db).await?;
    let item = |step, object, outcome: Option<String>, work_ms: i64| ItemSeen {
        step,
        object,
        outcome: outcome.as_deref().and_then(Outcome::from_word),
        work_ms: u64::try_from(work_ms).unwrap_or(0),
    };
    let check = |title: String, state: &str| -> Result<CheckSeen> {
        let state = CheckState::from_word(state).ok_or_else(|| Error::internal(format!("unknown state {state} of a check")))?;
        Ok(CheckSeen { title, state })
    };
    Ok(Seen {
        items: items.into_iter().map(|row| item(row.step, row.object, row.outcome, row.work_ms)).collect(),
        checks: checks.into_iter().map(|row| check(row.title, &row.state)).collect::<Result<_>>()?,
        work_list_digest: list.as_deref().map(digest).transpose()?,
        issues_met,
    })
}
