//! Steps by hand of an own procedure: what a person does while the run waits, on something that Drydock does not reach.
//!
//! Such a step selects no work. The run holds before it, says what is to be done, and goes on when somebody says that it is done, with what they
//! saw; so nothing after it begins before.

use super::own_file::FIELD;
use super::{Procedure, RiskClass, StepClass, StepKind, StepTemplate, call};
use crate::people;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the key of every such step begins with, and of none in the library.
pub const PREFIX: &str = "by_hand_";

/// Most of them in one procedure.
pub const MOST: usize = 5;

/// Longest that one is planned with, in minutes: whoever needs more plans two windows.
pub const MOST_MINUTES: u64 = 240;

/// A step that a person does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByHand {
    /// [`PREFIX`], then small letters, digits and `_`; the steps name it where it belongs.
    pub key: String,
    /// As pages call it, 1 to 80 characters.
    pub title: String,
    /// What is done, 1 to 500 characters.
    pub does: String,
    /// How to take it back, 1 to 500 characters; "nothing to undo" is an answer too.
    pub back: String,
    /// The worst it can do to the people who use the database: policies ask by it who has to agree.
    pub risk: RiskClass,
    /// How long it takes, 1 to [`MOST_MINUTES`] minutes: the work of the window is planned with so much less.
    pub minutes: u64,
}

impl ByHand {
    /// As the procedure has it among its steps.
    #[must_use]
    pub fn template(&self) -> StepTemplate {
        StepTemplate {
            key: self.key.clone(),
            name: self.title.clone(),
            kind: StepKind::Manual,
            class: StepClass::Once,
            risk: self.risk,
            acts: vec![],
            does: format!("By hand, planned with {} min: {}", self.minutes, self.does),
            verified_by: "Whoever does it says on the page of the run that it is done, and what they saw.".to_owned(),
            rollback: self.back.clone(),
        }
    }

    fn check(&self, place: &str, wrong: &mut impl FnMut(&str, &str)) {
        let rest = self.key.strip_prefix(PREFIX).unwrap_or_default();
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !(2..=40).contains(&rest.len()) || !rest.chars().all(letters) {
            wrong(
                &format!("{place}, key"),
                "begin with by_hand_, then give 2 to 40 small letters, digits and underscores. Example: by_hand_pool.",
            );
        }
        if let Err(error) = people::label(FIELD, &self.title, 80) {
            wrong(&format!("{place}, title"), &error.message);
        }
        for (name, text) in [("does", &self.does), ("back", &self.back)] {
            if let Err(error) = people::text(FIELD, text, 1, 500) {
                wrong(&format!("{place}, {name}"), &error.message);
            }
        }
        if !(1..=MOST_MINUTES).contains(&self.minutes) {
            wrong(&format!("{place}, minutes"), &format!("from 1 to {MOST_MINUTES}: so much less time is left for the other steps."));
        }
    }
}

/// Everything that is wrong with them, where `named` are the keys that the steps name.
pub(super) fn check(all: &[ByHand], named: &[String], wrong: &mut impl FnMut(&str, &str)) {
    if all.len() > MOST {
        wrong("by_hand", &format!("at most {MOST} steps by hand; this has {}.", all.len()));
    }
    let mut seen = BTreeSet::new();
    for (one, n) in all.iter().zip(1..) {
        one.check(&format!("by_hand {n}"), wrong);
        if !seen.insert(&one.key) {
            wrong(&format!("by_hand {n}, key"), "another step has this key.");
        }
        if !named.contains(&one.key) {
            wrong(&format!("by_hand {n}, key"), "no step names it. Write the key into steps, where it is to be done.");
        }
    }
}

impl Procedure {
    /// Its steps outside the database, by people and by other programs, in their order.
    pub fn outside(&self) -> impl Iterator<Item = &StepTemplate> {
        self.steps.iter().filter(|step| step.is_outside())
    }

    /// How long its steps by hand are planned with, in milliseconds.
    #[must_use]
    pub fn by_hand_ms(&self) -> u64 {
        let minutes = self.own.iter().flat_map(|own| &own.by_hand).map(|one| one.minutes).sum::<u64>();
        minutes.saturating_mul(60_000)
    }

    /// How long all its steps outside the database are planned with, in milliseconds.
    #[must_use]
    pub fn outside_ms(&self) -> u64 {
        self.by_hand_ms().saturating_add(call::PLANNED_MS.saturating_mul(self.calls().len() as u64))
    }

    /// Its first step outside the database that comes before the step with this key, all of them where that is `None`, and is not among `done`.
    #[must_use]
    pub fn next_outside(&self, before: Option<&str>, done: &BTreeSet<String>) -> Option<&StepTemplate> {
        let end = before.map_or(Some(self.steps.len()), |key| self.position(key)).unwrap_or(0);
        self.steps[..end].iter().find(|step| step.is_outside() && !done.contains(&step.key))
    }
}
