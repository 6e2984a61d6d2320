//! Whom a proposal waits for, as a list has room to say it.

use super::blocked::{both, either};
use crate::approval::{RuleStanding, Standing};
use crate::ids::PersonId;
use std::collections::BTreeMap;

/// Names of a rule's people that are listed; more are said as a number of the group.
const MOST_NAMED: usize = 3;

/// Whom a proposal waits for: `Ana or Ben (away until Tue 1 Dec), and 2 of the engineers of the owner team`. `None` when for nobody.
#[must_use]
pub fn waits_for(standing: &Standing, names: &BTreeMap<PersonId, String>) -> Option<String> {
    let open = standing.lines().into_iter().filter(|rule| !rule.later && rule.missing() > 0);
    let mut said: Vec<String> = Vec::new();
    for rule in open.map(|rule| waits_in(&rule, names)) {
        // Several databases may wait for the same people.
        if !said.contains(&rule) {
            said.push(rule);
        }
    }
    (!said.is_empty()).then(|| said.join(", and "))
}

fn waits_in(rule: &RuleStanding, names: &BTreeMap<PersonId, String>) -> String {
    let missing = rule.missing();
    if rule.waiting_for.is_empty() {
        return format!("{missing} of the {}, of whom nobody is left", rule.who());
    }
    if rule.waiting_for.len() > MOST_NAMED {
        return format!("{missing} of the {}", rule.who());
    }
    let named: Vec<String> = rule.waiting_for.iter().map(|person| names.get(person).cloned().unwrap_or_default()).collect();
    match missing {
        all if all >= named.len() => both(&named),
        1 => either(&named),
        some => format!("{some} of {}", both(&named)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::{Electorate, Group, Policy, Poll, Polls, Roll};
    use crate::ids::TargetId;
    use crate::procedure::RiskClass;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    fn person(n: u128) -> PersonId {
        PersonId(Uuid::from_u128(n))
    }

    fn poll<'p>(policy: &'p Policy, name: Option<&'p str>, stakeholders: &[u128], leads: &[u128]) -> Poll<'p> {
        let set = |people: &[u128]| people.iter().map(|n| person(*n)).collect::<BTreeSet<_>>();
        let groups = BTreeMap::from([(Group::Stakeholders, set(stakeholders)), (Group::LeadsAndDeputies, set(leads))]);
        let roll = Roll::fresh(policy, &Electorate { groups, ..Electorate::default() }, &BTreeSet::new());
        Poll { target: TargetId(Uuid::from_u128(9)), name, policy, roll, risk: RiskClass::R1 }
    }

    #[test]
    fn a_line_names_few_and_counts_many() {
        let names = [(1, "Ana"), (2, "Ben"), (3, "Cem (away until Tue 1 Dec)"), (4, "Dora"), (5, "Egon")];
        let names: BTreeMap<PersonId, String> = names.map(|(n, name)| (person(n), name.to_owned())).into_iter().collect();
        let policy = Policy::standard();
        let said = |polls: Vec<Poll<'_>>| waits_for(&Polls(polls).count(&[]), &names);
        assert_eq!(said(vec![poll(&policy, None, &[1], &[2, 3])]).as_deref(), Some("Ana, and Ben or Cem (away until Tue 1 Dec)"));
        let many = said(vec![poll(&policy, None, &[1], &[2, 3, 4, 5])]);
        assert_eq!(many.as_deref(), Some("Ana, and 1 of the leads and deputies of the owner team"));
        let mut two = policy.clone();
        two.rules[1].need = 2;
        let some = said(vec![poll(&two, None, &[1], &[2, 4, 5])]);
        assert_eq!(some.as_deref(), Some("Ana, and 2 of Ben, Dora and Egon"));
        let left = said(vec![poll(&policy, None, &[], &[2])]);
        assert_eq!(left.as_deref(), Some("1 of the stakeholders of the database, of whom nobody is left, and Ben"));
        let both = said(vec![poll(&policy, Some("orders"), &[1], &[2]), poll(&policy, Some("invoices"), &[4], &[2])]);
        assert_eq!(both.as_deref(), Some("Ana, and Ben, and Dora"), "who is asked for both is named once");
    }
}
