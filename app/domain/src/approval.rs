//! Policies and votes: who must agree, who has, and whether that is enough.

use crate::canonical::{self, CanonicalError, Digest};
use crate::decision::Refusal;
use crate::ids::PersonId;
use crate::people::words;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How a voter was known: never more than was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// Held the link that was mailed to the person.
    Link,
    /// Held the link and a fresh code sent to the same mailbox.
    LinkCode,
    /// Signed in.
    Account,
    /// Signed in with a second factor.
    AccountFactor,
}

words!(Assurance {
    Assurance::Link = "link" / "by the link in the mail",
    Assurance::LinkCode = "link_code" / "by link and mailed code",
    Assurance::Account = "account" / "signed in",
    Assurance::AccountFactor = "account_factor" / "signed in with second factor",
});

/// A vote's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoteDecision {
    /// Agrees.
    Approve,
    /// Refuses: the window ends.
    Reject,
    /// Sends it back to its author.
    RequestChanges,
}

words!(VoteDecision {
    VoteDecision::Approve = "approve" / "Approved",
    VoteDecision::Reject = "reject" / "Rejected",
    VoteDecision::RequestChanges = "request_changes" / "Asked for changes",
});

/// A group whose members a rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Stakeholders of the database, with or without account.
    Stakeholders,
    /// Leads and deputies of the owner team.
    LeadsAndDeputies,
}

words!(Group {
    Group::Stakeholders = "stakeholders" / "stakeholders of the database",
    Group::LeadsAndDeputies = "leads_and_deputies" / "leads and deputies of the owner team",
});

/// One demand of a policy: `need` different people of `group`, each known by at least `assurance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Stable key inside the policy.
    pub key: String,
    /// Whose votes count.
    pub group: Group,
    /// How many, 1 to 20.
    pub need: u32,
    /// The least assurance a vote must have.
    pub assurance: Assurance,
}

/// Who must agree. A voter counts for one rule only, so the rules together ask for the sum of different people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The demands; all must be met.
    pub rules: Vec<Rule>,
    /// Rejections that end the window.
    pub deny_threshold: u32,
    /// A proposal without quorum expires this long before its start, in minutes.
    pub decide_before_start_min: u32,
}

impl Policy {
    /// Canonical bytes and digest.
    pub fn seal(&self) -> Result<(Vec<u8>, Digest), CanonicalError> {
        let bytes = canonical::bytes(self)?;
        let digest = canonical::digest("policy", &bytes);
        Ok((bytes, digest))
    }
    /// The first policy for development: one stakeholder.
    #[must_use]
    pub fn development() -> Self {
        Self {
            rules: vec![Rule { key: "stakeholder".into(), group: Group::Stakeholders, need: 1, assurance: Assurance::Link }],
            deny_threshold: 1,
            decide_before_start_min: 0,
        }
    }
    /// The first policy for everything else: one stakeholder and one other person who leads or stands in.
    #[must_use]
    pub fn standard() -> Self {
        let mut policy = Self::development();
        policy.rules.push(Rule { key: "lead".into(), group: Group::LeadsAndDeputies, need: 1, assurance: Assurance::Link });
        policy
    }
}

/// Who may vote on one plan, by rule: sealed into the plan. Removals count at once, additions only after sealing anew.
pub type Eligible = BTreeMap<String, BTreeSet<PersonId>>;

/// The people behind the groups of policies today.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Electorate {
    /// Who of each group may vote.
    pub groups: BTreeMap<Group, BTreeSet<PersonId>>,
    /// Who of them has an account; the others are known by a link at most.
    pub accounts: BTreeSet<PersonId>,
}

impl Electorate {
    /// Who could vote for a rule: in its group, and able to be known as well as it asks.
    pub fn of<'a>(&'a self, rule: &'a Rule) -> impl Iterator<Item = PersonId> + 'a {
        let by_link = rule.assurance < Assurance::Account;
        self.groups.get(&rule.group).into_iter().flatten().filter(move |person| by_link || self.accounts.contains(person)).copied()
    }
    /// Everybody in any group.
    #[must_use]
    pub fn everybody(&self) -> BTreeSet<PersonId> {
        self.groups.values().flatten().copied().collect()
    }
}

/// A vote that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingVote {
    /// Who.
    pub person: PersonId,
    /// What.
    pub decision: VoteDecision,
    /// How the voter was known.
    pub assurance: Assurance,
    /// When.
    pub at: Timestamp,
}

/// One rule's count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleStanding {
    /// The rule.
    pub rule: Rule,
    /// Votes assigned to it, no voter twice over all rules.
    pub have: Vec<PersonId>,
    /// Who could still vote for it.
    pub waiting_for: Vec<PersonId>,
}

