//! Everything is paused: no path starts anything, whoever was faster, and people learn why.

use crate::house::{House, code, person};
use crate::run_stage::RunStage;
use crate::stage::When;
use domain::hold::ResolveForm;
use domain::ids::RunId;
use domain::pause::PauseForm;
use domain::people::GlobalRole;
use domain::permission::Permit;
use engine::Error;
use engine::actions::Caller;
use engine::actions::open_run::{Input, open_due_run, start_now};
use engine::actions::pause_all::pause_all;
use engine::actions::resolve_hold::resolve_hold;
use engine::actions::resume_all::resume_all;
use engine::test_support::ServiceRole;
use sqlx::Connection as _;

fn form(level: &str) -> PauseForm {
    PauseForm { level: level.into(), reason: "the storage is failing".into() }
}

async fn pause(house: &House, level: &str) {
    pause_all(&house.engine, &house.lead, &form(level)).await.expect("a lead pauses");
}

async fn resume(house: &House, who: &Caller) {
    resume_all(&house.engine, who, "the storage was replaced").await.expect("resumed");
}

fn typed() -> Input {
    Input { short_name: "prod-orders".into() }
}

#[tokio::test]
async fn leads_pause_and_the_same_or_an_administrator_resumes() {
    let house = House::new().await;
    let admin = person(&house.admin, "Adele", None, &[GlobalRole::Admin]).await;
    for who in [&house.engineer, &house.stakeholder, &house.auditor] {
        assert_eq!(code(pause_all(&house.engine, who, &form("start_nothing")).await), "not_permitted", "{}", who.actor.name);
    }
    assert_eq!(code(pause_all(&house.engine, &house.lead, &PauseForm::default()).await), "level,reason");
    assert_eq!(code(resume_all(&house.engine, &house.lead, "x").await), "not_paused");
    pause(&house, "start_nothing").await;
    assert_eq!(code(pause_all(&house.engine, &admin, &form("start_nothing")).await), "paused_already");
    pause_all(&house.engine, &house.deputy, &form("hold_running")).await.expect("it can reach farther");
    assert_eq!(code(pause_all(&house.engine, &admin, &form("hold_running")).await), "paused_already");
    for who in [&house.deputy, &house.foreigner, &house.engineer] {
        assert_eq!(code(resume_all(&house.engine, who, "x").await), "not_permitted", "{}", who.actor.name);
    }
    assert_eq!(code(resume_all(&house.engine, &house.lead, " ").await), "reason");
    resume(&house, &house.lead).await;
    pause(&house, "hold_running").await;
    resume(&house, &admin).await;
    let facts: Vec<String> = sqlx::query_scalar("SELECT action FROM drydock.fact WHERE object_kind = 'pause' ORDER BY id")
        .fetch_all(&house.admin)
        .await
        .expect("facts");
    assert_eq!(facts, ["pause.begin", "pause.raise", "pause.end", "pause.begin", "pause.end"]);
    // Lena, Dario, Fritz and Adele are told of each; the engineer is not.
    let told = house.count("SELECT count(*) FROM drydock.outbox WHERE kind IN ('paused', 'resumed')").await;
    assert_eq!(told, 5 * 4);
}

#[tokio::test]
async fn no_run_is_opened() {
    let house = House::new().await;
    house.backed_up().await;
    let window = house.staged(When::NOW, |_| ()).await;
    pause(&house, "start_nothing").await;
    let refused = start_now(&house.engine, &house.engineer, window.number, &typed()).await;
    let Err(Error::Refused(refusal)) = &refused else { panic!("{refused:?}") };
    assert!(refusal.message.contains("by Lena: the storage is failing."), "{}", refusal.message);
    let permit = Permit::system();
    assert_eq!(code(open_due_run(house.engine.pool(), &permit, window.id, "due").await), "paused");
    assert_eq!(house.count("SELECT count(*) FROM drydock.run").await, 0);
}

