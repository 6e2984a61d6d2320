//! Policies, as their page shows them.

use crate::approval::Policy;
use crate::canonical::Digest;
use crate::ids::PolicyId;
use jiff::Timestamp;

/// One policy at its current version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyView {
    /// Identity.
    pub id: PolicyId,
    /// Its name.
    pub name: String,
    /// Environments it rules.
    pub environments: Vec<String>,
    /// Current version.
    pub version: i32,
    /// Its rules.
    pub rules: Policy,
    /// Digest of the rules.
    pub digest: Digest,
    /// Who saved this version; `None` for the first one.
    pub saved_by: Option<String>,
    /// When.
    pub saved_at: Timestamp,
}

/// The rules of a policy, one sentence each.
#[must_use]
pub fn sentences(policy: &Policy) -> Vec<String> {
    let mut lines: Vec<String> = policy
        .rules
        .iter()
        .map(|rule| format!("{} of the {}, known at least {}", rule.need, rule.group.label(), rule.assurance.label()))
        .collect();
    if policy.rules.iter().map(|rule| rule.need).sum::<u32>() > 1 {
        lines.push("All of them different people; nobody who wrote a revision counts.".into());
    } else {
        lines.push("Nobody who wrote a revision counts.".into());
    }
    lines.push("One rejection ends the window.".into());
    lines.push(match policy.decide_before_start_min {
        0 => "Decisions are possible until the latest start.".into(),
        minutes => format!("Decisions are possible until {minutes} minutes before the latest start."),
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_policies_read_as_sentences() {
        assert_eq!(
            sentences(&Policy::standard()),
            [
                "1 of the stakeholders of the database, known at least by the link in the mail",
                "1 of the leads and deputies of the owner team, known at least by the link in the mail",
                "All of them different people; nobody who wrote a revision counts.",
                "One rejection ends the window.",
                "Decisions are possible until the latest start."
            ]
        );
    }
}
