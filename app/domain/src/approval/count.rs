//! Counting: who may vote on a plan now, which seats are taken, and whose turn it is.

use super::policy::{ESCALATION, Electorate, Eligible, Policy, Rule};
use super::{Assurance, StandingVote, VoteDecision};
use crate::decision::Refusal;
use crate::ids::PersonId;
use crate::procedure::RiskClass;
use std::collections::BTreeSet;

/// Who may vote on one plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roll {
    /// The sealed people by rule: shares are shares of them, whoever leaves.
    pub sealed: Eligible,
    /// Who of them may vote now.
    pub present: Eligible,
    /// The second group was asked, and may take any free seat.
    pub escalated: bool,
}

impl Roll {
    /// A roll to seal: everybody whom the rules count today, but `out`.
    #[must_use]
    pub fn fresh(policy: &Policy, today: &Electorate, out: &BTreeSet<PersonId>) -> Self {
        let sealed = by_rule(policy, today, |person| !out.contains(person));
        Self { present: sealed.clone(), sealed, escalated: false }
    }
    /// The roll as it was sealed, with everybody present.
    #[must_use]
    pub fn as_sealed(sealed: &Eligible) -> Self {
        Self { sealed: sealed.clone(), present: sealed.clone(), escalated: false }
    }
    /// A sealed roll with today's groups: who left a group no longer counts, who joined counts only after sealing anew.
    #[must_use]
    pub fn today(policy: &Policy, sealed: &Eligible, today: &Electorate, escalated: bool) -> Self {
        let mut present = by_rule(policy, today, |_| true);
        present.retain(|key, people| {
            let asked = sealed.get(key);
            people.retain(|person| asked.is_some_and(|asked| asked.contains(person)));
            asked.is_some()
        });
        Self { present, sealed: sealed.clone(), escalated }
    }
    /// The roll of a policy that rules a plan sealed under another one. Only who was asked by the plan may count, and shares are those of
    /// today's groups, so that a raised policy is never met by fewer people than it asks for. `out` never vote on the plan.
    #[must_use]
    pub fn against(policy: &Policy, sealed: &Eligible, today: &Electorate, out: &BTreeSet<PersonId>, escalated: bool) -> Self {
        let asked: BTreeSet<PersonId> = sealed.values().flatten().copied().collect();
        let groups = by_rule(policy, today, |person| !out.contains(person));
        let mut present = groups.clone();
        present.values_mut().for_each(|people| people.retain(|person| asked.contains(person)));
        Self { sealed: groups, present, escalated }
    }
    /// Takes people off who do not count now; shares stay those of the sealed groups.
    #[must_use]
    pub fn without(mut self, silent: &BTreeSet<PersonId>) -> Self {
        self.present.values_mut().for_each(|people| people.retain(|person| !silent.contains(person)));
        self
    }
    /// Who may vote now, by rule; the second group only once it was asked.
    #[must_use]
    pub fn asked(&self) -> Eligible {
        let mut asked = self.present.clone();
        asked.retain(|key, _| self.escalated || key != ESCALATION);
        asked
    }
    fn may(&self, rule: &Rule, person: PersonId) -> bool {
        let of = |key: &str| self.present.get(key).is_some_and(|people| people.contains(&person));
        of(&rule.key) || (self.escalated && of(ESCALATION))
    }
    fn required(&self, rule: &Rule) -> usize {
        rule.required(self.sealed.get(&rule.key).map_or(0, BTreeSet::len))
    }
}

fn by_rule(policy: &Policy, today: &Electorate, keep: impl Fn(&PersonId) -> bool) -> Eligible {
    let mut found: Eligible = policy.rules.iter().map(|rule| (rule.key.clone(), today.of(rule).filter(&keep).collect())).collect();
    if let Some(escalation) = &policy.escalation {
        let people = today.in_group(&escalation.group, policy.highest_assurance()).filter(&keep).collect();
        found.insert(ESCALATION.to_owned(), people);
    }
    found
}

/// One rule's count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleStanding {
    /// The rule.
    pub rule: Rule,
    /// How many different people it asks for.
    pub need: usize,
    /// Votes assigned to it, no voter twice over all rules.
    pub have: Vec<PersonId>,
    /// Who could still vote for it; nobody while an earlier stage is open.
    pub waiting_for: Vec<PersonId>,
    /// Its turn has not come: an earlier stage is open.
    pub later: bool,
}

impl RuleStanding {
    /// Seats that are still free.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.need.saturating_sub(self.have.len())
    }
}

/// Where a proposal stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Each rule with its count.
    pub rules: Vec<RuleStanding>,
    /// The stage whose turn it is; the last one once all are met.
    pub stage: u32,
    /// Who rejected.
    pub rejected_by: Vec<PersonId>,
    /// Who asked for changes.
    pub changes_asked_by: Vec<PersonId>,
    /// Every rule is met, or the class is pre-approved, and nobody stands against it.
    pub approved: bool,
    /// Rejections reached a threshold.
    pub rejected: bool,
    /// With everybody present who may still vote, could it be approved?
    pub reachable: bool,
}

impl Standing {
    /// The same for a plan of this class: what the policy approves by itself needs no votes.
    #[must_use]
    pub fn or_pre_approved(mut self, policy: &Policy, risk: RiskClass) -> Self {
        self.approved |= policy.pre_approves(risk) && !self.rejected && self.changes_asked_by.is_empty();
        self
    }
    /// Everybody who is waited for.
    #[must_use]
    pub fn waiting_for(&self) -> BTreeSet<PersonId> {
        self.rules.iter().flat_map(|rule| &rule.waiting_for).copied().collect()
    }
}

