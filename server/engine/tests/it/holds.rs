//! Real holds, and what a person's decision makes of them: one named person, with a reason.

use crate::run_stage::RunStage;
use crate::worker_process::WorkerProcess;
use domain::hold::{HoldVerb, ResolveForm};
use engine::Error;
use engine::actions::Caller;
use engine::actions::resolve_hold::resolve_hold;
use engine::queries::runs;
use engine::test_support::fail_points::Deed;
use std::time::Duration;

fn decision(verb: HoldVerb, found: &str, reason: &str) -> ResolveForm {
    ResolveForm { verb: verb.word().into(), found: found.into(), reason: reason.into() }
}

impl RunStage {
    pub async fn decide(&self, by: &Caller, verb: HoldVerb, found: &str, reason: &str) -> Result<HoldVerb, Error> {
        resolve_hold(&self.house.engine, by, self.run().await, &decision(verb, found, reason)).await
    }

    /// The outcomes of the items, in order.
    pub async fn outcomes(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT outcome FROM drydock.item ORDER BY ordinal").fetch_all(&self.house.admin).await.expect("outcomes")
    }

    /// The engineer's decision is on record under his name, with its reason, once.
    async fn decided(&self, reason: &str) {
        let found: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM drydock.fact WHERE action = 'run.resolve' AND actor_kind = 'person' AND actor_id = $1
                AND position($2 IN convert_from(bytes, 'UTF8')) > 0",
        )
        .bind(self.house.engineer.actor.person.0)
        .bind(reason)
        .fetch_one(&self.house.admin)
        .await
        .expect("facts");
        assert_eq!(found, 1, "{}", self.page().await);
        assert_eq!(self.house.count("SELECT count(*) FROM drydock.attempt WHERE state <> 'done'").await, 0, "{}", self.page().await);
        assert_eq!(self.house.count("SELECT count(*) FROM drydock.item WHERE outcome IS NULL").await, 0, "{}", self.page().await);
    }
}

/// A run of two rebuilds that is held: the worker died before it wrote down what became of the first one, and the index was renamed
/// meanwhile, so that the database does not tell either.
async fn not_known() -> (RunStage, WorkerProcess) {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    stage.gated_index("letters").await;
    stage.due(|_| ()).await;
    let first = stage.worker_process_with("after_execute", 1, Deed::Die);
    first.died(Duration::from_secs(60)).await.expect("it dies there");
    let object = stage.text("SELECT object FROM drydock.item i JOIN drydock.attempt a USING (run_id, ordinal)").await;
    assert!(object.contains("_note"), "{object}");
    stage.target.plant_as_owner(&format!("ALTER INDEX {object} RENAME TO renamed")).await;
    stage.expire_lease().await;
    let second = stage.worker_process();
    stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
    let page = stage.page().await;
    assert!(page.contains("had its effect is not known"), "{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.attempt WHERE state = 'unknown'").await, 1, "{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'held'").await.min(1), 1, "people are told\n{page}");
    (stage, second)
}

