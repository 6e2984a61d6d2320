//! A shop that goes on beside its maintenance: 100 statements a second, and the longest of them that waits for a lock stays below the plan's
//! own limit.
//!
//! Two processors are shared by the server, the worker, the shop and other tests, so a slow statement alone proves nothing. What waits for
//! a lock is seen on the server; and what a statement took is compared with statements that need no lock at all, sent at the same time.

use crate::run_stage::RunStage;
use crate::target_own_server::with_server;
use crate::target_support::Target;
use engine::test_support::TestDatabase;
use sqlx::{AssertSqlSafe, PgConnection};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The plan's limit in this test.
const LOCK_WAIT: Duration = Duration::from_millis(500);
const AND: Duration = Duration::from_millis(100);
const SHOPPERS: u32 = 10;
const EACH: Duration = Duration::from_millis(100);
const TABLES: [&str; 4] = ["orders", "parcels", "invoices", "letters"];

/// What was measured, each the longest.
#[derive(Debug, Default)]
struct Longest {
    statement: Duration,
    without_lock: Duration,
    behind_a_lock: Duration,
    statements: u64,
    errors: Vec<String>,
}

type Seen = Arc<Mutex<Longest>>;

async fn named(target: &Target, name: &str) -> PgConnection {
    let mut session = target.admin().await;
    sqlx::query(AssertSqlSafe(format!("SET application_name = '{name}'"))).execute(&mut session).await.expect("a name");
    session
}

/// Ten statements a second of one customer: reads, changes and additions on every table in turn.
async fn shopper(mut session: PgConnection, number: u32, seen: Seen, stop: CancellationToken) {
    let mut beat = tokio::time::interval(EACH);
    let mut nth = number;
    while !stop.is_cancelled() {
        beat.tick().await;
        nth = nth.wrapping_add(7);
        let table = TABLES[nth as usize % TABLES.len()];
        let sql = match nth % 3 {
            0 => format!("SELECT count(*) FROM shop.{table} WHERE id BETWEEN {nth} AND {nth} + 20"),
            1 => format!("UPDATE shop.{table} SET note = md5(note) WHERE id = {}", 4 * (nth % 1_000)),
            _ => format!("INSERT INTO shop.{table} VALUES ({}, 'new') ON CONFLICT DO NOTHING", 10_000_000 + nth * SHOPPERS + number),
        };
        let began = Instant::now();
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut session).await;
        let mut seen = seen.lock().expect("not poisoned");
        seen.statement = seen.statement.max(began.elapsed());
        seen.statements += 1;
        seen.errors.extend(done.err().map(|error| error.to_string()));
    }
}

/// The same cadence without any lock: what the machine itself lets a statement wait.
async fn bystander(mut session: PgConnection, seen: Seen, stop: CancellationToken) {
    let mut beat = tokio::time::interval(EACH / SHOPPERS);
    while !stop.is_cancelled() {
        beat.tick().await;
        let began = Instant::now();
        let _ = sqlx::query("SELECT 1").execute(&mut session).await;
        let mut seen = seen.lock().expect("not poisoned");
        seen.without_lock = seen.without_lock.max(began.elapsed());
    }
}

