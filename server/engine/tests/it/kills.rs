//! kill -9 and SIGSTOP of a worker, at every step and in the middle of a long rebuild: nothing twice, nothing lost, and what the page
//! says is true. The target's own account is the judge.

use crate::run_stage::RunStage;
use engine::test_support::fail_points::{self, Deed};
use futures_util::StreamExt as _;
use std::time::{Duration, Instant};

/// Everything that must hold once a run is over, whoever died on the way.
pub async fn nothing_twice_and_nothing_lost(stage: &RunStage, case: &str) {
    let page = stage.page().await;
    let count = |sql| stage.house.count(sql);
    assert_eq!(count("SELECT count(*) FROM drydock.attempt WHERE state <> 'done'").await, 0, "{case}: nothing is open\n{page}");
    assert_eq!(
        count("SELECT count(*) FROM drydock.attempt WHERE outcome NOT IN ('done', 'cancelled')").await,
        0,
        "{case}: an attempt worked, or never had an effect\n{page}"
    );
    let twice = "SELECT count(*) FROM (SELECT FROM drydock.attempt WHERE outcome = 'done' GROUP BY ordinal HAVING count(*) > 1) twice";
    assert_eq!(count(twice).await, 0, "{case}: nothing twice\n{page}");
    let facts = "SELECT (SELECT count(*) FROM drydock.fact WHERE action = 'attempt.intend') - (SELECT count(*) FROM drydock.attempt)
                      + (SELECT count(*) FROM drydock.fact WHERE action = 'attempt.end') - (SELECT count(*) FROM drydock.attempt)
                      + (SELECT count(*) FROM drydock.fact WHERE action = 'run.claim') - (SELECT max(epoch) FROM drydock.run)";
    assert_eq!(count(facts).await, 0, "{case}: every intent, end and claim has its one fact\n{page}");
    let once = "SELECT count(*) FROM drydock.fact WHERE action IN ('run.open', 'run.begin', 'run.seal_work', 'run.end')";
    assert_eq!(count(once).await, 4, "{case}: opened, begun, sealed and ended once\n{page}");
    assert_eq!(count("SELECT max(seq) - count(*) FROM drydock.run_event").await, 0, "{case}: no line is missing\n{page}");
    assert_eq!(stage.invalid_indexes().await, 0, "{case}: no invalid index is left\n{page}");
    assert_eq!(stage.executing().await, 0, "{case}: no session is left\n{page}");
}

/// Three items: VACUUM and ANALYZE of `orders`, a rebuild of `invoices_note`. Each ran once by the target's own account.
async fn three_items_ran_once(stage: &RunStage, case: &str) {
    let page = stage.page().await;
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "finished", "{case}\n{page}");
    let done = stage.house.count("SELECT count(*) FROM drydock.item WHERE outcome = 'done'").await;
    assert_eq!((done, stage.house.count("SELECT count(*) FROM drydock.item").await), (3, 3), "{case}\n{page}");
    let counted = stage
        .on_target("SELECT 10 * pg_stat_get_vacuum_count('shop.orders'::regclass) + pg_stat_get_analyze_count('shop.orders'::regclass)")
        .await;
    assert_eq!(counted, 11, "{case}: one VACUUM and one ANALYZE\n{page}");
    assert_eq!(stage.builds().await, 1, "{case}: one build\n{page}");
}

async fn three_items() -> RunStage {
    let stage = RunStage::new().await;
    stage.dead_rows("orders", 4_000).await;
    stage.gated_index("invoices").await;
    stage.due(|_| ()).await;
    stage
}

async fn dies_at(point: &'static str, nth: u32) {
    let case = format!("dies at {point}, time {nth}");
    let stage = three_items().await;
    let first = stage.worker_process_with(point, nth, Deed::Die);
    if let Err(status) = first.died(Duration::from_secs(90)).await {
        panic!("{case}: the point was not reached ({status})\n{}", stage.page().await);
    }
    stage.expire_lease().await;
    let second = stage.worker_process();
    stage.until(90, "SELECT state = 'validating' FROM drydock.window").await;
    second.terminate().await;
    nothing_twice_and_nothing_lost(&stage, &case).await;
    three_items_ran_once(&stage, &case).await;
    stage.leave().await;
}

