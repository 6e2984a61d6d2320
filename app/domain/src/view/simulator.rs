//! "Who must approve this, and can they?": the page that imagines a window.

use super::policies::{self, Names};
use crate::approval::Assurance;
use crate::approval::example::Answer;
use crate::ids::{PersonId, PolicyCaseId};
use crate::rehearsal::Demand;
use crate::view::windows::propose::also_asked;
use std::collections::{BTreeMap, BTreeSet};

/// What was asked, as it stands in the address.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Short name of the database.
    pub database: String,
    /// Key of the procedure.
    pub procedure: String,
    /// Risk class; empty is the procedure's.
    pub risk: String,
    /// Most data the plan may touch, in MiB.
    pub most_mib: String,
    /// What the database would hold, in MiB; empty is what it does.
    pub database_mib: String,
    /// Who proposes.
    pub proposer: String,
    /// Who is not there.
    pub absent: Vec<String>,
}

impl Asked {
    /// The address that asks the same; values are words, numbers, ids and short names, so nothing needs escaping.
    #[must_use]
    pub fn address(&self) -> String {
        let one = [
            ("database", &self.database),
            ("procedure", &self.procedure),
            ("risk", &self.risk),
            ("most_mib", &self.most_mib),
            ("database_mib", &self.database_mib),
            ("proposer", &self.proposer),
        ];
        let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let pairs = one.into_iter().chain(self.absent.iter().map(|person| ("absent", person)));
        let parts: Vec<String> = pairs.filter(|(_, value)| plain(value)).map(|(key, value)| format!("{key}={value}")).collect();
        if parts.is_empty() { "/policies/who".to_owned() } else { format!("/policies/who?{}", parts.join("&")) }
    }
}

/// One rule of the policy that rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleLine {
    /// Its stage, from 1; `None` where there is one stage.
    pub stage: Option<u32>,
    /// How many have to approve.
    pub need: usize,
    /// Of whom.
    pub of_whom: String,
    /// Known how.
    pub known: &'static str,
    /// Who could.
    pub there: Vec<String>,
    /// Who could if they were there.
    pub absent: Vec<String>,
    /// Who would be asked, if they could be known that well.
    pub unknown: Vec<String>,
    /// What those lack.
    pub lack: &'static str,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerView {
    /// Name and version of the policy.
    pub policy: (String, i32),
    /// What it rules.
    pub rules_what: String,
    /// Nobody is asked.
    pub pre_approved: bool,
    /// The rehearsal it demands, as half a sentence.
    pub rehearsal: Option<String>,
    /// Its rules, by stage.
    pub rules: Vec<RuleLine>,
    /// Who would be asked at the deadline; `None` where it expires then.
    pub second: Option<String>,
    /// It can be approved.
    pub reachable: bool,
    /// What is missing, a sentence each.
    pub missing: Vec<String>,
    /// Everybody who could be asked, to choose who is absent.
    pub everybody: Vec<(PersonId, String)>,
    /// The answer in short, as an example keeps it.
    pub verdict: String,
}

impl AnswerView {
    /// In words.
    #[must_use]
    pub fn of(answer: &Answer<'_>, absent: &BTreeSet<PersonId>, names: &Names) -> Self {
        let rules = &answer.ruling.policy.rules;
        let called = |person: &PersonId| names.people.get(person).cloned().unwrap_or_else(|| "somebody unknown".to_owned());
        let by_name = |people: &mut dyn Iterator<Item = &PersonId>| {
            let mut found: Vec<String> = people.map(called).collect();
            found.sort();
            found
        };
        let staged = rules.stages().len() > 1;
        let mut lines: Vec<RuleLine> = answer
            .standing
            .rules
            .iter()
            .map(|rule| {
                let all = answer.everybody.present.get(&rule.rule.key).cloned().unwrap_or_default();
                RuleLine {
                    stage: staged.then_some(rule.rule.stage + 1),
                    need: rule.need,
                    of_whom: policies::group(&rule.rule.group, names),
                    known: rule.rule.assurance.label(),
                    there: by_name(&mut all.difference(absent)),
                    absent: by_name(&mut all.intersection(absent)),
                    unknown: by_name(&mut answer.unknown.get(&rule.rule.key).into_iter().flatten()),
                    lack: if rule.rule.assurance == Assurance::AccountFactor { "no second factor" } else { "no account" },
                }
            })
            .collect();
        lines.sort_by_key(|line| line.stage);
        let everybody: BTreeMap<PersonId, String> =
            answer.everybody.present.values().flatten().chain(absent).map(|person| (*person, called(person))).collect();
        let mut everybody: Vec<(PersonId, String)> = everybody.into_iter().collect();
        everybody.sort_by(|one, other| one.1.cmp(&other.1));
        Self {
            policy: (answer.ruling.policy.name.clone(), answer.ruling.policy.version),
            rules_what: policies::rules_what(&answer.ruling.scope()),
            pre_approved: answer.pre_approved,
            rehearsal: rules.rehearsal.as_ref().map(Demand::said),
            rules: lines,
            second: also_asked(
                &answer.seconds(absent).into_iter().map(|(stage, people)| (stage, by_name(&mut people.iter()))).collect::<Vec<_>>(),
            ),
            reachable: answer.reachable(),
            missing: answer.missing(absent),
            everybody,
            verdict: answer.verdict().says(),
        }
    }
}

/// An example that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleRow {
    /// Identity.
    pub id: PolicyCaseId,
    /// As people call it.
    pub name: String,
    /// Its question, to ask it again.
    pub asked: Asked,
    /// Name of whoever proposes.
    pub proposer: String,
    /// What has to be answered.
    pub expected: String,
    /// What is answered today, where that is something else.
    pub differs: Option<String>,
}

/// The page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatorPage {
    /// Procedures to choose from: key and name, own ones too.
    pub procedures: Vec<(String, String)>,
    /// What the database holds, where policies are chosen by it.
    pub holds: Option<String>,
    /// Databases to choose from: short name, and with its team.
    pub databases: Vec<(String, String)>,
    /// Who may propose on the chosen one.
    pub proposers: Vec<(PersonId, String)>,
    /// What was asked.
    pub asked: Asked,
    /// Why there is no answer.
    pub problem: Option<String>,
    /// The answer.
    pub answer: Option<AnswerView>,
    /// Why a plan that is sealed now asks for one more than the answer says: a review of the team is overdue.
    pub debt: Option<String>,
    /// Examples on databases that the reader sees.
    pub examples: Vec<ExampleRow>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_asked_again_by_its_address() {
        let asked = Asked { database: "prod-orders".into(), risk: "R1".into(), absent: vec!["a".into(), "b".into()], ..Asked::default() };
        assert_eq!(asked.address(), "/policies/who?database=prod-orders&risk=R1&absent=a&absent=b");
        assert_eq!(Asked { database: "a&b".into(), ..Asked::default() }.address(), "/policies/who");
    }
}
