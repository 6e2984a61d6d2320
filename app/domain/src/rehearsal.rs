//! Rehearsals: the same procedure with the same thresholds, run clean on a lower database of the same team before it runs here.
//!
//! A policy may demand one. What was rehearsed is sealed into the plan, so that whoever approves sees how it went, and whoever starts has nothing
//! to look up. Its age is taken at the planned start: a window that is proposed long before does not make an old rehearsal a young one.
//!
//! A window of several databases rehearses itself where a lower database stands in an earlier wave: the next wave begins only when everything
//! before it ended clean.

mod choose;
mod demand;

pub use choose::{Asked, Candidate, choose};
pub use demand::{BY_ORDER, Demand, LENIENT, MAX_AGE_DAYS, Part, is_by_order, missing, uncovered};

use crate::canonical::Digest;
use crate::checklist::CheckState;
use crate::ids::{RunId, TargetId, WindowId};
use crate::plan::PlanProcedure;
use crate::procedure::text::{duration_ms, plural};
use crate::run::Outcome;
use crate::target::Environment;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Most findings that are sealed; how many more there were is one of them.
pub const MOST_FINDINGS: usize = 20;

/// How many items of the rehearsal ended how. None of them failed: such a run is no rehearsal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Items {
    /// On its work list.
    pub all: u32,
    /// Done and verified.
    pub done: u32,
    /// No longer needed when their turn came.
    pub skipped: u32,
    /// Not reached without harm: somebody else held the lock, or nothing changed.
    pub left: u32,
}

/// How long one step of the procedure worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTime {
    /// Key of the step.
    pub step: String,
    /// Items it worked on.
    pub items: u32,
    /// Time of all its tries, ms.
    pub work_ms: u64,
}

/// An item of its validation list, and how that was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSeen {
    /// As people read it.
    pub title: String,
    /// How it was answered.
    pub state: CheckState,
}

/// The rehearsal of a plan, as it is sealed into the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// Its window.
    pub window: WindowId,
    /// What people say.
    pub number: i64,
    /// Its run.
    pub run: RunId,
    /// The database it ran on.
    pub target: TargetId,
    /// What that is called.
    pub short_name: String,
    /// Where that belonged.
    pub environment: Environment,
    /// When its run was opened.
    pub opened_at: Timestamp,
    /// When its run ended.
    pub ended_at: Timestamp,
    /// How its items ended.
    pub items: Items,
    /// How long its steps worked, in their order.
    pub steps: Vec<StepTime>,
    /// What whoever approves should know of it, a sentence each.
    pub findings: Vec<String>,
    /// Its validation list.
    pub checks: Vec<CheckSeen>,
    /// Digest of the plan it obeyed.
    pub plan_digest: Digest,
    /// Digest of what it worked on; `None` where it had no list.
    pub work_list_digest: Option<Digest>,
}

/// An item of its work list as it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemSeen {
    /// Key of its step.
    pub step: String,
    /// The object's name.
    pub object: String,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Time of all its tries, ms.
    pub work_ms: u64,
}

/// What is read of a run once it is chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its items, in their order.
    pub items: Vec<ItemSeen>,
    /// Its validation list, in order.
    pub checks: Vec<CheckSeen>,
    /// Digest of its work list.
    pub work_list_digest: Option<Digest>,
    /// What did not go as planned, as it was written down.
    pub issues_met: Option<String>,
}

impl Rehearsal {
    /// What is sealed of a run that was chosen.
    #[must_use]
    pub fn of(chosen: &Candidate, seen: Seen) -> Self {
        let count = |wanted: &dyn Fn(Outcome) -> bool| whole(seen.items.iter().filter(|item| item.outcome.is_some_and(wanted)).count());
        let (done, skipped) = (count(&|outcome| outcome == Outcome::Done), count(&|outcome| outcome == Outcome::Skipped));
        let all = whole(seen.items.len());
        Self {
            window: chosen.window,
            number: chosen.number,
            run: chosen.run,
            target: chosen.target,
            short_name: chosen.short_name.clone(),
            environment: chosen.environment,
            opened_at: chosen.opened_at,
            ended_at: chosen.ended_at,
            items: Items { all, done, skipped, left: all - done - skipped },
            steps: steps(&seen.items),
            findings: findings(&seen),
            checks: seen.checks,
            plan_digest: chosen.plan_digest,
            work_list_digest: seen.work_list_digest,
        }
    }

