//! Many small tables in one session: as many facts and tries as ever, each table once, and a crash in the middle of them told by each
//! table's own counter.

use crate::kills::nothing_twice_and_nothing_lost;
use crate::run_stage::RunStage;
use domain::pause::PauseForm;
use engine::actions::pause_all::pause_all;
use engine::test_support::fail_points::Deed;
use futures_util::StreamExt as _;
use std::time::Duration;

const EACH_ONCE: &str = "SELECT count(*) FROM pg_stat_user_tables WHERE schemaname = 'shop' AND vacuum_count = 1 AND analyze_count = 1";

async fn many(tables: usize) -> RunStage {
    let stage = RunStage::new().await;
    for n in 0..tables {
        stage.dead_rows(&format!("t{n}"), 400).await;
    }
    stage
        .due(|plan| {
            plan.parameters.jobs = 2;
            plan.envelope.most_objects = 400;
        })
        .await;
    stage
}

async fn each_once(stage: &RunStage, tables: i64, case: &str) {
    nothing_twice_and_nothing_lost(stage, case).await;
    let page = stage.page().await;
    assert_eq!(stage.on_target(EACH_ONCE).await, tables, "{case}: one VACUUM and one ANALYZE of each\n{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.item WHERE outcome = 'done'").await, 2 * tables, "{case}\n{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lot_of_small_tables_is_worked_on_in_few_sessions() {
    let stage = many(120).await;
    let worker = stage.worker();
    stage.until(90, "SELECT state = 'validating' FROM drydock.window").await;
    let page = stage.page().await;
    let sessions = stage.house.count("SELECT count(DISTINCT session_name) FROM drydock.attempt").await;
    assert!((4..=12).contains(&sessions), "{sessions} lots\n{page}");
    assert_eq!(
        stage.house.count("SELECT count(*) FROM drydock.attempt WHERE started_at >= ended_at OR intent_at > ended_at").await,
        0,
        "{page}"
    );
    let apart = "SELECT count(DISTINCT started_at) FROM drydock.attempt WHERE session_name = (SELECT session_name FROM drydock.attempt WHERE ordinal = 1)";
    assert!(stage.house.count(apart).await > 5, "each has the time that its own statement took\n{page}");
    each_once(&stage, 120, "in peace").await;
    worker.stop().await;
}

/// A lot is asked for before each of its statements, as items one by one are: whatever bars the next item bars the next of a lot.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_and_a_freeze_end_a_lot_after_the_statement_that_runs() {
    for bar in [Bar::Pause, Bar::Freeze] {
        ends_a_lot(bar).await;
    }
}

#[derive(Debug, Clone, Copy)]
enum Bar {
    Pause,
    Freeze,
}

async fn ends_a_lot(bar: Bar) {
    let stage = RunStage::new().await;
    stage.target.gated_index("t0", 400).await;
    for n in 1..12 {
        stage.dead_rows(&format!("t{n}"), 400).await;
        stage.target.plant_as_owner(&format!("CREATE INDEX ON shop.t{n} (shop.noted(id, note))")).await;
    }
    let gate = stage.hold_gate().await;
    stage
        .due(|plan| {
            plan.envelope.steps = vec!["analyze".to_owned()];
            plan.envelope.most_objects = 200;
            plan.parameters.lock_wait_max_ms = 300;
        })
        .await;
    let worker = stage.worker();
    stage.at_the_gate().await;
    assert!(stage.house.count("SELECT count(*) FROM drydock.attempt WHERE state = 'started'").await > 5, "a lot\n{}", stage.page().await);
    assert_eq!(stage.house.count("SELECT count(DISTINCT session_name) FROM drydock.attempt").await, 1);
    match bar {
        Bar::Pause => {
            let form = PauseForm { level: "hold_running".into(), reason: "the storage is failing".into() };
            pause_all(&stage.house.engine, &stage.house.lead, &form).await.expect("a lead pauses");
        }
        Bar::Freeze => {
            crate::freezes::freeze(&stage.house, &stage.house.lead, "database", 1).await;
        }
    }
    // Longer than the time between two renewals of the lease, at which the worker hears of it at the latest.
    tokio::time::sleep(Duration::from_secs(4)).await;
    drop(gate);
    stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
    let sent = "SELECT count(*) FROM drydock.attempt WHERE outcome <> 'cancelled'";
    assert_eq!(stage.house.count(sent).await, 1, "{bar:?}: the one that ran, and none after it\n{}", stage.page().await);
    assert!(stage.house.count("SELECT count(*) FROM drydock.attempt WHERE outcome = 'cancelled'").await > 5, "{}", stage.page().await);
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.item WHERE outcome IS NOT NULL").await, 0, "they go on once they may");
    worker.stop().await;
}