/// Where a proposal stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Each rule with its count.
    pub rules: Vec<RuleStanding>,
    /// Who rejected.
    pub rejected_by: Vec<PersonId>,
    /// Who asked for changes.
    pub changes_asked_by: Vec<PersonId>,
    /// Every rule is met and nobody stands against it.
    pub approved: bool,
    /// Rejections reached the policy's threshold.
    pub rejected: bool,
    /// With everybody present who may still vote, could it be approved?
    pub reachable: bool,
}

/// Counts the votes. `eligible` is the sealed set, `present` who of them may vote today; contributors are in neither.
#[must_use]
pub fn count(policy: &Policy, eligible: &Eligible, present: &BTreeSet<PersonId>, votes: &[StandingVote]) -> Standing {
    let may =
        |rule: &Rule, person: &PersonId| present.contains(person) && eligible.get(&rule.key).is_some_and(|people| people.contains(person));
    let approvals: Vec<&StandingVote> = votes.iter().filter(|vote| vote.decision == VoteDecision::Approve).collect();
    let any_rule = |person: &PersonId| policy.rules.iter().any(|rule| may(rule, person));
    let against = |decision| {
        votes.iter().filter(|vote| vote.decision == decision && any_rule(&vote.person)).map(|vote| vote.person).collect::<Vec<_>>()
    };
    let rejected_by = against(VoteDecision::Reject);
    let changes_asked_by = against(VoteDecision::RequestChanges);

    let counts = |rule: &Rule, person: &PersonId| {
        may(rule, person) && approvals.iter().any(|vote| vote.person == *person && vote.assurance >= rule.assurance)
    };
    let approvers: Vec<PersonId> = approvals.iter().map(|vote| vote.person).collect::<BTreeSet<_>>().into_iter().collect();
    let assigned = assign(&policy.rules, &approvers, &counts);

    let voted: BTreeSet<PersonId> = votes.iter().map(|vote| vote.person).collect();
    let possible: Vec<PersonId> = policy
        .rules
        .iter()
        .flat_map(|rule| eligible.get(&rule.key).into_iter().flatten())
        .copied()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let could = |rule: &Rule, person: &PersonId| counts(rule, person) || (may(rule, person) && !voted.contains(person));
    let reachable = assign(&policy.rules, &possible, &could).iter().zip(&policy.rules).all(|(have, rule)| have.len() >= rule.need as usize);

    let rules: Vec<RuleStanding> = policy
        .rules
        .iter()
        .zip(assigned)
        .map(|(rule, have)| RuleStanding {
            waiting_for: if have.len() >= rule.need as usize {
                vec![]
            } else {
                eligible
                    .get(&rule.key)
                    .into_iter()
                    .flatten()
                    .filter(|person| may(rule, person) && !voted.contains(person))
                    .copied()
                    .collect()
            },
            have,
            rule: rule.clone(),
        })
        .collect();
    let met = rules.iter().all(|standing| standing.have.len() >= standing.rule.need as usize);
    let rejected = rejected_by.len() >= policy.deny_threshold.max(1) as usize;
    Standing {
        approved: met && rejected_by.is_empty() && changes_asked_by.is_empty(),
        rejected,
        reachable: reachable && !rejected,
        rules,
        rejected_by,
        changes_asked_by,
    }
}

/// The sealed people of each rule who are still in its group today, and all of them together: who left a group no longer counts, who joined
/// counts only after sealing anew.
#[must_use]
pub fn still_eligible(policy: &Policy, sealed: &Eligible, today: &Electorate) -> (Eligible, BTreeSet<PersonId>) {
    let mut eligible = sealed.clone();
    for rule in &policy.rules {
        if let Some(people) = eligible.get_mut(&rule.key) {
            let still: BTreeSet<PersonId> = today.of(rule).collect();
            people.retain(|person| still.contains(person));
        }
    }
    (eligible, today.everybody())
}

/// Whether an approval known by `assurance` would count for nothing, though the person is asked: every rule that asks wants to know better.
#[must_use]
pub fn must_be_known_better(policy: &Policy, eligible: &Eligible, person: PersonId, assurance: Assurance) -> bool {
    let mut asking = policy.rules.iter().filter(|rule| eligible.get(&rule.key).is_some_and(|people| people.contains(&person))).peekable();
    asking.peek().is_some() && asking.all(|rule| rule.assurance > assurance)
}

