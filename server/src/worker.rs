//! The worker process: schedule, runs, probes, notices, seals. The only one that opens a connection to a target.

use anyhow::Context;
use engine::{
    Engine,
    cluster::ServiceRole,
    migrate::OtherSchema,
    worker::{WorkerConfig, WorkerContext},
};
use sqlx::postgres::PgConnectOptions;

use crate::{config::Settings, folders, lifecycle::Lifecycle, metrics, state, web::say_ready};

/// Connections to the state database for all loops together.
const CONNECTIONS: u32 = 12;

/// Work until the soft stop; then nothing new is taken, and what runs reaches a safe point.
pub async fn work(settings: &Settings, lifecycle: Lifecycle) -> anyhow::Result<()> {
    let url = settings.database.own(ServiceRole::Worker).or(settings.database.any.as_ref());
    let url =
        url.context("`drydock worker` needs DRYDOCK_WORKER_DATABASE_URL or DATABASE_URL; `drydock serve` sets it for its own processes")?;
    let database = state::connect_options(url)?;
    let engine = Engine::connect(database.clone(), 1).await?;
    state::refuse_other_schema(&engine).await?;
    state::refuse_other_kind(&engine, settings.demo).await?;
    engine.pool().close().await;
    let config = config(settings, database)?;
    say_ready();
    let worked = lifecycle.until_hard(run(settings, config, &lifecycle)).await.transpose();
    lifecycle.finish().await;
    worked.map(drop).map_err(|error| match error.downcast_ref::<engine::Error>() {
        Some(engine::Error::Refused(refusal)) if refusal.code == engine::worker::NEWER_SCHEMA => OtherSchema(refusal.to_string()).into(),
        _ => error,
    })
}

async fn run(settings: &Settings, config: WorkerConfig, lifecycle: &Lifecycle) -> anyhow::Result<()> {
    let context = WorkerContext::connect(config, lifecycle.soft.clone()).await?;
    if let Some(door) = settings.metrics.worker {
        let source: metrics::Source = |pool| Box::pin(async move { engine::metrics::scrape(&pool, &[]).await });
        let (token, pool, end) = (settings.metrics.token.clone(), context.pool.clone(), lifecycle.soft.clone());
        lifecycle.tasks.spawn(metrics::open(door, token, pool, source, end).await?);
    }
    Ok(engine::worker::run(context).await?)
}

/// What the worker is told; its keys and anchors lie in a folder of its own.
pub fn config(settings: &Settings, database: PgConnectOptions) -> anyhow::Result<WorkerConfig> {
    let data_dir = settings.data_dir.join("worker");
    folders::make_private(&data_dir)?;
    let (public_url, mail) = (settings.public_url.clone(), settings.mail.clone());
    Ok(WorkerConfig {
        database,
        connections: CONNECTIONS,
        runs_at_once: engine::runner::AT_ONCE,
        data_dir,
        public_url,
        demo: settings.demo,
        mail,
        outbound: settings.outbound.clone(),
        program_folders: engine::cluster::program_folders(&settings.program_folders),
        backups_dir: settings.backups_dir.clone(),
        scratch_dir: settings.scratch_dir.clone(),
    })
}
