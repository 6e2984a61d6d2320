//! Calls of an own procedure: another program is told to do something, such as to keep traffic away, and the run goes on when it says yes.
//!
//! Whom it calls stands in the file by name and by origin, so that people who read it know where a call goes; the address itself, and what the
//! call is signed with, are those of a registered receiver of events. A receiver that was moved or paused since is not called.

use super::own_file::FIELD;
use super::{Procedure, RiskClass, StepClass, StepKind, StepTemplate};
use crate::people;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the key of every such step begins with, and of none in the library.
pub const PREFIX: &str = "webhook_";

/// Most of them in one procedure.
pub const MOST: usize = 5;

/// How often a receiver is called before a person is asked.
pub const MOST_TRIES: u32 = 3;

/// What each is planned with, in milliseconds: all tries of one that does not answer, and the pauses between them.
pub const PLANNED_MS: u64 = 60_000;

/// A step that another program does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// [`PREFIX`], then small letters, digits and `_`; the steps name it where it belongs.
    pub key: String,
    /// As pages call it, 1 to 80 characters.
    pub title: String,
    /// Name of the registered receiver, 1 to 80 characters.
    pub receiver: String,
    /// Scheme, host and port of it, such as `https://pool.example.org`.
    pub origin: String,
    /// What it does when it is called, 1 to 500 characters.
    pub does: String,
    /// How to take it back by hand, 1 to 500 characters; "nothing to undo" is an answer too.
    pub back: String,
    /// The worst it can do to the people who use the database: policies ask by it who has to agree.
    pub risk: RiskClass,
    /// Key of an earlier call that it takes back: once that one may have had its effect this one is made, however the run ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes: Option<String>,
}

impl Call {
    /// As the procedure has it among its steps.
    #[must_use]
    pub fn template(&self) -> StepTemplate {
        let always = self.closes.as_ref().map(|opens| format!(" Once {opens} was called, this is called however the run ends."));
        let always = always.unwrap_or_default();
        StepTemplate {
            key: self.key.clone(),
            name: self.title.clone(),
            kind: StepKind::Webhook,
            class: if self.closes.is_some() { StepClass::Safing } else { StepClass::Repeatable },
            risk: self.risk,
            acts: vec![],
            does: format!("Calls “{}” at {}: {}{always}", self.receiver, self.origin, self.does),
            verified_by: format!("The receiver says yes, in at most {MOST_TRIES} tries; otherwise the run waits for a person."),
            rollback: self.back.clone(),
        }
    }

    fn check(&self, place: &str, wrong: &mut impl FnMut(&str, &str)) {
        let rest = self.key.strip_prefix(PREFIX).unwrap_or_default();
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !(2..=40).contains(&rest.len()) || !rest.chars().all(letters) {
            wrong(
                &format!("{place}, key"),
                "begin with webhook_, then give 2 to 40 small letters, digits and underscores. Example: webhook_pause.",
            );
        }
        for (name, text) in [("title", &self.title), ("receiver", &self.receiver)] {
            if let Err(error) = people::label(FIELD, text, 80) {
                wrong(&format!("{place}, {name}"), &error.message);
            }
        }
        let origin = people::label(FIELD, &self.origin, 300);
        if origin.as_ref() != Ok(&self.origin)
            || self.origin.split_once("://").is_none_or(|(_, host)| host.is_empty() || host.contains('/'))
        {
            wrong(
                &format!("{place}, origin"),
                "give scheme and host, and the port where it is an unusual one, as the page of the receiver shows it. Example: https://pool.example.org.",
            );
        }
        for (name, text) in [("does", &self.does), ("back", &self.back)] {
            if let Err(error) = people::text(FIELD, text, 1, 500) {
                wrong(&format!("{place}, {name}"), &error.message);
            }
        }
    }
}

/// Everything that is wrong with them, where `named` are the keys that the steps name.
pub(super) fn check(all: &[Call], named: &[String], wrong: &mut impl FnMut(&str, &str)) {
    if all.len() > MOST {
        wrong("webhook", &format!("at most {MOST} calls; this has {}.", all.len()));
    }
    let at = |key: &String| named.iter().position(|one| one == key);
    let (mut seen, mut closed) = (BTreeSet::new(), BTreeSet::new());
    for (one, n) in all.iter().zip(1..) {
        let place = format!("webhook {n}");
        one.check(&place, wrong);
        if !seen.insert(&one.key) {
            wrong(&format!("{place}, key"), "another step has this key.");
        }
        if at(&one.key).is_none() {
            wrong(&format!("{place}, key"), "no step names it. Write the key into steps, where it is called.");
        }
        let Some(opens) = &one.closes else { continue };
        if !all.iter().any(|other| other.key == *opens && other.closes.is_none() && at(opens) < at(&one.key)) {
            wrong(&format!("{place}, closes"), "give the key of an earlier [[webhook]] that this one takes back.");
        } else if !closed.insert(opens) {
            wrong(&format!("{place}, closes"), "another one takes that back already.");
        }
    }
}

impl Procedure {
    /// Its calls, in the order of the file.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        self.own.as_ref().map(|own| own.calls.as_slice()).unwrap_or_default()
    }

    /// The call with this key.
    #[must_use]
    pub fn call(&self, key: &str) -> Option<&Call> {
        self.calls().iter().find(|call| call.key == key)
    }

    /// Those that take back what may have had its effect, and were not made themselves: `asked` are keys of the calls that were begun, `done`
    /// of those that are over.
    pub fn calls_to_close<'p>(&'p self, asked: &BTreeSet<String>, done: &BTreeSet<String>) -> impl Iterator<Item = &'p Call> {
        self.calls().iter().filter(|call| call.closes.as_ref().is_some_and(|opens| asked.contains(opens)) && !done.contains(&call.key))
    }
}
