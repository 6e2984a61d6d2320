//! Policies, as their pages show them.

use super::windows::Change;
use super::windows::blocked::either;
use crate::approval::{Group, Policy, Rule, Scope, Terms};
use crate::canonical::Digest;
use crate::decision::Refusal;
use crate::ids::{PersonId, PolicyChangeId, PolicyId, TeamId};
use crate::procedure;
use crate::procedure::text::plural;
use crate::target::Environment;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What the people and teams that policies speak of are called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// People by name.
    pub people: BTreeMap<PersonId, String>,
    /// Their addresses, as the form wants them.
    pub addresses: BTreeMap<PersonId, String>,
    /// Teams by name: all of them, to choose from.
    pub teams: BTreeMap<TeamId, String>,
}

/// One policy at its current version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyView {
    /// Identity.
    pub id: PolicyId,
    /// Its name.
    pub name: String,
    /// What it rules.
    pub scope: Scope,
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

/// A change that waits for agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeView {
    /// Identity.
    pub id: PolicyChangeId,
    /// Of which policy.
    pub policy: PolicyId,
    /// Its name.
    pub name: String,
    /// The version it would replace; 0 for a new policy.
    pub base_version: i32,
    /// What it would be.
    pub rules: Policy,
    /// Digest of that: what is agreed to.
    pub digest: Digest,
    /// What differs from the current version.
    pub differs: Vec<Change>,
    /// Who proposed it.
    pub proposed_by: String,
    /// When.
    pub proposed_at: Timestamp,
    /// How many have to agree at least.
    pub needed: usize,
    /// How many are missing; with several rules not everybody who agrees fills a seat.
    pub missing: usize,
    /// Who has, and when.
    pub agreed: Vec<(String, Timestamp)>,
    /// Whose agreement would help.
    pub asked: Vec<String>,
    /// Whether the reader may agree, and why not.
    pub agree: Result<(), Refusal>,
    /// The reader may take it back.
    pub may_withdraw: bool,
}

/// The page `/policies`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoliciesPage {
    /// All policies, in the order in which they are asked.
    pub policies: Vec<PolicyView>,
    /// Changes that wait, oldest first.
    pub changes: Vec<ChangeView>,
    /// What people and teams are called.
    pub names: Names,
}

/// The page that changes one policy, or makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFormPage {
    /// The policy; `None` for a new one.
    pub policy: Option<PolicyView>,
    /// A change of it that waits already.
    pub waiting: Option<ChangeView>,
    /// What people and teams are called.
    pub names: Names,
}

/// A group, as half a sentence.
#[must_use]
pub fn group(group: &Group, names: &Names) -> String {
    match group {
        Group::People(people) => {
            let called = |person| names.people.get(person).cloned().unwrap_or_else(|| "somebody unknown".to_owned());
            format!("people named here: {}", people.iter().map(called).collect::<Vec<_>>().join(", "))
        }
        Group::Team(team) => {
            format!("leads and deputies of the team {}", names.teams.get(team).map_or("that is not there any more", String::as_str))
        }
        other => other.label().to_owned(),
    }
}

fn rule(rule: &Rule, staged: bool, names: &Names) -> String {
    let stage = if staged { format!("Stage {}: ", rule.stage + 1) } else { String::new() };
    let how_many = if staged || rule.percent == 0 { rule.how_many() } else { capital(&rule.how_many()) };
    let deny = match rule.deny {
        0 => String::new(),
        1 => "; one rejection among them ends the window".to_owned(),
        n => format!("; {n} rejections among them end the window"),
    };
    format!("{stage}{how_many} of the {}, known at least {}{deny}", group(&rule.group, names), rule.assurance.label())
}

