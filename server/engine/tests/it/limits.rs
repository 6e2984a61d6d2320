//! Time and locks: nothing begins that would not end in time, the server's own timers end what runs, and nobody queues behind us.

use crate::run_stage::RunStage;
use crate::stage::When;
use domain::run::Outcome;
use engine::queries::runs;
use std::time::{Duration, Instant};

/// Of these 90 s one minute is the reserve: 30 s are for the statements.
const SHORT: When = When { start_s: -60, latest_s: 60, cut_off_s: 85, end_s: 90 };

impl RunStage {
    async fn due_for(&self, when: When) {
        self.house.staged(when, |plan| plan.parameters = Self::eager()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_begins_after_the_cut_off() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    stage.gated_index("letters").await;
    let gate = stage.hold_gate().await;
    stage.due_for(When { latest_s: 20, cut_off_s: 20, end_s: 7_200, ..SHORT }).await;
    let worker = stage.worker_process();
    stage.at_the_gate().await;
    stage.until(60, "SELECT clock_timestamp() > cut_off_at FROM drydock.revision WHERE number = 2").await;
    drop(gate);
    ended_cut_off(&stage, "The cut-off has passed: nothing new begins.").await;
    worker.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_begins_that_would_not_end_in_time() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    stage.gated_index_of("letters", 100_000).await;
    let gate = stage.hold_gate().await;
    stage.due_for(SHORT).await;
    let worker = stage.worker_process();
    stage.at_the_gate().await;
    // The reserve and one and a half times the estimate are more than what is left; the first statement's own time is not over.
    stage.until(60, "SELECT clock_timestamp() + interval '62 s' > end_at FROM drydock.revision WHERE number = 2").await;
    drop(gate);
    ended_cut_off(&stage, "It may need ").await;
    worker.terminate().await;
}

async fn ended_cut_off(stage: &RunStage, why: &str) {
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    let page = stage.page().await;
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "cut_off", "{page}");
    let outcomes: Vec<String> =
        sqlx::query_scalar("SELECT outcome FROM drydock.item ORDER BY ordinal").fetch_all(&stage.house.admin).await.expect("items");
    assert_eq!(outcomes, ["done", "deferred"], "{page}");
    assert_eq!(stage.builds().await, 1, "the second one was not begun\n{page}");
    let seen = runs::show(&stage.house.engine, &stage.house.engineer.actor, stage.run().await).await.expect("the page");
    let left = seen.left();
    assert_eq!(left.iter().map(|item| item.outcome).collect::<Vec<_>>(), [Some(Outcome::Deferred)], "{page}");
    assert!(left[0].detail.as_deref().is_some_and(|detail| detail.contains(why)), "{:?}", left[0].detail);
}

/// With every worker dead, the timer that was set from the time left ends the statement on the server, before the window's end.
#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_timer_ends_what_no_worker_watches() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    let gate = stage.hold_gate().await;
    stage.due_for(SHORT).await;
    let first = stage.worker_process();
    stage.at_the_gate().await;
    first.kill();
    let until = Instant::now() + Duration::from_secs(45);
    while stage.executing().await > 0 {
        assert!(Instant::now() < until, "nobody ended it");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let left: bool = sqlx::query_scalar("SELECT clock_timestamp() < end_at - interval '55 s' FROM drydock.revision WHERE number = 2")
        .fetch_one(&stage.house.admin)
        .await
        .expect("the time");
    assert!(left, "the reserve was still free");
    stage.expire_lease().await;
    let second = stage.worker_process();
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    let page = stage.page().await;
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "cut_off", "{page}");
    assert_eq!(stage.left().await, [Some(Outcome::Deferred)], "no time for a second try\n{page}");
    assert_eq!((stage.builds().await, stage.invalid_indexes().await), (1, 0), "cleaned up\n{page}");
    second.terminate().await;
    drop(gate);
}

/// Somebody holds a lock that is in our way, and readers come all the time: they never wait, and the page names who was in the way.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_is_left_alone_and_its_readers_never_wait() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    stage.dead_rows("orders", 4_000).await;
    stage.due_for(SHORT).await;
    let mut holder = stage.session("BEGIN; LOCK TABLE shop.invoices, shop.orders IN SHARE ROW EXCLUSIVE MODE").await;
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut holder).await.expect("its process");
    let mut reader = stage.session("SET lock_timeout = '100ms'").await;
    let (over, mut is_over) = tokio::sync::oneshot::channel::<()>();
    let reading = tokio::spawn(async move {
        let mut reads = 0;
        while is_over.try_recv().is_err() {
            for table in ["SELECT count(*) FROM shop.invoices", "SELECT count(*) FROM shop.orders"] {
                sqlx::query(table).execute(&mut reader).await.expect("a reader never waits");
            }
            reads += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        reads
    });
    let worker = stage.worker_process();
    stage.until(90, "SELECT state = 'validating' FROM drydock.window").await;
    over.send(()).expect("still reading");
    assert!(reading.await.expect("no reader waited") > 50);
    let page = stage.page().await;
    let details: Vec<(String, String)> = sqlx::query_as("SELECT outcome, outcome_detail FROM drydock.item ORDER BY ordinal")
        .fetch_all(&stage.house.admin)
        .await
        .expect("items");
    assert_eq!(details.len(), 3, "VACUUM, REINDEX, ANALYZE\n{page}");
    for (outcome, detail) in &details {
        // What the waits for the first ones left no time for is deferred, and says so.
        if outcome == "deferred" {
            continue;
        }
        assert_eq!(outcome, "skipped_lock", "{page}");
        let named = detail.contains(&format!("session {pid} (role ")) && detail.contains("application \"billing job\"");
        assert!(named && detail.contains("transaction open for"), "process, role, application, since when: {detail}");
    }
    assert!(details.iter().any(|(outcome, _)| outcome == "skipped_lock"), "{page}");
    assert_eq!(stage.builds().await, 0, "{page}");
    worker.terminate().await;
}
