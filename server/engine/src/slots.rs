//! Free times on a database, for pages that offer them and for refusals that name a way out.

use crate::error::{Error, Result};
use crate::store::windows;
use crate::store::{self, window_forms};
use domain::ids::{TargetId, WindowId};
use domain::proposal::Proposal;
use domain::schedule::load::{Load, quiet_first};
use domain::schedule::slots::{self, Slot};
use jiff::tz::TimeZone;
use sqlx::PgConnection;

/// How many days are looked through for a free time.
pub(crate) const DAYS_AHEAD: i32 = 60;
/// How many are named where a time was refused.
const MOST_NAMED: usize = 3;

/// Times like a proposal's own.
pub(crate) struct Like {
    /// Every one that was looked at.
    pub any: Vec<Slot>,
    /// Those on which every database is free, not frozen and may be maintained, and no other one of its server has a window.
    pub free: Vec<Slot>,
}

/// The proposal's time of day every `step_days` days, and which of those are free on all of `targets`. `except` is the window that is edited.
pub(crate) async fn like(
    db: &mut PgConnection,
    targets: &[TargetId],
    zone: &str,
    proposal: &Proposal,
    step_days: i32,
    count: i32,
    except: Option<WindowId>,
) -> Result<Like> {
    let zone = TimeZone::get(zone).map_err(|_| Error::internal(format!("unknown zone {zone}")))?;
    let now = window_forms::now(db).await?;
    let any = slots::same_time(proposal.local_start, step_days, count, proposal.duration_min, &zone, now);
    let until = any.last().map_or(now, |slot| slot.end);
    let mut taken = Vec::new();
    for target in targets.iter().copied() {
        taken.extend(windows::taken(db, target, now, until, except).await?);
        let freezes = store::freezes::over(db, target, now, until, None).await?;
        taken.extend(freezes.into_iter().map(|freeze| (freeze.start, freeze.end)));
        // A time at which nothing else works on the server is a better one: both would wait for the same disks.
        let beside = store::beside::between(db, target, (now, until), except, Some(&[])).await?;
        taken.extend(beside.into_iter().map(|other| (other.start, other.end)));
    }
    let hours = store::hours::of_all(db, targets).await?;
    let mut free = slots::free(any.clone(), &taken, any.len());
    free.retain(|slot| hours.iter().all(|(hours, zone)| hours.cover(slot.start, slot.end, zone)));
    for target in targets.iter().copied() {
        let week = store::load::week(db, target, &zone).await?;
        let Some(usual_per_min) = week.usual() else { continue };
        for slot in &mut free {
            let here = week.during(slot.start, slot.end, &zone).map(|per_min| Load { per_min, usual_per_min });
            // Of several databases the one that is busiest against its own usual says how the time is.
            slot.load = slot.load.into_iter().chain(here).max_by_key(|load| load.per_mille());
        }
    }
    Ok(Like { free, any })
}

/// The next free times like the proposal's own, quiet ones first.
pub(crate) async fn next_free(
    db: &mut PgConnection,
    targets: &[TargetId],
    zone: &str,
    proposal: &Proposal,
    except: Option<WindowId>,
) -> Result<Vec<Slot>> {
    Ok(quiet_first(like(db, targets, zone, proposal, 1, DAYS_AHEAD, except).await?.free, MOST_NAMED))
}

/// The way out of a refused time, in the database's zone.
pub(crate) fn said(free: &[Slot], zone: &str) -> String {
    match free {
        [] => format!("At that time of day nothing is free on the next {DAYS_AHEAD} days: choose another one."),
        free => {
            let starts: Vec<String> = free.iter().map(|slot| format!("{} {}", slot.date(), slot.time())).collect();
            format!("The next free starts at that time of day are {} ({zone}).", starts.join(", "))
        }
    }
}
