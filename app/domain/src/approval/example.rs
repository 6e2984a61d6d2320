//! "Who must approve this, and can they?": asked for one imagined window, and kept as an example that every change of policy has to keep true.

use super::choose::{Case, Known, ruling};
use super::policy::{Electorate, Eligible, Rule};
use super::{Roll, Standing, count};
use crate::ids::{PersonId, PolicyId};
use std::collections::BTreeSet;

/// An imagined window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What a policy is chosen by.
    pub case: Case,
    /// Who proposes it, and so never counts.
    pub proposer: PersonId,
    /// Who is not there to vote.
    pub absent: BTreeSet<PersonId>,
}

/// Who would be asked, and whether they suffice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<'k> {
    /// The policy that rules.
    pub ruling: &'k Known,
    /// Who could vote, absent people included.
    pub everybody: Roll,
    /// The count before any vote, without those who are absent.
    pub standing: Standing,
    /// Nobody is asked: the class is approved beforehand.
    pub pre_approved: bool,
    /// Who is in a rule's group, and lacks what it takes to be known as well as the rule asks.
    pub unknown: Eligible,
}

/// Answers; `None` when no policy rules the case. `people` are those of the database's groups.
#[must_use]
pub fn answer<'k>(known: &'k [Known], question: &Question, people: &Electorate) -> Option<Answer<'k>> {
    let ruling = ruling(known, &question.case)?;
    let rules = &ruling.policy.rules;
    let everybody = Roll::fresh(rules, people, &BTreeSet::from([question.proposer]));
    let standing = count(rules, &everybody.clone().without(&question.absent), &[]);
    let unknown = |rule: &Rule| {
        let lacks = |person: &&PersonId| **person != question.proposer && !people.can_be_known(**person, rule.assurance);
        (rule.key.clone(), people.groups.get(&rule.group).into_iter().flatten().filter(lacks).copied().collect())
    };
    let unknown = rules.rules.iter().map(unknown).collect();
    Some(Answer { ruling, standing, pre_approved: rules.pre_approves(question.case.risk), everybody, unknown })
}

impl Answer<'_> {
    /// Seats that have to be filled by different people; none where the class is approved beforehand.
    #[must_use]
    pub fn seats(&self) -> usize {
        if self.pre_approved { 0 } else { self.standing.rules.iter().map(|rule| rule.need).sum() }
    }
    /// Whether it can be approved.
    #[must_use]
    pub fn reachable(&self) -> bool {
        self.pre_approved || self.standing.reachable
    }
    /// Who of the second groups would be there, by stage.
    #[must_use]
    pub fn seconds(&self, absent: &BTreeSet<PersonId>) -> Vec<(u32, BTreeSet<PersonId>)> {
        let there = |people: BTreeSet<PersonId>| people.difference(absent).copied().collect();
        self.everybody.seconds(&self.ruling.policy.rules).into_iter().map(|(stage, people)| (stage, there(people))).collect()
    }
    /// What is missing, a sentence each; empty when it can be approved.
    #[must_use]
    pub fn missing(&self, absent: &BTreeSet<PersonId>) -> Vec<String> {
        if self.reachable() {
            return vec![];
        }
        let there = |key: &str| self.everybody.present.get(key).map_or(0, |people| people.difference(absent).count());
        let mut found: Vec<String> = self
            .standing
            .rules
            .iter()
            .map(|rule| (rule, there(&rule.rule.key)))
            .filter(|(rule, there)| *there < rule.need)
            .map(|(rule, there)| {
                let verb = if rule.need == 1 { "has" } else { "have" };
                format!("{} of the {} {verb} to approve, and {there} could.", rule.need, rule.rule.group.label())
            })
            .collect();
        if found.is_empty() {
            found.push(format!("{} different people have to approve, and the same few could for several rules.", self.seats()));
        }
        found
    }
    /// What is compared: the policy, how many people, and whether they suffice.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict { policy: self.ruling.policy.id, name: self.ruling.policy.name.clone(), people: self.seats(), reachable: self.reachable() }
    }
}

/// The short of an answer, as an example keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Which policy rules.
    pub policy: PolicyId,
    /// Its name.
    pub name: String,
    /// How many different people have to approve; 0 where it is approved beforehand.
    pub people: usize,
    /// Whether it can be approved.
    pub reachable: bool,
}

