//! The page of a run, on rows as a worker writes them.

use crate::house::House;
use domain::canonical::Digest;
use domain::ids::RunId;
use domain::procedure::{Act, Estimate, Measure, Object, ObjectKind, ObjectName, WorkItem, WorkList};
use domain::run::Outcome;
use engine::Error;
use engine::actions::cast_vote::{Input, cast_vote};
use engine::queries::{runs, windows};
use serde_json::json;

fn item(act: Act, step: &str, kind: ObjectKind, name: &str) -> WorkItem {
    let object = Object { kind, oid: 1, name: ObjectName::new("shop", name).expect("a name"), table: None };
    let estimate = Estimate { low_ms: 1_000, high_ms: 4_000, basis: domain::procedure::Basis::Guess };
    WorkItem::new(step, act, object, Measure::new("7,000 dead rows.", [("dead_rows", 7_000)]), estimate, 1 << 20, 7_000)
}

/// An approved window whose run is leased and works on the second of two items.
async fn working(house: &House) -> (i64, RunId) {
    let number = house.proposed(3).await.number;
    for who in [&house.stakeholder, &house.lead] {
        let input = Input {
            decision: "approve".into(),
            digest: house.digest(number).await.hex(),
            short_name: "prod-orders".into(),
            comment: String::new(),
        };
        cast_vote(&house.engine, who, number, &input).await.expect("a good vote");
    }
    let run = engine::clock::new_id::<RunId>();
    let list = WorkList {
        items: vec![
            item(Act::Vacuum, "vacuum", ObjectKind::Table, "orders"),
            item(Act::ReindexConcurrently, "reindex", ObjectKind::Index, "orders_pkey"),
        ],
        left_out: vec![],
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
            .bind((ordinal == 1).then(|| json!({"before": {"dead_rows": 7000}, "after": {"dead_rows": 0}})))
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

#[tokio::test]
async fn a_live_run_shows_what_it_does_now() {
    let house = House::new().await;
    let (number, run) = working(&house).await;
    let seen = runs::show(&house.engine, &house.engineer.actor, run).await.expect("the page");
    assert_eq!(seen.window.number, number);
    assert!(seen.is_live() && !seen.is_stale() && seen.may_stop.is_open() && !seen.may_resolve.is_open());
    assert_eq!(seen.items[0].outcome, Some(Outcome::Done));
    assert_eq!(seen.items[0].figures[0].before.as_deref(), Some("7,000"));
    assert_eq!(seen.items[0].taken_ms(seen.window.now).map(|ms| ms / 1000), Some(5));
    assert_eq!(seen.items[0].attempts[0].notices, ["finished vacuuming", "INFO: index scan"]);
    let current = seen.current().expect("the second item");
    assert_eq!((current.ordinal, current.work.statement.as_str()), (2, "REINDEX INDEX CONCURRENTLY \"shop\".\"orders_pkey\""));
    assert_eq!(current.open_attempt().and_then(|attempt| attempt.backend.as_deref()), Some("4711"));
    assert_eq!(seen.progress.as_ref().and_then(|progress| progress.percent), Some(75));
    assert_eq!((seen.left().len(), seen.events.len(), seen.pre_checks.len()), (1, 1, 1));
    let page = windows::show(&house.engine, &house.engineer.actor, number, None).await.expect("its window");
    assert_eq!((page.runs[0].items, page.runs[0].answered, page.runs[0].reached), (2, 1, 1));
}

#[tokio::test]
async fn a_silent_run_is_called_stale_and_strangers_see_none() {
    let house = House::new().await;
    let (_, run) = working(&house).await;
    sqlx::query(
        "UPDATE drydock.run SET lease_until = clock_timestamp() - interval '30 s', opened_at = clock_timestamp() - interval '9 min'",
    )
    .execute(&house.admin)
    .await
    .expect("a lost lease");
    sqlx::query("UPDATE drydock.run_event SET at = clock_timestamp() - interval '1 min'").execute(&house.admin).await.expect("old lines");
    assert!(runs::show(&house.engine, &house.auditor.actor, run).await.expect("the page").is_stale());
    assert!(matches!(runs::show(&house.engine, &house.foreigner.actor, run).await, Err(Error::NotFound)));
    assert!(matches!(runs::show(&house.engine, &house.engineer.actor, engine::clock::new_id()).await, Err(Error::NotFound)));
}
