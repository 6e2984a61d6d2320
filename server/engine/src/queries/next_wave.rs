//! Between two waves of a window: what the gate says to the next one, as its page shows it. The scheduler asks the gate again in its own
//! transaction, under the window's lock.

use crate::error::Result;
use crate::store;
use domain::approval::Standing;
use domain::freeze::Freeze;
use domain::gate::{self, Evidence, StartPath};
use domain::lanes::next_wave;
use domain::pause::Pause;
use domain::plan::Plan;
use domain::rehearsal;
use domain::view::windows::blocked::NextWave;
use domain::view::windows::page::Head;
use domain::window::WindowState;
use sqlx::PgConnection;

/// The wave that could begin now; `None` where none waits for its turn, and while something is not over before it.
pub(super) async fn of(
    db: &mut PgConnection,
    head: &Head,
    plan: &Plan,
    standing: &Standing,
    pause: Option<&Pause>,
) -> Result<Option<NextWave>> {
    if head.state != WindowState::Running || !plan.is_many() {
        return Ok(None);
    }
    let lanes = store::lanes::of(db, head.id, head.revision).await?;
    let Some(number) = next_wave(&store::lanes::states(&lanes)) else { return Ok(None) };
    // The waves before are over: the last end of them lets this one begin.
    let Some(since) = lanes.iter().filter_map(|row| row.ended_at).max() else { return Ok(None) };
    let begin_by = plan.begin_by(number, since);
    let clock_frozen = store::runs::clock_frozen(db).await?;
    let mut answers = Vec::new();
    for lane in plan.targets.iter().filter(|lane| plan.wave_of(lane.id) == number) {
        let freezes = store::freezes::over(db, lane.id, head.now, head.now, Some((head.id, head.digest))).await?;
        let freezes: Vec<String> = freezes.iter().map(Freeze::said).collect();
        let difference = store::registered::difference(db, lane).await?;
        let other_run = store::runs::in_the_way(db, lane.id, head.id, head.revision, None).await?;
        let sealed = plan.asks().find(|(target, ..)| target.id == lane.id);
        let unrehearsed = sealed.and_then(|(_, policy, _)| rehearsal::missing(plan, lane, &policy.rules));
        let evidence = Evidence {
            path: StartPath::Wave,
            now: head.now,
            state: head.state,
            revision: head.revision,
            digest: head.digest,
            newest_digest: Some(head.digest),
            plan,
            standings: std::slice::from_ref(standing),
            glass: None,
            unrehearsed: unrehearsed.as_ref(),
            freezes: &freezes,
            pause,
            clock_frozen: clock_frozen.as_deref(),
            identity_difference: difference.as_deref(),
            newest_backup_at: None,
            other_run: other_run.as_deref(),
            red_checks: &[],
            stop_asked: false,
            hold_asked: false,
            approver_executes: false,
            begin_by: Some(begin_by),
        };
        answers.push((lane.short_name.clone(), gate::gate(&evidence).err().unwrap_or_default()));
    }
    let databases = answers.iter().map(|(name, _)| name.clone()).collect();
    Ok(Some(NextWave { number, databases, in_the_way: gate::over_lanes(answers), begin_by }))
}
