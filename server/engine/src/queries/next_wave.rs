//! Between two waves of a window: what the gate says to the next one, as its page shows it. The scheduler asks the gate again in its own
//! transaction, under the window's lock.

use crate::actions::start_gate::{Asked, look};
use crate::error::Result;
use crate::store;
use domain::lanes::next_wave;
use domain::plan::Plan;
use domain::view::windows::blocked::NextWave;
use domain::view::windows::page::Head;
use domain::window::WindowState;
use sqlx::PgConnection;

/// The wave that could begin now; `None` where none waits for its turn, and while something is not over before it.
pub(super) async fn of(db: &mut PgConnection, head: &Head, plan: &Plan) -> Result<Option<NextWave>> {
    if head.state != WindowState::Running || !plan.is_many() {
        return Ok(None);
    }
    let lanes = store::lanes::of(db, head.id, head.revision).await?;
    let Some(number) = next_wave(&store::lanes::states(&lanes)) else { return Ok(None) };
    // The waves before are over: the last end of them lets this one begin.
    let Some(since) = lanes.iter().filter_map(|row| row.ended_at).max() else { return Ok(None) };
    let window = store::windows::load(db, head.id).await?;
    let in_the_way = look(db, &window, plan, None, Asked::before_the_wave(number, since)).await?;
    let databases = plan.targets.iter().filter(|lane| plan.wave_of(lane.id) == number).map(|lane| lane.short_name.clone()).collect();
    Ok(Some(NextWave { number, databases, in_the_way, begin_by: plan.begin_by(number, since) }))
}
