//! The trail outside the write door: sealing, anchors, verification, export.

pub mod anchor;
pub mod export;
mod objects;
pub mod report;
pub mod seal;
mod series;
pub mod verify;

use crate::error::{Error, Result};
use crate::store::service_states;
use anchor::{AnchorFile, AnchorState};
use sqlx::PgPool;
use std::path::Path;

/// The job's name in `service_state`: what a worker says about its anchor file.
pub const ANCHOR_JOB: &str = "anchor";

/// Compares the anchor file in `data_dir` with the state database, before a worker runs anything.
///
/// # Errors
/// A refusal `anchor_ahead` or `anchor_forked` when the database does not hold what the file knows: it was restored from the past, or
/// rewritten. The refusal is also left where pages see it. A file that cannot be read is an error too: nothing starts unproven.
pub async fn check_anchor(pool: &PgPool, data_dir: &Path) -> Result<AnchorState> {
    let file = AnchorFile::in_folder(data_dir);
    let mut db = pool.acquire().await?;
    let state = anchor::compare(&mut db, &file).await?;
    match state.refusal(file.path()) {
        None => Ok(state),
        Some(refusal) => {
            service_states::say(&mut db, ANCHOR_JOB, &process_of(&file), state.word(), &refusal.to_string()).await?;
            Err(Error::Refused(refusal))
        }
    }
}

/// Under which name a worker speaks about its anchor file: stable over restarts, and it says where to look.
pub(crate) fn process_of(file: &AnchorFile) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = format!("{}:{}", host.trim(), file.path().display());
    name.chars().take(200).collect()
}
