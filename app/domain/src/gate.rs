//! The one gate on every start path: by schedule, started by hand, begun after the pre-checks, before each item, resumed from a hold.
//!
//! Only acts that make things safe again do not pass here. What the gate asks is asked once more by the guarded statement that
//! records the start, with the state database's clock.

use crate::approval::{Standing, executor};
use crate::backup;
use crate::canonical::Digest;
use crate::decision::Refusal;
use crate::freeze;
use crate::pause::Pause;
use crate::plan::Plan;
use crate::schedule::Due;
use crate::window::WindowState;
use jiff::{SignedDuration, Timestamp};

/// What wants to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartPath {
    /// The schedule opens the run; the backup is one of its pre-checks then, shown red until somebody records one.
    Schedule,
    /// A person opens the run between start and latest start.
    ByHand,
    /// The pre-checks are over and the first change is next.
    Begin,
    /// A later wave of a window of several databases is opened.
    Wave,
    /// The next item of the work list.
    Item,
    /// A held run goes on.
    Resume,
}

/// What is known at that moment, all of it read in one transaction.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// What wants to start.
    pub path: StartPath,
    /// The state database's clock.
    pub now: Timestamp,
    /// The window's state.
    pub state: WindowState,
    /// The window's newest revision.
    pub revision: i32,
    /// Digest of the bytes that would be obeyed.
    pub digest: Digest,
    /// Digest that belongs to the newest revision; `None` when it was never sealed.
    pub newest_digest: Option<Digest>,
    /// The opened bytes.
    pub plan: &'a Plan,
    /// The votes counted today, by the sealed policy and by what that policy says now: all must stand.
    pub standings: &'a [Standing],
    /// What the plan lacks of the rehearsal that its policy, or what rules today, demands for this database.
    pub unrehearsed: Option<&'a Refusal>,
    /// A break-glass approved it instead of votes: whether it counts today. `None` for every other window.
    pub glass: Option<bool>,
    /// Freezes that cover the database now and that this plan may not pass, as [`freeze::Freeze::said`] says each.
    pub freezes: &'a [String],
    /// The pause of the whole installation, while there is one.
    pub pause: Option<&'a Pause>,
    /// Why starts are frozen: the clock jumped, the state database was restored; `None` when they are not.
    pub clock_frozen: Option<&'a str>,
    /// In which way the database is not the one that was approved; `None` when it is.
    pub identity_difference: Option<&'a str>,
    /// When the newest recorded backup ended.
    pub newest_backup_at: Option<Timestamp>,
    /// What a policy demands: a backup that a worker restored, at most so many hours old. The strictest of those that rule the database.
    pub proof_max_age_hours: Option<u32>,
    /// When the newest backup that a worker restored was taken.
    pub newest_proven_at: Option<Timestamp>,
    /// The run that keeps the database, or ran this very plan, as a sentence; `None` when there is none.
    pub other_run: Option<&'a str>,
    /// Red findings of the pre-checks.
    pub red_checks: &'a [String],
    /// Somebody asked to stop.
    pub stop_asked: bool,
    /// Somebody asked to hold what works on another database of the window, and it has not held yet.
    pub hold_asked: bool,
    /// The person who asks approved this plan, and a policy wants somebody else for that.
    pub approver_executes: bool,
    /// Until when a lane of a later wave has to begin; `None` for the first wave, which keeps the window's latest start.
    pub begin_by: Option<Timestamp>,
}

/// Whether it may start; otherwise everything that is in the way, the most telling first.
pub fn gate(evidence: &Evidence<'_>) -> Result<(), Vec<Refusal>> {
    let mut found = Vec::new();
    found.extend(state(evidence));
    found.extend(digest(evidence));
    found.extend(time(evidence));
    found.extend(quorum(evidence));
    found.extend(executor::may_execute(evidence.approver_executes, true).err());
    found.extend(unrehearsed(evidence));
    found.extend(obstacles(evidence));
    found.extend(backups(evidence));
    found.extend(evidence.red_checks.iter().map(|check| {
        Refusal::new(
            "pre_check_red",
            format!("A pre-check is red: {check}"),
            "Nothing was changed. It is looked at again until the latest start.",
        )
    }));
    if found.is_empty() { Ok(()) } else { Err(found) }
}

