//! The rows of a run as a worker writes them, for tests of what pages make of them.

use crate::house::House;
use domain::canonical::Digest;
use domain::ids::RunId;
use domain::procedure::{Act, Estimate, Measure, Object, ObjectKind, ObjectName, WorkItem, WorkList};
use engine::actions::cast_vote::{Input, cast_vote};
use serde_json::{Value, json};

/// What a worker records of a table.
fn vacuumed(dead_rows: u64, times: u64) -> Value {
    json!({"kind": "vacuum", "state": {"dead_rows": dead_rows, "vacuum_count": times, "bytes": 8192}})
}

fn item(act: Act, step: &str, kind: ObjectKind, name: &str) -> WorkItem {
    let object = Object { kind, oid: 1, name: ObjectName::new("shop", name).expect("a name"), table: None };
    let estimate = Estimate { low_ms: 1_000, high_ms: 4_000, basis: domain::procedure::Basis::Guess };
    WorkItem::new(step, act, object, Measure::new("7,000 dead rows.", [("dead_rows", 7_000)]), estimate, 1 << 20, 7_000)
}

/// An approved window whose run is leased and works on the second of two items.
pub async fn working(house: &House) -> (i64, RunId) {
    let number = house.proposed(3).await.number;
    for who in [&house.stakeholder, &house.lead] {
        let input = Input {
            decision: "approve".into(),
            digest: house.digest(number).await.hex(),
            short_name: "prod-orders".into(),
            ..Input::default()
        };
        cast_vote(&house.engine, who, number, &input).await.expect("a good vote");
    }
    let run = engine::clock::new_id::<RunId>();
    let list = WorkList {
        items: vec![
            item(Act::Vacuum, "vacuum", ObjectKind::Table, "orders"),
            item(Act::ReindexConcurrently, "reindex", ObjectKind::Index, "orders_pkey"),
        ],
        ..WorkList::default()
    };
    sqlx::query(
        "INSERT INTO drydock.run (id, window_id, revision, target_id, plan_digest, state, epoch, owner, lease_until, phase, pre_checks, state_fact_id, state_fact_at)
         SELECT $1, w.id, w.revision, t.target_id, p.digest, 'leased', 1, 'worker-1', clock_timestamp() + interval '15 s', 'working', $3, w.state_fact_id, w.state_fact_at
         FROM drydock.window w JOIN drydock.plan p ON p.window_id = w.id JOIN drydock.window_target t ON t.window_id = w.id WHERE w.number = $2",
    )
    .bind(run.0)
    .bind(number)
    .bind(json!([{"title": "Backup", "colour": "green", "sentence": "4 hours old."}]))
    .execute(&house.admin)
    .await
    .expect("a run");
    sqlx::query("INSERT INTO drydock.work_list (run_id, digest, plan_digest, bytes) SELECT u.id, $2, u.plan_digest, $3 FROM drydock.run u WHERE u.id = $1")
        .bind(run.0)
        .bind(list.digest().0.as_slice())
        .bind(list.bytes())
        .execute(&house.admin)
        .await
        .expect("a work list");
    for (item, ordinal) in list.items.iter().zip(1_i32..) {
        sqlx::query("INSERT INTO drydock.item (run_id, ordinal, work_list_digest, step, class, object, statement, detail, outcome, outcome_detail, figures) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
            .bind(run.0)
            .bind(ordinal)
            .bind(list.digest().0.as_slice())
            .bind(&item.step)
            .bind(item.class.word())
            .bind(item.object.name.to_string())
            .bind(&item.statement)
            .bind(serde_json::to_value(item).expect("json"))
            .bind((ordinal == 1).then_some("done"))
            .bind((ordinal == 1).then_some("Vacuumed: dead rows 7,000 → 0."))
            .bind((ordinal == 1).then(|| json!({"before": vacuumed(7000, 1), "after": vacuumed(0, 2)})))
            .execute(&house.admin)
            .await
            .expect("an item");
    }
    attempt(house, run, 1, list.digest(), true).await;
    attempt(house, run, 2, list.digest(), false).await;
    sqlx::query("INSERT INTO drydock.run_event (run_id, seq, ordinal, kind, message, detail) VALUES ($1, 1, 1, 'outcome', 'done', NULL), ($1, 2, 2, 'progress', 'building index: 3 of 4 blocks', '{\"done\": 3, \"total\": 4}')")
        .bind(run.0)
        .execute(&house.admin)
        .await
        .expect("lines");
    (number, run)
}

async fn attempt(house: &House, run: RunId, ordinal: i32, list: Digest, done: bool) {
    sqlx::query(
        "INSERT INTO drydock.attempt (id, run_id, ordinal, number, epoch, plan_digest, work_list_digest, state, session_name, backend, observed, started_at, ended_at, outcome, notices, fact_id, fact_at)
         SELECT gen_random_uuid(), u.id, $2, 1, 1, u.plan_digest, $3, CASE WHEN $4 THEN 'done' ELSE 'started' END, 'drydock:x:1:1:1', '{\"pid\": 4711}', '{}', clock_timestamp() - interval '9 s',
                CASE WHEN $4 THEN clock_timestamp() - interval '4 s' END, CASE WHEN $4 THEN 'done' END, '[\"finished vacuuming\", {\"severity\": \"INFO\", \"message\": \"index scan\"}]', u.state_fact_id, u.state_fact_at
         FROM drydock.run u WHERE u.id = $1",
    )
    .bind(run.0)
    .bind(ordinal)
    .bind(list.0.as_slice())
    .bind(done)
    .execute(&house.admin)
    .await
    .expect("an attempt");
}
