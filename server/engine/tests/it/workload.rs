//! A shop that goes on beside its maintenance: 100 statements a second, and the longest of them that waits for a lock stays below the plan's
//! own limit.
//!
//! Two processors are shared by the server, the worker, the shop and other tests, so a slow statement alone proves nothing. What waits for
//! a lock is seen on the server; and what a statement took is compared with statements that need no lock at all, sent at the same time.

use crate::changes::{change, sends_by};
use crate::run_stage::RunStage;
use crate::target_own_server::with_server;
use crate::target_support::Target;
use domain::change::{Change, accounts, old_rows, settings};
use domain::ids::WindowId;
use domain::plan::{Plan, PlanProcedure};
use domain::procedure::RiskClass;
use domain::procedure::library::{
    ACCOUNTS_POSTGRESQL, DESIGN_CHANGE_POSTGRESQL, OLD_ROWS_POSTGRESQL, SETTINGS_POSTGRESQL, by_key, monthly, space,
};
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
        beside_the_weekly_procedure(&RunStage::with(Target::on(TestDatabase::empty_on(cluster).await).await, cluster.port()).await).await;
    })
    .await;
}

/// The shop as it goes on, and what was measured meanwhile.
struct Shop {
    seen: Seen,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    began: Instant,
}

impl Shop {
    async fn open(target: &Target) -> Self {
        let (seen, stop) = (Seen::default(), CancellationToken::new());
        let mut tasks = JoinSet::new();
        for number in 0..SHOPPERS {
            tasks.spawn(shopper(named(target, "shopper").await, number, Arc::clone(&seen), stop.clone()));
        }
        tasks.spawn(bystander(named(target, "bystander").await, Arc::clone(&seen), stop.clone()));
        tasks.spawn(watcher(named(target, "watcher").await, Arc::clone(&seen), stop.clone()));
        Self { seen, stop, tasks, began: Instant::now() }
    }

    /// Closes it: it did go on, and none of its statements waited longer than the plan lets.
    async fn close(mut self, stage: &RunStage) {
        let took = self.began.elapsed();
        self.stop.cancel();
        while let Some(done) = self.tasks.join_next().await {
            done.expect("no panic");
        }
        let page = stage.page().await;
        let seen = std::mem::take(&mut *self.seen.lock().expect("not poisoned"));
        eprintln!("{} statements in {took:?}: {seen:?}", seen.statements);
        assert!(seen.errors.is_empty(), "{:?}", seen.errors);
        assert!(seen.statements >= 50 * took.as_secs(), "the shop did go on: {} in {took:?}", seen.statements);
        assert!(seen.behind_a_lock < LOCK_WAIT + AND, "behind a lock: {seen:?}\n{page}");
        let by_us = seen.statement.saturating_sub(seen.without_lock);
        assert!(by_us < LOCK_WAIT + AND, "longer than a statement that needs no lock: {seen:?}\n{page}");
    }
}

fn lock_wait(plan: &mut Plan) {
    plan.parameters.lock_wait_max_ms = u64::try_from(LOCK_WAIT.as_millis()).expect("short");
}

