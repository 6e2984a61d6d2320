//! The worker process: the only one that opens targets' secrets and acts on targets, mails and seals.
//!
//! It runs a handful of loops that never call each other: they meet in tables. A loop that fails or panics is started again with
//! back-off and says so; the others go on. The soft stop takes nothing new and hands over what runs; a hard stop simply drops
//! [`work`], and the next owner finds out on the target what is true.

mod address;
mod alive;
mod bell;
mod months;
mod presence;

pub use address::address;
pub(crate) use address::open_password;
use alive::Alive;
pub use bell::{Bell, Bells};

use crate::clock::{self, Clock};
use crate::error::{Error, Result};
use crate::ledger;
use crate::migrate;
use crate::vault::Keyring;
use crate::wake::Wake;
use domain::decision::Refusal;
use futures_util::future::BoxFuture;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a worker is told by the process it lives in.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// The state database, as the worker role.
    pub database: PgConnectOptions,
    /// Connections of all loops together; heartbeats have their own beside them.
    pub connections: u32,
    /// Runs it works on at once; [`crate::runner::AT_ONCE`] but in tests.
    pub runs_at_once: usize,
    /// Folder of this worker's keys and anchors, readable by its owner only.
    pub data_dir: PathBuf,
    /// Origin that mails link to.
    pub public_url: url::Url,
    /// A demo shows mails in its mailbox instead of sending them.
    pub demo: bool,
    /// What the environment says about mail.
    pub mail: crate::notifier::MailPins,
    /// Where calls to the outside may go.
    pub outbound: crate::outbound::Rules,
    /// Where `pg_dump` and `pg_restore` are looked for, the best folder first.
    pub program_folders: Vec<PathBuf>,
    /// Folder with one folder of backups for each database, by its short name; `None` where this worker proves no backups.
    pub backups_dir: Option<PathBuf>,
    /// Where throwaway servers lie while backups are proven.
    pub scratch_dir: PathBuf,
}

/// What every loop gets. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WorkerContext {
    /// The state database.
    pub pool: PgPool,
    /// A small pool of its own for leases, so that no other work makes a heartbeat late.
    pub heartbeats: PgPool,
    /// Opens targets' secrets.
    pub keyring: Arc<Keyring>,
    /// Wall time of this process; leases and deadlines use the state database's clock.
    pub clock: Clock,
    /// Name of this process, another one after each start: host, process, random.
    pub name: Arc<str>,
    /// See [`WorkerConfig`].
    pub config: Arc<WorkerConfig>,
    /// Soft stop: take nothing new, reach a safe point, return.
    pub stop: CancellationToken,
    /// Tasks that must reach their safe point before the process ends.
    pub tasks: TaskTracker,
    /// Restoring fills disk and cores: one backup is proven at a time, also when the loop that takes questions begins anew.
    pub proofs: Arc<Semaphore>,
    bells: Arc<Bells>,
    alive: Arc<Alive>,
    /// Why this program may not go on, once a newer one has changed the schema.
    outdated: Arc<OnceLock<String>>,
}

impl WorkerContext {
    /// Connects, refuses a schema that is not this program's, and opens or makes the keys. Starts no loop: tests do that themselves.
    pub async fn connect(config: WorkerConfig, stop: CancellationToken) -> Result<Self> {
        let pool = pool(&config.database, "drydock worker", config.connections.max(4), Duration::from_secs(15)).await?;
        let heartbeats = pool_for_heartbeats(&config.database).await?;
        migrate::check(&pool).await?;
        crate::trail::check_anchor(&pool, &config.data_dir).await?;
        let keyring = Arc::new(Keyring::open(&config.data_dir)?);
        let name: Arc<str> = process_name().into();
        let alive = Arc::new(Alive::hold(&config.data_dir, &name)?);
        Ok(Self {
            proofs: Arc::new(Semaphore::new(usize::from(config.backups_dir.is_some()))),
            pool,
            heartbeats,
            keyring,
            clock: Clock,
            name,
            alive,
            config: Arc::new(config),
            stop,
            tasks: TaskTracker::new(),
            bells: Arc::default(),
            outdated: Arc::default(),
        })
    }

    /// The bell of a loop. Take it before the first look at the tables: what is rung afterwards is not lost.
    #[must_use]
    pub fn bell(&self, which: Wake) -> Bell {
        self.bells.bell(which, self.stop.clone())
    }

    /// Ends the leases of processes of this folder that are proven to be gone, so that nobody waits for them.
    pub async fn bury_the_dead(&self) -> Result<()> {
        for name in self.alive.gone() {
            let runs = ledger::owner_is_gone(&self.heartbeats, &name).await?;
            tracing::info!(worker = name, runs, "a worker of this folder is gone: its leases are ended");
            self.alive.forget(&name);
        }
        Ok(())
    }

    /// Rings a bell inside this process.
    pub fn ring(&self, which: Wake) {
        self.bells.ring(which);
    }
}

/// Heartbeats are single statements of a millisecond: one that takes seconds is as good as lost.
async fn pool_for_heartbeats(database: &PgConnectOptions) -> Result<PgPool> {
    pool(database, "drydock worker heartbeat", 2, Duration::from_secs(3)).await
}

