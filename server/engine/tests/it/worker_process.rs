//! A worker as a process of its own, so that a test can kill it, freeze it, or let it die at a named point.

use crate::run_stage::RunStage;
use engine::test_support::ServiceRole;
use engine::test_support::fail_points::{self, Deed};
use engine::worker::{WorkerConfig, work};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;
use tokio_util::sync::CancellationToken;

/// Carries the orders into the process.
const ORDERS: &str = "DRYDOCK_TEST_WORKER";

/// What the process is told.
#[derive(Debug, Serialize, Deserialize)]
struct Orders {
    database: String,
    data_dir: PathBuf,
    point: Option<(String, u32, u64)>,
}

/// Milliseconds in the orders that stand for the deeds without a time.
const DIE: u64 = 0;
const FREEZE: u64 = 1;

/// The process. Dropping it kills it.
pub struct WorkerProcess {
    child: Child,
    began: Instant,
    /// What it says, where something happens to it at a point.
    said: Option<NamedTempFile>,
}

/// Not a test of its own: the process that the others kill. It does nothing unless it is told a database.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "a helper process is told by its environment what to do")]
async fn helper_works() {
    let Ok(orders) = std::env::var(ORDERS) else { return };
    let orders: Orders = serde_json::from_str(&orders).expect("orders");
    if let Some((name, nth, ms)) = orders.point {
        let deed = match ms {
            DIE => Deed::Die,
            FREEZE => Deed::Freeze,
            ms => Deed::Wait(Duration::from_millis(ms)),
        };
        fail_points::arm(&name, nth, deed);
    }
    let stop = CancellationToken::new();
    let asked = stop.clone();
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).expect("a signal handler");
    let waiting = tokio::spawn(async move {
        terminate.recv().await;
        asked.cancel();
    });
    let config = WorkerConfig {
        database: orders.database.parse().expect("a URL"),
        connections: 6,
        runs_at_once: engine::runner::AT_ONCE,
        data_dir: orders.data_dir,
        public_url: "http://127.0.0.1:8080".parse().expect("a URL"),
        demo: true,
        mail: engine::notifier::MailPins::default(),
        outbound: engine::outbound::Rules { plain_http: true, allowed: vec!["127.0.0.1".parse().expect("a network")] },
        program_folders: engine::cluster::program_folders(&[]),
        backups_dir: None,
        scratch_dir: std::env::temp_dir().join("drydock-nowhere"),
    };
    work(config, stop).await.expect("the worker works");
    waiting.abort();
}

impl RunStage {
    /// Starts a worker process of this house.
    pub fn worker_process(&self) -> WorkerProcess {
        self.spawn(None, self.house.keys.path())
    }

    /// The same as on another machine: a folder of its own, with a copy of the key.
    pub fn worker_process_elsewhere(&self, folder: &Path) -> WorkerProcess {
        std::fs::copy(self.house.keys.path().join("worker.key"), folder.join("worker.key")).expect("copied");
        self.spawn(None, folder)
    }

    /// Starts one that something happens to when it reaches the point for the `nth` time.
    pub fn worker_process_with(&self, point: &str, nth: u32, deed: Deed) -> WorkerProcess {
        let ms = match deed {
            Deed::Die => DIE,
            Deed::Freeze => FREEZE,
            Deed::Wait(time) => u64::try_from(time.as_millis()).expect("short"),
        };
        self.spawn(Some((point.to_owned(), nth, ms)), self.house.keys.path())
    }

    fn spawn(&self, point: Option<(String, u32, u64)>, folder: &Path) -> WorkerProcess {
        let orders = Orders { database: self.house.database.url(ServiceRole::Worker), data_dir: folder.to_owned(), point };
        let said = orders.point.is_some().then(|| NamedTempFile::new().expect("a file"));
        let stderr = said.as_ref().map_or_else(Stdio::inherit, |said| said.reopen().expect("the same file").into());
        let child = Command::new(std::env::current_exe().expect("this test binary"))
            .args(["--exact", "worker_process::helper_works", "--nocapture"])
            .env(ORDERS, serde_json::to_string(&orders).expect("plain"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .expect("spawned");
        WorkerProcess { child, began: Instant::now(), said }
    }
}

impl WorkerProcess {
    /// When it was started.
    pub fn began(&self) -> Instant {
        self.began
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id")).expect("not 0");
        kill_process(pid, signal).expect("it is ours");
    }

    /// SIGKILL; returns when it is gone.
    pub fn kill(mut self) {
        self.child.kill().expect("it is ours");
        assert_eq!(self.child.wait().expect("reaped").signal(), Some(Signal::KILL.as_raw()), "it lived until now");
    }

    /// SIGSTOP: it stands still until [`Self::thaw`].
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// SIGTERM, the soft stop; says how long it took to end.
    pub async fn terminate(mut self) -> Duration {
        self.listens().await;
        let asked = Instant::now();
        self.signal(Signal::TERM);
        let status = self.ended(Duration::from_secs(20)).await;
        assert!(status.success(), "a soft stop is no failure: {status}");
        asked.elapsed()
    }

    /// Waits until it handles SIGTERM: one that was started only just now would die of it.
    async fn listens(&self) {
        let status = format!("/proc/{}/status", self.child.id());
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let text = std::fs::read_to_string(&status).expect("it is there");
            let caught = text.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigCgt:")?.trim(), 16).ok());
            if caught.is_some_and(|caught| caught >> (Signal::TERM.as_raw() - 1) & 1 == 1) {
                return;
            }
            assert!(Instant::now() < end, "it never handled SIGTERM: {text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until it stands still at its point.
    pub async fn frozen(&self, within: Duration) {
        let stat = format!("/proc/{}/stat", self.child.id());
        let end = Instant::now() + within;
        loop {
            let text = std::fs::read_to_string(&stat).expect("it is there");
            // The name in parentheses may hold anything; the state is the letter after it.
            if text.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T')) {
                return;
            }
            assert!(Instant::now() < end, "it did not stop at its point: {text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until it says that it is at its point.
    pub async fn reached(&self, within: Duration) {
        let said = self.said.as_ref().expect("it has a point").path();
        let end = Instant::now() + within;
        loop {
            let text = std::fs::read_to_string(said).expect("readable");
            if text.lines().any(|line| line.starts_with("fail point ")) {
                return;
            }
            assert!(Instant::now() < end, "it did not reach its point: {text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until it died at its point.
    pub async fn died(mut self, within: Duration) -> Result<(), ExitStatus> {
        let status = self.ended(within).await;
        if status.signal() == Some(Signal::ABORT.as_raw()) { Ok(()) } else { Err(status) }
    }

    /// Waits until it ended by itself because it may not go on.
    pub async fn ended_with_error(mut self, within: Duration) {
        let status = self.ended(within).await;
        assert!(status.code().is_some_and(|code| code != 0), "it ended by itself, with an error: {status}");
    }

    async fn ended(&mut self, within: Duration) -> ExitStatus {
        let end = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().expect("ours") {
                return status;
            }
            assert!(Instant::now() < end, "the worker process did not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        // A frozen one dies of this too. One that is gone already needs nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // For whoever reads why a test failed.
        if let Some(text) = self.said.as_ref().and_then(|said| std::fs::read_to_string(said.path()).ok()) {
            eprint!("{text}");
        }
    }
}
