//! What a break-glass costs when nobody reviews it: while a review is overdue, each plan that is sealed for the team asks for one more approver
//! than its policy does. It is part of the sealed bytes, and says why.

use crate::approval::{Electorate, Policy, Roll, count};
use crate::ids::PersonId;
use crate::plan::PlanPolicy;
use crate::procedure::RiskClass;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A review that is overdue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Debt {
    /// When it was due.
    pub since: Timestamp,
    /// Number of the window whose glass was broken.
    pub window: i64,
}

/// Why a sealed policy asks for more than the version it was sealed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// Numbers of the windows whose review was overdue when the plan was sealed, the longest overdue first.
    pub windows: Vec<i64>,
    /// Since when the first of them was.
    pub since: Timestamp,
    /// The policy would have approved the class beforehand; its rules ask instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beforehand: bool,
}

impl Raised {
    /// For these reviews; `None` while none is overdue.
    #[must_use]
    pub fn of(debts: &[Debt], beforehand: bool) -> Option<Self> {
        let mut debts = debts.to_vec();
        debts.sort_unstable();
        let since = debts.first()?.since;
        Some(Self { windows: debts.iter().map(|debt| debt.window).collect(), since, beforehand })
    }
    /// As people read it, wherever approvals are shown.
    #[must_use]
    pub fn said(&self) -> String {
        let named: Vec<String> = self.windows.iter().map(|number| format!("#{number}")).collect();
        let since = self.since.strftime("%Y-%m-%d %H:%M UTC");
        let what = if self.beforehand { "Nothing is approved beforehand" } else { "One more approver" };
        match named.as_slice() {
            [one] => format!("{what}: the review of the break-glass of {one} is overdue since {since}."),
            several => format!("{what}: reviews of break-glasses are overdue, the first since {since}: {}.", several.join(", ")),
        }
    }
}

/// What to do where nobody could meet a raised policy.
pub const WAY_OUT: &str = "Have the overdue review done, on the page of that window: then a plan asks for no more than its policy does.";

/// The policy of a plan that is sealed while these reviews are overdue; unchanged while none is.
///
/// The first rule that has somebody left asks for one more of its group. Where none has, the first one does, so that the refusal names what is
/// missing. What the policy approves beforehand is not: then its rules ask as they stand. `out` never vote on the plan.
#[must_use]
pub fn raise(policy: &PlanPolicy, risk: RiskClass, debts: &[Debt], people: &Electorate, out: &BTreeSet<PersonId>) -> PlanPolicy {
    let beforehand = policy.rules.pre_approves(risk);
    let Some(raised) = Raised::of(debts, beforehand) else { return policy.clone() };
    let rules = if beforehand { Policy { pre_approved: None, ..policy.rules.clone() } } else { one_more(&policy.rules, people, out) };
    PlanPolicy { rules, raised: Some(raised), ..policy.clone() }
}

fn one_more(policy: &Policy, people: &Electorate, out: &BTreeSet<PersonId>) -> Policy {
    let sealed = Roll::fresh(policy, people, out).sealed;
    let raised = |index: usize| {
        let mut more = policy.clone();
        if let Some(rule) = more.rules.get_mut(index) {
            let asks = rule.required(sealed.get(&rule.key).map_or(0, BTreeSet::len));
            rule.need = u32::try_from(asks + 1).unwrap_or(u32::MAX);
        }
        more
    };
    let met = |more: &Policy| count(more, &Roll::fresh(more, people, out), &[]).reachable;
    (0..policy.rules.len()).map(raised).find(met).unwrap_or_else(|| raised(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::{Assurance, Group, Rule};
    use crate::canonical;
    use crate::ids::PolicyId;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn set(people: impl IntoIterator<Item = u128>) -> BTreeSet<PersonId> {
        people.into_iter().map(|n| PersonId(Uuid::from_u128(n))).collect()
    }

    fn of(rules: Policy) -> PlanPolicy {
        PlanPolicy {
            id: PolicyId(Uuid::nil()),
            version: 3,
            name: "Standard".into(),
            digest: canonical::digest("policy", b""),
            rules,
            raised: None,
        }
    }

    fn people(stakeholders: u128, leads: u128) -> Electorate {
        let groups = BTreeMap::from([(Group::Stakeholders, set(1..=stakeholders)), (Group::LeadsAndDeputies, set(11..11 + leads))]);
        Electorate { groups, ..Electorate::default() }
    }

    const DEBT: Debt = Debt { since: Timestamp::UNIX_EPOCH, window: 12 };

    fn needs(raised: &PlanPolicy) -> Vec<u32> {
        raised.rules.rules.iter().map(|rule| rule.need).collect()
    }

    #[test]
    fn while_a_review_is_overdue_one_more_person_is_asked_where_there_is_one() {
        let standard = of(Policy::standard());
        let raise = |people: &Electorate| raise(&standard, RiskClass::R1, &[DEBT], people, &set([99]));
        assert_eq!(needs(&raise(&people(2, 1))), [2, 1], "a second stakeholder");
        assert_eq!(needs(&raise(&people(1, 2))), [1, 2], "or a second lead");
        assert_eq!(needs(&raise(&people(1, 1))), [2, 1], "nobody is there: the refusal says so");
        let said = raise(&people(2, 1)).raised.expect("raised").said();
        assert_eq!(said, "One more approver: the review of the break-glass of #12 is overdue since 1970-01-01 00:00 UTC.");
        assert_eq!(super::raise(&standard, RiskClass::R1, &[], &people(2, 2), &set([])), standard, "nothing is overdue");
    }

    #[test]
    fn what_is_approved_beforehand_asks_its_people_instead() {
        let mut policy = Policy::standard();
        policy.pre_approved = Some(RiskClass::R1);
        let later = Debt { since: Timestamp::MAX, window: 7 };
        let raised = raise(&of(policy), RiskClass::R1, &[later, DEBT], &people(1, 1), &set([]));
        assert!(!raised.rules.pre_approves(RiskClass::R0) && needs(&raised) == [1, 1]);
        let said = raised.raised.expect("raised").said();
        assert!(
            said.starts_with("Nothing is approved beforehand: reviews of break-glasses are overdue") && said.ends_with("#12, #7."),
            "{said}"
        );
    }

    #[test]
    fn the_bytes_of_plans_without_debt_stay_what_they_were() {
        let text = serde_json::to_string(&of(Policy::standard())).expect("JSON");
        assert!(!text.contains("raised"), "{text}");
    }

    proptest! {
        #[test]
        fn a_debt_never_lowers_what_a_policy_asks_for(stakeholders in 1u128..6, leads in 1u128..6, need in 1u32..4, percent in 0u32..=100) {
            let rule = Rule { percent, ..Rule::new("stakeholder", Group::Stakeholders, need, Assurance::Link) };
            let policy = Policy::of(vec![rule, Rule::new("lead", Group::LeadsAndDeputies, 1, Assurance::Link)]);
            let people = people(stakeholders, leads);
            let asks = |policy: &Policy| -> usize {
                count(policy, &Roll::fresh(policy, &people, &set([])), &[]).rules.iter().map(|rule| rule.need).sum()
            };
            let raised = raise(&of(policy.clone()), RiskClass::R1, &[DEBT], &people, &set([]));
            prop_assert_eq!(asks(&raised.rules), asks(&policy) + 1);
        }
    }
}
