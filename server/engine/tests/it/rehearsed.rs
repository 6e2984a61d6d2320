//! A company with a staging database, runs on it that are over, and a policy that demands them.

use crate::house::House;
use crate::stage::{Staged, When};
use domain::approval::{Policy, Scope};
use domain::ids::{RunId, TargetId};
use domain::plan::Plan;
use domain::procedure::{Estimate, Measure, Object, ObjectKind, ObjectName, WorkItem, WorkList};
use domain::rehearsal::Demand;
use domain::target::Environment;
use domain::window::WindowState;

/// The database below `prod-orders`.
pub const STAGING: &str = "staging-orders";

/// How a run on staging ended.
#[allow(dead_code, reason = "each test crate uses its own part of it")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// As planned, and signed off.
    Clean,
    /// As planned, and nobody has signed it off.
    NotSignedOff,
    /// With an item that failed.
    Failed,
    /// With a red check that somebody accepted.
    AcceptedRed,
}

/// Registers [`STAGING`] for the company's team.
pub async fn staging(house: &House) -> TargetId {
    let id = engine::clock::new_id::<TargetId>();
    sqlx::query(
        "INSERT INTO drydock.target (id, team_id, short_name, name, dbms, host, port, database, username, tls, environment, zone, on_call, state, identity, created_by)
         SELECT $1, team_id, $2, 'Orders, staging', dbms, host, port, 'staging', username, tls, 'staging', zone, on_call, state, '{\"system_identifier\": \"9\", \"database\": \"staging\", \"database_oid\": 7}', created_by
         FROM drydock.target WHERE id = $3",
    )
    .bind(id.0)
    .bind(STAGING)
    .bind(house.target.0)
    .execute(&house.admin)
    .await
    .expect("registered");
    sqlx::query("INSERT INTO drydock.target_stakeholder (target_id, person_id) VALUES ($1, $2)")
        .bind(id.0)
        .bind(house.stakeholder.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("a stakeholder");
    id
}

/// A policy for production that asks as the usual one does, and demands a rehearsal of at most so many days.
pub async fn demanded(house: &House, max_age_days: u32) {
    let environments = ["production".to_owned()].into();
    let policy = Policy {
        scope: Some(Scope { environments, precedence: 10, ..Scope::default() }),
        rehearsal: Some(Demand { environments: [Environment::Staging].into(), max_age_days }),
        ..Policy::standard()
    };
    house.ruled_by("Production", "production", &policy).await;
}

/// A window on [`STAGING`] whose run is over, with one item of its work list.
pub async fn ran(house: &House, how: How, change: impl FnOnce(&mut Plan)) -> Staged {
    let staged = house.staged_on(STAGING, When::NOW, change).await;
    house.put(staged.id, 2, WindowState::Running).await;
    let run = engine::clock::new_id::<RunId>();
    sqlx::query(
        "INSERT INTO drydock.run (id, window_id, revision, target_id, plan_digest, state, ending, clean, phase, opened_at, ended_at, state_fact_id, state_fact_at)
         SELECT $1, w.id, w.revision, t.target_id, p.digest, 'ended', 'finished', $3, 'over', clock_timestamp() - interval '4 minutes', clock_timestamp(), w.state_fact_id, w.state_fact_at
         FROM drydock.window w JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision JOIN drydock.window_target t ON t.window_id = w.id AND t.revision = w.revision
         WHERE w.id = $2",
    )
    .bind(run.0)
    .bind(staged.id.0)
    .bind(how != How::Failed)
    .execute(&house.admin)
    .await
    .expect("a run");
    item(house, run, if how == How::Failed { "failed" } else { "done" }).await;
    house.put(staged.id, 2, WindowState::Validating).await;
    if how != How::NotSignedOff {
        sign_off(house, &staged, how == How::AcceptedRed).await;
    }
    staged
}

/// Signs the window's validation off; with one red check accepted, where that is asked for.
pub async fn sign_off(house: &House, staged: &Staged, accept_red: bool) {
    sqlx::query("UPDATE drydock.check_item SET state = CASE WHEN $2 AND ordinal = 4 THEN 'accepted' ELSE 'passed' END, note = 'looked', decided_by = $3, decided_at = clock_timestamp() WHERE window_id = $1 AND revision = 2")
        .bind(staged.id.0)
        .bind(accept_red)
        .bind(house.lead.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("ticked");
    house.put(staged.id, 2, WindowState::Completed).await;
    sqlx::query("UPDATE drydock.window_target SET live = false WHERE window_id = $1")
        .bind(staged.id.0)
        .execute(&house.admin)
        .await
        .expect("free");
}

async fn item(house: &House, run: RunId, outcome: &str) {
    let object = Object { kind: ObjectKind::Table, oid: 1, name: ObjectName::new("shop", "orders").expect("a name"), table: None };
    let estimate = Estimate { low_ms: 1_000, high_ms: 4_000, basis: domain::procedure::Basis::Guess };
    let measure = Measure::new("7,000 dead rows.", [("dead_rows", 7_000)]);
    let work = WorkItem::new("vacuum", domain::procedure::Act::Vacuum, object, measure, estimate, 1 << 20, 7_000);
    let list = WorkList { items: vec![work], ..WorkList::default() };
    sqlx::query(
        "WITH l AS (INSERT INTO drydock.work_list (run_id, digest, plan_digest, bytes) SELECT u.id, $2, u.plan_digest, $3 FROM drydock.run u WHERE u.id = $1 RETURNING run_id)
         INSERT INTO drydock.item (run_id, ordinal, work_list_digest, step, class, object, statement, detail, outcome) SELECT $1, 1, $2, 'vacuum', 'repeatable', 'shop.orders', 'VACUUM', $4, $5 FROM l",
    )
    .bind(run.0)
    .bind(list.digest().0.as_slice())
    .bind(list.bytes())
    .bind(serde_json::to_value(&list.items[0]).expect("json"))
    .bind(outcome)
    .execute(&house.admin)
    .await
    .expect("a work list");
    sqlx::query(
        "INSERT INTO drydock.attempt (id, run_id, ordinal, number, epoch, plan_digest, work_list_digest, state, session_name, backend, observed, intent_at, started_at, ended_at, outcome, fact_id, fact_at)
         SELECT gen_random_uuid(), u.id, 1, 1, 1, u.plan_digest, $2, 'done', 's', '{}', '{}', u.opened_at, u.opened_at, u.opened_at + interval '3 seconds', $3, u.state_fact_id, u.state_fact_at
         FROM drydock.run u WHERE u.id = $1",
    )
    .bind(run.0)
    .bind(list.digest().0.as_slice())
    .bind(outcome)
    .execute(&house.admin)
    .await
    .expect("an attempt");
}
