//! The watchdog ends a statement at its time when its worker is frozen or killed. It is given no state database, so that this may be away
//! as well. The target's own account of its sessions is the judge.

use crate::run_stage::RunStage;
use crate::stage::When;
use crate::target_support::{MAINTAINER, Target};
use engine::target::session::{Guards, SessionName};
use engine::watchdog::{Order, PING, client, watch};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// A watchdog in this process, in a worker's folder. Dropping it stops it.
struct Dog {
    stop: CancellationToken,
    folder: PathBuf,
    watching: Option<tokio::task::JoinHandle<()>>,
}

impl Dog {
    async fn start(folder: &Path) -> Self {
        let stop = CancellationToken::new();
        let (asked, place) = (stop.clone(), folder.to_owned());
        let watching = tokio::spawn(async move { watch(&place, asked).await.expect("it watches") });
        let dog = Self { stop, folder: folder.to_owned(), watching: Some(watching) };
        dog.answers().await;
        dog
    }

    /// Stops it, and returns when it holds nothing any more.
    async fn ended(mut self) {
        self.stop.cancel();
        self.watching.take().expect("it watches until now").await.expect("it stopped in peace");
    }

    async fn answers(&self) {
        let end = Instant::now() + Duration::from_secs(10);
        while client(&self.folder, PING).await.is_err() {
            assert!(Instant::now() < end, "the watchdog never answered");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Dog {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A session that sleeps on the target without any timer of the server, and the right to cancel it.
async fn sleeper(target: &Target) -> (tokio::task::JoinHandle<Option<String>>, Order) {
    let dialer = target.dialer(MAINTAINER).await;
    let name = SessionName::new(domain::ids::RunId(uuid::Uuid::nil()), 1, 1, 1).expect("short");
    let guards = Guards { statement_timeout_ms: 0, ..Guards::reading() };
    let session = engine::target::session::Session::open(&dialer, name, &guards).await.expect("open");
    let right = dialer.cancel_right(&session.link).await.expect("a right");
    let order = Order { session: name.to_string(), left_ms: 0, right };
    let running = tokio::spawn(async move { session.execute("SELECT pg_sleep(600)").await.error.map(|error| error.sqlstate) });
    (running, order)
}

async fn give(dog: &Dog, order: &Order, left_ms: u64) -> tokio::net::UnixStream {
    let mut line = serde_json::to_vec(&Order { left_ms, ..order.clone() }).expect("plain");
    line.push(b'\n');
    client(&dog.folder, &line).await.expect("it has the order")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_ends_the_statement_at_its_time_unless_it_is_taken_back() {
    use tokio::io::AsyncWriteExt as _;
    let (target, folder) = (Target::new().await, tempfile::tempdir().expect("a folder"));
    let dog = Dog::start(folder.path()).await;

    // Taken back in time: nothing happens to it.
    let (kept, order) = sleeper(&target).await;
    let mut stream = give(&dog, &order, 700).await;
    stream.write_all(b"over\n").await.expect("it listens");
    // Not taken back: it ends at its time, not before.
    let (ended, second) = sleeper(&target).await;
    let began = Instant::now();
    let _standing = give(&dog, &second, 1_000).await;
    let state = tokio::time::timeout(Duration::from_secs(20), ended).await.expect("in time").expect("no panic");
    assert_eq!(state.as_deref(), Some("57014"), "cancelled on the server");
    assert!(began.elapsed() >= Duration::from_millis(1_000), "{:?}", began.elapsed());
    assert!(!kept.is_finished(), "the order was taken back");
    // The worker is gone without a word: the order stands.
    drop(give(&dog, &order, 500).await);
    let state = tokio::time::timeout(Duration::from_secs(20), kept).await.expect("in time").expect("no panic");
    assert_eq!(state.as_deref(), Some("57014"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_of_a_folder_is_one_and_takes_over_after_a_dead_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Dog::start(folder.path()).await;
    let second = watch(folder.path(), CancellationToken::new()).await.expect_err("there is one").to_string();
    assert!(second.contains("another watchdog"), "{second}");
    assert!(client(folder.path(), b"{\"left_ms\":1}\n").await.is_err(), "what is no order gets no yes");
    first.ended().await;
    assert!(client(folder.path(), PING).await.is_err(), "it stopped");
    assert!(engine::watchdog::socket(folder.path()).exists(), "the socket of the first is left behind, as after kill -9");
    Dog::start(folder.path()).await;
}

impl RunStage {
    /// The gated build swallows the first cancel it meets, so that the server's own timer does not end it: the second line has to.
    async fn deaf_to_the_first_cancel(&self) {
        self.target
            .plant_as_owner(
                "CREATE OR REPLACE FUNCTION shop.noted(n int, note text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
                 BEGIN
                     IF n = 4 AND pg_catalog.current_setting('application_name') LIKE 'drydock:%' THEN
                         PERFORM pg_catalog.nextval('shop.builds');
                         BEGIN
                             PERFORM pg_catalog.pg_advisory_lock_shared(7), pg_catalog.pg_advisory_unlock_shared(7);
                         EXCEPTION WHEN query_canceled THEN
                             PERFORM pg_catalog.nextval('shop.deaf');
                             PERFORM pg_catalog.pg_sleep(600);
                         END;
                     END IF;
                     RETURN note;
                 END $$;
                 CREATE SEQUENCE shop.deaf",
            )
            .await;
    }

    /// Seconds that are left of the window, by the target's clock: both databases are in one cluster here.
    async fn left_s(&self) -> f64 {
        let sql = "SELECT extract(epoch FROM end_at - clock_timestamp())::float8 FROM drydock.revision WHERE number = 2";
        sqlx::query_scalar(sql).fetch_one(&self.house.admin).await.expect("a window")
    }
}

/// What may happen to a worker in mid-statement.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Frozen,
    Killed,
}

/// Fifteen seconds for the statement, and a minute in reserve.
const SHORT: When = When { start_s: -60, latest_s: 30, cut_off_s: 60, end_s: 100 };

/// The server's timer is swallowed, and the watchdog ends it.
async fn ends_in_time(fate: Fate) {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    stage.deaf_to_the_first_cancel().await;
    let dog = Dog::start(stage.house.keys.path()).await;
    let gate = stage.hold_gate().await;
    stage.house.staged(SHORT, |plan| plan.parameters = RunStage::eager()).await;
    let worker = stage.worker_process();
    let pid = stage.at_the_gate().await;
    let frozen = match fate {
        Fate::Frozen => {
            worker.freeze();
            Some(worker)
        }
        Fate::Killed => {
            worker.kill();
            None
        }
    };
    let active = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid} AND state = 'active'");
    assert_eq!(stage.on_target(&active).await, 1, "{fate:?}: it runs on the target");
    while stage.on_target(&active).await == 1 {
        assert!(stage.left_s().await > 0.0, "{fate:?}: still active at the end of the window");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let deaf = stage.on_target("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM shop.deaf").await;
    assert_eq!(deaf, 1, "{fate:?}: the server's own timer came first, and was swallowed");
    eprintln!("{fate:?}: ended {:.1} s before the end of the window", stage.left_s().await);
    drop((gate, dog, frozen));
    stage.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_ends_in_time_though_its_worker_is_frozen() {
    ends_in_time(Fate::Frozen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_ends_in_time_though_its_worker_was_killed() {
    ends_in_time(Fate::Killed).await;
}

/// No worker, no watchdog, and nobody who starts one: the server's own timer ends the statement inside the window. The worker that comes later finds out
/// what became of it, sends it no second time, and takes away what it left.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_nobody_watches_is_ended_by_the_server_itself() {
    let stage = RunStage::new().await;
    stage.gated_index("invoices").await;
    let gate = stage.hold_gate().await;
    stage.house.staged(SHORT, |plan| plan.parameters = RunStage::eager()).await;
    let worker = stage.worker_process();
    let pid = stage.at_the_gate().await;
    worker.kill();
    let there = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid} AND state = 'active'");
    assert_eq!(stage.on_target(&there).await, 1, "it runs on without anybody");
    while stage.on_target(&there).await == 1 {
        assert!(stage.left_s().await > 0.0, "still active at the end of the window");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(stage.invalid_indexes().await, 1, "what it left");
    let later = stage.worker_process();
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    later.terminate().await;
    drop(gate);
    let page = stage.page().await;
    assert_eq!((stage.builds().await, stage.invalid_indexes().await, stage.executing().await), (1, 0, 0), "{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.attempt").await, 1, "{page}");
    stage.leave().await;
}
