//! Several databases in one plan: the policy of each is counted on its own, and all of them have to be satisfied.
//!
//! A vote counts for every database whose policy asks its voter, and for one seat of each. Nobody approves twice, and no database is
//! satisfied by people whom its own policy does not ask.

use super::code::CodeNeed;
use super::count::{Roll, RuleStanding, Standing, count, in_turn, must_be_known_better};
use super::policy::{Electorate, Eligible, Policy};
use super::{Assurance, StandingVote, VoteDecision};
use crate::decision::Refusal;
use crate::ids::{PersonId, TargetId};
use crate::procedure::RiskClass;
use std::collections::{BTreeMap, BTreeSet};

/// The people behind the groups of each database's policy.
pub type Electorates = BTreeMap<TargetId, Electorate>;

/// One policy of a plan, with who may vote by it.
#[derive(Debug, Clone)]
pub struct Poll<'p> {
    /// Of which database.
    pub target: TargetId,
    /// Its short name, where the plan has several databases.
    pub name: Option<&'p str>,
    /// Its policy.
    pub policy: &'p Policy,
    /// Who may vote.
    pub roll: Roll,
    /// The worst class of the plan.
    pub risk: RiskClass,
}

impl Poll<'_> {
    /// Its policy asks nobody about this class.
    #[must_use]
    pub fn beforehand(&self) -> bool {
        self.policy.pre_approves(self.risk)
    }
    fn count(&self, votes: &[StandingVote]) -> Standing {
        let mut standing = count(self.policy, &self.roll, votes).or_pre_approved(self.policy, self.risk);
        for rule in &mut standing.rules {
            rule.of = self.name.map(str::to_owned).into_iter().collect();
        }
        standing
    }
    fn asks(&self, person: PersonId) -> bool {
        self.roll.asked().values().any(|people| people.contains(&person))
    }
}

/// The policies of one plan.
#[derive(Debug, Clone)]
pub struct Polls<'p>(pub Vec<Poll<'p>>);