/// Gives each rule as many different people as it needs, nobody twice: maximum bipartite matching by augmenting paths.
fn assign(rules: &[Rule], people: &[PersonId], fits: &dyn Fn(&Rule, &PersonId) -> bool) -> Vec<Vec<PersonId>> {
    let seats: Vec<usize> = rules.iter().enumerate().flat_map(|(index, rule)| std::iter::repeat_n(index, rule.need as usize)).collect();
    let mut taken: Vec<Option<usize>> = vec![None; seats.len()];
    for person in 0..people.len() {
        seat(person, &seats, rules, people, fits, &mut taken, &mut vec![false; seats.len()]);
    }
    let mut out = vec![Vec::new(); rules.len()];
    for (seat, person) in taken.iter().enumerate() {
        if let Some(person) = person {
            out[seats[seat]].push(people[*person]);
        }
    }
    out
}

fn seat(
    person: usize,
    seats: &[usize],
    rules: &[Rule],
    people: &[PersonId],
    fits: &dyn Fn(&Rule, &PersonId) -> bool,
    taken: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for index in 0..seats.len() {
        if seen[index] || !fits(&rules[seats[index]], &people[person]) {
            continue;
        }
        seen[index] = true;
        let free = match taken[index] {
            None => true,
            Some(other) => seat(other, seats, rules, people, fits, taken, seen),
        };
        if free {
            taken[index] = Some(person);
            return true;
        }
    }
    false
}

/// Refuses a policy that somebody who may propose could never get through: four eyes need other people.
///
/// `proposers` may propose; `people` may vote today. The proposer never counts.
pub fn satisfiable(policy: &Policy, proposers: &[(PersonId, String)], people: &Electorate) -> Result<(), Refusal> {
    if policy.rules.is_empty() {
        return Err(Refusal::new(
            "policy_empty",
            "A policy without a rule would let a window pass that nobody approved.",
            "Add at least one rule.",
        ));
    }
    if policy.rules.iter().any(|rule| rule.need == 0 || rule.need > 20) {
        return Err(Refusal::new("policy_need", "Each rule asks for 1 to 20 people.", "Change the number."));
    }
    let keys: BTreeSet<&str> = policy.rules.iter().map(|rule| rule.key.as_str()).collect();
    if keys.len() != policy.rules.len() {
        return Err(Refusal::new("policy_keys", "Two rules have the same name.", "Name each rule differently."));
    }
    for (proposer, name) in proposers {
        let others = |rule| people.of(rule).filter(|person| person != proposer).collect();
        let eligible: Eligible = policy.rules.iter().map(|rule| (rule.key.clone(), others(rule))).collect();
        let present: BTreeSet<PersonId> = eligible.values().flatten().copied().collect();
        let standing = count(policy, &eligible, &present, &[]);
        if !standing.reachable {
            let short: Vec<String> = policy
                .rules
                .iter()
                .map(|rule| {
                    format!(
                        "{} of the {} ({} {} without {name})",
                        rule.need,
                        rule.group.label(),
                        eligible.get(&rule.key).map_or(0, BTreeSet::len),
                        if rule.assurance < Assurance::Account { "there" } else { "with an account" }
                    )
                })
                .collect();
            return Err(Refusal::new(
                "policy_unsatisfiable",
                format!(
                    "{name} may propose windows here, and nobody could ever approve them: the policy needs {}, all different people.",
                    short.join(" and ")
                ),
                "Name more stakeholders or deputies, give them accounts where votes must be signed in, or ask for fewer people.",
            ));
        }
    }
    Ok(())
}

