//! The worker process: schedule, runs, probes, notices, seals. The only one that opens a connection to a target.

use anyhow::Context;
use engine::{Engine, cluster::ServiceRole, worker::WorkerConfig};
use sqlx::postgres::PgConnectOptions;

use crate::{config::Settings, folders, lifecycle::Lifecycle, state, web::say_ready};

/// Connections to the state database for all loops together.
const CONNECTIONS: u32 = 12;

/// Work until the soft stop; then nothing new is taken, and what runs reaches a safe point.
pub async fn work(settings: &Settings, lifecycle: Lifecycle) -> anyhow::Result<()> {
    let url = settings.database.own(ServiceRole::Worker).or(settings.database.any.as_ref());
    let url =
        url.context("`drydock worker` needs DRYDOCK_WORKER_DATABASE_URL or DATABASE_URL; `drydock serve` sets it for its own processes")?;
    let database = state::connect_options(url)?;
    let engine = Engine::connect(database.clone(), 1).await?;
    engine::migrate::check(engine.pool()).await?;
    state::refuse_other_kind(&engine, settings.demo).await?;
    engine.pool().close().await;
    let config = config(settings, database)?;
    say_ready();
    lifecycle.until_hard(engine::worker::work(config, lifecycle.soft.clone())).await.transpose()?;
    lifecycle.finish().await;
    Ok(())
}

/// What the worker is told; its keys and anchors lie in a folder of its own.
pub fn config(settings: &Settings, database: PgConnectOptions) -> anyhow::Result<WorkerConfig> {
    let data_dir = settings.data_dir.join("worker");
    folders::make_private(&data_dir)?;
    let (public_url, mail) = (settings.public_url.clone(), settings.mail.clone());
    Ok(WorkerConfig { database, connections: CONNECTIONS, data_dir, public_url, demo: settings.demo, mail })
}
