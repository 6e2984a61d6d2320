//! The runs of a window that are not over, each with the short name of its database: what acts on a whole window go through.

use crate::error::Result;
use crate::store::{self, lanes, runs::Run};
use domain::ids::WindowId;
use sqlx::PgConnection;

/// Those of the newest revision, in the order of the plan. The caller has locked the window.
pub(super) async fn of(db: &mut PgConnection, window: WindowId) -> Result<Vec<(Run, String)>> {
    let revision = store::windows::load(db, window).await?.revision;
    let mut found = Vec::new();
    for row in lanes::of(db, window, revision).await?.into_iter().filter(|row| row.lane.state.is_open()) {
        if let Some(run) = row.run {
            found.push((store::runs::load(db, run).await?, row.name));
        }
    }
    Ok(found)
}
