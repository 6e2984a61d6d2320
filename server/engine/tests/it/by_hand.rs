//! Steps by hand on a real run: it waits for a person, nothing after them begins before, and what they saw is on record.

use crate::own_procedures::{file, shelved};
use crate::run_stage::RunStage;
use domain::hold::HoldVerb;
use domain::plan::{Plan, PlanProcedure};
use domain::view::runs::OutsideRow;
use engine::Error;
use engine::queries;
use engine::test_support::fail_points::Deed;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Each run is claimed four times over, beside tests that keep every core busy.
const PATIENCE_S: u64 = 180;

/// Before everything, between two steps, and after everything.
const STEPS: &str = "\"by_hand_pause\", \"freeze\", \"vacuum\", \"by_hand_look\", \"analyze\", \"by_hand_resume\"";

fn people() -> String {
    [("pause", "The pool is paused"), ("look", "Somebody looks"), ("resume", "The pool is open again")]
        .map(|(key, title)| {
            format!("[[by_hand]]\nkey = \"by_hand_{key}\"\ntitle = \"{title}\"\ndoes = \"On the pooler.\"\nback = \"RESUME.\"\nrisk = \"R1\"\nminutes = 1\n")
        })
        .concat()
}

/// A run of it that is due, on a table with dead rows and no statistics.
async fn due(change: impl FnOnce(&mut Plan)) -> RunStage {
    let stage = RunStage::new().await;
    stage.dead_rows("orders", 20_000).await;
    let procedure = shelved(&stage.house, &file(STEPS, &people())).await;
    let (of, steps) = (PlanProcedure::of(&procedure), procedure.surveyed());
    stage
        .due(move |plan| {
            (plan.procedure, plan.envelope.steps) = (of, steps);
            change(plan);
        })
        .await;
    stage
}

impl RunStage {
    /// Waits until the run holds for this step.
    async fn waits_for(&self, key: &str) {
        let sql = format!(
            "SELECT EXISTS (SELECT FROM drydock.by_hand b JOIN drydock.run r ON r.id = b.run_id WHERE r.state = 'held' AND r.hold_step = b.step AND b.step = 'by_hand_{key}' AND b.done_at IS NULL)"
        );
        self.until_text(PATIENCE_S, &sql).await;
    }

    async fn did(&self, saw: &str) {
        self.decide(&self.house.engineer, HoldVerb::Continue, "", saw).await.expect("it is done");
    }

