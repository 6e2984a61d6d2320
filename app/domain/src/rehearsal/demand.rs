//! What a policy demands, which databases of a plan it is still owed for, and whether what was sealed satisfies it.

use super::Rehearsal;
use crate::approval::Policy;
use crate::decision::Refusal;
use crate::ids::TargetId;
use crate::plan::{Plan, PlanTarget};
use crate::procedure::text::plural;
use crate::target::Environment;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Greatest age that a policy may allow, in days.
pub const MAX_AGE_DAYS: u32 = 365;

/// The rehearsal that a policy demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// Where it has to have run; empty is anywhere lower than the database itself.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub environments: BTreeSet<Environment>,
    /// It ended at most so many days before the start.
    pub max_age_days: u32,
}

/// What counts where no policy demands one: it is shown to whoever approves, and nothing depends on it.
pub static LENIENT: Demand = Demand { environments: BTreeSet::new(), max_age_days: 90 };

impl Demand {
    /// Whether a database that belongs to `lower` may rehearse for one that belongs to `of`.
    #[must_use]
    pub fn takes(&self, lower: Environment, of: Environment) -> bool {
        lower < of && (self.environments.is_empty() || self.environments.contains(&lower))
    }

    /// Where one could be rehearsed that belongs to `of`, the nearest first; nowhere for the lowest.
    #[must_use]
    pub fn places(&self, of: Environment) -> Vec<Environment> {
        Environment::ALL.iter().rev().copied().filter(|lower| self.takes(*lower, of)).collect()
    }

    /// Whether what ended then is young enough for this start.
    #[must_use]
    pub fn is_young(&self, ended_at: Timestamp, start: Timestamp) -> bool {
        start.duration_since(ended_at) <= SignedDuration::from_hours(24 * i64::from(self.max_age_days))
    }

    /// Which databases, as half a sentence: `staging or test database`.
    #[must_use]
    pub fn of_which(&self) -> String {
        if self.environments.is_empty() {
            return "database of a lower environment".to_owned();
        }
        let words: Vec<&str> = self.environments.iter().rev().map(|one| one.word()).collect();
        format!("{} database", either(&words))
    }

    /// What it asks for, after “needs a rehearsal: ”.
    #[must_use]
    pub fn said(&self) -> String {
        format!(
            "the same procedure with the same thresholds, run clean on another {} of the same team, at most {} before the start",
            self.of_which(),
            plural(self.max_age_days.into(), "day", "days")
        )
    }
}

pub(super) fn either(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// One database of a plan, as far as its rehearsal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// Which.
    pub target: TargetId,
    /// Its short name.
    pub name: &'a str,
    /// Where it belongs.
    pub environment: Environment,
    /// In which wave it is worked on, from 1.
    pub wave: u32,
    /// Name of the policy that rules it.
    pub policy: &'a str,
    /// What that demands.
    pub demand: Option<&'a Demand>,
}

impl Part<'_> {
    /// What counts for it: what its policy demands, or what is worth showing.
    #[must_use]
    pub fn measure(&self) -> &Demand {
        self.demand.unwrap_or(&LENIENT)
    }
}

/// Whether one of these databases is worked on before `own`, and counts for it: its wave ends clean, or that of `own` is never opened.
fn covered(parts: &[Part<'_>], own: &Part<'_>, demand: &Demand) -> bool {
    parts.iter().any(|other| other.wave < own.wave && demand.takes(other.environment, own.environment))
}

/// The databases that are rehearsed apart from their window: those whose policy demands it and that no earlier wave rehearses. Where no policy
/// demands anything, those of the highest environment.
#[must_use]
pub fn uncovered<'p, 'a>(parts: &'p [Part<'a>]) -> Vec<&'p Part<'a>> {
    let open: Vec<&Part<'a>> = parts.iter().filter(|part| !covered(parts, part, part.measure())).collect();
    let demanded: Vec<&Part<'a>> = open.iter().copied().filter(|part| part.demand.is_some()).collect();
    if !demanded.is_empty() {
        return demanded;
    }
    let highest = parts.iter().map(|part| part.environment).max();
    open.into_iter().filter(|part| Some(part.environment) == highest).collect()
}

fn part<'p>(plan: &'p Plan, target: &'p PlanTarget, demand: Option<&'p Demand>) -> Part<'p> {
    // A word that no environment bears stands above all of them: nothing that is not known is rehearsed too easily, and it rehearses nothing.
    let environment = Environment::from_word(&target.environment).unwrap_or(Environment::Production);
    Part { target: target.id, name: &target.short_name, environment, wave: plan.wave_of(target.id), policy: &plan.policy.name, demand }
}

/// What a sealed plan lacks for one of its databases by this policy: the sealed one, or today's.
#[must_use]
pub fn missing(plan: &Plan, target: &PlanTarget, policy: &Policy) -> Option<Refusal> {
    let demand = policy.rehearsal.as_ref()?;
    let own = part(plan, target, Some(demand));
    let parts: Vec<Part<'_>> = plan.targets.iter().map(|other| part(plan, other, None)).collect();
    if covered(&parts, &own, demand) || plan.rehearsal.as_ref().is_some_and(|sealed| satisfies(sealed, &own, demand, plan.times.start)) {
        return None;
    }
    let what = if plan.rehearsal.is_some() { "the one in this plan does not count for it" } else { "this plan has none" };
    Some(Refusal::new(
        "rehearsal",
        format!("The policy demands a rehearsal ({}), and {what}.", demand.said()),
        "Rehearse it there, then edit the window: the new revision carries the rehearsal, and is approved anew.",
    ))
}

/// What a plan says of a demand that its own order satisfies.
pub const BY_ORDER: &str = "The policy demands a rehearsal, and the order gives it: a lower database stands in an earlier wave, and the next wave begins only when everything before it ended clean.";

/// Whether a sealed plan whose policy demands a rehearsal is rehearsed by its own order.
#[must_use]
pub fn is_by_order(plan: &Plan) -> bool {
    plan.rehearsal.is_none() && plan.asks().any(|(_, policy, _)| policy.rules.rehearsal.is_some())
}

fn satisfies(sealed: &Rehearsal, own: &Part<'_>, demand: &Demand, start: Timestamp) -> bool {
    sealed.target != own.target && demand.takes(sealed.environment, own.environment) && demand.is_young(sealed.ended_at, start)
}
