//! Findings: what a step saw and nobody works on in this run, with advice. "Cannot see" is a finding too, and never "nothing found".

use super::ObjectName;
use crate::people::words;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A list holds no more findings than this; the rest is counted. A page and a mail stay readable, and a list fits in memory many times.
pub const MOST_FINDINGS: usize = 2_000;

/// The kind of a finding that says that a step could not look.
pub const CANNOT_SEE: &str = "cannot_see";

/// How soon somebody has to do something; ordered, the most pressing last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingLevel {
    /// Worth knowing; nothing has to be done.
    Note,
    /// Somebody should decide on it in the next weeks.
    Attention,
    /// Somebody has to act now: it becomes an outage, or hides one.
    Urgent,
}

words!(FindingLevel {
    FindingLevel::Note = "note" / "Note",
    FindingLevel::Attention = "attention" / "Needs attention",
    FindingLevel::Urgent = "urgent" / "Urgent",
});

/// One thing a step found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The key of the step that found it.
    pub step: String,
    /// What it is: a word for machines in snake case, such as `invalid_index`.
    pub kind: String,
    /// How soon somebody has to do something.
    pub level: FindingLevel,
    /// What it is about, as people write its name; `None` where it is about the database or the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What was found, in a sentence.
    pub sentence: String,
    /// What to do about it, in a sentence.
    pub advice: String,
    /// The numbers behind it; each name ends in its unit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, i64>,
}

impl Finding {
    /// Makes a finding about nothing in particular, without figures.
    pub fn new(step: &str, kind: &str, level: FindingLevel, sentence: impl Into<String>, advice: impl Into<String>) -> Self {
        let (step, kind) = (step.to_owned(), kind.to_owned());
        Self { step, kind, level, object: None, sentence: sentence.into(), advice: advice.into(), figures: BTreeMap::new() }
    }

    /// Says that a step, or a part of it, could not look: what was not seen, and what would make it visible.
    pub fn cannot_see(step: &str, sentence: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(step, CANNOT_SEE, FindingLevel::Attention, sentence, advice)
    }

    /// Says what it is about.
    #[must_use]
    pub fn about(self, name: &ObjectName) -> Self {
        self.called(name.to_string())
    }

    /// Says what it is about, where that is no relation: a schema, a role, a setting.
    #[must_use]
    pub fn called(mut self, name: impl Into<String>) -> Self {
        self.object = Some(name.into());
        self
    }

    /// Adds a number; beyond `i64` it is capped.
    #[must_use]
    pub fn figure(mut self, name: &str, n: u64) -> Self {
        self.figures.insert(name.to_owned(), i64::try_from(n).unwrap_or(i64::MAX));
        self
    }

    /// Whether it says that something could not be looked at.
    pub fn is_blind(&self) -> bool {
        self.kind == CANNOT_SEE
    }
}

/// At most [`MOST_FINDINGS`] of them in their order, the most pressing before others; and how many were left off.
pub fn capped(findings: Vec<Finding>) -> (Vec<Finding>, u64) {
    let over = findings.len().saturating_sub(MOST_FINDINGS);
    if over == 0 {
        return (findings, 0);
    }
    // What could not be seen stays like what is urgent: without it the list would claim more than it knows.
    let weight = |finding: &Finding| if finding.is_blind() { FindingLevel::Urgent } else { finding.level };
    let mut ranked: Vec<_> = findings.into_iter().enumerate().collect();
    ranked.sort_by_key(|(at, finding)| (std::cmp::Reverse(weight(finding)), *at));
    ranked.truncate(MOST_FINDINGS);
    ranked.sort_by_key(|(at, _)| *at);
    (ranked.into_iter().map(|(_, finding)| finding).collect(), u64::try_from(over).unwrap_or(u64::MAX))
}

/// The findings of one step at one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The key of the step.
    pub step: String,
    /// How soon somebody has to do something.
    pub level: FindingLevel,
    /// In the order in which they were found.
    pub findings: Vec<Finding>,
}