    /// How long it took, pre-checks and measuring included, ms.
    #[must_use]
    pub fn took_ms(&self) -> u64 {
        u64::try_from(self.ended_at.duration_since(self.opened_at).as_millis()).unwrap_or(0)
    }

    /// How it went: `took 4 min; 12 of 12 items done; all 6 checks passed`.
    #[must_use]
    pub fn figures(&self) -> String {
        format!("took {}; {}; {}", duration_ms(self.took_ms()), self.items_said(), self.checks_said())
    }

    /// How long its steps worked, a line each, by the names they have in this procedure.
    #[must_use]
    pub fn steps_said(&self, procedure: &PlanProcedure) -> Vec<String> {
        let known = procedure.known();
        let name = |key: &str| known.as_ref().and_then(|known| known.step(key)).map_or_else(|| key.to_owned(), |step| step.name.clone());
        let said = |step: &StepTime| {
            format!("{}: {}, {}", name(&step.step), plural(step.items.into(), "item", "items"), duration_ms(step.work_ms))
        };
        self.steps.iter().map(said).collect()
    }

    fn items_said(&self) -> String {
        let Items { all, done, skipped, left } = self.items;
        if all == 0 {
            return "nothing needed work there".to_owned();
        }
        let mut said = format!("{done} of {} done", plural(all.into(), "item", "items"));
        if skipped > 0 {
            said += &format!(", {skipped} no longer needed");
        }
        if left > 0 {
            said += &format!(", {left} not reached");
        }
        said
    }

    fn checks_said(&self) -> String {
        let other = |state: CheckState| self.checks.iter().filter(|check| check.state == state).count();
        let (passed, all) = (other(CheckState::Passed), self.checks.len());
        if all == 0 {
            return "no checks".to_owned();
        }
        if passed == all {
            return format!("all {} passed", plural(all as u64, "check", "checks"));
        }
        let rest = CheckState::ALL.iter().filter(|state| **state != CheckState::Passed && other(**state) > 0);
        let rest: Vec<String> = rest.map(|state| format!("{} {}", other(*state), state.label().to_lowercase())).collect();
        format!("{passed} of {} passed, {}", plural(all as u64, "check", "checks"), rest.join(", "))
    }
}

fn whole(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn steps(items: &[ItemSeen]) -> Vec<StepTime> {
    let mut found: Vec<StepTime> = Vec::new();
    for item in items {
        match found.iter_mut().find(|known| known.step == item.step) {
            Some(known) => {
                known.items += 1;
                known.work_ms = known.work_ms.saturating_add(item.work_ms);
            }
            None => found.push(StepTime { step: item.step.clone(), items: 1, work_ms: item.work_ms }),
        }
    }
    found
}

fn findings(seen: &Seen) -> Vec<String> {
    let issues = seen.issues_met.iter().filter(|text| !text.trim().is_empty()).map(|text| format!("Issues met: {text}"));
    let short = |item: &&ItemSeen| !item.outcome.is_some_and(Outcome::is_success);
    let left = seen.items.iter().filter(short).filter_map(|item| Some(format!("{} ({})", item.object, item.outcome?.label())));
    let mut found: Vec<String> = issues.chain(left).collect();
    let more = found.len().saturating_sub(MOST_FINDINGS);
    if more > 0 {
        found.truncate(MOST_FINDINGS - 1);
        found.push(format!("And {} more of that kind.", more + 1));
    }
    found
}

#[cfg(test)]
mod tests;