/// Whether this person may vote on this plan now; the refusal says why not and who can.
pub fn may_vote(
    person: PersonId,
    contributors: &BTreeSet<PersonId>,
    eligible: &Eligible,
    already: Option<&StandingVote>,
) -> Result<(), Refusal> {
    if contributors.contains(&person) {
        return Err(Refusal::new(
            "four_eyes",
            "You wrote a revision of this window, so your vote does not count on it. This holds for administrators too.",
            "Ask the other approvers named on the page.",
        ));
    }
    if let Some(vote) = already {
        return Err(Refusal::new(
            "already_voted",
            format!(
                "You already decided on this plan: {}, {}.",
                vote.decision.label().to_lowercase(),
                vote.at.strftime("%Y-%m-%d %H:%M UTC")
            ),
            "Withdraw that vote first if you changed your mind.",
        ));
    }
    if !eligible.values().any(|people| people.contains(&person)) {
        return Err(Refusal::new(
            "not_eligible",
            "You are not among the people whose approval this plan asks for.",
            "The page lists whom it waits for. The owner can name more stakeholders and seal a new revision.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn person(n: u128) -> PersonId {
        PersonId(Uuid::from_u128(n))
    }
    fn vote(n: u128, decision: VoteDecision) -> StandingVote {
        StandingVote { person: person(n), decision, assurance: Assurance::Link, at: Timestamp::UNIX_EPOCH }
    }
    fn eligible(stakeholders: &[u128], leads: &[u128]) -> (Eligible, BTreeSet<PersonId>) {
        let set = |people: &[u128]| people.iter().map(|n| person(*n)).collect::<BTreeSet<_>>();
        let eligible = Eligible::from([("stakeholder".into(), set(stakeholders)), ("lead".into(), set(leads))]);
        let present = eligible.values().flatten().copied().collect();
        (eligible, present)
    }

    #[test]
    fn one_person_never_fills_two_seats() {
        let (sealed, present) = eligible(&[1], &[1, 2]);
        let one = count(&Policy::standard(), &sealed, &present, &[vote(1, VoteDecision::Approve)]);
        assert!(!one.approved && one.reachable);
        let two = count(&Policy::standard(), &sealed, &present, &[vote(1, VoteDecision::Approve), vote(2, VoteDecision::Approve)]);
        assert!(two.approved);
    }

    #[test]
    fn one_reject_rejects_and_absent_people_make_it_unreachable() {
        let (sealed, mut present) = eligible(&[1], &[2]);
        assert!(count(&Policy::standard(), &sealed, &present, &[vote(2, VoteDecision::Reject)]).rejected);
        present.remove(&person(1));
        assert!(!count(&Policy::standard(), &sealed, &present, &[]).reachable);
    }

    #[test]
    fn a_vote_by_link_is_not_enough_where_an_account_is_asked() {
        let (sealed, present) = eligible(&[1], &[2]);
        let mut policy = Policy::development();
        policy.rules[0].assurance = Assurance::Account;
        assert!(!count(&policy, &sealed, &present, &[vote(1, VoteDecision::Approve)]).approved);
    }

    #[test]
    fn a_policy_that_its_proposer_could_never_pass_is_refused_with_the_reason() {
        let people = electorate(&[3], &[1], &[1]);
        let refusal = satisfiable(&Policy::standard(), &[(person(1), "Lena".into())], &people).expect_err("Lena is the only lead");
        assert!(refusal.message.contains("Lena"), "{}", refusal.message);
        assert!(satisfiable(&Policy::standard(), &[(person(2), "Egon".into())], &people).is_ok());
    }

    fn electorate(stakeholders: &[u128], leads: &[u128], accounts: &[u128]) -> Electorate {
        let set = |people: &[u128]| people.iter().map(|n| person(*n)).collect::<BTreeSet<_>>();
        let groups = BTreeMap::from([(Group::Stakeholders, set(stakeholders)), (Group::LeadsAndDeputies, set(leads))]);
        Electorate { groups, accounts: set(accounts) }
    }

    #[test]
    fn somebody_without_account_never_fills_a_seat_that_asks_for_one() {
        let mut policy = Policy::development();
        policy.rules[0].assurance = Assurance::Account;
        let egon = [(person(2), "Egon".to_owned())];
        let refusal = satisfiable(&policy, &egon, &electorate(&[3], &[], &[])).expect_err("3 cannot sign in");
        assert!(refusal.message.contains("0 with an account"), "{}", refusal.message);
        assert!(satisfiable(&policy, &egon, &electorate(&[3, 4], &[], &[4])).is_ok());
    }

    #[test]
    fn a_link_is_too_little_only_where_every_rule_that_asks_says_so() {
        let (sealed, _) = eligible(&[1, 2], &[2]);
        let mut policy = Policy::standard();
        policy.rules[0].assurance = Assurance::Account;
        let known_better = |n| must_be_known_better(&policy, &sealed, person(n), Assurance::Link);
        assert_eq!([known_better(1), known_better(2), known_better(9)], [true, false, false]);
        assert!(!must_be_known_better(&policy, &sealed, person(1), Assurance::Account));
    }

    proptest! {
        #[test]
        fn approval_needs_as_many_people_as_the_rules_ask_for(voters in proptest::collection::btree_set(1u128..8, 0..8), stakeholders in proptest::collection::btree_set(1u128..8, 0..8), leads in proptest::collection::btree_set(1u128..8, 0..8)) {
            let (sealed, present) = eligible(&stakeholders.iter().copied().collect::<Vec<_>>(), &leads.iter().copied().collect::<Vec<_>>());
            let votes: Vec<_> = voters.iter().map(|n| vote(*n, VoteDecision::Approve)).collect();
            let standing = count(&Policy::standard(), &sealed, &present, &votes);
            let brute = voters.iter().any(|s| stakeholders.contains(s) && voters.iter().any(|l| l != s && leads.contains(l)));
            prop_assert_eq!(standing.approved, brute);
        }
    }
}
