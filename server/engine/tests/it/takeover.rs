//! Two worker processes on one state database: the second one takes over what a dead one held, and says so in time.

use crate::kills::nothing_twice_and_nothing_lost;
use crate::run_stage::RunStage;
use engine::test_support::fail_points::Deed;
use std::time::{Duration, Instant};

/// Kills the owner in mid-statement while the second worker lives; says how long the run had no owner.
async fn taken_over(second_elsewhere: bool) -> Duration {
    let case = if second_elsewhere { "from another machine" } else { "from the same folder" };
    let stage = RunStage::new().await;
    let elsewhere = tempfile::tempdir().expect("a folder");
    stage.gated_index("invoices").await;
    let gate = stage.hold_gate().await;
    stage.due(|_| ()).await;
    let first = stage.worker_process();
    stage.at_the_gate().await;
    let second = if second_elsewhere { stage.worker_process_elsewhere(elsewhere.path()) } else { stage.worker_process() };
    stage.until(30, "SELECT count(*) = 2 FROM drydock.service_state WHERE job = 'worker'").await;
    // Right after a renewal: the longest that a lease can outlive its owner.
    stage.until(10, "SELECT lease_until > clock_timestamp() + interval '14.9 s' FROM drydock.run").await;
    first.kill();
    let killed = Instant::now();
    stage.until(40, "SELECT epoch = 2 FROM drydock.run").await;
    let ownerless = killed.elapsed();
    stage.until(40, "SELECT EXISTS (SELECT FROM drydock.run_event WHERE message LIKE '%and is observed%')").await;
    let told = killed.elapsed();
    assert!(told <= Duration::from_secs(20), "{case}: told after {told:?}");
    eprintln!("{case}: taken over after {ownerless:?}, told after {told:?}");
    drop(gate);
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    second.terminate().await;
    nothing_twice_and_nothing_lost(&stage, case).await;
    assert_eq!(stage.builds().await, 1, "{case}: observed, not repeated");
    stage.leave().await;
    ownerless
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_the_same_folder_takes_over_at_once() {
    let ownerless = taken_over(false).await;
    assert!(ownerless < Duration::from_secs(5), "the kernel proves that the first is gone: {ownerless:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_another_machine_takes_over_when_the_lease_is_over() {
    let ownerless = taken_over(true).await;
    assert!(ownerless > Duration::from_secs(16), "without proof nobody is hurried: {ownerless:?}");
    assert!(ownerless < Duration::from_millis(19_000), "15 s of lease, 3 s more, and no poll on top: {ownerless:?}");
}

/// A frozen owner is alive: its lock is not to be had, and its lease is waited for although the second worker shares its folder.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_worker_is_not_taken_for_dead() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    stage.due(|_| ()).await;
    let zombie = stage.worker_process_with("before_send", 1, Deed::Freeze);
    zombie.frozen(Duration::from_secs(60)).await;
    let frozen = Instant::now();
    let second = stage.worker_process();
    stage.until(40, "SELECT epoch = 2 FROM drydock.run").await;
    assert!(frozen.elapsed() > Duration::from_secs(12), "its lease was waited for: {:?}", frozen.elapsed());
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    zombie.thaw();
    zombie.terminate().await;
    second.terminate().await;
    nothing_twice_and_nothing_lost(&stage, "frozen").await;
    stage.leave().await;
}

/// A worker that is asked to stop tells what it hands over, and a newer schema makes it step aside by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_steps_aside_for_a_newer_schema() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    let gate = stage.hold_gate().await;
    stage.due(|_| ()).await;
    let old = stage.worker_process();
    let pid = stage.at_the_gate().await;
    let newer = "INSERT INTO drydock.schema_version (version, description, success, checksum, execution_time) VALUES (999999, 'later', true, '\\x00', 0)";
    sqlx::query(newer).execute(&stage.house.admin).await.expect("migrated by a newer program");
    stage
        .until(20, "SELECT EXISTS (SELECT FROM drydock.service_state WHERE state = 'draining' AND detail LIKE 'the run of window #%')")
        .await;
    stage.until(20, "SELECT lease_until < clock_timestamp() FROM drydock.run").await;
    old.ended_with_error(Duration::from_secs(20)).await;
    assert_eq!(stage.at_the_gate().await, pid, "the statement goes on");
    // The newer program: here the same one, with the schema it knows.
    sqlx::query("DELETE FROM drydock.schema_version WHERE version = 999999").execute(&stage.house.admin).await.expect("gone");
    let new = stage.worker_process();
    stage.until(20, "SELECT EXISTS (SELECT FROM drydock.run_event WHERE message LIKE '%and is observed%')").await;
    drop(gate);
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    new.terminate().await;
    nothing_twice_and_nothing_lost(&stage, "newer schema").await;
    stage.leave().await;
}
