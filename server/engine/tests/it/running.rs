//! A run from its opening to the validation list, on a real database.

use crate::run_stage::RunStage;
use domain::plan::{Plan, PlanProcedure};
use domain::procedure::{Procedure, WorkList, library};

#[tokio::test(flavor = "multi_thread")]
async fn a_due_window_runs_and_waits_to_be_validated() {
    let stage = RunStage::new().await;
    stage.dead_rows("orders", 20_000).await;
    stage.bloated_index("invoices", 10_000).await;
    let window = stage.due(|_| ()).await;
    let worker = stage.worker();
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    let page = stage.page().await;
    let count = |sql| stage.house.count(sql);
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "finished", "{page}");
    assert_eq!(count("SELECT count(*) FROM drydock.item WHERE outcome IS DISTINCT FROM 'done'").await, 0, "{page}");
    let steps: Vec<String> =
        sqlx::query_scalar("SELECT step FROM drydock.item ORDER BY ordinal").fetch_all(&stage.house.admin).await.expect("items");
    assert_eq!(steps, ["vacuum", "reindex", "reindex", "analyze"], "{page}");
    assert_eq!(count("SELECT count(*) FROM drydock.attempt").await, 4, "one attempt an item: {page}");
    assert_eq!(count("SELECT count(*) FROM drydock.check_item WHERE revision = 2").await, 6);
    assert_eq!(stage.text("SELECT state FROM drydock.check_item WHERE revision = 2 AND key = 'reachable'").await, "passed", "{page}");
    assert_eq!(stage.text("SELECT state FROM drydock.check_item WHERE revision = 2 AND key = 'connections'").await, "passed", "{page}");
    assert_eq!(
        stage.text("SELECT state FROM drydock.check_item WHERE revision = 2 AND key = 'critical_queries'").await,
        "open",
        "none is registered: {page}"
    );
    assert_eq!(count("SELECT count(DISTINCT kind) FROM drydock.outbox WHERE kind IN ('started', 'validating')").await, 2);
    let order: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT ON (action) action FROM drydock.fact WHERE action LIKE 'run.%' OR action LIKE 'attempt.%'")
            .fetch_all(&stage.house.admin)
            .await
            .expect("facts");
    assert_eq!(order, ["attempt.end", "attempt.intend", "run.begin", "run.claim", "run.end", "run.open", "run.seal_work"]);
    assert_eq!(count("SELECT count(*) FROM drydock.window_target WHERE live").await, 1, "the database is taken until it is validated");
    assert_eq!(stage.house.state(window.number).await, "validating");
    worker.stop().await;
}

/// Puts another procedure into a plan, as if it had been proposed with it.
fn with(procedure: &Procedure) -> impl FnOnce(&mut Plan) {
    let (of, steps) = (PlanProcedure::of(procedure), procedure.surveyed());
    move |plan| (plan.procedure, plan.envelope.steps) = (of, steps)
}

async fn sealed(stage: &RunStage) -> WorkList {
    let bytes: Vec<u8> = sqlx::query_scalar("SELECT bytes FROM drydock.work_list").fetch_one(&stage.house.admin).await.expect("a list");
    WorkList::from_bytes(&bytes).expect("own bytes")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_procedure_that_only_reads_seals_its_findings_and_ends_clean() {
    let stage = RunStage::new().await;
    stage.dead_rows("orders", 20_000).await;
    stage.due(with(&library::by_key(library::space::KEY).expect("on the shelf"))).await;
    let worker = stage.worker();
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    let page = stage.page().await;
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "finished", "{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.item").await, 0, "{page}");
    let list = sealed(&stage).await;
    let largest = list.findings.iter().find(|finding| finding.kind == "table_size").expect("a size");
    assert_eq!(largest.object.as_deref(), Some("shop.orders"), "{list:?}");
    assert_eq!(
        stage
            .text("SELECT convert_from(bytes, 'UTF8')::jsonb #>> '{payload,findings}' FROM drydock.fact WHERE action = 'run.seal_work'")
            .await,
        list.findings.len().to_string()
    );
    let run = engine::queries::runs::show(&stage.house.engine, &stage.house.lead.actor, stage.run().await).await.expect("its page");
    assert_eq!(run.findings, list.findings);
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.measurement WHERE kind = 'table_size' AND object = 'shop.orders'").await, 1);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_approved_with_the_first_version_runs_with_its_steps() {
    let stage = RunStage::new().await;
    stage.dead_rows("orders", 20_000).await;
    let first = library::weekly::version_1();
    assert_ne!(library::by_key(&first.key).expect("on the shelf").version, first.version);
    stage.due(with(&first)).await;
    let worker = stage.worker();
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    let (list, page) = (sealed(&stage).await, stage.page().await);
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "finished", "{page}");
    assert!(!list.items.is_empty() && list.findings.iter().all(|finding| first.step(&finding.step).is_some()), "{list:?}");
    worker.stop().await;
}