/// Several refusals as one: the first one's code, everybody's sentences.
#[must_use]
pub fn together(refusals: &[Refusal]) -> Refusal {
    let code = refusals.first().map_or("closed", |first| first.code.as_str());
    let message = refusals.iter().map(|refusal| refusal.message.as_str()).collect::<Vec<_>>().join(" ");
    let way_out = refusals.iter().map(|refusal| refusal.way_out.as_str()).find(|way_out| !way_out.is_empty()).unwrap_or_default();
    Refusal::new(code, message, way_out)
}

/// The code of the refusal after the cut-off.
pub const CUT_OFF: &str = "cut_off";

/// Refusals that speak of one database. The others are about the window, its plan or the whole installation.
const OF_ONE_DATABASE: [&str; 7] = [freeze::FROZEN, "identity", "run_open", "backup", backup::UNPROVEN, "rehearsal", "pre_check_red"];

/// What is in the way of several databases, asked one by one: what they share is said once, and what concerns one of them names it.
#[must_use]
pub fn over_lanes(lanes: Vec<(String, Vec<Refusal>)>) -> Vec<Refusal> {
    let alone = lanes.len() == 1;
    let mut found: Vec<Refusal> = Vec::new();
    for (name, refusals) in lanes {
        for mut refusal in refusals {
            if !alone && OF_ONE_DATABASE.contains(&refusal.code.as_str()) {
                refusal.message = format!("{name}: {}", refusal.message);
            }
            if !found.contains(&refusal) {
                found.push(refusal);
            }
        }
    }
    found
}

fn state(e: &Evidence<'_>) -> Option<Refusal> {
    let many = e.plan.is_many();
    let expected = match e.path {
        StartPath::Schedule | StartPath::ByHand | StartPath::Begin => WindowState::Approved,
        StartPath::Wave | StartPath::Item => WindowState::Running,
        StartPath::Resume => WindowState::Hold,
    };
    // One lane begins after another; and a lane that a person has to decide on holds the window, not the work of the others.
    let also = match e.path {
        StartPath::Begin if many => Some(WindowState::Running),
        StartPath::Item if many => Some(WindowState::Hold),
        _ => None,
    };
    if e.stop_asked {
        return Some(Refusal::new("stop_asked", "Somebody asked to stop this run.", ""));
    }
    if e.hold_asked && e.path == StartPath::Begin {
        return Some(Refusal::new(
            "hold_asked",
            "Somebody asked to hold this window: nothing begins on another database of it meanwhile.",
            "Decide on the run that holds, on its page.",
        ));
    }
    (e.state != expected && Some(e.state) != also).then(|| {
        Refusal::new(
            "wrong_state",
            format!("This window is “{}”; for this it has to be “{}”.", e.state.label(), expected.label()),
            "Look at the window's page.",
        )
    })
}

fn digest(e: &Evidence<'_>) -> Option<Refusal> {
    if e.newest_digest != Some(e.digest) || e.plan.revision != e.revision {
        return Some(Refusal::new(
            "digest",
            format!("The plan {} is not the one that was approved: the window is at revision {}.", e.digest.short(), e.revision),
            "Propose the newest revision and have it approved.",
        ));
    }
    let sealed = &e.plan.procedure;
    sealed.known().is_none().then(|| {
        Refusal::new(
            "procedure",
            format!("This program does not carry version {} of the procedure {} as it was approved.", sealed.version, sealed.name),
            "Run it with the program version that does, or edit the window so that it is approved with today's procedure.",
        )
    })
}