/// Points that every item passes, and those of the clean-up, which have a test of their own.
const OF_AN_ITEM: &[&str] = &["after_intent", "after_open", "after_start", "before_send", "after_execute", "before_done", "after_done"];
const OF_A_CLEAN_UP: &[&str] = &["after_debris_intent", "after_debris_drop"];
/// Those of a way back, which a change of design has.
const OF_A_WAY_BACK: &[&str] = &["after_undo_intent", "after_undo_start", "after_undo_execute"];
/// That of a step by hand, which own procedures have.
const OF_A_PERSON: &[&str] = &["after_ask_by_hand"];
/// Those of a call, which own procedures have, too.
const OF_A_CALL: &[&str] = &["after_ask_call", "after_call"];

/// Those of accounts that are kept out, which a change of design may have.
const OF_KEEPING_OUT: &[&str] =
    &["after_keep_out_intent", "after_guard", "in_shut", "after_shut", "after_empty", "before_let_in", "after_let_in"];

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_may_die_at_every_step() {
    let mut cases = Vec::new();
    let elsewhere = [OF_A_CLEAN_UP, OF_A_WAY_BACK, OF_A_PERSON, OF_A_CALL, OF_KEEPING_OUT].concat();
    for point in fail_points::ALL.iter().filter(|point| !elsewhere.contains(point)) {
        let times = if OF_AN_ITEM.contains(point) { 3 } else { 1 };
        cases.extend((1..=times).map(|nth| (*point, nth)));
    }
    futures_util::stream::iter(cases).for_each_concurrent(6, |(point, nth)| dies_at(point, nth)).await;
}

/// The second worker dies while it cleans up what the first one left.
async fn dies_cleaning_up_at(point: &'static str) {
    let case = format!("dies at {point}");
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    let gate = stage.hold_gate().await;
    stage.due(|_| ()).await;
    let first = stage.worker_process();
    let pid = stage.at_the_gate().await;
    first.kill();
    // The build ends half-way with its session, as it would with its server.
    stage.on_target(&format!("SELECT count(*) FROM (SELECT pg_terminate_backend({pid}, 10000)) ended")).await;
    assert_eq!(stage.invalid_indexes().await, 1, "{case}: it left something");
    drop(gate);
    stage.expire_lease().await;
    let second = stage.worker_process_with(point, 1, Deed::Die);
    second.died(Duration::from_secs(60)).await.unwrap_or_else(|status| panic!("{case}: {status}"));
    stage.expire_lease().await;
    let third = stage.worker_process();
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    third.terminate().await;
    nothing_twice_and_nothing_lost(&stage, &case).await;
    let page = stage.page().await;
    assert_eq!(stage.text("SELECT outcome FROM drydock.item").await, "done", "{case}\n{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.attempt").await, 2, "{case}: the first had no effect\n{page}");
    assert_eq!(stage.builds().await, 2, "{case}: one that was lost and one that was not\n{page}");
    stage.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_may_die_while_it_cleans_up() {
    futures_util::stream::iter(OF_A_CLEAN_UP.iter().copied()).for_each_concurrent(2, dies_cleaning_up_at).await;
}

/// Where the rebuild stands when its worker is killed.
#[derive(Debug, Clone, Copy)]
enum Stands {
    /// In the build itself.
    Building,
    /// Before the swap: a snapshot of somebody else is older.
    BehindSnapshot,
    /// After the swap: somebody reads from the table.
    BehindReader,
}

