//! The envelope: the limits people approve, and whether a work list stays inside them.

use super::{Act, LeftOut, ObjectKind, ObjectRule, RiskClass, Selection, WorkItem, WorkList, text};
use crate::change::{Script, is_sent};
use serde::{Deserialize, Serialize};

/// What was approved where work is selected by need. Embedded in the plan, so its bytes are under the digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Keys of the procedure's steps that may run, in their order of execution.
    pub steps: Vec<String>,
    /// Objects that may be touched; empty means all that the selectors look at.
    pub allowed: Vec<ObjectRule>,
    /// Objects that may not, whatever `allowed` says.
    pub excluded: Vec<ObjectRule>,
    /// No item may be worse.
    pub highest_risk: RiskClass,
    /// No more items than this.
    pub most_objects: u32,
    /// No more bytes touched than this, summed over the items.
    pub most_bytes: u64,
    /// The texts that were approved word by word, in their order; nothing else of that kind is sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<Script>,
}

/// What puts an item, or the whole list, outside the envelope. `ordinal` is the item's position, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[expect(missing_docs, reason = "the fields are the words of the sentence each variant prints")]
pub enum Violation {
    /// The step was not approved.
    Step { ordinal: u32, object: String, step: String },
    /// The item comes after one of a later step.
    Order { ordinal: u32, object: String, step: String },
    /// The object is on no list of allowed objects.
    NotAllowed { ordinal: u32, object: String },
    /// The object is excluded.
    Excluded { ordinal: u32, object: String, rule: ObjectRule },
    /// The item is riskier than approved.
    Risk { ordinal: u32, object: String, risk: RiskClass, highest_risk: RiskClass },
    /// Statement, lock, class or risk are not those of the act: the item was not made by the selectors.
    Altered { ordinal: u32, object: String },
    /// The same act on the same object stands on the list twice.
    Twice { ordinal: u32, object: String },
    /// More objects than approved.
    Objects { ordinal: u32, object: String, most_objects: u32 },
    /// More bytes than approved.
    Bytes { ordinal: u32, object: String, bytes: u64, most_bytes: u64 },
}

impl Violation {
    /// The position of the item it speaks of, from 1.
    pub const fn ordinal(&self) -> u32 {
        match self {
            Self::Step { ordinal, .. }
            | Self::Order { ordinal, .. }
            | Self::NotAllowed { ordinal, .. }
            | Self::Excluded { ordinal, .. }
            | Self::Risk { ordinal, .. }
            | Self::Altered { ordinal, .. }
            | Self::Twice { ordinal, .. }
            | Self::Objects { ordinal, .. }
            | Self::Bytes { ordinal, .. } => *ordinal,
        }
    }
    /// Whether the risk class would rise: then the run holds instead of skipping the item.
    pub const fn raises_risk(&self) -> bool {
        matches!(self, Self::Risk { .. } | Self::Altered { .. })
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Step { object, step, .. } => write!(f, "{object}: the step \"{step}\" is not in the approved plan"),
            Self::Order { object, step, .. } => write!(f, "{object}: \"{step}\" would run after a step that must follow it"),
            Self::NotAllowed { object, .. } => write!(f, "{object} is not among the objects the plan allows"),
            Self::Excluded { object, rule, .. } => write!(f, "{object} is excluded by the plan ({rule})"),
            Self::Risk { object, risk, highest_risk, .. } => {
                write!(f, "{object}: risk {} ({}), approved was at most {}", risk.word(), risk.label(), highest_risk.word())
            }
            Self::Altered { object, .. } => write!(f, "{object}: the statement is not the one its procedure makes"),
            Self::Twice { object, .. } => write!(f, "{object} is on the list twice"),
            Self::Objects { object, most_objects, .. } => {
                write!(f, "{object}: the plan allows {} only", text::plural((*most_objects).into(), "object", "objects"))
            }
            Self::Bytes { object, bytes, most_bytes, .. } => {
                write!(f, "{object}: with it the work would touch {}, the plan allows {}", text::size(*bytes), text::size(*most_bytes))
            }
        }
    }
}

/// Everything that puts `list` outside `envelope`; empty means it may run.
pub fn within(envelope: &Envelope, list: &WorkList) -> Vec<Violation> {
    let mut seen = Tally::default();
    let mut found = Vec::new();
    for (item, ordinal) in list.items.iter().zip(1..) {
        found.extend(envelope.against(item, ordinal, &seen));
        seen.count(envelope, item);
    }
    found
}

