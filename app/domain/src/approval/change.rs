//! Changing a policy takes what the old policy asked for: other people, who are asked for their agreement.
//!
//! Their number is that of the old policy's largest rule, and they come from the people it asks on the databases it rules, with those who
//! hold the right to change policies. So nobody lowers a bar alone, and an installation of one person can still begin: where a change
//! concerns no database yet, there is nobody whose protection it could take away.

use super::policy::{Electorate, Policy};
use super::{Roll, count};
use crate::decision::Refusal;
use crate::ids::PersonId;
use std::collections::BTreeSet;

/// A database whose bar the change may move.
#[derive(Debug, Clone)]
pub struct Concerned<'a> {
    /// What rules it now.
    pub policy: &'a Policy,
    /// The people behind the groups of that policy there.
    pub people: &'a Electorate,
}

/// Whose agreement a change needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreement {
    /// How many of them; none where no database is concerned.
    pub needed: usize,
    /// Who may give it: signed in, and never the person who changes it.
    pub by: BTreeSet<PersonId>,
}

/// Whose agreement a change by `proposer` needs. `holders` have the right to change policies, and an account.
pub fn agreement(concerned: &[Concerned<'_>], holders: &BTreeSet<PersonId>, proposer: PersonId) -> Result<Agreement, Refusal> {
    if concerned.is_empty() {
        return Ok(Agreement::default());
    }
    let mut by = holders.clone();
    let mut needed = 1;
    for one in concerned {
        by.extend(one.people.everybody().intersection(&one.people.accounts));
        let roll = Roll::fresh(one.policy, one.people, &BTreeSet::from([proposer]));
        needed = count(one.policy, &roll, &[]).rules.iter().map(|rule| rule.need).fold(needed, usize::max);
    }
    by.remove(&proposer);
    if by.is_empty() {
        return Err(Refusal::new(
            "nobody_to_agree",
            "A change of policy needs the agreement of somebody else, and there is nobody: no other administrator, and nobody with an account whom the policy asks.",
            "Invite another administrator, or a lead or stakeholder of a database that it rules.",
        ));
    }
    Ok(Agreement { needed: needed.min(by.len()), by })
}

/// Whether this person may agree; the refusal says why not and who can.
pub fn may_agree(person: PersonId, proposer: PersonId, by: &BTreeSet<PersonId>, already: bool) -> Result<(), Refusal> {
    let no = |code, message: &str, way_out: &str| Err(Refusal::new(code, message, way_out));
    if person == proposer {
        return no("four_eyes", "You proposed this change, so your agreement does not count.", "Ask the people named on the page.");
    }
    if already {
        return no("already_agreed", "You agreed to this change already.", "");
    }
    if !by.contains(&person) {
        return no("not_eligible", "You are not among the people whose agreement this change needs.", "The page names them.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::{Assurance, Group, Rule};
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn set(people: &[u128]) -> BTreeSet<PersonId> {
        people.iter().map(|n| PersonId(Uuid::from_u128(*n))).collect()
    }

    fn person(n: u128) -> PersonId {
        PersonId(Uuid::from_u128(n))
    }

    fn two_leads() -> (Policy, Electorate) {
        let policy = Policy::of(vec![
            Rule::new("stakeholder", Group::Stakeholders, 1, Assurance::Link),
            Rule::new("lead", Group::LeadsAndDeputies, 2, Assurance::Link),
        ]);
        let groups = BTreeMap::from([(Group::Stakeholders, set(&[5])), (Group::LeadsAndDeputies, set(&[2, 3, 4]))]);
        (policy, Electorate { groups, accounts: set(&[2, 3, 4]) })
    }

    #[test]
    fn as_many_others_as_the_old_policys_largest_rule_asks_for() {
        let (policy, people) = two_leads();
        let concerned = [Concerned { policy: &policy, people: &people }];
        let found = agreement(&concerned, &set(&[1, 2]), person(1)).expect("others are there");
        assert_eq!(found, Agreement { needed: 2, by: set(&[2, 3, 4]) }, "5 has no account, 1 proposes");
    }

    #[test]
    fn where_nothing_is_ruled_nobody_is_asked_and_where_nobody_is_left_it_is_refused() {
        assert_eq!(agreement(&[], &set(&[1]), person(1)), Ok(Agreement::default()));
        let (policy, people) = two_leads();
        let alone = Electorate { accounts: set(&[1]), ..people };
        let concerned = [Concerned { policy: &policy, people: &alone }];
        assert_eq!(agreement(&concerned, &set(&[1]), person(1)).expect_err("alone").code, "nobody_to_agree");
        let one = agreement(&concerned, &set(&[1, 9]), person(1)).expect("9 holds the right");
        assert_eq!(one, Agreement { needed: 1, by: set(&[9]) }, "never more than there are");
    }

    #[test]
    fn the_proposer_never_agrees_and_nobody_twice() {
        let code = |person_, already| may_agree(person(person_), person(1), &set(&[1, 2]), already).err().map(|refusal| refusal.code);
        assert_eq!(code(1, false).as_deref(), Some("four_eyes"));
        assert_eq!(code(2, false), None);
        assert_eq!(code(2, true).as_deref(), Some("already_agreed"));
        assert_eq!(code(3, false).as_deref(), Some("not_eligible"));
    }
}
