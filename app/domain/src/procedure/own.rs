//! Own procedures: composed by people from the steps of the library, with thresholds and questions of their own. Each
//! step is taken as the library has it, word by word, so nothing runs that the library would not run; what is chosen, its order, the thresholds
//! and the questions are part of the digest that approvers agree to. Instead of steps a procedure may have a text of SQL, which is sent as a
//! change of design is, and is sealed in each plan like one.

use super::by_hand::ByHand;
use super::call::Call;
use super::own_sql::{OwnSql, OwnValue};
use super::{Parameters, Procedure, StepKind, StepTemplate, library};
use crate::approval::change::heard;
use crate::change::is_sent;
use crate::checklist::PlannedCheck;
use crate::decision::Refusal;
use crate::ids::PersonId;
use crate::voice::Voice;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the key of every own procedure begins with, and of none in the library.
pub const PREFIX: &str = "own_";

/// Most questions for the validation list.
pub const MOST_CHECKS: usize = 10;

/// What an own procedure has besides its steps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    /// What it is for, in one sentence.
    pub about: String,
    /// Thresholds that differ from the library's, by name. Whoever proposes a window may still change them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub thresholds: BTreeMap<String, u64>,
    /// What people answer on the validation list, after what every window has there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<OwnCheck>,
    /// Exact SQL, where one of its steps sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<OwnSql>,
    /// What is typed each time, for the SQL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<OwnValue>,
    /// What people do while the run waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_hand: Vec<ByHand>,
    /// What other programs do while the run waits.
    #[serde(default, rename = "webhook", skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
}

/// A question for the validation list, which a person answers with evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnCheck {
    /// As the list shows it, 1 to 80 characters.
    pub title: String,
    /// What is looked at and what counts as green, 1 to 500 characters.
    pub rule: String,
}

/// The steps that can be chosen, as the newest versions of the library have them.
#[must_use]
pub fn catalogue() -> Vec<StepTemplate> {
    let mut found: Vec<StepTemplate> = Vec::new();
    for procedure in library::all().into_iter().filter(|procedure| !library::is_typed(&procedure.key)) {
        for step in procedure.steps.into_iter().filter(StepTemplate::is_surveyed) {
            if !found.iter().any(|known| known.key == step.key) {
                found.push(step);
            }
        }
    }
    found
}

/// Whether this program carries every step of an own procedure, word by word; what was approved is never run by steps that read otherwise.
#[must_use]
pub fn is_carried(procedure: &Procedure) -> bool {
    let carried = library::carried();
    let known = |step: &StepTemplate| carried.iter().any(|procedure| procedure.step(&step.key) == Some(step));
    let Some(own) = procedure.own.as_ref().filter(|_| procedure.key.starts_with(PREFIX)) else { return false };
    let outside = |step: &StepTemplate| {
        own.by_hand.iter().map(ByHand::template).chain(own.calls.iter().map(Call::template)).any(|template| template == *step)
    };
    let harmless = |step: &StepTemplate| matches!(step.kind, StepKind::Check | StepKind::Action | StepKind::Review | StepKind::Probe);
    if own.sql.is_none() {
        return procedure.steps.iter().all(|step| outside(step) || (known(step) && harmless(step)));
    }
    // Whatever is sent stands in the plan: one step sends it, between the ends of a design change.
    let works = |step: &StepTemplate| known(step) && matches!(step.kind, StepKind::Action | StepKind::Review);
    let steps: Vec<&StepTemplate> = procedure.steps.iter().filter(|step| !(outside(step) || works(step))).collect();
    library::carried().iter().any(|one| one.key == library::DESIGN_CHANGE_POSTGRESQL && one.steps.iter().collect::<Vec<_>>() == steps)
}

/// Of an own procedure the keys of those of the library whose work it does: every act of it, or of one that only looks some of what it looks at.
/// Nothing for those of the library themselves.
#[must_use]
pub fn alike(procedure: &Procedure) -> BTreeSet<String> {
    if !procedure.is_own() {
        return BTreeSet::new();
    }
    let keys = |of: &Procedure, acts: bool| -> BTreeSet<String> {
        of.steps.iter().filter(|step| step.is_surveyed() && step.acts.is_empty() != acts).map(|step| step.key.clone()).collect()
    };
    let (acts, looks) = (keys(procedure, true), keys(procedure, false));
    // What it sends is ruled as a design change, and what it selects besides as what selects it.
    let (sent, selected): (BTreeSet<String>, BTreeSet<String>) = acts.iter().cloned().partition(|key| is_sent(key));
    let covers = |other: &Procedure| {
        let of = keys(other, true);
        let does = |acts: &BTreeSet<String>| !acts.is_empty() && acts.is_subset(&of);
        if acts.is_empty() { other.only_reads() && !looks.is_disjoint(&keys(other, false)) } else { does(&sent) || does(&selected) }
    };
    library::all().into_iter().filter(covers).map(|other| other.key).collect()
}

impl Own {
    /// Its questions, as a plan holds them.
    pub fn checks(&self) -> impl Iterator<Item = PlannedCheck> + '_ {
        self.checks.iter().zip(1..).map(|(check, n): (_, u32)| PlannedCheck {
            key: format!("{PREFIX}{n}"),
            title: check.title.clone(),
            rule: check.rule.clone(),
            by_probe: false,
        })
    }
}