/// One repetition; says after which time since the restart the page told that the statement runs and is observed.
async fn killed_while(stands: Stands, goes_on: Duration) -> Duration {
    let case = format!("killed while {stands:?}");
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    let (blocker, phase) = match stands {
        Stands::Building => (stage.hold_gate().await, "wait_event = 'advisory'"),
        Stands::BehindSnapshot => {
            let snapshot = stage.session("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_class LIMIT 1").await;
            (snapshot, "pid IN (SELECT pid FROM pg_stat_progress_create_index WHERE phase = 'waiting for old snapshots')")
        }
        Stands::BehindReader => {
            let reader = stage.session("BEGIN; SELECT 1 FROM shop.invoices LIMIT 1").await;
            (reader, "pid IN (SELECT pid FROM pg_stat_progress_create_index WHERE phase = 'waiting for readers before marking dead')")
        }
    };
    stage.due(|_| ()).await;
    let first = stage.worker_process();
    let pid = stage.process(phase).await;
    first.kill();
    let ends_at = Instant::now() + goes_on;
    let second = stage.worker_process();
    let told = format!(
        "SELECT EXISTS (SELECT FROM drydock.run_event WHERE kind = 'session' AND ordinal = 1
                         AND message LIKE 'A statement sent earlier still runs on the server (process {pid}) and is observed%')"
    );
    stage.until_text(40, &told).await;
    let after = second.began().elapsed();
    assert_eq!(
        stage.process("state = 'active' AND application_name NOT LIKE 'drydock:%:0:0'").await,
        pid,
        "{case}: nothing but the old one"
    );
    tokio::time::sleep_until(ends_at.into()).await;
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.attempt").await, 1, "{case}: none beside it");
    drop(blocker);
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    second.terminate().await;
    nothing_twice_and_nothing_lost(&stage, &case).await;
    let page = stage.page().await;
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.attempt").await, 1, "{case}: one attempt\n{page}");
    assert_eq!(stage.text("SELECT outcome FROM drydock.item").await, "done", "{case}\n{page}");
    assert_eq!(stage.builds().await, 1, "{case}: one build\n{page}");
    stage.leave().await;
    after
}

/// Twenty times kill -9 in the middle of a rebuild, one of them two minutes long: within 20 s of the restart the page says that it still
/// runs on the server, and that it is observed; after its end there is one attempt, and nothing is left behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_outlives_its_worker_twenty_of_twenty() {
    let cases = (0..20).map(|n| {
        let stands = [Stands::Building, Stands::BehindSnapshot, Stands::BehindReader][n % 3];
        killed_while(stands, Duration::from_secs(if n == 0 { 120 } else { 20 }))
    });
    let mut told: Vec<Duration> = futures_util::stream::iter(cases).buffer_unordered(7).collect().await;
    told.sort();
    assert_eq!(told.len(), 20);
    assert!(told.iter().all(|after| *after <= Duration::from_secs(20)), "within 20 s of the restart: {told:?}");
    eprintln!("told after {:?} (fastest), {:?} (median), {:?} (slowest)", told[0], told[10], told[19]);
}

/// After the swap only the drop of the old index was missing: what is done is not done again.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_only_lacked_its_last_phase_is_not_repeated() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    let reader = stage.session("BEGIN; SELECT 1 FROM shop.invoices LIMIT 1").await;
    stage.due(|_| ()).await;
    let first = stage.worker_process();
    let phase = "pid IN (SELECT pid FROM pg_stat_progress_create_index WHERE phase = 'waiting for readers before marking dead')";
    let pid = stage.process(phase).await;
    first.kill();
    stage.on_target(&format!("SELECT count(*) FROM (SELECT pg_terminate_backend({pid}, 10000)) ended")).await;
    assert_eq!(stage.invalid_indexes().await, 1, "the old index is left");
    drop(reader);
    stage.expire_lease().await;
    let second = stage.worker_process();
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    second.terminate().await;
    nothing_twice_and_nothing_lost(&stage, "last phase").await;
    let page = stage.page().await;
    assert_eq!(stage.text("SELECT outcome FROM drydock.item").await, "done", "{page}");
    assert_eq!((stage.builds().await, stage.house.count("SELECT count(*) FROM drydock.attempt").await), (1, 1), "{page}");
}

