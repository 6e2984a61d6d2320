//! A web process steps aside: it goes on serving for a moment while balancers look elsewhere, and when a newer program has changed the
//! schema it ends by itself.

use std::time::Duration;

use engine::migrate::{self, OtherSchema};
use sqlx::PgPool;

use crate::lifecycle::Lifecycle;

const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Asks for the soft stop once the schema is newer than this program: it must not write there any more.
pub async fn step_aside(pool: PgPool, lifecycle: Lifecycle) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = lifecycle.draining.cancelled() => return,
        }
        let version = async { migrate::version(&mut *pool.acquire().await?).await };
        // A database that does not answer says nothing about its schema; `/readyz` tells.
        let Ok(version) = version.await else { continue };
        if version.is_newer()
            && let Err(sentence) = version.fits()
        {
            tracing::error!("{sentence}; this web process ends");
            let _ = lifecycle.outdated.set(sentence);
            return lifecycle.drain();
        }
    }
}

/// How the process ends: well, or because it may not go on like this.
pub fn outcome(lifecycle: &Lifecycle) -> anyhow::Result<()> {
    lifecycle.outdated.get().map_or(Ok(()), |sentence| Err(OtherSchema(sentence.clone()).into()))
}
