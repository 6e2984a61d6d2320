//! The watchdog process: it can have statements cancelled, and nothing else. No connection URL reaches it.

use crate::{config::Settings, folders, lifecycle::Lifecycle, web::say_ready};

/// Watch until the soft stop.
pub async fn watch(settings: &Settings, lifecycle: Lifecycle) -> anyhow::Result<()> {
    let folder = settings.data_dir.join("worker");
    folders::make_private(&folder)?;
    say_ready();
    lifecycle.until_hard(engine::watchdog::watch(&folder, lifecycle.soft.clone())).await.transpose()?;
    lifecycle.finish().await;
    Ok(())
}