/// Leaves out what is outside the envelope, and says why; `selection.items` are in the order of execution. The list's
/// items are always [`within`]; the violations come back apart, because one that raises the risk holds the run.
pub fn trim(envelope: &Envelope, selection: Selection) -> (WorkList, Vec<Violation>) {
    let selection = selection.bounded();
    let mut seen = Tally::default();
    let mut violations = Vec::new();
    let left_out =
        selection.passed_over.into_iter().map(|passed| LeftOut { object: passed.object.name.to_string(), reason: passed.reason }).collect();
    let mut list = WorkList { left_out, findings: selection.findings, more_findings: selection.more_findings, ..WorkList::default() };
    for (item, ordinal) in selection.items.into_iter().zip(1..) {
        let against = envelope.against(&item, ordinal, &seen);
        if against.is_empty() {
            seen.count(envelope, &item);
            list.items.push(item);
        } else {
            let reason = against.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            list.left_out.push(LeftOut { object: item.object.name.to_string(), reason });
            violations.extend(against);
        }
    }
    (list, violations)
}

/// What earlier items have used up.
#[derive(Default)]
struct Tally {
    objects: u32,
    bytes: u64,
    step: usize,
    acts: std::collections::BTreeSet<(super::Act, super::ObjectName)>,
}

impl Tally {
    fn count(&mut self, envelope: &Envelope, item: &WorkItem) {
        // What was approved word by word takes nothing from what may be selected beside it.
        if item.script.is_none() {
            self.objects = self.objects.saturating_add(1);
            self.bytes = self.bytes.saturating_add(item.bytes);
        }
        self.step = self.step.max(envelope.steps.iter().position(|step| *step == item.step).unwrap_or(0));
        self.acts.insert((item.act, item.object.name.clone()));
    }
}

impl Envelope {
    /// Whether the plan lets this object be touched at all; the selectors use it to look no further.
    pub fn admits(&self, object: &super::Object) -> bool {
        (self.allowed.is_empty() || self.allowed.iter().any(|rule| rule.matches(object)))
            && !self.excluded.iter().any(|rule| rule.matches(object))
    }

    /// Whether work is selected by need.
    #[must_use]
    pub fn selects(&self) -> bool {
        self.steps.iter().any(|step| !is_sent(step))
    }

    fn against(&self, item: &WorkItem, ordinal: u32, seen: &Tally) -> Vec<Violation> {
        let object = item.object.name.to_string();
        let mut found = Vec::new();
        match self.steps.iter().position(|step| *step == item.step) {
            None => found.push(Violation::Step { ordinal, object: object.clone(), step: item.step.clone() }),
            Some(position) if position < seen.step => {
                found.push(Violation::Order { ordinal, object: object.clone(), step: item.step.clone() });
            }
            Some(_) => {}
        }
        if item.script.is_none() {
            found.extend(self.selected_against(item, ordinal, seen));
        }
        let risk = item.risk.max(item.act.risk());
        if risk > self.highest_risk {
            found.push(Violation::Risk { ordinal, object: object.clone(), risk, highest_risk: self.highest_risk });
        }
        if self.altered(item) {
            found.push(Violation::Altered { ordinal, object: object.clone() });
        }
        if seen.acts.contains(&(item.act, item.object.name.clone())) {
            found.push(Violation::Twice { ordinal, object });
        }
        found
    }

    /// The limits of what is selected; a text was approved as it is.
    fn selected_against(&self, item: &WorkItem, ordinal: u32, seen: &Tally) -> Vec<Violation> {
        let object = item.object.name.to_string();
        let mut found = Vec::new();
        if !self.allowed.is_empty() && !self.allowed.iter().any(|rule| rule.matches(&item.object)) {
            found.push(Violation::NotAllowed { ordinal, object: object.clone() });
        }
        if let Some(rule) = self.excluded.iter().find(|rule| rule.matches(&item.object)) {
            found.push(Violation::Excluded { ordinal, object: object.clone(), rule: rule.clone() });
        }
        if seen.objects >= self.most_objects {
            found.push(Violation::Objects { ordinal, object: object.clone(), most_objects: self.most_objects });
        }
        let bytes = seen.bytes.saturating_add(item.bytes);
        if bytes > self.most_bytes {
            found.push(Violation::Bytes { ordinal, object, bytes, most_bytes: self.most_bytes });
        }
        found
    }

    /// Whether the item differs from what its act makes of its object; a script from the one that was approved.
    fn altered(&self, item: &WorkItem) -> bool {
        let act = item.act;
        if matches!(act, Act::Apply | Act::ApplyAlone) {
            let approved = self.scripts.iter().find(|script| script.name == item.object.name);
            // What a look at the database says of it is no part of what was approved.
            let made = |script| WorkItem { measure: item.measure.clone(), ..WorkItem::scripted(&item.step, script, item.estimate) };
            return approved.is_none_or(|script| *item != made(script));
        }
        item.script.is_some()
            || item.statement != act.statement(&item.object.name)
            || item.lock != act.lock()
            || item.risk != act.risk()
            || item.class != act.class()
            || item.debris.as_deref() != act.debris()
            || !act.applies_to(item.object.kind)
            || (item.object.kind == ObjectKind::Index) != item.object.table.is_some()
    }
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
