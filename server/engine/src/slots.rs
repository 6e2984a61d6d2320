//! Free times on a database, for pages that offer them and for refusals that name a way out.

use crate::error::{Error, Result};
use crate::store::windows;
use crate::store::{self, window_forms};
use domain::ids::{TargetId, WindowId};
use domain::proposal::Proposal;
use domain::schedule::load::{Load, quiet_first};
use domain::schedule::slots::{self, Slot};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use sqlx::PgConnection;

/// How many days are looked through for a free time.
pub(crate) const DAYS_AHEAD: i32 = 60;
/// How many days are looked through for another hour: load and plans further ahead say little about an hour.
const HOURS_DAYS_AHEAD: i32 = 14;
/// How many are named where a time was refused.
const MOST_NAMED: usize = 3;

/// Times like a proposal's own.
pub(crate) struct Like {
    /// Every one that was looked at.
    pub any: Vec<Slot>,
    /// Those on which every database is free, not frozen and may be maintained, no other one of its server has a window, and whoever has to agree
    /// can still do so in time.
    pub free: Vec<Slot>,
}

/// Free times to choose from instead of one.
pub(crate) struct Free {
    /// At the same time of day.
    pub same: Vec<Slot>,
    /// At other hours, where there are none at that time of day, or only busy ones.
    pub others: Vec<Slot>,
}

/// The proposal's time of day every `step_days` days, and which of those are free on all of `targets`. `except` is the window that is edited.
pub(crate) async fn like(
    db: &mut PgConnection,
    targets: &[TargetId],
    zone: &str,
    proposal: &Proposal,
    (step_days, count): (i32, i32),
    except: Option<WindowId>,
) -> Result<Like> {
    let (zone, now) = (known(zone)?, window_forms::now(db).await?);
    let any = slots::same_time(proposal.local_start, step_days, count, proposal.duration_min, &zone, now);
    let free = open(db, targets, &zone, (proposal, &any), except).await?;
    Ok(Like { any, free })
}

/// The quietest free hours of the next days, one a day.
async fn at_other_hours(
    db: &mut PgConnection,
    targets: &[TargetId],
    zone: &str,
    proposal: &Proposal,
    except: Option<WindowId>,
) -> Result<Vec<Slot>> {
    let (zone, now) = (known(zone)?, window_forms::now(db).await?);
    let mut any = slots::any_hour(HOURS_DAYS_AHEAD, proposal.duration_min, &zone, now);
    any.retain(|slot| slot.local.time() != proposal.local_start.time());
    Ok(slots::quietest(open(db, targets, &zone, (proposal, &any), except).await?, MOST_NAMED))
}

fn known(zone: &str) -> Result<TimeZone> {
    TimeZone::get(zone).map_err(|_| Error::internal(format!("unknown zone {zone}")))
}

/// Those of these times on which every database is free, not frozen and may be maintained, and that leave time to agree; each with its load.
async fn open(
    db: &mut PgConnection,
    targets: &[TargetId],
    zone: &TimeZone,
    (proposal, any): (&Proposal, &[Slot]),
    except: Option<WindowId>,
) -> Result<Vec<Slot>> {
    let now = window_forms::now(db).await?;
    let decided_by = now + SignedDuration::from_mins(i64::from(store::policies::lead_min(db, targets, proposal).await?));
    let latest = SignedDuration::from_mins(proposal.latest_start_min);
    let until = any.iter().map(|slot| slot.end).max().unwrap_or(now);
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
    let mut free = slots::free(any.to_vec(), &taken, any.len());
    free.retain(|slot| slot.start + latest > decided_by);
    free.retain(|slot| hours.iter().all(|(hours, zone)| hours.cover(slot.start, slot.end, zone)));
    for target in targets.iter().copied() {
        let week = store::load::week(db, target, zone).await?;
        let Some(usual_per_min) = week.usual() else { continue };
        for slot in &mut free {
            let here = week.during(slot.start, slot.end, zone).map(|per_min| Load { per_min, usual_per_min });
            // Of several databases the one that is busiest against its own usual says how the time is.
            slot.load = slot.load.into_iter().chain(here).max_by_key(|load| load.per_mille());
        }
    }
    Ok(free)
}

/// The next free times like the proposal's own, quiet ones first; and other hours, where those are none or busy.
pub(crate) async fn next_free(
    db: &mut PgConnection,
    targets: &[TargetId],
    zone: &str,
    proposal: &Proposal,
    except: Option<WindowId>,
) -> Result<Free> {
    let same = quiet_first(like(db, targets, zone, proposal, (1, DAYS_AHEAD), except).await?.free, MOST_NAMED);
    with_other_hours(db, targets, zone, proposal, (same, except)).await
}

/// Adds other hours to these times, where they are none or busy.
pub(crate) async fn with_other_hours(
    db: &mut PgConnection,
    targets: &[TargetId],
    zone: &str,
    proposal: &Proposal,
    (same, except): (Vec<Slot>, Option<WindowId>),
) -> Result<Free> {
    let is_quiet = |slot: &Slot| slot.load.is_none_or(Load::is_quiet);
    let mut others = Vec::new();
    if !same.iter().any(is_quiet) {
        others = at_other_hours(db, targets, zone, proposal, except).await?;
        // Busy ones are no way out of busy ones, and what is not known is not said to be quieter.
        others.retain(|slot| same.is_empty() || slot.load.is_some_and(Load::is_quiet));
    }
    Ok(Free { same, others })
}

/// The way out of a refused time, in the database's zone.
pub(crate) fn said(free: &Free, zone: &str) -> String {
    let starts = |slots: &[Slot]| slots.iter().map(|slot| format!("{} {}", slot.date(), slot.time())).collect::<Vec<_>>().join(", ");
    match (free.same.as_slice(), free.others.as_slice()) {
        ([], []) => format!(
            "At that time of day nothing is free on the next {DAYS_AHEAD} days, nor at any full hour of the next {HOURS_DAYS_AHEAD}: a shorter window may find room, or a later date, where the policy wants much time to decide."
        ),
        ([], others) => {
            format!("At that time of day nothing is free on the next {DAYS_AHEAD} days. Other free starts are {} ({zone}).", starts(others))
        }
        (same, []) => format!("The next free starts at that time of day are {} ({zone}).", starts(same)),
        (same, others) => {
            format!("The next free starts at that time of day are {}; quieter ones are {} ({zone}).", starts(same), starts(others))
        }
    }
}
