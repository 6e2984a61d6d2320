//! A run from its opening to the validation list, on a real database.

use crate::run_stage::RunStage;

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