async fn beside_the_weekly_procedure(stage: &RunStage) {
    for table in &TABLES[..2] {
        stage.dead_rows(table, 60_000).await;
    }
    for table in &TABLES[2..] {
        stage.bloated_index(table, 30_000).await;
    }
    let shop = Shop::open(&stage.target).await;
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
            lock_wait(plan);
            plan.parameters.jobs = 2;
        })
        .await;
    let worker = stage.worker_process();
    stage.until(60, "SELECT EXISTS (SELECT FROM drydock.attempt WHERE outcome = 'skipped_lock')").await;
    drop(forgotten);
    other.await.expect("no panic").expect("it had its turn");
    stage.until(120, "SELECT state = 'validating' FROM drydock.window").await;
    shop.close(stage).await;
    worker.terminate().await;
    let blocked = stage.text("SELECT outcome_detail FROM drydock.attempt WHERE outcome = 'skipped_lock' LIMIT 1").await;
    let tree = ["In the way: session", "nightly job", "which itself waits for session", "forgotten report"];
    assert!(tree.iter().all(|word| blocked.contains(word)), "who was in the way, and of whom, is on record: {blocked}");
    let undone = "SELECT count(*) FROM drydock.item WHERE outcome NOT IN ('done', 'skipped')";
    assert_eq!(stage.house.count(undone).await, 0, "everything had its turn\n{}", stage.page().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_statements_a_second_go_on_beside_every_other_procedure() {
    // A server of its own: settings and roles are of the whole server.
    with_server(async |cluster| {
        beside_the_others(&RunStage::with(Target::on(TestDatabase::empty_on(cluster).await).await, cluster.port()).await).await;
    })
    .await;
}

/// Indexes and more columns under the shop's feet, in one transaction and outside of any.
const DESIGN: &str =
    "ALTER TABLE shop.orders ADD COLUMN paid boolean; ALTER TABLE shop.orders ADD CONSTRAINT small CHECK (id > 0) NOT VALID;
    CREATE INDEX CONCURRENTLY orders_of_note ON shop.orders (note); ALTER TABLE shop.orders VALIDATE CONSTRAINT small";
const BACK: &str = "DROP INDEX CONCURRENTLY shop.orders_of_note; ALTER TABLE shop.orders DROP CONSTRAINT small, DROP COLUMN paid";

async fn beside_the_others(stage: &RunStage) {
    for table in TABLES {
        stage.dead_rows(table, 20_000).await;
    }
    stage
        .target
        .plant_as_owner(
            "CREATE TABLE shop.log (id bigint PRIMARY KEY, at timestamptz NOT NULL, order_id int);
             CREATE INDEX log_at ON shop.log (at);
             INSERT INTO shop.log SELECT n, now() - interval '1 year' + n * interval '1 minute', n FROM generate_series(1, 20000) n",
        )
        .await;
    stage
        .target
        .plant(
            "GRANT EXECUTE ON FUNCTION pg_reload_conf() TO shop_maint; GRANT ALTER SYSTEM ON PARAMETER bgwriter_delay TO shop_maint;
             CREATE ROLE app_old LOGIN; ALTER ROLE shop_maint CREATEROLE;
             DO $$ BEGIN IF current_setting('server_version_num')::int >= 160000 THEN
                 EXECUTE 'GRANT app_old TO shop_maint WITH ADMIN TRUE, INHERIT FALSE, SET FALSE'; END IF; END $$",
        )
        .await;
    let looks = |key: &'static str| {
        move |plan: &mut Plan| {
            let procedure = by_key(key).expect("on the shelf");
            plan.envelope.steps = procedure.surveyed();
            plan.envelope.highest_risk = RiskClass::R0;
            plan.procedure = PlanProcedure::of(&procedure);
        }
    };
    let sends = |key: &'static str, change: Change| move |plan: &mut Plan| sends_by(plan, key, change);
    let design = change(DESIGN, BACK);
    let log = old_rows::read("shop.log by at older than 90 days, delete").expect("good");
    let setting = settings::read("bgwriter_delay = 300ms").expect("good");
    let account = accounts::read("lock app_old").expect("good");
    let shop = Shop::open(&stage.target).await;
    let worker = stage.worker_process();
    // A report reads the table that the change of design wants for itself: whatever asks for it waits behind the change.
    let mut report = named(&stage.target, "nightly job").await;
    sqlx::raw_sql("BEGIN; SELECT count(*) FROM shop.orders").execute(&mut report).await.expect("a lock");
    let window = due(stage, sends(DESIGN_CHANGE_POSTGRESQL, design)).await;
    stage.until(60, "SELECT count(*) >= 2 FROM drydock.attempt WHERE outcome = 'skipped_lock'").await;
    drop(report);
    ended(stage, window).await;
    let window = due(stage, sends(OLD_ROWS_POSTGRESQL, log)).await;
    ended(stage, window).await;
    let window = due(stage, sends(SETTINGS_POSTGRESQL, setting)).await;
    ended(stage, window).await;
    let window = due(stage, sends(ACCOUNTS_POSTGRESQL, account)).await;
    ended(stage, window).await;
    for key in [monthly::KEY, space::KEY] {
        let window = due(stage, looks(key)).await;
        ended(stage, window).await;
    }
    shop.close(stage).await;
    worker.terminate().await;
    let undone = "SELECT count(*) FROM drydock.item WHERE outcome <> 'done'";
    assert_eq!(stage.house.count(undone).await, 0, "everything had its turn\n{}", stage.page().await);
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.run WHERE state = 'ended'").await, 6);
    assert!(stage.on_target("SELECT count(*) FROM shop.log").await < 20_000, "the rule was carried out");
}

async fn due(stage: &RunStage, change: impl FnOnce(&mut Plan)) -> WindowId {
    let window = stage.due(|plan| {
        change(plan);
        lock_wait(plan);
    });
    window.await.id
}

/// Waits until its run is over, and makes room for the next window on this database.
async fn ended(stage: &RunStage, window: WindowId) {
    let over = format!("SELECT EXISTS (SELECT FROM drydock.window WHERE id = '{}' AND state = 'validating')", window.0);
    stage.until_text(90, &over).await;
    let sql = "UPDATE drydock.window_target SET live = false WHERE window_id = $1";
    sqlx::query(sql).bind(window.0).execute(&stage.house.admin).await.expect("set aside");
}