#[tokio::test(flavor = "multi_thread")]
async fn continue_goes_on_with_what_the_person_found() {
    let (stage, worker) = not_known().await;
    let (house, reason) = (&stage.house, "pg_stat_progress was empty and the index is new");
    let refused = stage.decide(&house.stakeholder, HoldVerb::Continue, "ran", reason).await;
    assert!(matches!(refused, Err(Error::Refused(_) | Error::NotFound)), "a stakeholder does not steer runs: {refused:?}");
    for (found, reason) in [("ran", " "), ("", "I do not know")] {
        let invalid = stage.decide(&house.engineer, HoldVerb::Continue, found, reason).await;
        assert!(matches!(invalid, Err(Error::Invalid(_))), "{invalid:?}");
    }
    assert_eq!(stage.text("SELECT state FROM drydock.run").await, "held", "nothing was decided yet");
    stage.decide(&house.engineer, HoldVerb::Continue, "ran", reason).await.expect("a decision");
    let second = stage.decide(&house.lead, HoldVerb::Fail, "", "no").await;
    assert!(matches!(second, Err(Error::Refused(refusal)) if refusal.code == "moved_on"), "one person decides");
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    stage.decided(reason).await;
    let page = stage.page().await;
    assert_eq!(stage.outcomes().await, ["done", "done"], "{page}");
    assert!(page.contains(&format!("Egon found that it ran: {reason}")), "{page}");
    assert_eq!((stage.text("SELECT ending FROM drydock.run").await.as_str(), stage.builds().await), ("finished", 2), "{page}");
    worker.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn continue_begins_again_what_did_not_run() {
    let (stage, worker) = not_known().await;
    let name = stage.text("SELECT split_part(replace(object, '\"', ''), '.', 2) FROM drydock.item WHERE ordinal = 1").await;
    stage.target.plant_as_owner(&format!("ALTER INDEX shop.renamed RENAME TO {name}")).await;
    let reason = "the index has its old size";
    stage.decide(&stage.house.engineer, HoldVerb::Continue, "did_not_run", reason).await.expect("a decision");
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    stage.decided(reason).await;
    let page = stage.page().await;
    // The person erred: it had run. The second rebuild won nothing, and says so instead of claiming success.
    assert_eq!(stage.outcomes().await, ["no_effect", "done"], "{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.attempt WHERE ordinal = 1").await, 2, "{page}");
    worker.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_leaves_the_rest_and_keeps_what_was_found() {
    let (stage, worker) = not_known().await;
    let reason = "it ran; the rest can wait";
    stage.decide(&stage.house.engineer, HoldVerb::Validate, "ran", reason).await.expect("a decision");
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    stage.decided(reason).await;
    let page = stage.page().await;
    assert_eq!(stage.outcomes().await, ["done", "cancelled"], "{page}");
    assert!(page.contains("Not begun: the rest was left by decision."), "{page}");
    assert_eq!(stage.builds().await, 1, "{page}");
    worker.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fail_ends_it_and_leaves_the_question_open() {
    let (stage, worker) = not_known().await;
    let reason = "nobody knows, and nobody will";
    stage.decide(&stage.house.engineer, HoldVerb::Fail, "", reason).await.expect("a decision");
    stage.until(60, "SELECT state = 'failed' FROM drydock.window").await;
    stage.decided(reason).await;
    let page = stage.page().await;
    assert_eq!(stage.outcomes().await, ["unknown", "cancelled"], "{page}");
    assert_eq!((stage.text("SELECT ending FROM drydock.run").await.as_str(), stage.builds().await), ("failed", 1), "{page}");
    let seen = runs::show(&stage.house.engine, &stage.house.engineer.actor, stage.run().await).await.expect("the page");
    assert!(seen.running().next().is_none(), "nothing looks as if it still ran");
    worker.terminate().await;
}

/// Held with something left behind: the rebuild was cancelled on the server, its debris could not be dropped, and the database's
/// registration changed before the next item.
#[tokio::test(flavor = "multi_thread")]
async fn roll_back_cleans_up_what_the_run_left() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    stage.gated_index("letters").await;
    let gate = stage.hold_gate().await;
    stage.due(|plan| plan.parameters.blocker_max_age_s = 1).await;
    let worker = stage.worker_process();
    let pid = stage.at_the_gate().await;
    let snapshot = stage.session("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_class LIMIT 1").await;
    stage.on_target("SELECT count(*) FROM (SELECT pg_sleep(1.5)) older_than_the_plan_allows").await;
    sqlx::query("UPDATE drydock.target SET identity = jsonb_set(identity, '{database_oid}', '1')")
        .execute(&stage.house.admin)
        .await
        .expect("a connection test found another database");
    stage.on_target(&format!("SELECT count(*) FROM (SELECT pg_cancel_backend({pid})) cancelled")).await;
    stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
    let page = stage.page().await;
    assert!(page.contains("invoices_note_ccnew") || page.contains("letters_note_ccnew"), "what is left is listed\n{page}");
    assert_eq!(stage.invalid_indexes().await, 1, "{page}");
    let closed = stage.decide(&stage.house.engineer, HoldVerb::Continue, "", "looks fine to me").await;
    assert!(matches!(closed, Err(Error::Refused(refusal)) if refusal.code == "identity"), "going on passes the gate");
    drop((snapshot, gate));
    let reason = "clean up, we try again next week";
    stage.decide(&stage.house.engineer, HoldVerb::RollBack, "", reason).await.expect("a decision");
    stage.until(60, "SELECT state = 'rolled_back' FROM drydock.window").await;
    stage.decided(reason).await;
    let page = stage.page().await;
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "rolled_back", "{page}");
    assert_eq!(stage.outcomes().await, ["cancelled", "cancelled"], "{page}");
    assert_eq!((stage.builds().await, stage.invalid_indexes().await), (1, 0), "{page}");
    assert!(page.contains("Rolled back: nothing of this run is left on the database."), "{page}");
    let seen = runs::show(&stage.house.engine, &stage.house.engineer.actor, stage.run().await).await.expect("the page");
    assert!(seen.debris().is_empty(), "what is gone is not listed\n{page}");
    worker.terminate().await;
}
