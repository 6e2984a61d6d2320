//! What a server's counters tell about its indexes, and what not: they begin anew after a crash, and know nothing of what a standby scans.

use crate::target_support::{MAINTAINER, Target, run, until};
use crate::target_survey::look_for;
use domain::procedure::Finding;
use domain::procedure::select::{Selection, step};
use engine::cluster::{Cluster, ClusterConfig, Programs};
use engine::test_support::TestDatabase;
use futures_util::FutureExt as _;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// For how long the counters have run: more than the thirty days that are needed.
const DAYS: i64 = 40;

/// Two indexes large enough to matter, one of which was scanned, on a server of the test's own whose counters are old. It is stopped whatever the test
/// does.
async fn with_old_counters(test: impl AsyncFnOnce(&Cluster, &Target)) {
    let home = tempfile::tempdir().expect("a temporary folder");
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o711)).expect("ours");
    let config = ClusterConfig { durable: false, ..ClusterConfig::new(home.path().join("cluster")) };
    let young = Cluster::start(config.clone()).await.expect("starts");
    let target = Target::on(TestDatabase::empty_on(&young).await).await;
    target
        .plant_as_owner(
            "CREATE TABLE shop.orders (id int PRIMARY KEY, a text, b text);
             INSERT INTO shop.orders SELECT n, repeat(md5(n::text), 8), repeat(md5((-n)::text), 8) FROM generate_series(1, 60000) n;
             CREATE INDEX orders_a ON shop.orders (a, id);
             CREATE INDEX orders_b ON shop.orders (b, id)",
        )
        .await;
    target.plant("VACUUM ANALYZE shop.orders").await;
    target.plant("SET enable_seqscan = off; SELECT count(*) FROM shop.orders WHERE b = 'x'").await;
    let began = "SELECT (extract(epoch FROM b.stats_reset - '2000-01-01 00:00+00'::timestamptz) * 1000000)::bigint FROM pg_stat_bgwriter b";
    let began_us: i64 = sqlx::query_scalar(began).fetch_one(&mut target.admin().await).await.expect("since when it counts");
    young.stop().await.expect("stops");
    age(&config.folder, began_us);
    let cluster = Cluster::start(config).await.expect("starts again");
    assert_eq!(cluster.port(), target.db.port(), "nobody took its port meanwhile");
    let outcome = AssertUnwindSafe(test(&cluster, &target)).catch_unwind().await;
    drop(target);
    cluster.stop().await.expect("stops");
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// Moves the time the counters began at, in the file where a stopped server keeps them.
fn age(folder: &Path, began_us: i64) {
    let kept = folder.join("data/pg_stat/pgstat.stat");
    let mut bytes = std::fs::read(&kept).expect("written when it stopped");
    let earlier = began_us - DAYS * 86_400_000_000;
    let places: Vec<usize> = (0..bytes.len() - 7).filter(|at| bytes[*at..*at + 8] == began_us.to_ne_bytes()).collect();
    assert!(!places.is_empty(), "the time is there");
    for at in places {
        bytes[at..at + 8].copy_from_slice(&earlier.to_ne_bytes());
    }
    std::fs::write(&kept, bytes).expect("ours to write");
}

async fn reviewed(target: &Target) -> Selection {
    look_for(target, MAINTAINER, &[step::INDEX_REVIEW.to_owned()], &|_| true).await
}

/// The indexes that are called unused.
fn unused(found: &Selection) -> Vec<&str> {
    found.findings.iter().filter(|finding| finding.kind == "unused_index").filter_map(|finding| finding.object.as_deref()).collect()
}

/// What is said about what cannot be seen: one thing.
fn blind(found: &Selection) -> &Finding {
    let said: Vec<&Finding> = found.findings.iter().filter(|finding| finding.is_blind()).collect();
    assert!(unused(found).is_empty() && said.len() == 1, "{found:?}");
    said[0]
}

/// How often an index was scanned, as the server that is asked counts.
async fn scans(db: &mut PgConnection, index: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT pg_stat_get_numscans('shop.{index}'::regclass)")))
        .fetch_one(db)
        .await
        .expect("a number")
}