#[tokio::test]
async fn a_window_whose_latest_start_passed_under_a_pause_is_missed_with_that_reason() {
    let house = House::new().await;
    house.backed_up().await;
    let window = house.staged(When { latest_s: -30, ..When::NOW }, |_| ()).await;
    pause(&house, "start_nothing").await;
    let worker = crate::inventory::worker(&house).await;
    let late = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while house.state(window.number).await != "missed" {
        assert!(tokio::time::Instant::now() < late, "never missed");
        engine::scheduler::tick(&worker).await.expect("ticks");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let reason: String = sqlx::query_scalar("SELECT state_reason FROM drydock.window WHERE number = $1")
        .bind(window.number)
        .fetch_one(&house.admin)
        .await
        .expect("a reason");
    assert!(reason.contains("All maintenance is paused since") && reason.contains("the storage is failing"), "{reason}");
}

/// Waits until a session of the state database waits for the lock of pauses and starts.
async fn someone_waits(house: &House) {
    let late = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    let waits = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE l.locktype = 'advisory' AND NOT l.granted AND d.datname = current_database()";
    while house.count(waits).await == 0 {
        assert!(tokio::time::Instant::now() < late, "nobody waits");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_start_under_way_is_waited_for_and_a_later_one_sees_the_pause() {
    let house = House::new().await;
    house.backed_up().await;
    let window = house.staged(When::NOW, |_| ()).await;
    // A pause under way: the start waits for its commit, and is refused by the database itself.
    let mut pauser = house.admin.acquire().await.expect("connects").detach();
    let mut open = pauser.begin().await.expect("begins");
    sqlx::query("INSERT INTO drydock.pause (id, level, reason, paused_by) VALUES (gen_random_uuid(), 'start_nothing', 'x', $1)")
        .bind(house.lead.actor.person.0)
        .execute(&mut *open)
        .await
        .expect("pauses");
    let (pool, id) = (house.engine.pool().clone(), window.id);
    let starting = tokio::spawn(async move { open_due_run(&pool, &Permit::system(), id, "due").await });
    someone_waits(&house).await;
    open.commit().await.expect("paused");
    assert_eq!(code(starting.await.expect("no panic")), "paused");
    assert_eq!(house.count("SELECT count(*) FROM drydock.run").await, 0);
    resume(&house, &house.lead).await;

    // A start under way: the pause waits for its commit.
    let mut starter = house.admin.acquire().await.expect("connects").detach();
    let mut open = starter.begin().await.expect("begins");
    sqlx::query("UPDATE drydock.window SET state = 'running', (state_fact_id, state_fact_at) = (SELECT f.id, f.at FROM drydock.fact f ORDER BY f.id DESC LIMIT 1) WHERE id = $1")
        .bind(window.id.0)
        .execute(&mut *open)
        .await
        .expect("starts");
    let (engine, lead) = (house.engine.clone(), house.lead.clone());
    let pausing = tokio::spawn(async move { pause_all(&engine, &lead, &form("start_nothing")).await });
    someone_waits(&house).await;
    assert!(!pausing.is_finished());
    open.commit().await.expect("started");
    pausing.await.expect("no panic").expect("paused");
    let late: i64 =
        house.count("SELECT count(*) FROM drydock.window w, drydock.pause p WHERE p.resumed_at IS NULL AND w.state_at > p.paused_at").await;
    assert_eq!(late, 0);
}

#[tokio::test]
async fn whoever_wins_no_run_is_later_than_the_pause() {
    let house = House::new().await;
    house.backed_up().await;
    for round in 0..12 {
        let window = house.staged(When { start_s: -60, ..When::NOW }, |_| ()).await;
        let (pool, id) = (house.database.pool(ServiceRole::Worker).await, window.id);
        let start = tokio::spawn(async move { open_due_run(&pool, &Permit::system(), id, "due").await });
        let (engine, lead) = (house.engine.clone(), house.lead.clone());
        let stop = tokio::spawn(async move { pause_all(&engine, &lead, &form("start_nothing")).await });
        let (started, stopped) = (start.await.expect("no panic"), stop.await.expect("no panic"));
        stopped.expect("a pause is never refused by a start");
        match started {
            Ok(_) => {}
            refused => assert_eq!(code(refused), "paused", "round {round}"),
        }
        let late = "SELECT count(*) FROM drydock.run r, drydock.pause p WHERE p.resumed_at IS NULL AND r.state <> 'ended' AND r.opened_at > p.paused_at";
        assert_eq!(house.count(late).await, 0, "round {round}");
        assert_eq!(code(open_due_run(house.engine.pool(), &Permit::system(), window.id, "due").await), "paused");
        resume(&house, &house.lead).await;
        engine::actions::end_window::cancel_window(&house.engine, &house.engineer, window.number, "next round").await.expect("called off");
    }
}

#[tokio::test]
async fn a_run_in_its_pre_checks_waits_and_begins_after_the_pause() {
    let stage = RunStage::new().await;
    let window = stage.due(|_| ()).await;
    open_due_run(stage.house.engine.pool(), &Permit::system(), window.id, "due").await.expect("open");
    pause(&stage.house, "start_nothing").await;
    let worker = stage.worker();
    stage.until(60, "SELECT pre_checks::text LIKE '%All maintenance is paused%' FROM drydock.run").await;
    assert_eq!(stage.house.state(window.number).await, "approved");
    resume(&stage.house, &stage.house.lead).await;
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    worker.stop().await;
}

#[tokio::test]
async fn what_runs_goes_on_or_is_held_before_its_next_item() {
    let stage = RunStage::new().await;
    stage.gated_index("one").await;
    stage.dead_rows("two", 1_000).await;
    let gate = stage.hold_gate().await;
    let window = stage.due(|_| ()).await;
    let worker = stage.worker();
    stage.at_the_gate().await;
    pause(&stage.house, "hold_running").await;
    let left = stage.house.count("SELECT count(*) FROM drydock.item WHERE outcome IS NULL").await;
    assert!(left > 1, "something is left to hold: {}", stage.page().await);
    drop(gate);
    stage.until(60, "SELECT state = 'held' FROM drydock.run").await;
    let page = stage.page().await;
    assert_eq!(stage.house.state(window.number).await, "hold");
    assert!(page.contains("On hold: All maintenance is paused"), "{page}");
    // The statement that ran was not cut off.
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.attempt WHERE state <> 'done'").await, 0, "{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.item WHERE outcome = 'done' AND step = 'reindex'").await, 1, "{page}");
    let run: RunId = stage.run().await;
    let go_on = ResolveForm { verb: "continue".into(), found: String::new(), reason: "it is over".into() };
    assert_eq!(code(resolve_hold(&stage.house.engine, &stage.house.lead, run, &go_on).await), "paused");
    worker.stop().await;

    // A decision that a pause overtook before a worker took it up waits for another one.
    resume(&stage.house, &stage.house.lead).await;
    resolve_hold(&stage.house.engine, &stage.house.lead, run, &go_on).await.expect("decided");
    pause(&stage.house, "start_nothing").await;
    let worker = stage.worker();
    stage.until(60, "SELECT state = 'held' AND decision IS NULL AND epoch > 1 FROM drydock.run").await;
    assert_eq!(stage.house.state(window.number).await, "hold");

    resume(&stage.house, &stage.house.lead).await;
    resolve_hold(&stage.house.engine, &stage.house.lead, run, &go_on).await.expect("decided");
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    worker.stop().await;
}