/// Its worker dies at a point, and another one brings the run to its end.
async fn taken_over(stage: &RunStage, case: &str, point: &'static str, nth: u32) {
    let first = stage.worker_process_with(point, nth, Deed::Die);
    if let Err(status) = first.died(Duration::from_secs(90)).await {
        panic!("{case}: the point was not reached ({status})\n{}", stage.page().await);
    }
    stage.expire_lease().await;
    let second = stage.worker_process();
    stage.until(120, "SELECT state = 'validating' FROM drydock.window").await;
    second.terminate().await;
}

async fn dies_at(point: &'static str, nth: u32) {
    let case = format!("small tables, dies at {point}, time {nth}");
    let stage = many(40).await;
    taken_over(&stage, &case, point, nth).await;
    each_once(&stage, 40, &case).await;
    stage.leave().await;
}

/// Twelve tables, each with a small index that is three quarters empty.
async fn many_indexes() -> RunStage {
    let stage = RunStage::new().await;
    for n in 0..12 {
        stage.bloated_index(&format!("t{n}"), 1_000).await;
    }
    stage
        .due(|plan| {
            plan.envelope.steps = ["reindex", "cleanup", "analyze"].map(str::to_owned).to_vec();
            plan.envelope.most_objects = 200;
            plan.parameters.jobs = 2;
        })
        .await;
    stage
}

/// Each index besides the keys was rebuilt by its own statement, once.
async fn each_rebuilt_once(stage: &RunStage, case: &str) {
    nothing_twice_and_nothing_lost(stage, case).await;
    let page = stage.page().await;
    let rebuilt = "SELECT count(DISTINCT object) FROM drydock.item WHERE step = 'reindex' AND outcome = 'done' AND object LIKE '%_note'";
    assert_eq!(stage.house.count(rebuilt).await, 12, "{case}\n{page}");
    let smaller = "SELECT count(*) FROM pg_class WHERE relname LIKE 't%\\_note' AND relkind = 'i' AND pg_relation_size(oid) < 200000";
    assert_eq!(stage.on_target(smaller).await, 12, "{case}\n{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_indexes_of_different_tables_are_rebuilt_in_few_sessions() {
    let stage = many_indexes().await;
    let worker = stage.worker();
    stage.until(90, "SELECT state = 'validating' FROM drydock.window").await;
    let page = stage.page().await;
    let (rebuilds, sessions) = (
        stage.house.count("SELECT count(*) FROM drydock.attempt a JOIN drydock.item i USING (run_id, ordinal) WHERE i.step = 'reindex'").await,
        stage.house.count("SELECT count(DISTINCT session_name) FROM drydock.attempt a JOIN drydock.item i USING (run_id, ordinal) WHERE i.step = 'reindex'").await,
    );
    assert!(rebuilds >= 12 && sessions < rebuilds, "{rebuilds} rebuilds under {sessions} names\n{page}");
    each_rebuilt_once(&stage, "in peace").await;
    worker.stop().await;
}

async fn dies_rebuilding_at(point: &'static str, nth: u32) {
    let case = format!("small indexes, dies at {point}, time {nth}");
    let stage = many_indexes().await;
    taken_over(&stage, &case, point, nth).await;
    each_rebuilt_once(&stage, &case).await;
    stage.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_may_die_in_the_middle_of_a_lot_of_rebuilds() {
    let cases = [("after_intent", 1), ("before_send", 3), ("before_send", 9), ("after_execute", 1), ("before_done", 1), ("after_done", 1)];
    futures_util::stream::iter(cases).for_each_concurrent(3, |(point, nth)| dies_rebuilding_at(point, nth)).await;
}

/// A stop in the middle of a lot of rebuilds: the one that ran is cancelled and cleaned up, those before it are what they are, none after it
/// is sent; and a later one has no more time than what the first one left.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_a_lot_of_rebuilds_at_the_statement_that_runs() {
    let stage = RunStage::new().await;
    stage.target.gated_index("t0", 400).await;
    for n in 1..8 {
        stage.bloated_index(&format!("t{n}"), 1_000).await;
    }
    let gate = stage.hold_gate().await;
    stage
        .due(|plan| {
            plan.envelope.steps = ["reindex", "cleanup", "analyze"].map(str::to_owned).to_vec();
            plan.envelope.most_objects = 200;
        })
        .await;
    let worker = stage.worker();
    stage.at_the_gate().await;
    let waiting: i64 = stage.house.count("SELECT count(*) FROM drydock.attempt WHERE state = 'started'").await;
    assert!(waiting >= 3, "a lot\n{}", stage.page().await);
    stage.until(20, "SELECT count(*) >= 1 FROM drydock.run_event WHERE kind = 'progress' AND ordinal IS NOT NULL").await;
    let input = engine::actions::stop_run::Input { short_name: "prod-orders".into(), reason: "a release is going out".into() };
    engine::actions::stop_run::stop_run(&stage.house.engine, &stage.house.lead, stage.run().await, &input).await.expect("asked");
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    drop(gate);
    let page = stage.page().await;
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "stopped", "{page}");
    assert_eq!(stage.invalid_indexes().await, 0, "{page}");
    let met = "SELECT count(*) FROM drydock.item WHERE outcome = 'cancelled' AND outcome_detail LIKE '%canceling statement due to user request%Dropped again%'";
    assert_eq!(stage.house.count(met).await, 1, "{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.item WHERE outcome NOT IN ('done', 'cancelled')").await, 0, "{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.attempt WHERE state <> 'done'").await, 0, "{page}");
    worker.stop().await;
}