fn time(e: &Evidence<'_>) -> Option<Refusal> {
    let times = &e.plan.times;
    match (e.path, e.begin_by) {
        (StartPath::Begin | StartPath::Wave, Some(by)) => (e.now > by).then(|| {
            Refusal::new("missed", format!("Its wave had to begin by {}.", at(by)), "Propose a window for the databases that are left.")
        }),
        (StartPath::Schedule | StartPath::ByHand | StartPath::Begin | StartPath::Wave, _) => match times.due(e.now) {
            Due::Now => None,
            Due::Early => Some(Refusal::new(
                "too_early",
                format!("It may start at {} at the earliest: that is the time people agreed to.", at(times.start)),
                "Wait for its start.",
            )),
            Due::Missed => Some(Refusal::new(
                "missed",
                format!("Its latest start was {}.", at(times.latest_start)),
                "Propose it again for a later time.",
            )),
        },
        (StartPath::Item | StartPath::Resume, _) => (e.now >= times.cut_off).then(|| {
            Refusal::new(
                CUT_OFF,
                format!("The cut-off was {}: nothing new begins.", at(times.cut_off)),
                "What is left belongs into the next window.",
            )
        }),
    }
}

/// The votes; or, in their place and in no other, the two people who broke the glass for exactly this plan.
fn quorum(e: &Evidence<'_>) -> Option<Refusal> {
    match e.glass {
        Some(true) => return None,
        Some(false) => {
            return Some(Refusal::new(
                "glass",
                "The break-glass that approved it counts no more: it was about another plan, or one of the two was deactivated or lost the right.",
                "Edit the window, so that the people named on its page are asked anew.",
            ));
        }
        None => {}
    }
    (e.standings.is_empty() || !e.standings.iter().all(|standing| standing.approved)).then(|| {
        Refusal::new(
            "quorum",
            "Today's votes do not suffice: a vote was withdrawn, a voter left or lost the role, or the policy asks for more now.",
            "Have it approved again by the people named on its page.",
        )
    })
}

/// Asked before the first change on a database. A policy that is made stricter later stops nothing in the middle of its work.
fn unrehearsed(e: &Evidence<'_>) -> Option<Refusal> {
    let starts = matches!(e.path, StartPath::Schedule | StartPath::ByHand | StartPath::Begin | StartPath::Wave);
    e.unrehearsed.filter(|_| starts).cloned()
}

fn obstacles(e: &Evidence<'_>) -> Vec<Refusal> {
    let mut found: Vec<Refusal> = e.pause.filter(|pause| pause.stops(e.path)).map(Pause::refusal).into_iter().collect();
    // On every path, the next item's too: an item is a start. What makes things safe again does not come here.
    found.extend(e.freezes.iter().map(|said| freeze::gate_refusal(said)));
    found.extend(e.clock_frozen.map(|why| {
        Refusal::new(
            "clock",
            format!("Starts are frozen: {why}"),
            "An administrator finds out why and acknowledges it on the settings page.",
        )
    }));
    found.extend(e.identity_difference.map(|difference| {
        Refusal::new(
            "identity",
            difference,
            "Compare host, port and database; if the change is meant, test the connection again and have a new revision approved.",
        )
    }));
    found.extend(e.other_run.map(|run| Refusal::new("run_open", run, "Wait for it, or decide on it if it is on hold.")));
    found
}

fn backups(e: &Evidence<'_>) -> Vec<Refusal> {
    if !matches!(e.path, StartPath::ByHand | StartPath::Begin) {
        return vec![];
    }
    let recorded = backup_problem(e.plan.backup_max_age_hours, e.newest_backup_at, e.now);
    recorded.into_iter().chain(backup::unproven(e.proof_max_age_hours, e.newest_proven_at, e.now)).collect()
}

/// What is wrong with the newest backup on record; `None` when it is young enough.
#[must_use]
pub fn backup_problem(max_age_hours: u64, newest_at: Option<Timestamp>, now: Timestamp) -> Option<Refusal> {
    let way_out = "An engineer records a newer one on the database's page, after making sure that it restores.";
    let Some(newest) = newest_at else {
        return Some(Refusal::new("backup", "No backup of this database is on record.", way_out));
    };
    let age = now.duration_since(newest);
    let limit = SignedDuration::from_hours(i64::try_from(max_age_hours).unwrap_or(i64::MAX / 3600));
    (age > limit).then(|| {
        Refusal::new(
            "backup",
            format!("The newest backup on record is {} hours old; the plan allows {max_age_hours}.", age.as_hours()),
            way_out,
        )
    })
}

fn at(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