/// A crash takes what was counted, and says so neither of the database nor by the time the server was started.
#[tokio::test]
async fn what_a_crash_took_from_the_counters_calls_nothing_unused() {
    with_old_counters(async |_, target| {
        let found = reviewed(target).await;
        assert_eq!(unused(&found), ["shop.orders_a"], "the other one was scanned: {found:?}");
        let since = found.findings.iter().find(|finding| finding.kind == "unused_index").expect("just seen").figures["observed_s"];
        assert_eq!(since / 86_400, DAYS, "{found:?}");

        let mut victim = target.admin().await;
        let (pid, started): (i32, String) =
            sqlx::query_as("SELECT pg_backend_pid(), pg_postmaster_start_time()::text").fetch_one(&mut victim).await.expect("a session");
        assert!(scans(&mut victim, "orders_b").await > 0);
        kill_process(Pid::from_raw(pid).expect("not 0"), Signal::KILL).expect("ours to kill");
        until("the server is back", async || match PgConnection::connect(&target.db.superuser_url()).await {
            Ok(mut db) => scans(&mut db, "orders_b").await == 0,
            Err(_) => false,
        })
        .await;
        let again: String =
            sqlx::query_scalar("SELECT pg_postmaster_start_time()::text").fetch_one(&mut target.admin().await).await.expect("a time");
        assert_eq!(again, started, "it does not look like another start");

        let found = reviewed(target).await;
        let said = blind(&found);
        assert!(said.sentence.contains("2 indexes without a scan") && said.sentence.contains("observed for 0 days"), "{said:?}");
        assert!(said.advice.contains("analyse the whole database"), "{said:?}");
    })
    .await;
}

/// A standby that follows a cluster, in a folder inside the cluster's, with a slot there. Dropping it stops it.
struct Standby {
    programs: PathBuf,
    data: PathBuf,
    port: u16,
}

impl Standby {
    fn of(cluster: &Cluster, target: &Target) -> Self {
        let owner = std::fs::metadata(cluster.folder().join("data")).expect("the server's folder");
        let data = cluster.folder().join("standby");
        std::fs::create_dir(&data).expect("a new folder");
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700)).expect("ours");
        chown(&data, Some(owner.uid()), Some(owner.gid())).expect("ours to give");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let (programs, port) = (Programs::newest(&[]).expect("installed").folder().to_owned(), free.local_addr().expect("bound").port());
        drop(free);
        let standby = Self { programs, data, port };
        let (folder, from) = (standby.data.display().to_string(), target.db.superuser_url_of("postgres"));
        standby.call("pg_basebackup", &["-D", &folder, "-d", &from, "-R", "-X", "stream", "-c", "fast", "-C", "-S", "standby"]);
        let options = format!("-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=");
        standby.call("pg_ctl", &["-D", &folder, "-s", "-w", "-l", &format!("{folder}/log"), "-o", &options, "start"]);
        standby
    }

    /// Runs one of the server's programs as the server's user.
    fn call(&self, program: &str, arguments: &[&str]) {
        let owner = std::fs::metadata(&self.data).expect("the standby's folder");
        let status = Command::new(self.programs.join(program))
            .args(arguments)
            .current_dir(&self.data)
            .uid(owner.uid())
            .gid(owner.gid())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .expect("it can be run");
        assert!(status.success(), "{program}: {status}");
    }

    /// A connection of the superuser.
    async fn admin(&self, target: &Target) -> PgConnection {
        let url = target.db.superuser_url().replace(&format!(":{}/", target.db.port()), &format!(":{}/", self.port));
        PgConnection::connect(&url).await.expect("the standby answers")
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        self.call("pg_ctl", &["-D", &self.data.display().to_string(), "-s", "-w", "-m", "fast", "stop"]);
    }
}

/// Whoever looks at the primary alone would drop what the standby's readers need; also while it is away for a moment.
#[tokio::test]
async fn an_index_that_only_a_standby_scans_is_not_called_unused() {
    with_old_counters(async |cluster, target| {
        let standby = Standby::of(cluster, target);
        let mut reader = standby.admin(target).await;
        run(&mut reader, "SET enable_seqscan = off; SELECT count(*) FROM shop.orders WHERE a = 'x'").await;
        drop(reader);
        until("the standby counts the scan", async || scans(&mut standby.admin(target).await, "orders_a").await > 0).await;
        assert_eq!(scans(&mut target.admin().await, "orders_a").await, 0, "the primary does not");
        let found = reviewed(target).await;
        assert!(blind(&found).sentence.contains("1 standby follows this server"), "{found:?}");
        assert!(blind(&found).advice.contains("on each standby"), "{found:?}");

        drop(standby);
        let connected = "SELECT NOT EXISTS (SELECT FROM pg_stat_replication)";
        until("it is gone", async || sqlx::query_scalar(connected).fetch_one(&mut target.admin().await).await.expect("readable")).await;
        let found = reviewed(target).await;
        assert!(blind(&found).sentence.contains("1 standby follows this server"), "its slot waits for it: {found:?}");

        target.plant("SELECT pg_drop_replication_slot('standby')").await;
        let found = reviewed(target).await;
        assert_eq!(unused(&found), ["shop.orders_a"], "{found:?}");
    })
    .await;
}
