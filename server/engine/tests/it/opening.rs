//! Runs are opened in time, once, with today's votes, or not at all.

use crate::house::{House, code};
use crate::stage::When;
use domain::permission::Permit;
use engine::actions::open_run::{Input, open_due_run, start_now};
use engine::actions::stop_run::{self, stop_run};

fn typed() -> Input {
    Input { short_name: "prod-orders".into() }
}

#[tokio::test]
async fn an_engineer_starts_between_start_and_latest_start() {
    let house = House::new().await;
    let window = house.staged(When::NOW, |_| ()).await;
    assert_eq!(code(start_now(&house.engine, &house.engineer, window.number, &Input::default()).await), "short_name");
    assert_eq!(code(start_now(&house.engine, &house.stakeholder, window.number, &typed()).await), "not_permitted");
    assert_eq!(code(start_now(&house.engine, &house.foreigner, window.number, &typed()).await), "not_found");
    assert_eq!(code(start_now(&house.engine, &house.engineer, window.number, &typed()).await), "backup");
    house.backed_up().await;
    start_now(&house.engine, &house.engineer, window.number, &typed()).await.expect("everything is there");
    assert_eq!(house.state(window.number).await, "approved", "it runs when the pre-checks are green");
    assert_eq!(code(start_now(&house.engine, &house.engineer, window.number, &typed()).await), "run_open");
    assert_eq!(house.count("SELECT count(*) FROM drydock.run WHERE opened_by IS NOT NULL").await, 1);
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'run.open'").await, 1);
}

#[tokio::test]
async fn neither_too_early_nor_too_late() {
    let house = House::new().await;
    house.backed_up().await;
    let early = house.staged(When { start_s: 60, ..When::NOW }, |_| ()).await;
    assert_eq!(code(start_now(&house.engine, &house.engineer, early.number, &typed()).await), "too_early");
    assert_eq!(code(open_due_run(&house.engine.pool().clone(), &Permit::system(), early.id, "due").await), "too_early");
    let house = House::new().await;
    house.backed_up().await;
    let late = house.staged(When { start_s: -120, latest_s: -60, ..When::NOW }, |_| ()).await;
    assert_eq!(code(start_now(&house.engine, &house.engineer, late.number, &typed()).await), "missed");
    assert_eq!(house.count("SELECT count(*) FROM drydock.run").await, 0);
}

#[tokio::test]
async fn the_statement_itself_refuses_what_the_gate_did_not_see() {
    // The plan's bytes say now, the searchable side says later: the guarded statement has the last word.
    let house = House::new().await;
    house.backed_up().await;
    let window = house.staged(When::NOW, |_| ()).await;
    sqlx::query("UPDATE drydock.revision SET start_at = now() + interval '1 minute' WHERE window_id = $1 AND number = 2")
        .bind(window.id.0)
        .execute(&house.admin)
        .await
        .expect("moved");
    assert_eq!(code(start_now(&house.engine, &house.engineer, window.number, &typed()).await), "moved_on");
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'run.open'").await, 0, "the fact went with it");
}

#[tokio::test]
async fn the_quorum_of_today_counts() {
    let house = House::new().await;
    house.backed_up().await;
    let window = house.staged(When::NOW, |_| ()).await;
    sqlx::query("UPDATE drydock.person SET active = false WHERE id = $1")
        .bind(house.stakeholder.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("left");
    assert_eq!(code(start_now(&house.engine, &house.engineer, window.number, &typed()).await), "quorum");
}

#[tokio::test]
async fn a_database_that_was_repointed_is_not_worked_on() {
    let house = House::new().await;
    house.backed_up().await;
    let window = house.staged(When::NOW, |_| ()).await;
    for change in ["port = 5433", "identity = jsonb_set(identity, '{database_oid}', '6')", "state = 'unverified'"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("UPDATE drydock.target SET {change}"))).execute(&house.admin).await.expect("changed");
        assert_eq!(code(start_now(&house.engine, &house.engineer, window.number, &typed()).await), "identity", "{change}");
        sqlx::query("UPDATE drydock.target SET port = 5432, state = 'ready', identity = '{\"system_identifier\": \"7\", \"database\": \"orders\", \"database_oid\": 5}'")
            .execute(&house.admin)
            .await
            .expect("as before");
    }
    start_now(&house.engine, &house.engineer, window.number, &typed()).await.expect("as approved");
}

#[tokio::test]
async fn a_frozen_clock_starts_nothing() {
    let house = House::new().await;
    house.backed_up().await;
    let window = house.staged(When::NOW, |_| ()).await;
    sqlx::query("INSERT INTO drydock.clock_guard (highest_at, system_identifier, timeline, frozen_reason) VALUES (now(), '7', 1, 'the clock went back by 9 s.')")
        .execute(&house.admin)
        .await
        .expect("frozen");
    assert_eq!(code(start_now(&house.engine, &house.engineer, window.number, &typed()).await), "clock");
}

#[tokio::test]
async fn eight_who_open_a_due_run_at_once_open_one() {
    let house = House::new().await;
    let window = house.staged(When::NOW, |_| ()).await;
    let permit = Permit::system();
    let open = || open_due_run(house.engine.pool(), &permit, window.id, "due");
    let results = futures_util::future::join_all((0..8).map(|_| open())).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(house.count("SELECT count(*) FROM drydock.run").await, 1);
}

#[tokio::test]
async fn a_run_that_nobody_took_is_stopped_or_ends_with_its_window() {
    let house = House::new().await;
    house.backed_up().await;
    let window = house.staged(When::NOW, |_| ()).await;
    let run = start_now(&house.engine, &house.engineer, window.number, &typed()).await.expect("opened");
    let input = stop_run::Input { short_name: "prod-orders".into(), reason: "release tonight".into() };
    assert_eq!(code(stop_run(&house.engine, &house.stakeholder, run, &input).await), "not_permitted");
    stop_run(&house.engine, &house.lead, run, &input).await.expect("a lead may");
    assert_eq!(code(stop_run(&house.engine, &house.lead, run, &input).await), "stop_asked");
    engine::actions::end_window::cancel_window(&house.engine, &house.engineer, window.number, "not tonight").await.expect("called off");
    assert_eq!(house.count("SELECT count(*) FROM drydock.run WHERE state = 'ended' AND ending = 'not_begun'").await, 1);
}