impl Verdict {
    /// Whether another answer means the same; a policy may be called otherwise by then.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        (self.policy, self.people, self.reachable) == (other.policy, other.people, other.reachable)
    }
    /// `2 people by “Standard”, and they are there`.
    #[must_use]
    pub fn says(&self) -> String {
        match (self.people, self.reachable) {
            (0, _) => format!("approved beforehand by “{}”", self.name),
            (1, true) => format!("1 person by “{}”, who is there", self.name),
            (n, true) => format!("{n} people by “{}”, and they are there", self.name),
            (n, false) => format!("{n} by “{}”, and they are not there", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::{Assurance, Group, Policy, Scope};
    use crate::canonical;
    use crate::plan::PlanPolicy;
    use crate::procedure::RiskClass;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn person(n: u128) -> PersonId {
        PersonId(Uuid::from_u128(n))
    }

    fn set(people: &[u128]) -> BTreeSet<PersonId> {
        people.iter().map(|n| person(*n)).collect()
    }

    fn known(rules: Policy) -> [Known; 1] {
        let policy = PlanPolicy {
            id: PolicyId(Uuid::from_u128(1)),
            version: 1,
            name: "Standard".into(),
            digest: canonical::digest("policy", b""),
            rules,
            raised: None,
        };
        [Known { policy, environments: BTreeSet::from(["production".to_owned()]) }]
    }

    fn question(absent: &[u128]) -> Question {
        let case = Case {
            environment: "production".into(),
            tags: BTreeSet::new(),
            procedure: "x".into(),
            alike: BTreeSet::new(),
            risk: RiskClass::R1,
            most_mib: 0,
            database_mib: Some(0),
        };
        Question { case, proposer: person(9), absent: set(absent) }
    }

    fn people() -> Electorate {
        let groups = BTreeMap::from([(Group::Stakeholders, set(&[1, 9])), (Group::LeadsAndDeputies, set(&[1, 2]))]);
        Electorate { groups, ..Electorate::default() }
    }

    #[test]
    fn it_says_who_would_be_asked_and_what_is_missing() {
        let known = known(Policy::standard());
        let all = answer(&known, &question(&[]), &people()).expect("ruled");
        assert!(all.reachable() && all.missing(&BTreeSet::new()).is_empty());
        assert_eq!(all.verdict().says(), "2 people by “Standard”, and they are there");
        assert_eq!(all.everybody.present["stakeholder"], set(&[1]), "9 proposes");
        let missing = |absent: &[u128]| answer(&known, &question(absent), &people()).expect("ruled").missing(&set(absent));
        assert_eq!(missing(&[1]), ["1 of the stakeholders of the database has to approve, and 0 could."]);
        assert_eq!(missing(&[2]), ["2 different people have to approve, and the same few could for several rules."]);
    }

    #[test]
    fn it_says_who_cannot_be_known_that_well() {
        let mut policy = Policy::standard();
        policy.rules[1].assurance = Assurance::AccountFactor;
        let known = known(policy);
        let people = Electorate { accounts: set(&[1, 2]), factors: set(&[2]), ..people() };
        let answer = answer(&known, &question(&[]), &people).expect("ruled");
        assert_eq!((answer.unknown["stakeholder"].clone(), answer.unknown["lead"].clone()), (set(&[]), set(&[1])));
        assert_eq!(answer.everybody.present["lead"], set(&[2]));
    }

    #[test]
    fn what_is_approved_beforehand_asks_nobody() {
        let known = known(Policy { pre_approved: Some(RiskClass::R1), ..Policy::standard() });
        let answer = answer(&known, &question(&[1, 2]), &people()).expect("ruled");
        assert_eq!((answer.seats(), answer.reachable()), (0, true));
        assert_eq!(answer.verdict().says(), "approved beforehand by “Standard”");
    }

    #[test]
    fn an_example_is_about_policy_number_and_presence() {
        let of = |policy: Policy, absent: &[u128]| answer(&known(policy), &question(absent), &people()).map(|answer| answer.verdict());
        let kept = of(Policy::standard(), &[]).expect("ruled");
        assert!(kept.agrees(&of(Policy::standard(), &[]).expect("ruled")));
        assert!(!kept.agrees(&of(Policy::development(), &[]).expect("ruled")), "one person fewer");
        assert!(!kept.agrees(&of(Policy::standard(), &[1]).expect("ruled")), "nobody there");
        assert_eq!(of(Policy { scope: Some(Scope::default()), ..Policy::standard() }, &[]), None);
    }
}
