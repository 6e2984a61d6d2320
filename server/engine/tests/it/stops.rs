//! A stop is carried out on the server, and what is said afterwards is what really stopped.

use crate::run_stage::RunStage;
use domain::run::Outcome;
use engine::Error;
use engine::actions::stop_run::{Input, stop_run};
use engine::queries::runs;
use engine::test_support::fail_points::Deed;
use std::time::{Duration, Instant};

impl RunStage {
    /// The engineer stops the run.
    async fn stop(&self) {
        let input = Input { short_name: "prod-orders".into(), reason: "a release is going out".into() };
        stop_run(&self.house.engine, &self.house.engineer, self.run().await, &input).await.expect("it may be stopped");
    }

    /// What the page lists as left, by outcome.
    pub async fn left(&self) -> Vec<Option<Outcome>> {
        let page = runs::show(&self.house.engine, &self.house.engineer.actor, self.run().await).await.expect("the page");
        page.left().iter().map(|item| item.outcome).collect()
    }
}

/// The run ended as stopped, nothing runs on the target, and nothing is left open.
async fn stopped(stage: &RunStage) -> String {
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    let page = stage.page().await;
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "stopped", "{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.attempt WHERE state <> 'done'").await, 0, "{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.item WHERE outcome IS NULL").await, 0, "{page}");
    assert_eq!(stage.executing().await, 0, "{page}");
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_cancels_on_the_server_and_lists_what_is_left() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    stage.gated_index("letters").await;
    let gate = stage.hold_gate().await;
    stage.due(|_| ()).await;
    let worker = stage.worker_process();
    stage.at_the_gate().await;
    let asked = Instant::now();
    stage.stop().await;
    let again = Input { short_name: "prod-orders".into(), reason: "me too".into() };
    let refused = stop_run(&stage.house.engine, &stage.house.lead, stage.run().await, &again).await;
    assert!(matches!(refused, Err(Error::Refused(refusal)) if refusal.code == "stop_asked"), "somebody asked already");
    let page = stopped(&stage).await;
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}\n{page}", asked.elapsed());
    assert!(page.contains("The statement was cancelled on the server."), "{page}");
    assert!(page.contains("Not begun: the run was stopped."), "{page}");
    assert_eq!(stage.left().await, [Some(Outcome::Cancelled), Some(Outcome::Cancelled)], "{page}");
    assert_eq!((stage.builds().await, stage.invalid_indexes().await), (1, 0), "cancelled, and cleaned up\n{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.fact WHERE action = 'run.stop'").await, 1);
    worker.terminate().await;
    drop(gate);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_reaches_the_statement_of_a_worker_that_is_gone() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    let gate = stage.hold_gate().await;
    stage.due(|_| ()).await;
    let first = stage.worker_process();
    stage.at_the_gate().await;
    first.kill();
    stage.stop().await;
    stage.expire_lease().await;
    let second = stage.worker_process();
    let page = stopped(&stage).await;
    assert!(page.contains("and is observed") && page.contains("The statement was cancelled on the server."), "{page}");
    assert!(page.contains("Begun without result, and not again: the run was stopped."), "{page}");
    assert_eq!((stage.builds().await, stage.invalid_indexes().await), (1, 0), "{page}");
    second.terminate().await;
    drop(gate);
}

/// The session idles when the stop comes, and its statement would be next.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_between_two_statements_is_not_lost() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    let gate = stage.hold_gate().await;
    stage.due(|_| ()).await;
    // After the last question whether it may, and before the statement: a stop that came earlier would be seen there.
    let worker = stage.worker_process_with("before_send", 1, Deed::Wait(Duration::from_secs(3)));
    worker.reached(Duration::from_secs(60)).await;
    stage.stop().await;
    let page = stopped(&stage).await;
    assert!(page.contains("The statement was cancelled on the server."), "{page}");
    assert_eq!(stage.left().await, [Some(Outcome::Cancelled)], "{page}");
    assert_eq!(stage.invalid_indexes().await, 0, "{page}");
    worker.terminate().await;
    drop(gate);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stop_leaves_behind_is_listed() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    let gate = stage.hold_gate().await;
    stage.due(|plan| plan.parameters.blocker_max_age_s = 1).await;
    let worker = stage.worker_process();
    stage.at_the_gate().await;
    // Begun after the look before the rebuild: the drop of what it leaves would wait for this, so it is not tried.
    let snapshot = stage.session("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_class LIMIT 1").await;
    stage.on_target("SELECT count(*) FROM (SELECT pg_sleep(1.5)) older_than_the_plan_allows").await;
    stage.stop().await;
    let page = stopped(&stage).await;
    assert_eq!(stage.left().await, [Some(Outcome::NeedsCleanup)], "{page}");
    assert!(page.contains("invoices_note_ccnew") && page.contains("billing job"), "what is left, and who was in the way\n{page}");
    let seen = runs::show(&stage.house.engine, &stage.house.engineer.actor, stage.run().await).await.expect("the page");
    assert_eq!((seen.debris().len(), stage.invalid_indexes().await), (1, 1), "every invalid index is listed\n{page}");
    worker.terminate().await;
    drop((snapshot, gate));
}