/// One of a lot of rebuilds meets an error and leaves an invalid index: it is dropped, and the others are what they ought to be.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_of_a_lot_of_rebuilds_leaves_behind_is_dropped() {
    let stage = many_indexes().await;
    // A function that an index calls refuses from now on to be called, so that this one rebuild fails half way.
    stage
        .target
        .plant_as_owner(
            "CREATE TABLE shop.broken (id int); CREATE FUNCTION shop.calm(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n; END';
             CREATE INDEX broken_calm ON shop.broken (shop.calm(id)); INSERT INTO shop.broken SELECT n FROM generate_series(1, 20000) n; DELETE FROM shop.broken WHERE id > 5000",
        )
        .await;
    stage.target.settled().await;
    stage.target.plant("VACUUM (ANALYZE) shop.broken").await;
    stage
        .target
        .plant_as_owner("CREATE OR REPLACE FUNCTION shop.calm(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE EXCEPTION ''no more''; END'")
        .await;
    let worker = stage.worker();
    stage.until(90, "SELECT state = 'validating' FROM drydock.window").await;
    let page = stage.page().await;
    let broken: (String, String) =
        sqlx::query_as("SELECT outcome, coalesce(outcome_detail, '') FROM drydock.item WHERE object LIKE '%broken_calm'")
            .fetch_one(&stage.house.admin)
            .await
            .expect("it was chosen");
    assert_eq!(broken.0, "failed", "{broken:?}\n{page}");
    assert!(broken.1.contains("no more") && broken.1.contains("Dropped again"), "{broken:?}");
    assert_eq!(stage.invalid_indexes().await, 0, "{page}");
    let rebuilt = "SELECT count(*) FROM drydock.item WHERE step = 'reindex' AND outcome = 'done' AND object LIKE '%_note'";
    assert_eq!(stage.house.count(rebuilt).await, 12, "{page}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_may_die_in_the_middle_of_a_lot() {
    let cases = [
        ("after_open", 2),
        ("after_intent", 1),
        ("after_start", 2),
        ("before_send", 1),
        ("before_send", 15),
        ("before_send", 47),
        ("after_execute", 1),
        ("before_done", 2),
        ("after_done", 1),
    ];
    futures_util::stream::iter(cases).for_each_concurrent(4, |(point, nth)| dies_at(point, nth)).await;
}