impl Polls<'_> {
    /// Where the proposal stands: approved when every policy is satisfied, rejected when one of them says so.
    #[must_use]
    pub fn count(&self, votes: &[StandingVote]) -> Standing {
        if let [one] = self.0.as_slice() {
            return one.count(votes);
        }
        let each: Vec<(&Poll<'_>, Standing)> = self.0.iter().map(|poll| (poll, poll.count(votes))).collect();
        // Whose policy asks nobody is not waited for, where others are.
        let asking = |poll: &Poll<'_>| !poll.beforehand() || self.0.iter().all(Poll::beforehand);
        let stages = |open: bool| {
            let asked = each.iter().filter(move |(poll, _)| asking(poll));
            asked
                .filter(move |(_, standing)| !open || standing.rules.iter().any(|rule| rule.missing() > 0))
                .map(|(_, standing)| standing.stage)
        };
        let all = |of: fn(&Standing) -> &Vec<PersonId>| {
            each.iter().flat_map(|(_, standing)| of(standing)).copied().collect::<BTreeSet<_>>().into_iter().collect()
        };
        Standing {
            stage: stages(true).min().or_else(|| stages(false).max()).unwrap_or(0),
            rejected_by: all(|standing| &standing.rejected_by),
            changes_asked_by: all(|standing| &standing.changes_asked_by),
            approved: !each.is_empty() && each.iter().all(|(_, standing)| standing.approved),
            rejected: each.iter().any(|(_, standing)| standing.rejected),
            reachable: each.iter().all(|(poll, standing)| (standing.reachable || poll.beforehand()) && !standing.rejected),
            rules: each.iter().filter(|(poll, _)| asking(poll)).flat_map(|(_, standing)| standing.rules.clone()).collect(),
        }
    }

    /// Whoever may vote now by any of them.
    #[must_use]
    pub fn asked(&self) -> BTreeSet<PersonId> {
        self.0.iter().flat_map(|poll| poll.roll.asked().into_values().flatten()).collect()
    }

    /// The same as one list, for the question whether somebody may vote at all.
    #[must_use]
    pub fn eligible(&self) -> Eligible {
        Eligible::from([("asked".to_owned(), self.asked())])
    }

    /// Takes people off who do not count now.
    #[must_use]
    pub fn without(self, silent: &BTreeSet<PersonId>) -> Self {
        Self(self.0.into_iter().map(|poll| Poll { roll: poll.roll.without(silent), ..poll }).collect())
    }

    /// Those who are asked at the deadline of a stage.
    #[must_use]
    pub fn second(&self, stage: u32) -> BTreeSet<PersonId> {
        self.0.iter().flat_map(|poll| poll.roll.second(stage)).collect()
    }

    /// Whether this decision may be given now: it is the person's turn by at least one of the policies that ask. `now` counts the same policies
    /// with today's groups.
    pub fn in_turn(&self, now: &Self, votes: &[StandingVote], person: PersonId, decision: VoteDecision) -> Result<(), Refusal> {
        let mut refused = None;
        for (sealed, now) in self.0.iter().zip(&now.0).filter(|(sealed, _)| sealed.asks(person)) {
            match in_turn(sealed.policy, &sealed.roll, &now.count(votes), person, decision) {
                Ok(()) => return Ok(()),
                Err(refusal) => refused = Some(refusal),
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// Whether an approval known by `assurance` would count for nothing by any policy that asks the person.
    #[must_use]
    pub fn must_be_known_better(&self, person: PersonId, assurance: Assurance) -> bool {
        let mut asking = self.0.iter().filter(|poll| poll.asks(person)).peekable();
        asking.peek().is_some() && asking.all(|poll| must_be_known_better(poll.policy, &poll.roll, person, assurance))
    }
}

impl<'p> Polls<'p> {
    /// What a mailed code does for somebody's approval by link, over all policies that ask.
    #[must_use]
    pub fn code_need(&self, person: PersonId) -> CodeNeed<'p> {
        let mut found = CodeNeed { with: vec![], without: vec![] };
        for poll in &self.0 {
            let need = CodeNeed::of(poll.policy, &poll.roll, person);
            found.with.extend(need.with);
            found.without.extend(need.without);
        }
        found
    }
}

impl Standing {
    /// Everybody whose approval fills a seat.
    #[must_use]
    pub fn voters(&self) -> BTreeSet<PersonId> {
        self.rules.iter().flat_map(|rule| &rule.have).copied().collect()
    }

    /// Whoever is waited for since a stage came to its turn; `before` is the same plan's count without the last vote.
    #[must_use]
    pub fn newly_asked(&self, before: &Self) -> BTreeSet<PersonId> {
        let turned = self.rules.iter().zip(&before.rules).filter(|(now, then)| then.later && !now.later);
        turned.flat_map(|(now, _)| &now.waiting_for).copied().collect()
    }

    /// The demands as people read them: equal ones of several databases once, with the names of all.
    #[must_use]
    pub fn lines(&self) -> Vec<RuleStanding> {
        let mut found: Vec<RuleStanding> = Vec::new();
        for rule in &self.rules {
            let nameless = |rule: &RuleStanding| RuleStanding { of: vec![], ..rule.clone() };
            match found.iter_mut().find(|known| nameless(known) == nameless(rule)) {
                Some(known) => known.of.extend(rule.of.iter().cloned()),
                None => found.push(rule.clone()),
            }
        }
        found
    }
}

/// Everybody whom any of these lists names.
#[must_use]
pub fn everybody<'e>(lists: impl IntoIterator<Item = &'e Eligible>) -> BTreeSet<PersonId> {
    lists.into_iter().flat_map(|eligible| eligible.values().flatten()).copied().collect()
}

#[cfg(test)]
#[path = "polls_tests.rs"]
mod tests;