/// Until when people decide, what then, and how often they are reminded.
fn terms(terms: &Terms, names: &Names) -> Vec<String> {
    let mut lines = vec![match (terms.decide_before_start_min, &terms.escalation) {
        (0, _) => "Decisions are possible until the latest start.".to_owned(),
        (minutes, None) => {
            format!("Decisions are possible until {minutes} minutes before the latest start; without quorum it expires then.")
        }
        (minutes, Some(_)) => format!("The quorum has to stand {minutes} minutes before the latest start."),
    }];
    if let Some(second) = &terms.escalation {
        lines.push(format!(
            "If it does not, the {} are asked too, and have {} minutes; without quorum it expires then.",
            group(&second.group, names),
            second.within_min
        ));
    }
    if terms.remind_every_min > 0 {
        lines.push(format!("Whoever is waited for is asked again every {} minutes.", terms.remind_every_min));
    }
    lines
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// The rules of a policy, one sentence each.
#[must_use]
pub fn sentences(policy: &Policy, names: &Names) -> Vec<String> {
    let staged = policy.stages().len() > 1;
    let mut rules: Vec<&Rule> = policy.rules.iter().collect();
    rules.sort_by_key(|rule| rule.stage);
    let mut lines: Vec<String> = rules.into_iter().map(|one| rule(one, staged, names)).collect();
    if staged {
        lines.push("A stage is asked once the one before is complete; a rejection never waits for its turn.".into());
    }
    let more_than_one = policy.rules.iter().map(|rule| rule.need).sum::<u32>() > 1 || policy.rules.iter().any(|rule| rule.percent > 0);
    lines.push(if more_than_one {
        "All of them different people; nobody who wrote a revision counts.".into()
    } else {
        "Nobody who wrote a revision counts.".into()
    });
    lines.push(match policy.deny_threshold {
        0 | 1 => "One rejection ends the window.".into(),
        n => format!("{n} rejections end the window; fewer do not keep it from being approved."),
    });
    if policy.stage_terms.is_empty() {
        lines.extend(terms(&policy.terms(0), names));
    } else {
        for stage in policy.stages() {
            lines.extend(terms(&policy.terms(stage), names).into_iter().map(|line| format!("Stage {}: {line}", stage + 1)));
        }
    }
    if policy.separate_executor {
        lines.push("Whoever approved neither starts the run by hand nor lets it go on after a hold.".into());
    }
    if let Some(demand) = &policy.rehearsal {
        lines
            .push(format!("A window needs a rehearsal: {}. A lower database in an earlier wave of the same window counts.", demand.said()));
    }
    if let Some(hours) = policy.proof_max_age_hours {
        lines.push(format!(
            "Nothing starts without a backup that a worker restored and compared with the database, at most {} old.",
            plural(hours.into(), "hour", "hours")
        ));
    }
    if let Some(risk) = policy.pre_approved {
        lines.push(format!("Approved beforehand, without any vote: windows of risk {} or lower ({}).", risk.word(), risk.label()));
    }
    lines
}

/// What a policy rules, in a line.
#[must_use]
pub fn rules_what(scope: &Scope) -> String {
    if scope.environments.is_empty() {
        return "Nothing: no environment is chosen, so it is switched off".to_owned();
    }
    let label = |word: &String| Environment::from_word(word).map_or_else(|| word.clone(), |one| one.label().to_owned());
    let mut parts = vec![scope.environments.iter().map(label).collect::<Vec<_>>().join(", ")];
    if !scope.tags.is_empty() {
        parts.push(format!("databases tagged {}", either(&scope.tags.iter().cloned().collect::<Vec<_>>())));
    }
    if !scope.procedures.is_empty() {
        let named = |key: &String| procedure::by_key(key).map_or_else(|| key.clone(), |procedure| procedure.name);
        parts.push(format!("procedure {}", either(&scope.procedures.iter().map(named).collect::<Vec<_>>())));
    }
    if !scope.risks.is_empty() {
        parts.push(format!("risk {}", either(&scope.risks.iter().map(|risk| risk.word().to_owned()).collect::<Vec<_>>())));
    }
    if scope.at_least_mib > 0 {
        parts.push(format!("plans that may touch {} MiB or more", scope.at_least_mib));
    }
    if scope.database_at_least_mib > 0 {
        parts.push(format!("databases that hold {} MiB or more, or that nobody could measure", scope.database_at_least_mib));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::{Assurance, Escalation};
    use crate::procedure::RiskClass;
    use crate::rehearsal::Demand;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    #[test]
    fn the_first_policies_read_as_sentences() {
        assert_eq!(
            sentences(&Policy::standard(), &Names::default()),
            [
                "1 of the stakeholders of the database, known at least by the link in the mail",
                "1 of the leads and deputies of the owner team, known at least by the link in the mail",
                "All of them different people; nobody who wrote a revision counts.",
                "One rejection ends the window.",
                "Decisions are possible until the latest start."
            ]
        );
    }

    #[test]
    fn everything_a_policy_may_hold_is_said() {
        let ana = PersonId(Uuid::from_u128(1));
        let names = Names { people: BTreeMap::from([(ana, "Ana".into())]), ..Names::default() };
        let mut policy = Policy::of(vec![
            Rule { stage: 1, deny: 1, ..Rule::new("people", Group::People(BTreeSet::from([ana])), 1, Assurance::Link) },
            Rule { percent: 50, ..Rule::new("engineer", Group::Engineers, 1, Assurance::Account) },
        ]);
        policy.deny_threshold = 2;
        policy.decide_before_start_min = 120;
        policy.escalation = Some(Escalation { group: Group::LeadsAndDeputies, within_min: 60 });
        policy.remind_every_min = 240;
        policy.separate_executor = true;
        policy.pre_approved = Some(RiskClass::R0);
        policy.rehearsal = Some(Demand { environments: BTreeSet::from([Environment::Test, Environment::Staging]), max_age_days: 14 });
        policy.proof_max_age_hours = Some(26);
        let own = Terms { stage: 0, decide_before_start_min: 300, remind_every_min: 0, escalation: None };
        let staged = sentences(&Policy { stage_terms: vec![own], ..policy.clone() }, &names);
        assert_eq!(
            staged[5..7],
            [
                "Stage 1: Decisions are possible until 300 minutes before the latest start; without quorum it expires then.",
                "Stage 2: The quorum has to stand 120 minutes before the latest start."
            ]
        );
        assert_eq!(
            sentences(&policy, &names),
            [
                "Stage 1: 50 % of the engineers of the owner team, known at least signed in",
                "Stage 2: 1 of the people named here: Ana, known at least by the link in the mail; one rejection among them ends the window",
                "A stage is asked once the one before is complete; a rejection never waits for its turn.",
                "All of them different people; nobody who wrote a revision counts.",
                "2 rejections end the window; fewer do not keep it from being approved.",
                "The quorum has to stand 120 minutes before the latest start.",
                "If it does not, the leads and deputies of the owner team are asked too, and have 60 minutes; without quorum it expires then.",
                "Whoever is waited for is asked again every 240 minutes.",
                "Whoever approved neither starts the run by hand nor lets it go on after a hold.",
                "A window needs a rehearsal: the same procedure with the same thresholds, run clean on another staging or test database of the same team, at most 14 days before the start. A lower database in an earlier wave of the same window counts.",
                "Nothing starts without a backup that a worker restored and compared with the database, at most 26 hours old.",
                "Approved beforehand, without any vote: windows of risk R0 or lower (reads only)."
            ]
        );
    }

    #[test]
    fn what_it_rules_is_one_line() {
        let mut scope = Scope { environments: BTreeSet::from(["production".to_owned(), "staging".to_owned()]), ..Scope::default() };
        assert_eq!(rules_what(&scope), "Production, Staging");
        scope.tags = BTreeSet::from(["eu".to_owned(), "payments".to_owned()]);
        scope.risks = BTreeSet::from([RiskClass::R1]);
        scope.at_least_mib = 100;
        scope.database_at_least_mib = 5000;
        assert_eq!(
            rules_what(&scope),
            "Production, Staging; databases tagged eu or payments; risk R1; plans that may touch 100 MiB or more; databases that hold 5000 MiB or more, or that nobody could measure"
        );
        scope.environments.clear();
        assert!(rules_what(&scope).starts_with("Nothing"));
    }
}
