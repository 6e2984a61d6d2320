//! Voting in somebody's place while they are away: the seat stays that of who is away, and the explicit act that named the delegate is the
//! authority. Nobody becomes eligible by it: a sealed list of voters holds the seat, and nothing is added to it.
//!
//! - One seat is voted for once: by who is away, or by the delegate. A vote of one's own replaces the one given in one's place.
//! - One person counts once: a delegate who is asked by own right too, or stands in for several, fills one seat.
//! - A delegate speaks for who named them and passes nothing on: being away oneself makes no second delegate.
//! - Groups of roles need a role, because administrators make approvers: a delegate makes no new one. Groups of persons need a person.
//! - Of several databases each asks by its own policy: a delegate takes the seat in every one that asks who is away, and fits, or not, in each.
//! - What was voted while the absence lasted stays when it ends: the absent one may decide instead, as long as there is something to decide.

use super::policy::{ESCALATION, Group, Policy, second_key};
use super::{Assurance, Poll, Polls, Roll};
use crate::ids::PersonId;
use std::collections::{BTreeMap, BTreeSet};

/// What a delegate brings, as it is today. By it, delegation never raises how a voter is known, nor what a rule asks of its voters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Can sign in.
    pub signs_in: bool,
    /// Has a second factor to sign in with.
    pub factor: bool,
    /// Leads a team, or stands in for a lead.
    pub leads: bool,
    /// Is an engineer of a team.
    pub works: bool,
}

impl Standing {
    /// Whether a seat of this group, with this demand, may be voted for by such a delegate.
    #[must_use]
    pub fn fits(self, group: &Group, assurance: Assurance) -> bool {
        let role = match group {
            Group::LeadsAndDeputies | Group::Team(_) => self.leads,
            Group::Engineers => self.leads || self.works,
            Group::Stakeholders | Group::People(_) => true,
        };
        let known = match assurance {
            Assurance::Link | Assurance::LinkCode => true,
            Assurance::Account => self.signs_in,
            Assurance::AccountFactor => self.signs_in && self.factor,
        };
        role && known
    }
}

/// Somebody in whose place another votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandIn {
    /// Whose seat it is.
    pub absent: PersonId,
    /// Who votes.
    pub delegate: PersonId,
    /// What the delegate brings.
    pub standing: Standing,
    /// How well whoever named the delegate was known: a seat that asks for more was theirs to fill, and is not theirs to give.
    pub given: Assurance,
}

/// Who stands in on one plan: those whose vote says so, and those who may today. One seat has one delegate, whoever voted needs none, and a
/// vote that was given without somebody's seat gains none later.
#[must_use]
pub fn on_one_plan(recorded: Vec<StandIn>, today: Vec<StandIn>, voted: &BTreeSet<PersonId>) -> Vec<StandIn> {
    let taken: BTreeSet<PersonId> = recorded.iter().map(|one| one.absent).collect();
    let free = today.into_iter().filter(|one| !taken.contains(&one.absent) && !voted.contains(&one.delegate));
    recorded.into_iter().chain(free).filter(|one| !voted.contains(&one.absent)).collect()
}

/// Seats of the absent by key of the rule: whose, and who votes.
pub(super) type Places = BTreeMap<String, BTreeSet<(PersonId, PersonId)>>;

impl Roll {
    /// The same people, with those who vote in somebody's place.
    #[must_use]
    pub fn with_stand_ins(mut self, policy: &Policy, stand_ins: &[StandIn]) -> Self {
        let fitting = |group: &Group, assurance| {
            let fit = stand_ins.iter().filter(|one| assurance <= one.given && one.standing.fits(group, assurance));
            fit.map(|one| (one.absent, one.delegate)).collect::<BTreeSet<_>>()
        };
        let mut places: Places = policy.rules.iter().map(|rule| (rule.key.clone(), fitting(&rule.group, rule.assurance))).collect();
        if let Some(second) = &policy.escalation {
            places.insert(ESCALATION.to_owned(), fitting(&second.group, policy.highest_assurance()));
        }
        for own in &policy.stage_terms {
            let second = own.escalation.as_ref().map(|second| fitting(&second.group, policy.assurance_of(own.stage)));
            places.insert(second_key(own.stage), second.unwrap_or_default());
        }
        self.places = places;
        self
    }
    /// In whose places a person may vote here beyond the own right: what a vote records. Seats that the person could take anyway need nobody's.
    #[must_use]
    pub fn in_place_of(&self, person: PersonId) -> BTreeSet<PersonId> {
        let mut found = BTreeSet::new();
        for (key, places) in self.places.iter().filter(|(key, _)| self.is_asked(key)) {
            let Some(present) = self.present.get(key).filter(|present| !present.contains(&person)) else { continue };
            found.extend(
                places.iter().filter(|(absent, delegate)| *delegate == person && present.contains(absent)).map(|(absent, _)| *absent),
            );
        }
        found
    }
}

impl Polls<'_> {
    /// The same people, with those who vote in somebody's place: by each policy for itself.
    #[must_use]
    pub fn with_stand_ins(self, stand_ins: &[StandIn]) -> Self {
        let each = self.0.into_iter().map(|poll| Poll { roll: poll.roll.with_stand_ins(poll.policy, stand_ins), ..poll });
        Self(each.collect())
    }
    /// In whose places a person may vote, by any of the policies: what a vote records.
    #[must_use]
    pub fn in_place_of(&self, person: PersonId) -> BTreeSet<PersonId> {
        self.0.iter().flat_map(|poll| poll.roll.in_place_of(person)).collect()
    }
}

#[cfg(test)]
#[path = "stand_in_tests.rs"]
mod tests;