/// Who of the shop waits for a lock, and since when, by the server's own account.
async fn watcher(mut session: PgConnection, seen: Seen, stop: CancellationToken) {
    let sql = "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart) * 1000)::bigint, 0) FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND NOT l.granted
                WHERE a.application_name = 'shopper' AND a.datname = current_database() AND l.locktype <> 'transactionid' AND l.locktype <> 'tuple'";
    while !stop.is_cancelled() {
        let ms: i64 = sqlx::query_scalar(sql).fetch_one(&mut session).await.expect("readable");
        let waits = Duration::from_millis(ms.unsigned_abs());
        {
            let mut seen = seen.lock().expect("not poisoned");
            seen.behind_a_lock = seen.behind_a_lock.max(waits);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_statements_a_second_go_on_beside_the_weekly_procedure() {
    // A server of its own: a snapshot counts transactions of every database, and with those of other tests dead rows would have to stay.
    with_server(async |cluster| {
        beside_the_weekly_procedure(&RunStage::with(Target::on(TestDatabase::empty_on(cluster).await).await, cluster.port()).await).await
    })
    .await;
}

async fn beside_the_weekly_procedure(stage: &RunStage) {
    for table in &TABLES[..2] {
        stage.dead_rows(table, 60_000).await;
    }
    for table in &TABLES[2..] {
        stage.bloated_index(table, 30_000).await;
    }
    let (seen, stop) = (Seen::default(), CancellationToken::new());
    let mut tasks = JoinSet::new();
    for number in 0..SHOPPERS {
        tasks.spawn(shopper(named(&stage.target, "shopper").await, number, Arc::clone(&seen), stop.clone()));
    }
    tasks.spawn(bystander(named(&stage.target, "bystander").await, Arc::clone(&seen), stop.clone()));
    tasks.spawn(watcher(named(&stage.target, "watcher").await, Arc::clone(&seen), stop.clone()));
    // Somebody else's maintenance is in the way of ours: our VACUUM asks for its lock, waits as long as the plan lets, and goes away again.
    // It waits in turn for somebody who forgot to commit.
    let mut forgotten = named(&stage.target, "forgotten report").await;
    stage.target.plant("CREATE TABLE public.report (n int)").await;
    sqlx::raw_sql("BEGIN; LOCK TABLE public.report").execute(&mut forgotten).await.expect("a lock");
    let mut other = named(&stage.target, "nightly job").await;
    sqlx::raw_sql("BEGIN; LOCK TABLE shop.orders IN SHARE UPDATE EXCLUSIVE MODE").execute(&mut other).await.expect("a lock");
    let other = tokio::spawn(async move { sqlx::raw_sql("SELECT count(*) FROM public.report").execute(&mut other).await.map(drop) });
    stage
        .due(|plan| {
            plan.parameters.lock_wait_max_ms = u64::try_from(LOCK_WAIT.as_millis()).expect("short");
            plan.parameters.jobs = 2;
        })
        .await;
    let began = Instant::now();
    let worker = stage.worker_process();
    stage.until(60, "SELECT EXISTS (SELECT FROM drydock.attempt WHERE outcome = 'skipped_lock')").await;
    drop(forgotten);
    other.await.expect("no panic").expect("it had its turn");
    stage.until(120, "SELECT state = 'validating' FROM drydock.window").await;
    let took = began.elapsed();
    stop.cancel();
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }
    worker.terminate().await;
    let page = stage.page().await;
    let seen = std::mem::take(&mut *seen.lock().expect("not poisoned"));
    eprintln!("{} statements in {took:?}: {seen:?}", seen.statements);
    assert!(seen.errors.is_empty(), "{:?}", seen.errors);
    assert!(seen.statements >= 50 * took.as_secs(), "the shop did go on: {} in {took:?}", seen.statements);
    assert!(seen.behind_a_lock < LOCK_WAIT + AND, "behind a lock: {seen:?}\n{page}");
    let by_us = seen.statement.saturating_sub(seen.without_lock);
    assert!(by_us < LOCK_WAIT + AND, "longer than a statement that needs no lock: {seen:?}\n{page}");
    let blocked = stage.text("SELECT outcome_detail FROM drydock.attempt WHERE outcome = 'skipped_lock' LIMIT 1").await;
    let tree = ["In the way: session", "nightly job", "which itself waits for session", "forgotten report"];
    assert!(tree.iter().all(|word| blocked.contains(word)), "who was in the way, and of whom, is on record: {blocked}");
    let undone = "SELECT count(*) FROM drydock.item WHERE outcome NOT IN ('done', 'skipped')";
    assert_eq!(stage.house.count(undone).await, 0, "everything had its turn\n{page}");
}
