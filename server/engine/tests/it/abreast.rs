//! Several items at once: never two of one table, each in its own slot of the fence, and everything that holds for one holds for all.

use crate::kills::nothing_twice_and_nothing_lost;
use crate::run_stage::RunStage;
use domain::hold::HoldVerb;
use engine::actions::hold_run::hold_run;
use engine::actions::stop_run::{Input, stop_run};
use engine::queries::runs;
use engine::test_support::fail_points::Deed;
use futures_util::StreamExt as _;
use std::time::{Duration, Instant};

impl RunStage {
    /// Waits until so many rebuilds stand at the gate; says their processes.
    pub async fn all_at_the_gate(&self, many: usize) -> Vec<i32> {
        let sql = "SELECT coalesce(array_agg(pid ORDER BY pid), '{}') FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name LIKE 'drydock:%' AND wait_event = 'advisory'";
        let (mut admin, end) = (self.target.admin().await, Instant::now() + Duration::from_secs(60));
        loop {
            let found: Vec<i32> = sqlx::query_scalar(sql).fetch_one(&mut admin).await.expect("readable");
            if found.len() == many {
                return found;
            }
            assert!(Instant::now() < end, "never {many} at the gate but {found:?}\n{}", self.page().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn due_two_at_once(&self) {
        self.due(|plan| plan.parameters.jobs = 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tables_at_once_and_two_indexes_of_one_never() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    stage.gated_index("letters").await;
    stage.target.plant_as_owner("CREATE INDEX letters_too ON shop.letters (shop.noted(id, note), note)").await;
    stage.target.plant_as_owner("INSERT INTO shop.letters SELECT n, md5(n::text) FROM generate_series(10001, 40000) n").await;
    stage.target.plant_as_owner("DELETE FROM shop.letters WHERE id > 10000").await;
    stage.target.plant("VACUUM (ANALYZE) shop.letters").await;
    let gate = stage.hold_gate().await;
    stage.due_two_at_once().await;
    let worker = stage.worker_process();
    stage.all_at_the_gate(2).await;
    let seen = runs::show(&stage.house.engine, &stage.house.engineer.actor, stage.run().await).await.expect("the page");
    let tables: Vec<_> = seen.running().map(|item| item.work.object.table.clone().expect("an index")).collect();
    assert!(tables.len() == 2 && tables[0] != tables[1], "{tables:?}\n{}", stage.page().await);
    stage.until(20, "SELECT count(DISTINCT ordinal) = 2 FROM drydock.run_event WHERE kind = 'progress'").await;
    let seen = runs::show(&stage.house.engine, &stage.house.engineer.actor, stage.run().await).await.expect("the page");
    assert_eq!(seen.progress.len(), 2, "each says how far it is");
    assert_eq!(stage.house.count("SELECT count(DISTINCT slot) FROM drydock.attempt WHERE state = 'started' AND slot IN (1, 2)").await, 2);
    drop(gate);
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    let page = stage.page().await;
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.item WHERE outcome = 'done' AND step = 'reindex'").await, 3, "{page}");
    let together = "SELECT count(*) FROM drydock.attempt a JOIN drydock.attempt b ON a.id < b.id AND a.relation = b.relation
                     AND tstzrange(a.intent_at, a.ended_at) && tstzrange(b.intent_at, b.ended_at)";
    assert_eq!(stage.house.count(together).await, 0, "two of one table\n{page}");
    nothing_twice_and_nothing_lost(&stage, "two at once").await;
    worker.terminate().await;
    stage.leave().await;
}

/// Twelve indexes of twelve tables, two at a time: their rebuilds wait for each other's snapshots, and neither deadlock nor leave anything.
#[tokio::test(flavor = "multi_thread")]
async fn rebuilds_of_different_tables_wait_for_each_other_and_do_not_deadlock() {
    let stage = RunStage::new().await;
    for n in 0..12 {
        stage.bloated_index(&format!("t{n}"), 4_000).await;
    }
    // An expression makes PostgreSQL wait for every other rebuild, also where it knows that others are harmless.
    stage
        .target
        .plant_as_owner("CREATE INDEX t0_expression ON shop.t0 (upper(note), id); CREATE INDEX t1_expression ON shop.t1 (upper(note), id)")
        .await;
    stage.due_two_at_once().await;
    let worker = stage.worker();
    stage.until(120, "SELECT state = 'validating' FROM drydock.window").await;
    let page = stage.page().await;
    let rebuilt = stage.house.count("SELECT count(*) FROM drydock.item WHERE step = 'reindex' AND outcome = 'done'").await;
    assert!(rebuilt >= 12, "{rebuilt}\n{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.attempt WHERE outcome <> 'done'").await, 0, "{page}");
    // Of a lot each is on record before the first is sent. How often two statements meet is the machine's.
    let at_once = "SELECT count(*) FROM drydock.attempt a JOIN drydock.attempt b ON a.id < b.id AND a.slot <> b.slot
                    AND tstzrange(a.intent_at, a.ended_at) && tstzrange(b.intent_at, b.ended_at)";
    assert!(stage.house.count(at_once).await >= 1, "they did run at once\n{page}");
    let steps = "SELECT count(*) FROM drydock.attempt a JOIN drydock.item i USING (run_id, ordinal) JOIN drydock.attempt b ON a.id <> b.id
                 JOIN drydock.item j ON j.run_id = b.run_id AND j.ordinal = b.ordinal
                  WHERE i.step <> j.step AND tstzrange(a.intent_at, a.ended_at) && tstzrange(b.intent_at, b.ended_at)";
    assert_eq!(stage.house.count(steps).await, 0, "a step begins when the one before is over\n{page}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_statements_outlive_their_worker_and_both_are_adopted() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    stage.gated_index("letters").await;
    let gate = stage.hold_gate().await;
    stage.due_two_at_once().await;
    let first = stage.worker_process();
    let pids = stage.all_at_the_gate(2).await;
    first.kill();
    stage.expire_lease().await;
    let second = stage.worker_process();
    for pid in &pids {
        let told = format!("SELECT EXISTS (SELECT FROM drydock.run_event WHERE message LIKE '%(process {pid}) and is observed%')");
        stage.until_text(40, &told).await;
    }
    assert_eq!(stage.all_at_the_gate(2).await, pids, "the old ones, and nothing beside them");
    drop(gate);
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    second.terminate().await;
    nothing_twice_and_nothing_lost(&stage, "two adopted").await;
    let page = stage.page().await;
    assert_eq!(stage.outcomes().await, ["done", "done"], "{page}");
    assert_eq!((stage.builds().await, stage.house.count("SELECT count(*) FROM drydock.attempt").await), (2, 2), "{page}");
    stage.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_reaches_both() {
    let stage = RunStage::new().await;
    for table in ["invoices", "letters", "parcels"] {
        stage.gated_index(table).await;
    }
    let gate = stage.hold_gate().await;
    stage.due_two_at_once().await;
    let worker = stage.worker_process();
    stage.all_at_the_gate(2).await;
    let input = Input { short_name: "prod-orders".into(), reason: "a release is going out".into() };
    stop_run(&stage.house.engine, &stage.house.engineer, stage.run().await, &input).await.expect("it may be stopped");
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    let page = stage.page().await;
    assert_eq!(stage.outcomes().await, ["cancelled", "cancelled", "cancelled"], "{page}");
    assert_eq!((stage.builds().await, stage.invalid_indexes().await, stage.executing().await), (2, 0, 0), "both cleaned up\n{page}");
    worker.terminate().await;
    drop(gate);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_waits_for_both_and_begins_no_third() {
    let stage = RunStage::new().await;
    for table in ["invoices", "letters", "parcels"] {
        stage.gated_index(table).await;
    }
    let gate = stage.hold_gate().await;
    stage.due_two_at_once().await;
    let worker = stage.worker_process();
    stage.all_at_the_gate(2).await;
    let input = Input { short_name: "prod-orders".into(), reason: "the web shop is slow".into() };
    hold_run(&stage.house.engine, &stage.house.engineer, stage.run().await, &input).await.expect("it may be held");
    drop(gate);
    stage.until(60, "SELECT state = 'held' FROM drydock.run").await;
    let page = stage.page().await;
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.item WHERE outcome = 'done'").await, 2, "{page}");
    assert_eq!((stage.builds().await, stage.executing().await), (2, 0), "nothing runs while it is held\n{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.attempt WHERE state <> 'done'").await, 0, "{page}");
    stage.decide(&stage.house.engineer, HoldVerb::Continue, "", "it is fast again").await.expect("a decision");
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    assert_eq!(stage.outcomes().await, ["done", "done", "done"], "{}", stage.page().await);
    worker.terminate().await;
}

/// VACUUM and ANALYZE of two tables, rebuilds of two indexes.
async fn dies_at(point: &'static str, nth: u32) {
    let case = format!("two at once, dies at {point}, time {nth}");
    let stage = RunStage::new().await;
    for table in ["orders", "parcels"] {
        stage.dead_rows(table, 4_000).await;
    }
    for table in ["invoices", "letters"] {
        stage.gated_index(table).await;
    }
    stage.due_two_at_once().await;
    let first = stage.worker_process_with(point, nth, Deed::Die);
    if let Err(status) = first.died(Duration::from_secs(90)).await {
        panic!("{case}: the point was not reached ({status})\n{}", stage.page().await);
    }
    stage.expire_lease().await;
    let second = stage.worker_process();
    stage.until(90, "SELECT state = 'validating' FROM drydock.window").await;
    second.terminate().await;
    nothing_twice_and_nothing_lost(&stage, &case).await;
    let page = stage.page().await;
    assert_eq!(stage.outcomes().await, ["done"; 6], "{case}\n{page}");
    for table in ["orders", "parcels"] {
        let counted =
            format!("SELECT 10 * pg_stat_get_vacuum_count('shop.{table}'::regclass) + pg_stat_get_analyze_count('shop.{table}'::regclass)");
        assert_eq!(stage.on_target(&counted).await, 11, "{case}: one VACUUM and one ANALYZE of {table}\n{page}");
    }
    assert_eq!(stage.builds().await, 2, "{case}: two builds\n{page}");
    stage.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_may_die_at_every_step_of_two_items() {
    let points = ["after_intent", "after_open", "after_start", "before_send", "after_execute", "before_done", "after_done"];
    let cases = points.iter().flat_map(|point| [1, 4].map(|nth| (*point, nth)));
    futures_util::stream::iter(cases).for_each_concurrent(6, |(point, nth)| dies_at(point, nth)).await;
}
