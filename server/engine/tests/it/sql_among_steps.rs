//! Own procedures that send a text among steps of the catalogue: it is sent where it stands, and nothing after it begins where it did not succeed.

use crate::changes::sends_with;
use crate::own_procedures::{KEY, shelved};
use crate::run_stage::RunStage;
use domain::hold::HoldVerb;
use domain::proposal::ProposalForm;

const STEPS: &str = "\"freeze\", \"vacuum\", \"sql\", \"analyze\"";

/// A run of it that is due: dead rows in one table, whose statistics are to be made, and a text about another one.
async fn due(statements: &str, back: &str) -> RunStage {
    let stage = RunStage::new().await;
    stage.dead_rows("orders", 20_000).await;
    stage.target.plant_as_owner("CREATE TABLE shop.carts (id int, note text); INSERT INTO shop.carts SELECT n, (n / 2)::text FROM generate_series(1, 100) n; ANALYZE shop.carts").await;
    let file = format!(
        "key = \"{KEY}\"\nname = \"carts\"\nabout = \"Every night.\"\ndbms = \"postgresql\"\nsteps = [{STEPS}]\n[sql]\nstatements = \"\"\"{statements}\"\"\"\n{back}\n"
    );
    let procedure = shelved(&stage.house, &file).await;
    let form = ProposalForm { procedure: KEY.into(), ..stage.house.form(3) };
    let change = engine::change::of_form(&procedure, &form).expect("a text");
    stage
        .due(move |plan| {
            sends_with(plan, &procedure, change);
            // No limit of what is selected leaves a text out.
            plan.envelope.excluded = vec!["change.*".parse().expect("a rule"), "shop.carts".parse().expect("a rule")];
            plan.envelope.most_objects = 2;
        })
        .await;
    stage
}

impl RunStage {
    /// Steps and outcomes, in the order in which they were begun; what was not begun comes last.
    async fn in_order(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT i.step || ' ' || coalesce(i.outcome, '-') FROM drydock.item i LEFT JOIN drydock.attempt a ON a.run_id = i.run_id AND a.ordinal = i.ordinal AND a.number = 1
             ORDER BY a.started_at NULLS LAST, i.ordinal",
        )
        .fetch_all(&self.house.admin)
        .await
        .expect("items")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_sent_where_it_stands() {
    let stage = due(
        "DELETE FROM shop.carts WHERE id <= 50; CREATE INDEX CONCURRENTLY carts_note ON shop.carts (note)",
        "no_way_back = \"There is none, by choice.\"",
    )
    .await;
    let worker = stage.worker();
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    worker.stop().await;
    let said = stage.page().await;
    assert_eq!(stage.in_order().await, ["vacuum done", "change done", "change done", "analyze done"], "{said}");
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "finished", "{said}");
    assert_eq!(stage.on_target("SELECT count(*) FROM shop.carts").await, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_after_it_begins_where_a_part_of_it_failed() {
    let back = "back = \"\"\"UPDATE shop.carts SET id = id - 1000\"\"\"";
    let stage = due("UPDATE shop.carts SET id = id + 1000; CREATE UNIQUE INDEX CONCURRENTLY carts_note ON shop.carts (note)", back).await;
    let worker = stage.worker();
    stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
    let said = stage.page().await;
    assert_eq!(stage.in_order().await, ["vacuum done", "change done", "change failed", "analyze -"], "{said}");
    assert_eq!(stage.on_target("SELECT min(id)::bigint FROM shop.carts").await, 1001, "{said}");
    stage.decide(&stage.house.engineer, HoldVerb::RollBack, "", "two are alike").await.expect("a decision");
    stage.until(60, "SELECT state = 'rolled_back' FROM drydock.window").await;
    worker.stop().await;
    assert_eq!(stage.on_target("SELECT min(id)::bigint FROM shop.carts").await, 1, "{}", stage.page().await);
}