/// Counts the votes. Contributors are not on the roll.
#[must_use]
pub fn count(policy: &Policy, roll: &Roll, votes: &[StandingVote]) -> Standing {
    let needs: Vec<usize> = policy.rules.iter().map(|rule| roll.required(rule)).collect();
    let on_the_roll = |person: PersonId| policy.rules.iter().any(|rule| roll.may(rule, person));
    let against = |decision| -> Vec<PersonId> {
        votes.iter().filter(|vote| vote.decision == decision && on_the_roll(vote.person)).map(|vote| vote.person).collect()
    };
    let rejected_by = against(VoteDecision::Reject);
    let changes_asked_by = against(VoteDecision::RequestChanges);
    let vetoed = |rule: &Rule| rule.deny > 0 && rejected_by.iter().filter(|person| roll.may(rule, **person)).count() >= rule.deny as usize;
    let rejected = rejected_by.len() >= policy.deny_threshold.max(1) as usize || policy.rules.iter().any(vetoed);

    let approvals: Vec<&StandingVote> = votes.iter().filter(|vote| vote.decision == VoteDecision::Approve).collect();
    let counts = |rule: &Rule, person: PersonId| {
        roll.may(rule, person) && approvals.iter().any(|vote| vote.person == person && vote.assurance >= rule.assurance)
    };
    let voted: BTreeSet<PersonId> = votes.iter().map(|vote| vote.person).collect();
    let approvers: Vec<PersonId> = approvals.iter().map(|vote| vote.person).collect::<BTreeSet<_>>().into_iter().collect();
    let possible: Vec<PersonId> = roll.asked().into_values().flatten().collect::<BTreeSet<_>>().into_iter().collect();
    let could = |rule: &Rule, person: PersonId| counts(rule, person) || (roll.may(rule, person) && !voted.contains(&person));
    let filled = |have: &[Vec<PersonId>], up_to: u32| {
        policy.rules.iter().zip(have).zip(&needs).all(|((rule, have), need)| rule.stage > up_to || have.len() >= *need)
    };
    let last = policy.stages().last().copied().unwrap_or(0);
    let reachable = filled(&assign(&policy.rules, &needs, last, &possible, &could), last);

    // Somebody may fit into two stages: a stage is met when the seats up to it can be filled together.
    let open = policy.stages().into_iter().find(|stage| !filled(&assign(&policy.rules, &needs, *stage, &approvers, &counts), *stage));
    let stage = open.unwrap_or(last);
    let assigned = assign(&policy.rules, &needs, stage, &approvers, &counts);
    let rules = policy
        .rules
        .iter()
        .zip(assigned)
        .zip(&needs)
        .map(|((rule, have), need)| {
            let later = rule.stage > stage;
            let asked = possible.iter().filter(|person| roll.may(rule, **person) && !voted.contains(person));
            let waiting_for = if later || have.len() >= *need { vec![] } else { asked.copied().collect() };
            RuleStanding { rule: rule.clone(), need: *need, have, waiting_for, later }
        })
        .collect();
    Standing {
        rules,
        stage,
        approved: !policy.rules.is_empty() && open.is_none() && !rejected && changes_asked_by.is_empty(),
        rejected,
        reachable: reachable && !rejected,
        rejected_by,
        changes_asked_by,
    }
}

/// Whether this decision may be given now: an approval waits for its stage, a no never does.
pub fn in_turn(policy: &Policy, asked: &Eligible, standing: &Standing, person: PersonId, decision: VoteDecision) -> Result<(), Refusal> {
    let of = |key: &str| asked.get(key).is_some_and(|people| people.contains(&person));
    let now = |rule: &Rule| rule.stage <= standing.stage && (of(&rule.key) || of(ESCALATION));
    if decision != VoteDecision::Approve || policy.rules.iter().any(now) {
        return Ok(());
    }
    Err(Refusal::new(
        "not_your_turn",
        "Your approval is asked for in a later stage, and an earlier one is still open.",
        "You get a mail with a link once it is your turn. You may reject it, or ask for changes, at any time.",
    ))
}

/// Whether an approval known by `assurance` would count for nothing, though the person is asked: every rule that asks wants to know better.
#[must_use]
pub fn must_be_known_better(policy: &Policy, asked: &Eligible, person: PersonId, assurance: Assurance) -> bool {
    let of = |key: &str| asked.get(key).is_some_and(|people| people.contains(&person));
    let mut asking = policy.rules.iter().filter(|rule| of(&rule.key) || of(ESCALATION)).peekable();
    asking.peek().is_some() && asking.all(|rule| rule.assurance > assurance)
}

/// Gives each rule up to a stage as many different people as it needs, nobody twice: maximum bipartite matching by augmenting paths.
fn assign(rules: &[Rule], needs: &[usize], up_to: u32, people: &[PersonId], fits: &dyn Fn(&Rule, PersonId) -> bool) -> Vec<Vec<PersonId>> {
    let seats_of = |(index, rule): (usize, &Rule)| std::iter::repeat_n(index, if rule.stage <= up_to { needs[index] } else { 0 });
    let seats: Vec<usize> = rules.iter().enumerate().flat_map(seats_of).collect();
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
    fits: &dyn Fn(&Rule, PersonId) -> bool,
    taken: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for index in 0..seats.len() {
        if seen[index] || !fits(&rules[seats[index]], people[person]) {
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

#[cfg(test)]
#[path = "count_tests.rs"]
mod tests;