/// By step in the order of their first findings; within a step the most pressing first.
pub fn grouped(findings: Vec<Finding>) -> Vec<Group> {
    let mut steps: Vec<String> = Vec::new();
    for finding in &findings {
        if !steps.contains(&finding.step) {
            steps.push(finding.step.clone());
        }
    }
    let mut groups: BTreeMap<(usize, std::cmp::Reverse<FindingLevel>), Vec<Finding>> = BTreeMap::new();
    for finding in findings {
        let place = steps.iter().position(|step| *step == finding.step).unwrap_or(0);
        groups.entry((place, std::cmp::Reverse(finding.level))).or_default().push(finding);
    }
    groups.into_iter().map(|((place, std::cmp::Reverse(level)), findings)| Group { step: steps[place].clone(), level, findings }).collect()
}

/// `3 findings: 1 urgent, 2 notes`; nothing where there are none.
pub fn counted(findings: &[Finding], more: u64) -> Option<String> {
    let all = u64::try_from(findings.len()).unwrap_or(u64::MAX).saturating_add(more);
    if all == 0 {
        return None;
    }
    let of = |level: FindingLevel| findings.iter().filter(|finding| finding.level == level).count();
    let mut parts: Vec<String> = FindingLevel::ALL
        .iter()
        .rev()
        .filter(|level| of(**level) > 0)
        .map(|level| format!("{} {}", of(*level), level.label().to_lowercase()))
        .collect();
    if more > 0 {
        parts.push(format!("{} more are not listed", super::text::count(more)));
    }
    Some(format!("{}: {}", super::text::plural(all, "finding", "findings"), parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn finding(step: &str, level: FindingLevel) -> Finding {
        Finding::new(step, "some_kind", level, "Something was found.", "Do something about it.")
    }

    #[test]
    fn groups_follow_the_steps_and_within_them_the_pressing_first() {
        use FindingLevel::{Attention, Note, Urgent};
        let found = [("space", Note), ("roles", Attention), ("space", Urgent), ("space", Note)].map(|(step, level)| finding(step, level));
        let groups: Vec<_> = grouped(found.to_vec()).into_iter().map(|group| (group.step, group.level, group.findings.len())).collect();
        let expected = [("space", Urgent, 1), ("space", Note, 2), ("roles", Attention, 1)];
        assert_eq!(groups, expected.map(|(step, level, count)| (step.to_owned(), level, count)));
        assert_eq!(counted(&found, 3).as_deref(), Some("7 findings: 1 urgent, 1 needs attention, 2 note, 3 more are not listed"));
        assert_eq!(counted(&[], 0), None);
    }

    #[test]
    fn what_is_read_back_is_what_was_written() {
        let name = ObjectName::new("shop", "Odd \"Q\"\nname").expect("no NUL");
        let blind = Finding::cannot_see("space", "Sizes were not read.", "Grant pg_monitor.").about(&name).figure("size_bytes", u64::MAX);
        let text = serde_json::to_string(&blind).expect("text and integers");
        assert_eq!(serde_json::from_str::<Finding>(&text).expect("own text"), blind);
        assert_eq!(blind.figures["size_bytes"], i64::MAX);
        assert!(blind.is_blind());
    }

    proptest! {
        #[test]
        fn none_is_lost_uncounted_and_the_pressing_stay(levels in proptest::collection::vec(0_usize..3, 0..4_000)) {
            let all: Vec<_> = levels.iter().map(|level| finding("space", FindingLevel::ALL[*level])).collect();
            let (kept, over) = capped(all.clone());
            prop_assert_eq!(kept.len() + usize::try_from(over).expect("small"), all.len());
            prop_assert!(kept.len() <= MOST_FINDINGS);
            let count = |list: &[Finding], level| list.iter().filter(|finding| finding.level == level).count();
            let urgent = count(&all, FindingLevel::Urgent);
            prop_assert_eq!(count(&kept, FindingLevel::Urgent), urgent.min(MOST_FINDINGS));
            if count(&kept, FindingLevel::Note) > 0 {
                prop_assert_eq!(count(&kept, FindingLevel::Attention), count(&all, FindingLevel::Attention));
            }
        }
    }
}
