//! Windows put straight into the tables, at any time and in any number: no proposal begins in the past, or in a night that is chosen.

use crate::house::{House, person};
use domain::ids::{TargetId, TeamId};
use domain::people::TeamRole;
use domain::window::WindowState;
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;

#[allow(dead_code, reason = "each binary of tests uses its own part")]
impl House {
    /// `count` windows of a database from `start` for so many minutes; gives their numbers.
    pub async fn planted(&self, target: TargetId, state: WindowState, start: &str, minutes: i64, count: i32) -> Vec<i64> {
        let start: Timestamp = start.parse().expect("a time");
        let end = start + SignedDuration::from_mins(minutes);
        let mut numbers: Vec<i64> = sqlx::query_scalar(
            "WITH f AS (INSERT INTO drydock.fact (system_identifier, actor_kind, action, object_kind, object_id, result, bytes, leaf)
                        VALUES ('test', 'system', 'window.plant', 'window', 'planted', 'done', '\\x00', sha256('\\x0000'::bytea)) RETURNING id, at),
             w AS (INSERT INTO drydock.window (id, team_id, state, created_by, state_fact_id, state_fact_at)
                   SELECT gen_random_uuid(), t.team_id, $2, t.created_by, f.id, f.at FROM f, drydock.target t, generate_series(1, $5) WHERE t.id = $1
                   RETURNING id, number, team_id, created_by),
             r AS (INSERT INTO drydock.revision (window_id, number, title, form, start_at, latest_start_at, cut_off_at, end_at, decide_by_at, policy_id, policy_version, created_by)
                   SELECT w.id, 1, 'planted', '{}', $3, $3, $4, $4, $3, p.policy_id, p.version, w.created_by
                   FROM w, (SELECT policy_id, version FROM drydock.policy_version LIMIT 1) p RETURNING window_id)
             INSERT INTO drydock.window_target (window_id, revision, target_id, team_id, during)
             SELECT w.id, 1, $1, w.team_id, tstzrange($3, $4) FROM w JOIN r ON r.window_id = w.id RETURNING (SELECT w.number FROM w WHERE w.id = window_id)",
        )
        .bind(target.0)
        .bind(state.word())
        .bind(start.to_sqlx())
        .bind(end.to_sqlx())
        .bind(count)
        .fetch_all(&self.admin)
        .await
        .expect("windows");
        numbers.sort_unstable();
        numbers
    }

    /// Another database, of this team or of another one.
    pub async fn another(&self, short_name: &str, environment: &str, team: Option<TeamId>) -> TargetId {
        let id = engine::clock::new_id::<TargetId>();
        sqlx::query(
            "INSERT INTO drydock.target (id, team_id, short_name, name, dbms, host, port, database, username, tls, environment, zone, on_call, state, identity, created_by)
             SELECT $1, $2, $3, $3, t.dbms, t.host, t.port, $3, t.username, t.tls, $4, 'Asia/Tokyo', t.on_call, 'ready', jsonb_build_object('system_identifier', $3::text), t.created_by
             FROM drydock.target t WHERE t.id = $5",
        )
        .bind(id.0)
        .bind(team.unwrap_or(self.team).0)
        .bind(short_name)
        .bind(environment)
        .bind(self.target.0)
        .execute(&self.admin)
        .await
        .expect("a database");
        id
    }

    /// Another team, and its lead.
    pub async fn another_team(&self, short_name: &str, lead: &str) -> (TeamId, engine::actions::Caller) {
        let team = engine::clock::new_id::<TeamId>();
        sqlx::query("INSERT INTO drydock.team (id, short_name, name) VALUES ($1, $2, $2)")
            .bind(team.0)
            .bind(short_name)
            .execute(&self.admin)
            .await
            .expect("a team");
        (team, person(&self.admin, lead, Some((team, TeamRole::Lead, false)), &[]).await)
    }
}
