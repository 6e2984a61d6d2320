//! Stops and holds of windows of several databases at the moments at which nothing, or almost nothing, runs: none of them gets lost.

use crate::lanes::{FIRST, Lanes, typed};
use crate::run_stage::RunStage;
use domain::hold::{HoldVerb, ResolveForm};
use engine::Error;
use engine::actions::hold_run::hold_run;
use engine::actions::hold_window::hold_window;
use engine::actions::resolve_hold::resolve_hold;
use engine::actions::stop_run::stop_run;
use engine::actions::stop_window::{Stopped, stop_window};
use engine::queries::windows::show;
use engine::test_support::fail_points::Deed;
use engine::worker::WorkerConfig;
use std::time::Duration;

const SOON: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn between_two_waves_a_window_is_stopped_and_what_was_done_is_validated() {
    let lanes = Lanes::new(&["prod-b"]).await;
    let window = lanes.due(&[&[0], &[1]], 0, |_| ()).await;
    let worker = lanes.stage.worker_process_with("before_end", 1, Deed::Freeze);
    worker.frozen(SOON).await;
    let (engine, house) = (&lanes.stage.house.engine, &lanes.stage.house);
    // Its connection test has to pass first: the second wave waits for somebody.
    sqlx::query("UPDATE drydock.target SET state = 'unverified' WHERE short_name = 'prod-b'")
        .execute(&house.admin)
        .await
        .expect("unproven");
    worker.thaw();
    lanes.until_run(FIRST, "r.clean").await;
    assert_eq!(house.state(window.number).await, "running");
    let over = stop_run(engine, &house.engineer, lanes.run_of(FIRST).await, &typed(FIRST)).await;
    assert!(matches!(over, Err(Error::Refused(refusal)) if refusal.code == "moved_on"), "no run is open");
    let whole = show(engine, &house.engineer.actor, window.number, None).await.expect("its page").whole.expect("several databases");
    assert!(whole.stop.is_open() && !whole.hold.is_open(), "{whole:?}");
    let blocked = show(engine, &house.engineer.actor, window.number, None).await.expect("its page").blocked;
    assert!(blocked.len() == 1 && blocked[0].what.starts_with("Wave 2 (prod-b) does not begin. The database is “"), "{blocked:?}");
    assert!(blocked[0].at.is_some(), "until when it may: {blocked:?}");
    assert!(stop_window(engine, &house.stakeholder, window.number, &typed(FIRST)).await.is_err(), "who may not, may not between waves");
    let stopped = stop_window(engine, &house.engineer, window.number, &typed(FIRST)).await.expect("it is stopped");
    assert_eq!(stopped, Stopped { asked: 0, not_started: 1 });
    let page = lanes.stage.page().await;
    assert_eq!(house.state(window.number).await, "validating", "{page}");
    assert_eq!(lanes.lanes().await, ["prod-orders finished clean", "prod-b none (Stopped: something looks odd)"], "{page}");
    assert_eq!(lanes.facts("window.end_waves").await, 1);
    assert!(lanes.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'validating'").await > 0, "people are told\n{page}");
    let again = stop_window(engine, &house.engineer, window.number, &typed(FIRST)).await;
    assert!(matches!(again, Err(Error::Refused(refusal)) if refusal.code == "nothing_to_stop"));
    worker.terminate().await;
    lanes.stage.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_last_measurements_are_taken_no_further_wave_begins_for_whoever_stops_everything() {
    let lanes = Lanes::new(&["prod-b"]).await;
    let window = lanes.due(&[&[0], &[1]], 0, |_| ()).await;
    let worker = lanes.stage.worker_process_with("before_end", 1, Deed::Freeze);
    worker.frozen(SOON).await;
    let house = &lanes.stage.house;
    let stopped = stop_window(&house.engine, &house.engineer, window.number, &typed(FIRST)).await.expect("the next wave is kept away");
    assert_eq!(stopped, Stopped { asked: 0, not_started: 1 }, "its own work is over");
    assert_eq!(house.state(window.number).await, "running", "it is not at its end yet");
    worker.thaw();
    lanes.until_window("validating").await;
    let page = lanes.stage.page().await;
    assert_eq!(lanes.lanes().await, ["prod-orders finished clean", "prod-b none (Stopped: something looks odd)"], "{page}");
    worker.terminate().await;
    lanes.stage.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_is_accepted_at_the_very_end_of_the_watch_keeps_the_next_wave_away() {
    let lanes = Lanes::new(&["prod-b"]).await;
    lanes.due(&[&[0], &[1]], 60, |_| ()).await;
    let worker = lanes.stage.worker_process_with("before_end", 1, Deed::Freeze);
    lanes.until_run(FIRST, "r.soak_until IS NOT NULL").await;
    let house = &lanes.stage.house;
    sqlx::query("UPDATE drydock.run SET soak_until = clock_timestamp()").execute(&house.admin).await.expect("the time passes");
    worker.frozen(SOON).await;
    // The worker has found that it ended well, and has not written it.
    stop_run(&house.engine, &house.engineer, lanes.run_of(FIRST).await, &typed(FIRST)).await.expect("accepted");
    worker.thaw();
    lanes.until_window("validating").await;
    let page = lanes.stage.page().await;
    let why = "An earlier wave did not end clean (prod-orders: stopped).";
    assert_eq!(lanes.lanes().await, ["prod-orders stopped not clean".to_owned(), format!("prod-b none ({why})")], "{page}");
    assert!(page.contains("Stopped: something looks odd"), "{page}");
    let clean = sqlx::query("UPDATE drydock.run SET clean = true, ending = 'finished' WHERE stop_asked_at IS NOT NULL");
    let refused = clean.execute(&house.admin).await.expect_err("the database says so too");
    assert_eq!(refused.as_database_error().and_then(|error| error.constraint()), Some("run_clean"));
    worker.terminate().await;
    lanes.stage.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_is_accepted_before_an_empty_list_is_worked_holds() {
    let stage = RunStage::new().await;
    stage.due(|_| ()).await;
    let worker = stage.worker_process_with("after_seal", 1, Deed::Freeze);
    worker.frozen(SOON).await;
    let (engine, run) = (&stage.house.engine, stage.run().await);
    hold_run(engine, &stage.house.engineer, run, &typed(FIRST)).await.expect("it may be held");
    worker.thaw();
    stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
    let page = stage.page().await;
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.item").await, 0, "there is nothing to do\n{page}");
    assert!(page.contains("asked to hold it here: something looks odd"), "{page}");
    let go_on = ResolveForm { verb: HoldVerb::Continue.word().into(), found: String::new(), reason: "it looks well".into() };
    resolve_hold(engine, &stage.house.engineer, run, &go_on).await.expect("decided");
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    worker.terminate().await;
    stage.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_window_holds_no_other_database_of_it_begins() {
    let lanes = Lanes::new(&["prod-b"]).await;
    lanes.stage.gated_index("invoices").await;
    let gate = lanes.stage.hold_gate().await;
    let late = lanes.without_backups(&[lanes.stage.house.target], 600).await;
    let window = lanes.due(&[&[0, 1]], 0, late).await;
    let worker = lanes.stage.worker();
    lanes.stage.at_the_gate().await;
    lanes.until_run("prod-b", "r.pre_checks::text LIKE '%No backup%'").await;
    let house = &lanes.stage.house;
    assert_eq!(hold_window(&house.engine, &house.engineer, window.number, &typed(FIRST)).await.expect("one works"), 1);
    // Nothing else is in its way now.
    house.backup_of(lanes.others[0].id).await;
    lanes.until_run("prod-b", "r.pre_checks::text LIKE '%asked to hold this window%'").await;
    assert_eq!(lanes.facts("run.begin").await, 1, "it did not begin");
    drop(gate);
    lanes.until_run(FIRST, "r.state = 'held'").await;
    lanes.until_run("prod-b", "r.phase = 'pre_checks' AND r.state = 'leased'").await;
    let page = lanes.stage.page().await;
    assert_eq!((lanes.facts("run.begin").await, house.state(window.number).await), (1, "hold".to_owned()), "{page}");
    lanes.leave(worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_watched_keeps_no_place_of_its_worker() {
    let lanes = Lanes::new(&["prod-b", "prod-c"]).await;
    lanes.due(&[&[0, 1], &[2]], 60, |_| ()).await;
    let worker = RunStage::worker_of(WorkerConfig { runs_at_once: 1, ..lanes.stage.config() });
    // Both are watched for an hour: the second was taken meanwhile, although there is one place.
    for name in [FIRST, "prod-b"] {
        lanes.until_run(name, "r.soak_until > clock_timestamp()").await;
    }
    let page = lanes.stage.page().await;
    assert_eq!(lanes.count("SELECT count(*) FROM drydock.run WHERE state = 'leased' AND soak_until IS NOT NULL").await, 2, "{page}");
    lanes.leave(worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_ended_in_its_pre_checks_has_not_begun() {
    let lanes = Lanes::new(&["prod-b"]).await;
    let late = lanes.without_backups(&[], 600).await;
    let window = lanes.due(&[&[0, 1]], 0, late).await;
    let first = lanes.stage.worker();
    for name in [FIRST, "prod-b"] {
        lanes.until_run(name, "r.pre_checks IS NOT NULL").await;
    }
    first.stop().await;
    // Its database did not answer for long.
    let house = &lanes.stage.house;
    let b = lanes.run_of("prod-b").await;
    sqlx::query(
        "WITH f AS (INSERT INTO drydock.fact (system_identifier, actor_kind, action, object_kind, object_id, result, bytes, leaf)
                    VALUES ('test', 'system', 'run.hold', 'run', 'staged', 'done', '\\x00', sha256('\\x0000'::bytea)) RETURNING id, at)
         UPDATE drydock.run r SET state = 'held', owner = NULL, lease_until = NULL, hold_reason = 'it does not answer', hold_verbs = '{continue,fail}', state_fact_id = f.id, state_fact_at = f.at
         FROM f WHERE r.id = $1",
    )
    .bind(b.0)
    .execute(&house.admin)
    .await
    .expect("held");
    let end = ResolveForm { verb: HoldVerb::Fail.word().into(), found: String::new(), reason: "not tonight".into() };
    resolve_hold(&house.engine, &house.lead, b, &end).await.expect("decided");
    let second = lanes.stage.worker();
    lanes.until_run("prod-b", "r.state = 'ended'").await;
    let page = lanes.stage.page().await;
    assert_eq!(lanes.lanes().await[1], "prod-b not_begun not clean", "{page}");
    assert_eq!(house.state(window.number).await, "approved", "nothing has begun\n{page}");
    // The other one may still begin, and the window is told of as begun then.
    house.backup_of(house.target).await;
    lanes.until_window("validating").await;
    assert_eq!(lanes.lanes().await, ["prod-orders finished clean", "prod-b not_begun not clean"]);
    lanes.leave(second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_told_that_a_window_goes_on_is_not_told_so_for_its_last_measurements() {
    let lanes = Lanes::new(&["prod-b"]).await;
    let house = &lanes.stage.house;
    sqlx::query("INSERT INTO drydock.webhook (id, name, origin, url, format, created_by) VALUES ($1, 'Dashboard', 'https://hooks.example.org', '\\x00', 'slack', $2)")
        .bind(lanes.others[0].id.0)
        .bind(house.lead.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("a receiver");
    lanes.stage.gated_index("invoices").await;
    lanes.stage.gated_index("letters").await;
    let gate = lanes.stage.hold_gate().await;
    lanes.due(&[&[0, 1]], 0, |_| ()).await;
    let worker = lanes.stage.worker();
    lanes.stage.at_the_gate().await;
    hold_run(&house.engine, &house.engineer, lanes.run_of(FIRST).await, &typed(FIRST)).await.expect("it may be held");
    drop(gate);
    lanes.until_run(FIRST, "r.state = 'held'").await;
    lanes.until_run("prod-b", "r.state = 'ended'").await;
    let leave = ResolveForm { verb: HoldVerb::Validate.word().into(), found: String::new(), reason: "enough for tonight".into() };
    resolve_hold(&house.engine, &house.engineer, lanes.run_of(FIRST).await, &leave).await.expect("decided");
    lanes.until_window("validating").await;
    let page = lanes.stage.page().await;
    let told: Vec<String> =
        sqlx::query_scalar("SELECT e.event FROM drydock.webhook_event e ORDER BY e.fact_id").fetch_all(&house.admin).await.expect("events");
    let since_the_work: Vec<&str> = told.iter().map(String::as_str).skip_while(|event| *event != "started").collect();
    assert_eq!(since_the_work, ["started", "held", "validating"], "{page}");
    assert_eq!((lanes.facts("run.resume").await, lanes.facts("run.take_up").await), (0, 1), "{page}");
    lanes.leave(worker).await;
}
