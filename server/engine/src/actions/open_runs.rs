//! The runs of a window that are not over, each with the short name of its database: what acts on a whole window go through.

use crate::error::Result;
use crate::store::{self, lanes::LaneRow, runs::Run};
use sqlx::PgConnection;

/// Those of these lanes, in the order of the plan. The caller has locked the window.
pub(super) async fn of(db: &mut PgConnection, lanes: &[LaneRow]) -> Result<Vec<(Run, String)>> {
    let open = || lanes.iter().filter(|row| row.lane.state.is_open()).filter_map(|row| Some((row.run?, &row.name)));
    let mut runs = store::runs::load_all(db, &open().map(|(run, _)| run).collect::<Vec<_>>()).await?;
    Ok(open().filter_map(|(id, name)| Some((runs.swap_remove(runs.iter().position(|run| run.id == id)?), name.clone()))).collect())
}
