//! A hold that somebody asks for: what runs ends, nothing new begins, and a person decides.

use crate::run_stage::RunStage;
use domain::hold::{HoldVerb, ResolveForm};
use engine::Error;
use engine::actions::hold_run::{Input, hold_run};
use engine::actions::resolve_hold::resolve_hold;
use engine::actions::stop_run::{self, stop_run};
use engine::queries::runs;

fn typed(short_name: &str) -> Input {
    Input { short_name: short_name.into(), reason: "the replica lags".into() }
}

/// A run that works on the first of two rebuilds, and waits there.
async fn at_the_first_item() -> (RunStage, crate::worker_process::WorkerProcess, sqlx::PgConnection) {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    stage.gated_index("letters").await;
    let gate = stage.hold_gate().await;
    stage.due(|_| ()).await;
    let worker = stage.worker_process();
    stage.at_the_gate().await;
    (stage, worker, gate)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_after_its_item_and_goes_on_when_somebody_says_so() {
    let (stage, worker, gate) = at_the_first_item().await;
    let (engine, house, run) = (&stage.house.engine, &stage.house, stage.run().await);
    let wrong = hold_run(engine, &house.engineer, run, &typed("shop")).await;
    assert!(matches!(wrong, Err(Error::Invalid(errors)) if errors[0].field == "short_name"), "the name is typed");
    assert!(matches!(hold_run(engine, &house.stakeholder, run, &typed("prod-orders")).await, Err(Error::Refused(_))), "a right of its own");
    assert!(matches!(hold_run(engine, &house.foreigner, run, &typed("prod-orders")).await, Err(Error::Hidden)));
    hold_run(engine, &house.engineer, run, &typed("prod-orders")).await.expect("it may be held");
    let again = hold_run(engine, &house.lead, run, &typed("prod-orders")).await;
    assert!(matches!(again, Err(Error::Refused(refusal)) if refusal.code == "hold_asked"));
    let page = runs::show(engine, &house.lead.actor, run).await.expect("the page");
    assert_eq!(page.hold_asked.as_ref().map(|hold| (hold.by.as_str(), hold.reason.as_str())), Some(("Egon", "the replica lags")));
    assert!(page.is_live() && !page.may_hold.is_open() && page.may_stop.is_open());
    assert_eq!(stage.executing().await, 1, "what runs goes on");

    drop(gate);
    stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
    let text = stage.page().await;
    let outcomes: Vec<Option<String>> =
        sqlx::query_scalar("SELECT outcome FROM drydock.item ORDER BY ordinal").fetch_all(&house.admin).await.expect("items");
    assert_eq!(outcomes, [Some("done".to_owned()), None], "{text}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.attempt").await, 1, "nothing new was begun\n{text}");
    let page = runs::show(engine, &house.lead.actor, run).await.expect("the page");
    assert_eq!(page.hold_reason.as_deref(), Some("Egon asked to hold it here: the replica lags"), "{text}");
    assert!(page.hold_asked.is_none() && !page.asks_what_was_found && page.may_resolve.is_open(), "{text}");

    let go_on = ResolveForm { verb: HoldVerb::Continue.word().into(), found: String::new(), reason: "it caught up".into() };
    resolve_hold(engine, &house.lead, run, &go_on).await.expect("decided");
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    let text = stage.page().await;
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "finished", "{text}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.item WHERE outcome = 'done'").await, 2, "{text}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'run.ask_hold' AND actor_kind = 'person'").await, 1);
    worker.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_stronger_than_a_hold() {
    let (stage, worker, gate) = at_the_first_item().await;
    let (engine, house, run) = (&stage.house.engine, &stage.house, stage.run().await);
    hold_run(engine, &house.engineer, run, &typed("prod-orders")).await.expect("it may be held");
    let stop = stop_run::Input { short_name: "prod-orders".into(), reason: "no time to wait".into() };
    stop_run(engine, &house.lead, run, &stop).await.expect("it may be stopped");
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    let text = stage.page().await;
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "stopped", "{text}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'run.hold'").await, 0, "{text}");
    let late = hold_run(engine, &house.engineer, run, &typed("prod-orders")).await;
    assert!(matches!(late, Err(Error::Refused(refusal)) if refusal.code == "moved_on"));
    worker.terminate().await;
    drop(gate);
}

#[tokio::test]
async fn what_is_held_owes_no_hold_any_more() {
    let house = crate::house::House::new().await;
    let (_, run) = crate::run_rows::working(&house).await;
    let ask = format!(
        "UPDATE drydock.run SET hold_asked_at = now(), hold_asked_by = '{}', hold_asked_reason = 'x' WHERE id = '{run}'",
        house.lead.actor.person
    );
    let alone = format!("UPDATE drydock.run SET hold_asked_at = now() WHERE id = '{run}'");
    let held = format!(
        "{ask}; WITH f AS (SELECT id, at FROM drydock.fact WHERE id <> (SELECT state_fact_id FROM drydock.run) LIMIT 1)
           UPDATE drydock.run SET state = 'held', owner = NULL, lease_until = NULL, state_fact_id = f.id, state_fact_at = f.at FROM f"
    );
    for (sql, constraint) in [(alone, "run_hold_asked_whole"), (held, "run_hold_asked_taken")] {
        let error = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&house.admin).await.expect_err(constraint);
        assert_eq!(error.as_database_error().and_then(|error| error.constraint()), Some(constraint), "{error}");
    }
}