impl Procedure {
    /// Its thresholds where nobody types others: the library's, and over them its own.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        let own = self.own.as_ref().map(|own| own.thresholds.clone()).unwrap_or_default();
        Parameters::default().with(&own)
    }

    /// What it is for, in one sentence; empty where nobody says.
    #[must_use]
    pub fn about(&self) -> &str {
        self.own.as_ref().map_or_else(|| library::about(&self.key), |own| &own.about)
    }

    /// Whether people composed it.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// The SQL that people agreed on as this procedure, with the values that are typed for it; `None` where it has none.
    #[must_use]
    pub fn own_sql(&self) -> Option<(&OwnSql, &[OwnValue])> {
        self.own.as_ref().and_then(|own| own.sql.as_ref().map(|sql| (sql, own.values.as_slice())))
    }

    /// Whether it sends an exact text, which each plan holds word by word: typed for one occasion, or agreed on before.
    #[must_use]
    pub fn sends_text(&self) -> bool {
        library::is_typed(&self.key) || self.own_sql().is_some()
    }
}

/// The procedures that can be proposed: the library's, and the own ones that count now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shelf {
    /// The own ones, each in the version that counts, by name.
    pub own: Vec<Procedure>,
}

impl Shelf {
    /// The same with this one in the place of any other version of it.
    #[must_use]
    pub fn with(mut self, procedure: Option<Procedure>) -> Self {
        if let Some(procedure) = procedure {
            self.own.retain(|one| one.key != procedure.key);
            self.own.push(procedure);
        }
        self
    }

    /// All of them, the library's first.
    #[must_use]
    pub fn all(&self) -> Vec<Procedure> {
        library::all().into_iter().chain(self.own.iter().cloned()).collect()
    }

    /// The one with this key, in the version that counts.
    #[must_use]
    pub fn by_key(&self, key: &str) -> Option<Procedure> {
        self.own.iter().find(|one| one.key == key).cloned().or_else(|| library::by_key(key))
    }

    /// What people call it; the key where it is on the shelf no more.
    #[must_use]
    pub fn name(&self, key: &str) -> String {
        self.by_key(key).map_or_else(|| key.to_owned(), |procedure| procedure.name)
    }
}

/// Whether this person may let a version count that `proposer` proposed: it takes two, and every step of it has to be one of this program.
pub fn may_agree(person: PersonId, proposer: PersonId, voice: &Voice, procedure: &Procedure) -> Result<(), Refusal> {
    if person == proposer {
        let way_out = "Ask another lead or deputy, or an administrator.";
        return Err(Refusal::new("four_eyes", "You proposed this version, so your agreement does not count.", way_out));
    }
    heard(voice)?;
    if !is_carried(procedure) {
        return Err(Refusal::new(
            "library_changed",
            "The library's steps read otherwise since this version was proposed.",
            "Take it back and propose it again: the page then shows what is different.",
        ));
    }
    Ok(())
}

/// What a version does otherwise than the one before it, in sentences; empty where nothing differs.
#[must_use]
pub fn changes(before: &Procedure, after: &Procedure) -> Vec<String> {
    let mut said = Vec::new();
    let steps = |procedure: &Procedure| procedure.steps.iter().map(|step| step.key.clone()).collect::<Vec<_>>();
    let (old, new) = (steps(before), steps(after));
    let outside = |key: &String| [after, before].iter().find_map(|one| one.step(key).filter(|step| step.is_outside()));
    let name = |key: &String| format!("“{}”", outside(key).map_or_else(|| library::step_name(key), |step| step.name.clone()));
    for key in new.iter().filter(|key| !old.contains(key)) {
        said.push(format!("The step {} is new.", name(key)));
    }
    for key in old.iter().filter(|key| !new.contains(key)) {
        said.push(format!("The step {} is gone.", name(key)));
    }
    let both = |these: &[String], those: &[String]| these.iter().filter(|key| those.contains(key)).cloned().collect::<Vec<_>>();
    if both(&old, &new) != both(&new, &old) {
        said.push("The steps come in another order.".to_owned());
    }
    for key in both(&new, &old) {
        if before.step(&key) != after.step(&key) {
            let whose = if outside(&key).is_some() { "" } else { " in the library" };
            said.push(format!("The step {} reads otherwise{whose}.", name(&key)));
        }
    }
    let (was, is) = (before.parameters(), after.parameters());
    for spec in Parameters::SPECS {
        if let (Some(was), Some(is)) = (was.get(spec.name), is.get(spec.name))
            && was != is
        {
            said.push(format!("{}: {is} {}, it was {was}.", spec.label, spec.unit));
        }
    }
    let checks = |procedure: &Procedure| procedure.own.as_ref().map(|own| own.checks.clone()).unwrap_or_default();
    if checks(before) != checks(after) {
        said.push("The questions for the validation list are others.".to_owned());
    }
    if before.by_hand_ms() != after.by_hand_ms() {
        said.push(format!("Steps by hand take {} minutes, they took {}.", after.by_hand_ms() / 60_000, before.by_hand_ms() / 60_000));
    }
    let sql = |procedure: &Procedure| procedure.own_sql().map(|(sql, values)| (sql.clone(), values.to_vec()));
    if let (Some((was, were)), Some((is, are))) = (sql(before), sql(after)) {
        if was != is {
            said.push("The SQL reads otherwise: compare both texts.".to_owned());
        }
        if were != are {
            said.push("The values that are typed for it are others.".to_owned());
        }
    }
    if (&before.name, before.about()) != (&after.name, after.about()) {
        said.push("It is called or described otherwise.".to_owned());
    }
    said
}

#[cfg(test)]
#[path = "own_tests.rs"]
mod tests;