async fn pool(database: &PgConnectOptions, name: &str, connections: u32, statement_timeout: Duration) -> Result<PgPool> {
    let options = database.clone().application_name(name).options([
        ("statement_timeout", statement_timeout.as_millis().to_string()),
        // A frozen process keeps its locks no longer than its lease.
        ("idle_in_transaction_session_timeout", "10000".to_owned()),
        ("lock_timeout", "10000".to_owned()),
        ("timezone", "UTC".to_owned()),
    ]);
    let options = PgPoolOptions::new().max_connections(connections).acquire_timeout(statement_timeout).connect_with(options);
    options.await.map_err(Error::from)
}

fn process_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim().split('.').next().filter(|host| !host.is_empty()).unwrap_or("worker");
    format!("{host}/{}/{}", std::process::id(), hex::encode(clock::random::<4>()))
}

/// One loop: returns when the soft stop was asked for, or with the error that ended it.
struct Job {
    name: &'static str,
    run: fn(WorkerContext) -> BoxFuture<'static, Result<()>>,
}

/// Every loop of the worker. Each owner adds one line.
const JOBS: &[Job] = &[
    Job { name: "examiner", run: |context| Box::pin(crate::examiner::run(context)) },
    Job { name: "letting_in", run: |context| Box::pin(crate::runner::letting_in::mind(context)) },
    Job { name: "months", run: |context| Box::pin(months::run(context)) },
    Job { name: "presence", run: |context| Box::pin(presence::run(context)) },
    Job { name: "runner", run: |context| Box::pin(crate::runner::run(context)) },
    Job { name: "sampler", run: |context| Box::pin(crate::sampler::run(context)) },
    Job { name: "scheduler", run: |context| Box::pin(crate::scheduler::run(context)) },
    Job { name: "sealer", run: |context| Box::pin(crate::sealer::run(context)) },
    Job { name: "waiting", run: |context| Box::pin(crate::scheduler::waiting::run(context)) },
    Job { name: "series", run: |context| Box::pin(crate::scheduler::series::run(context)) },
    Job { name: "webhooks", run: |context| Box::pin(crate::notifier::webhooks::run(context)) },
    Job { name: "notifier", run: |context| Box::pin(crate::notifier::run(context)) },
];

/// Runs the worker until `stop`: then nothing new is taken, and what runs reaches a safe point.
///
/// # Errors
/// When it cannot start: the state database does not answer, its schema is another one, the keys cannot be read. Once it runs, a
/// failing loop is started again and never ends the process.
pub async fn work(config: WorkerConfig, stop: CancellationToken) -> Result<()> {
    run(WorkerContext::connect(config, stop).await?).await
}

/// The same for a context that is connected already.
///
/// # Errors
/// The refusal [`NEWER_SCHEMA`] when it ended because the schema is newer than this program.
pub async fn run(context: WorkerContext) -> Result<()> {
    tracing::info!(worker = &*context.name, "worker started");
    let supervisors = TaskTracker::new();
    supervisors.spawn(context.bells.clone().listen(context.pool.clone(), context.stop.clone()));
    for job in JOBS {
        supervisors.spawn(supervise(context.clone(), job));
    }
    supervisors.close();
    supervisors.wait().await;
    context.tasks.close();
    context.tasks.wait().await;
    presence::leave(&context).await;
    tracing::info!(worker = &*context.name, "worker stopped");
    context.outdated.get().map_or(Ok(()), |sentence| Err(newer_schema(sentence)))
}

/// Code of the refusal of a worker that ends because a newer program has changed the schema.
pub const NEWER_SCHEMA: &str = "newer_schema";

fn newer_schema(sentence: &str) -> Error {
    let way_out = "Its runs were handed over.";
    Refusal::new(NEWER_SCHEMA, format!("This worker ended: {sentence}."), way_out).into()
}

/// Back-off of a loop that fails: doubling from one second to half a minute, from the start again after a minute without failure.
const BACK_OFF_MIN: Duration = Duration::from_secs(1);
const BACK_OFF_MAX: Duration = Duration::from_secs(30);
const CALM: Duration = Duration::from_secs(60);

async fn supervise(context: WorkerContext, job: &'static Job) {
    let mut back_off = BACK_OFF_MIN;
    while !context.stop.is_cancelled() {
        let began = Instant::now();
        // A task of its own: a panic ends the loop, not the worker.
        let tracker = TaskTracker::new();
        let running = tokio_util::task::AbortOnDropHandle::new(tracker.spawn((job.run)(context.clone())));
        let problem = match running.await {
            Ok(Ok(())) if context.stop.is_cancelled() => return,
            Ok(Ok(())) => "it ended although nobody asked".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic.to_string(),
        };
        if began.elapsed() > CALM {
            back_off = BACK_OFF_MIN;
        }
        tracing::error!(job = job.name, problem, again_in_s = back_off.as_secs(), "a loop of the worker failed and is started again");
        tokio::select! {
            () = tokio::time::sleep(back_off) => {}
            () = context.stop.cancelled() => return,
        }
        back_off = (back_off * 2).min(BACK_OFF_MAX);
    }
}