    async fn by_hand(&self) -> Vec<OutsideRow> {
        queries::runs::show(&self.house.engine, &self.house.engineer.actor, self.run().await).await.expect("a page").outside
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_by_hand_is_waited_for_where_it_stands() {
    let stage = due(|_| ()).await;
    let worker = stage.worker();
    stage.waits_for("pause").await;
    let said = stage.page().await;
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.attempt").await, 0, "nothing begins before: {said}");
    let reason = stage.text("SELECT hold_reason FROM drydock.run").await;
    assert!(reason.starts_with("Nothing is wrong: the step “The pool is paused” is done by a person."), "{reason}");
    assert!(stage.house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'held'").await > 0, "people are told");
    let refused = stage.decide(&stage.house.stakeholder, HoldVerb::Continue, "", "I saw it").await;
    assert!(matches!(refused, Err(Error::Refused(_) | Error::NotFound)), "{refused:?}");
    stage.did("SHOW POOLS says 0 active").await;
    stage.waits_for("look").await;
    let begun = "SELECT count(*) FROM drydock.item i WHERE i.outcome IS NOT NULL AND i.step = 'vacuum'";
    assert_eq!(stage.house.count(begun).await, 1);
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.item i WHERE i.outcome IS NOT NULL AND i.step = 'analyze'").await, 0);
    stage.did("all is quiet").await;
    stage.waits_for("resume").await;
    stage.did("orders arrive").await;
    stage.until(PATIENCE_S, "SELECT state = 'validating' FROM drydock.window").await;
    let said = stage.page().await;
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "finished", "{said}");
    assert_eq!(stage.outcomes().await, ["done", "done"], "{said}");
    let done: Vec<_> = stage.by_hand().await.into_iter().map(|row| (row.title, row.done.map(|done| (done.by, done.said)))).collect();
    let by = |title: &str, said: &str| (title.to_owned(), Some(("Egon".to_owned(), said.to_owned())));
    let wanted = [
        by("The pool is paused", "SHOW POOLS says 0 active"),
        by("Somebody looks", "all is quiet"),
        by("The pool is open again", "orders arrive"),
    ];
    assert_eq!(done, wanted);
    for (action, count) in [("run.by_hand", 3), ("run.resolve", 3), ("run.hold", 0)] {
        let found: i64 = sqlx::query_scalar("SELECT count(*) FROM drydock.fact WHERE action = $1")
            .bind(action)
            .fetch_one(&stage.house.admin)
            .await
            .expect("a number");
        assert_eq!(found, count, "{action}: what was planned is nothing that went wrong");
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_there_asks_once_and_what_is_left_by_decision_is_not_done() {
    let stage = due(|_| ()).await;
    let first = stage.worker_process_with("after_ask_by_hand", 1, Deed::Die);
    first.died(Duration::from_secs(PATIENCE_S)).await.expect("it dies there");
    assert_eq!(stage.text("SELECT state FROM drydock.run").await, "leased", "it asked, and did not hold");
    // Somebody asks to hold meanwhile: going on from there says nothing of the step that was asked for.
    let asks = format!(
        "UPDATE drydock.run SET hold_asked_at = now(), hold_asked_by = '{}', hold_asked_reason = 'a look'",
        stage.house.engineer.actor.person
    );
    sqlx::query(sqlx::AssertSqlSafe(asks)).execute(&stage.house.admin).await.expect("asked");
    stage.expire_lease().await;
    let worker = stage.worker();
    stage.until(PATIENCE_S, "SELECT state = 'held' AND hold_reason LIKE '%asked to hold it here%' FROM drydock.run").await;
    stage.did("looked, all is well").await;
    stage.waits_for("pause").await;
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.by_hand WHERE done_at IS NULL").await, 1, "asked once, and not done");
    stage.decide(&stage.house.engineer, HoldVerb::Validate, "", "the pooler does not answer").await.expect("a decision");
    stage.until(PATIENCE_S, "SELECT state = 'validating' FROM drydock.window").await;
    let said = stage.page().await;
    assert_eq!(stage.outcomes().await, ["cancelled", "cancelled"], "{said}");
    assert!(stage.by_hand().await.iter().all(|row| row.done.is_none()), "nobody did anything");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rolled_back_shows_which_of_them_were_done() {
    let stage = due(|_| ()).await;
    let worker = stage.worker();
    stage.waits_for("pause").await;
    stage.did("0 active").await;
    stage.waits_for("look").await;
    stage.decide(&stage.house.engineer, HoldVerb::RollBack, "", "something is odd").await.expect("a decision");
    stage.until(PATIENCE_S, "SELECT state NOT IN ('hold', 'running', 'rolling_back') FROM drydock.window").await;
    let rows = stage.by_hand().await;
    assert_eq!(rows.iter().map(|row| (row.asked, row.done.is_some())).collect::<Vec<_>>(), [(true, true), (true, false), (false, false)]);
    let reason = stage.text("SELECT state_reason FROM drydock.window").await;
    assert!(
        reason.contains("Done outside the database: “The pool is paused”; not done: “Somebody looks”, “The pool is open again”."),
        "{reason}"
    );
    assert!(reason.contains("“The pool is paused”: RESUME."), "{reason}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_cut_off_nothing_begins_and_what_people_put_back_is_put_back() {
    let stage = due(|plan| {
        plan.times.cut_off = Timestamp::now() + SignedDuration::from_secs(15);
        plan.times.latest_start = plan.times.cut_off;
    })
    .await;
    let worker = stage.worker();
    stage.waits_for("pause").await;
    stage.until(PATIENCE_S, "SELECT clock_timestamp() > cut_off_at FROM drydock.revision ORDER BY number DESC LIMIT 1").await;
    stage.did("0 active, late").await;
    stage.waits_for("look").await;
    stage.did("nothing to see").await;
    stage.waits_for("resume").await;
    stage.did("orders arrive").await;
    stage.until(PATIENCE_S, "SELECT state = 'validating' FROM drydock.window").await;
    let said = stage.page().await;
    assert!(stage.outcomes().await.iter().all(|outcome| outcome == "deferred"), "{said}");
    assert!(stage.by_hand().await.iter().all(|row| row.done.is_some()), "{said}");
    worker.stop().await;
}
