//! Counting: who may vote on a plan now, which seats are taken, and whose turn it is.

use super::matching::matching;
use super::policy::{ESCALATION, Electorate, Eligible, Policy, Rule, second_key};
use super::stand_in::Places;
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
    /// Stages whose second group was asked, and may take any free seat of them.
    pub escalated: BTreeSet<u32>,
    /// Seats that are voted for in somebody's place.
    pub(super) places: Places,
    /// Who holds a seat and cannot vote in time, unless they did: whether it is reachable is asked without them.
    pub(super) away: BTreeSet<PersonId>,
}

impl Roll {
    /// A roll to seal: everybody whom the rules count today, but `out`.
    #[must_use]
    pub fn fresh(policy: &Policy, today: &Electorate, out: &BTreeSet<PersonId>) -> Self {
        let sealed = by_rule(policy, today, |person| !out.contains(person));
        Self { present: sealed.clone(), ..Self::as_sealed(&sealed) }
    }
    /// The roll as it was sealed, with everybody present.
    #[must_use]
    pub fn as_sealed(sealed: &Eligible) -> Self {
        let (sealed, present) = (sealed.clone(), sealed.clone());
        Self { sealed, present, escalated: BTreeSet::new(), places: Places::new(), away: BTreeSet::new() }
    }
    /// A sealed roll with today's groups: who left a group no longer counts, who joined counts only after sealing anew.
    #[must_use]
    pub fn today(policy: &Policy, sealed: &Eligible, today: &Electorate, escalated: &BTreeSet<u32>) -> Self {
        let mut present = by_rule(policy, today, |_| true);
        present.retain(|key, people| {
            let asked = sealed.get(key);
            people.retain(|person| asked.is_some_and(|asked| asked.contains(person)));
            asked.is_some()
        });
        Self { present, escalated: escalated.clone(), ..Self::as_sealed(sealed) }
    }
    /// The roll of a policy that rules a plan sealed under another one. Only who was asked by the plan may count, and shares are those of
    /// today's groups, so that a raised policy is never met by fewer people than it asks for. `out` never vote on the plan.
    #[must_use]
    pub fn against(policy: &Policy, sealed: &Eligible, today: &Electorate, out: &BTreeSet<PersonId>, escalated: &BTreeSet<u32>) -> Self {
        let asked: BTreeSet<PersonId> = sealed.values().flatten().copied().collect();
        let groups = by_rule(policy, today, |person| !out.contains(person));
        let mut present = groups.clone();
        for people in present.values_mut() {
            people.retain(|person| asked.contains(person));
        }
        Self { present, escalated: escalated.clone(), ..Self::as_sealed(&groups) }
    }
    /// Takes people off who do not count now; shares stay those of the sealed groups.
    #[must_use]
    pub fn without(mut self, silent: &BTreeSet<PersonId>) -> Self {
        for people in self.present.values_mut() {
            people.retain(|person| !silent.contains(person));
        }
        self
    }
    /// Says who holds a seat and cannot vote in time: their delegates may, and what they voted already counts.
    #[must_use]
    pub fn with_away(self, away: BTreeSet<PersonId>) -> Self {
        Self { away, ..self }
    }
    /// Who may vote now, by rule, delegates among them; a second group only once it was asked.
    #[must_use]
    pub fn asked(&self) -> Eligible {
        let mut asked = self.present.clone();
        asked.retain(|key, _| self.is_asked(key));
        for (key, people) in &mut asked {
            let delegates: Vec<_> =
                self.places_of(key).filter(|(absent, _)| people.contains(absent)).map(|(_, delegate)| *delegate).collect();
            people.extend(delegates);
        }
        asked
    }
    /// Rules are asked when their stage comes; a second group only once its deadline has passed.
    pub(super) fn is_asked(&self, key: &str) -> bool {
        !key.starts_with(ESCALATION) || self.escalated.iter().any(|stage| self.second_of(*stage) == key)
    }
    fn places_of(&self, key: &str) -> impl Iterator<Item = &(PersonId, PersonId)> {
        self.places.get(key).into_iter().flatten()
    }
    /// Those who are asked at the deadline of a stage.
    #[must_use]
    pub fn second(&self, stage: u32) -> BTreeSet<PersonId> {
        self.present.get(&self.second_of(stage)).cloned().unwrap_or_default()
    }
    /// The same for every stage at whose deadline others are asked.
    #[must_use]
    pub fn seconds(&self, policy: &Policy) -> Vec<(u32, BTreeSet<PersonId>)> {
        let asks = |stage: &u32| policy.terms(*stage).escalation.is_some();
        policy.stages().into_iter().filter(asks).map(|stage| (stage, self.second(stage))).collect()
    }
    /// A stage with terms of its own has its own second group, be it nobody.
    fn second_of(&self, stage: u32) -> String {
        let own = second_key(stage);
        if self.sealed.contains_key(&own) { own } else { ESCALATION.to_owned() }
    }
    /// Whether a seat of the rule is the person's own, or one that they may vote for in somebody's place.
    pub(super) fn may(&self, rule: &Rule, person: PersonId) -> bool {
        self.holds(rule, person) || self.for_others(rule, person, |_| true)
    }
    pub(super) fn holds(&self, rule: &Rule, person: PersonId) -> bool {
        self.keys(rule).any(|key| self.present.get(&key).is_some_and(|people| people.contains(&person)))
    }
    pub(super) fn for_others(&self, rule: &Rule, person: PersonId, whose: impl Fn(PersonId) -> bool) -> bool {
        self.keys(rule).any(|key| {
            let present = self.present.get(&key);
            let here = |absent: &PersonId| present.is_some_and(|people| people.contains(absent));
            self.places_of(&key).any(|(absent, delegate)| *delegate == person && here(absent) && whose(*absent))
        })
    }
    fn keys(&self, rule: &Rule) -> impl Iterator<Item = String> {
        let second = self.escalated.contains(&rule.stage).then(|| self.second_of(rule.stage));
        [rule.key.clone()].into_iter().chain(second)
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
    for own in &policy.stage_terms {
        let known = policy.assurance_of(own.stage);
        let people = own.escalation.iter().flat_map(|second| today.in_group(&second.group, known)).filter(&keep).collect();
        found.insert(second_key(own.stage), people);
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
    /// Short names of the databases that ask so, where the plan has several.
    pub of: Vec<String>,
}

impl RuleStanding {
    /// Who is asked, and for which of several databases.
    #[must_use]
    pub fn who(&self) -> String {
        let group = self.rule.group.label();
        if self.of.is_empty() { group.to_owned() } else { format!("{group} ({})", self.of.join(", ")) }
    }
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
    /// The votes suffice, and nobody stands against it.
    #[must_use]
    pub fn suffices(&self) -> bool {
        self.approved && !self.rejected && self.changes_asked_by.is_empty()
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
    let spoke: BTreeSet<PersonId> = votes.iter().map(|vote| vote.person).collect();
    let approvers: Vec<PersonId> = approvals.iter().map(|vote| vote.person).collect::<BTreeSet<_>>().into_iter().collect();
    let possible: Vec<PersonId> = roll.asked().into_values().flatten().collect::<BTreeSet<_>>().into_iter().collect();
    let there = |person: PersonId| !spoke.contains(&person) && !roll.away.contains(&person);
    // Whoever is there may vote for the own seat, whoever did so before; where somebody is not, only the delegate makes it reachable.
    let could = |rule: &Rule, person: PersonId| {
        let mine = roll.holds(rule, person) || roll.for_others(rule, person, |absent| roll.away.contains(&absent));
        mine && (there(person) || counts(rule, person))
    };
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
            // The seat of somebody for whom another has voted is filled.
            let filled = |person: PersonId| {
                have.iter().any(|voter| !roll.holds(rule, *voter) && roll.for_others(rule, *voter, |absent| absent == person))
            };
            let asked = possible.iter().filter(|person| roll.may(rule, **person) && !spoke.contains(person) && !filled(**person));
            let waiting_for = if later || have.len() >= *need { vec![] } else { asked.copied().collect() };
            RuleStanding { rule: rule.clone(), need: *need, have, waiting_for, later, of: vec![] }
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
pub fn in_turn(policy: &Policy, roll: &Roll, standing: &Standing, person: PersonId, decision: VoteDecision) -> Result<(), Refusal> {
    let now = |rule: &Rule| rule.stage <= standing.stage && roll.may(rule, person);
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
pub fn must_be_known_better(policy: &Policy, roll: &Roll, person: PersonId, assurance: Assurance) -> bool {
    let mut asking = policy.rules.iter().filter(|rule| roll.may(rule, person)).peekable();
    asking.peek().is_some() && asking.all(|rule| rule.assurance > assurance)
}

/// The answer to whoever is asked for a second factor, and did not show one or has none.
#[must_use]
pub fn factor_needed() -> Refusal {
    Refusal::new(
        "factor_needed",
        "The policy of this plan counts your approval only with a second factor, shown at the sign-in.",
        "Sign in with yours, or set one up on your profile; if you had none when the plan was sealed, its owner seals it anew before you are asked.",
    )
}

/// Gives each rule up to a stage as many different people as it needs, nobody twice.
fn assign(rules: &[Rule], needs: &[usize], up_to: u32, people: &[PersonId], fits: &dyn Fn(&Rule, PersonId) -> bool) -> Vec<Vec<PersonId>> {
    let seats_of = |(index, rule): (usize, &Rule)| std::iter::repeat_n(index, if rule.stage <= up_to { needs[index] } else { 0 });
    let seats: Vec<usize> = rules.iter().enumerate().flat_map(seats_of).collect();
    let taken = matching(seats.len(), people.len(), &|seat, person| fits(&rules[seats[seat]], people[person]));
    let mut out = vec![Vec::new(); rules.len()];
    for (seat, person) in taken.iter().enumerate() {
        if let Some(person) = person {
            out[seats[seat]].push(people[*person]);
        }
    }
    out
}

#[cfg(test)]
#[path = "count_tests.rs"]
mod tests;