/// No write of the first owner after the second one's claim.
async fn nothing_of_the_first_owner(stage: &RunStage) {
    let page = stage.page().await;
    let late = "SELECT count(*) FROM drydock.fact f WHERE convert_from(f.bytes, 'UTF8') LIKE '%epoch 1\"%'
                 AND f.id > (SELECT max(c.id) FROM drydock.fact c WHERE c.action = 'run.claim')";
    assert_eq!(stage.house.count(late).await, 0, "a write of an owner whose lease is over\n{page}");
    assert_eq!(stage.house.count("SELECT epoch FROM drydock.run").await, 2, "{page}");
}

/// Frozen between the last look at its lease and the sending of the statement, longer than its lease: the thawed worker finds its session
/// gone, its writes refused, and begins nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_thawed_worker_sends_nothing() {
    let stage = three_items().await;
    let zombie = stage.worker_process_with("before_send", 2, Deed::Freeze);
    zombie.frozen(Duration::from_secs(60)).await;
    assert_eq!(stage.executing().await, 1, "its session is open, and nothing was sent");
    let second = stage.worker_process();
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    assert_eq!((stage.executing().await, stage.builds().await), (0, 1), "fenced");
    zombie.thaw();
    // Alive and well, it takes the next soft stop; until then it had the time to write whatever it still wanted.
    tokio::time::sleep(Duration::from_secs(2)).await;
    zombie.terminate().await;
    second.terminate().await;
    nothing_of_the_first_owner(&stage).await;
    nothing_twice_and_nothing_lost(&stage, "frozen before sending").await;
    three_items_ran_once(&stage, "frozen before sending").await;
}

/// Frozen while its statement runs: the second worker observes it to its end; the thawed one gets the server's answer and may not write it.
#[tokio::test(flavor = "multi_thread")]
async fn a_thawed_worker_writes_nothing() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    let gate = stage.hold_gate().await;
    stage.due(|_| ()).await;
    let zombie = stage.worker_process();
    stage.at_the_gate().await;
    zombie.freeze();
    let second = stage.worker_process();
    stage.until(60, "SELECT EXISTS (SELECT FROM drydock.run_event WHERE message LIKE '%and is observed%')").await;
    zombie.thaw();
    drop(gate);
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    zombie.terminate().await;
    second.terminate().await;
    nothing_of_the_first_owner(&stage).await;
    nothing_twice_and_nothing_lost(&stage, "frozen in mid-statement").await;
    let page = stage.page().await;
    assert_eq!((stage.builds().await, stage.house.count("SELECT count(*) FROM drydock.attempt").await), (1, 1), "{page}");
}

/// The soft stop hands over within 3 s, and the statement goes on under the next worker's eyes.
#[tokio::test(flavor = "multi_thread")]
async fn a_soft_stop_hands_the_running_statement_over() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    let gate = stage.hold_gate().await;
    stage.due(|_| ()).await;
    let first = stage.worker_process();
    let pid = stage.at_the_gate().await;
    let second = stage.worker_process();
    let took = first.terminate().await;
    assert!(took <= Duration::from_secs(4), "two seconds for the statement to finish, one for the rest: {took:?}");
    let handed = Instant::now();
    stage.until(20, "SELECT EXISTS (SELECT FROM drydock.run_event WHERE message LIKE '%and is observed%')").await;
    assert!(handed.elapsed() < Duration::from_secs(10), "the lease was given back, not waited for: {:?}", handed.elapsed());
    assert_eq!(stage.at_the_gate().await, pid);
    drop(gate);
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    second.terminate().await;
    nothing_twice_and_nothing_lost(&stage, "soft stop").await;
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.attempt").await, 1, "{}", stage.page().await);
}
