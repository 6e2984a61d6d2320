//! Changing a policy takes the old policy's quorum: seat by seat, given by other people than whoever changes it.
//!
//! A policy asks on many databases. Its change asks once: each of its rules for as many people as it asks for on any of them, out of everybody
//! it asks on any of them. They agree signed in, and many stakeholders have no account; seats for which there are too few people who can sign
//! in are open to those who may change policies too. A seat that nobody could take is left out, because a policy that can no longer be changed
//! protects nobody. So nobody lowers a bar alone, and an installation of one person can still begin: where a change concerns no database yet,
//! there is nobody whose protection it could take away.

use super::matching::matching;
use super::policy::{Electorate, Policy};
use super::{Assurance, Roll, count};
use crate::decision::Refusal;
use crate::ids::{PersonId, PolicyId};
use crate::voice::{Voice, utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A database whose bar the change may move.
#[derive(Debug, Clone)]
pub struct Concerned<'a> {
    /// Which policy rules it now.
    pub id: PolicyId,
    /// Its rules.
    pub policy: &'a Policy,
    /// The people behind the groups of that policy there.
    pub people: &'a Electorate,
}

/// One demand of an old policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seats {
    /// How many people.
    pub need: usize,
    /// Out of whom.
    pub by: BTreeSet<PersonId>,
    /// The old policy counts a vote here only with a second factor, and so an agreement.
    #[serde(default, skip_serializing_if = "is_false")]
    pub factor: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Whose agreement a change needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// The demands of each policy that rules now. An agreement counts for several policies, and for one seat of each.
    pub policies: Vec<Vec<Seats>>,
}

impl Agreement {
    /// How many people at least.
    #[must_use]
    pub fn needed(&self) -> usize {
        self.policies.iter().map(|seats| total(seats)).max().unwrap_or(0)
    }
    /// Who may give it.
    #[must_use]
    pub fn by(&self) -> BTreeSet<PersonId> {
        self.policies.iter().flatten().flat_map(|seats| &seats.by).copied().collect()
    }
    /// Whether this person would take a seat that wants a second factor.
    #[must_use]
    pub fn wants_factor(&self, person: PersonId) -> bool {
        self.policies.iter().flatten().any(|seats| seats.factor && seats.by.contains(&person))
    }
    /// Seats that are still free when these people have agreed: of the policy that lacks most.
    #[must_use]
    pub fn missing(&self, agreed: &BTreeSet<PersonId>) -> usize {
        self.policies.iter().map(|seats| total(seats) - filled(seats, agreed)).max().unwrap_or(0)
    }
    /// Whose agreement would fill a free seat.
    #[must_use]
    pub fn waiting_for(&self, agreed: &BTreeSet<PersonId>) -> BTreeSet<PersonId> {
        let helps = |person: &PersonId| {
            let mut with = agreed.clone();
            with.insert(*person) && self.policies.iter().any(|seats| filled(seats, &with) > filled(seats, agreed))
        };
        self.by().into_iter().filter(helps).collect()
    }
}

fn total(seats: &[Seats]) -> usize {
    seats.iter().map(|seats| seats.need).sum()
}

/// How many of the seats these people fill together.
fn filled(seats: &[Seats], people: &BTreeSet<PersonId>) -> usize {
    taken(seats, people).iter().sum()
}

/// How many of each demand.
fn taken(seats: &[Seats], people: &BTreeSet<PersonId>) -> Vec<usize> {
    let people: Vec<PersonId> = people.iter().copied().collect();
    let of: Vec<usize> = seats.iter().enumerate().flat_map(|(index, seats)| std::iter::repeat_n(index, seats.need)).collect();
    let found = matching(of.len(), people.len(), &|seat, person| seats[of[seat]].by.contains(&people[person]));
    let mut taken = vec![0; seats.len()];
    for (seat, person) in found.iter().enumerate() {
        taken[of[seat]] += usize::from(person.is_some());
    }
    taken
}

/// Whose agreement a change by `proposer` needs. `holders` have the right to change policies, and an account.
pub fn agreement(concerned: &[Concerned<'_>], holders: &BTreeSet<PersonId>, proposer: PersonId) -> Result<Agreement, Refusal> {
    let others: BTreeSet<PersonId> = holders.iter().filter(|person| **person != proposer).copied().collect();
    let mut policies: BTreeMap<PolicyId, BTreeMap<String, Seats>> = BTreeMap::new();
    for one in concerned {
        let roll = Roll::fresh(one.policy, one.people, &BTreeSet::from([proposer]));
        for standing in count(one.policy, &roll, &[]).rules {
            let seats = policies.entry(one.id).or_default().entry(standing.rule.key.clone()).or_default();
            seats.need = seats.need.max(standing.need);
            seats.factor |= standing.rule.assurance == Assurance::AccountFactor;
            let asked = roll.present.get(&standing.rule.key).into_iter().flatten();
            seats.by.extend(asked.filter(|person| one.people.accounts.contains(person)));
        }
    }
    let policies: Vec<Vec<Seats>> = policies.into_values().map(|seats| possible(seats.into_values().collect(), &others)).collect();
    if policies.iter().any(|seats| total(seats) == 0) {
        return Err(Refusal::new(
            "nobody_to_agree",
            "A change of policy needs the agreement of somebody else, and there is nobody: no other administrator, and nobody with an account whom the policy asks.",
            "Invite another administrator, or a lead or stakeholder of a database that it rules.",
        ));
    }
    Ok(Agreement { policies })
}

/// The seats with who else may take them, as many as can be taken at all.
fn possible(mut seats: Vec<Seats>, others: &BTreeSet<PersonId>) -> Vec<Seats> {
    let everybody = |seats: &[Seats]| seats.iter().flat_map(|seats| &seats.by).copied().collect::<BTreeSet<_>>();
    let own = taken(&seats, &everybody(&seats));
    for (seats, taken) in seats.iter_mut().zip(own) {
        if taken < seats.need {
            seats.by.extend(others);
        }
    }
    let all = taken(&seats, &everybody(&seats));
    for (seats, taken) in seats.iter_mut().zip(all) {
        seats.need = taken;
    }
    seats.retain(|seats| seats.need > 0);
    seats
}

/// Somebody who would agree to a change.
#[derive(Debug, Clone, Copy)]
pub struct Agreeing<'a> {
    /// Who.
    pub person: PersonId,
    /// The second factor was shown in this session.
    pub factor: bool,
    /// They agreed before.
    pub already: bool,
    /// Whether they are heard; its bar is a change that the proposer made.
    pub voice: &'a Voice,
}

/// Whether this person may agree; the refusal says why not and who can.
pub fn may_agree(who: &Agreeing<'_>, proposer: PersonId, agreement: &Agreement) -> Result<(), Refusal> {
    let no = |code, message: &str, way_out: &str| Err(Refusal::new(code, message, way_out));
    if who.person == proposer {
        return no("four_eyes", "You proposed this change, so your agreement does not count.", "Ask the people named on the page.");
    }
    if who.already {
        return no("already_agreed", "You agreed to this change already.", "");
    }
    if !agreement.by().contains(&who.person) {
        return no("not_eligible", "You are not among the people whose agreement this change needs.", "The page names them.");
    }
    heard(who.voice)?;
    if agreement.wants_factor(who.person) && !who.factor {
        return no(
            "factor_needed",
            "The policy that rules now counts your agreement only with a second factor, and in this session you did not show one.",
            "Sign in with yours; if you have none, set it up on your profile.",
        );
    }
    Ok(())
}

/// Whether somebody is heard now: the proposer did not change who they are, and their votes do not rest.
pub fn heard(voice: &Voice) -> Result<(), Refusal> {
    if let Some(bar) = &voice.bar {
        let message = format!(
            "Your agreement does not count: {}, who proposed this change, changed your {} on {}.",
            bar.by,
            bar.what.label(),
            utc(bar.at)
        );
        let way_out = "The others named on the page agree; where nobody is left, take it back and have it proposed by somebody else.";
        return Err(Refusal::new("changed_by_proposer", message, way_out));
    }
    if let (Some((_, until)), Some(why)) = (voice.rests, voice.why_not()) {
        let way_out = format!("Agree after {}, or let the others named on the page agree.", utc(until));
        return Err(Refusal::new("votes_rest", format!("Your agreement does not count now: {why}."), way_out));
    }
    Ok(())
}

/// Why an agreement would not count now, as half a sentence for the page that names who is asked; `None` when it would.
#[must_use]
pub fn unheard(voice: &Voice) -> Option<String> {
    match (&voice.bar, voice.rests) {
        (Some(bar), _) => {
            Some(format!("does not count: {}, who proposed this, changed the {} on {}", bar.by, bar.what.label(), utc(bar.at)))
        }
        (None, Some((_, until))) => Some(format!("counts from {}", utc(until))),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::{Group, Rule};
    use crate::voice::{Bar, Changed};
    use uuid::Uuid;

    fn set(people: &[u128]) -> BTreeSet<PersonId> {
        people.iter().map(|n| person(*n)).collect()
    }

    fn person(n: u128) -> PersonId {
        PersonId(Uuid::from_u128(n))
    }

    /// One stakeholder and two leads.
    fn policy() -> Policy {
        Policy::of(vec![
            Rule::new("stakeholder", Group::Stakeholders, 1, Assurance::Link),
            Rule::new("lead", Group::LeadsAndDeputies, 2, Assurance::Link),
        ])
    }

    fn people(stakeholders: &[u128], leads: &[u128], accounts: &[u128]) -> Electorate {
        let groups = BTreeMap::from([(Group::Stakeholders, set(stakeholders)), (Group::LeadsAndDeputies, set(leads))]);
        Electorate { groups, accounts: set(accounts), ..Electorate::default() }
    }

    fn asked(people: &[Electorate], holders: &[u128]) -> Result<Agreement, Refusal> {
        let policy = policy();
        let id = PolicyId(Uuid::from_u128(1));
        let concerned: Vec<_> = people.iter().map(|people| Concerned { id, policy: &policy, people }).collect();
        agreement(&concerned, &set(holders), person(1))
    }

    #[test]
    fn the_old_policys_quorum_has_to_agree_seat_by_seat() {
        let found = asked(&[people(&[5, 6], &[2, 3, 4], &[2, 3, 4, 5])], &[1, 9]).expect("others are there");
        let seats = [Seats { need: 2, by: set(&[2, 3, 4]), factor: false }, Seats { need: 1, by: set(&[5]), factor: false }];
        assert_eq!(found.policies, [seats.to_vec()], "6 has no account, and an administrator takes nobody's seat");
        assert_eq!((found.needed(), found.missing(&set(&[2, 3, 4]))), (3, 1), "three leads are no stakeholder");
        assert_eq!(found.waiting_for(&set(&[2, 3])), set(&[5]));
        assert_eq!(found.missing(&set(&[2, 3, 5])), 0);
    }

    #[test]
    fn several_databases_are_asked_once_out_of_all_their_people() {
        let found = asked(&[people(&[5], &[2, 3], &[2, 3, 5]), people(&[6], &[4, 7], &[4, 6, 7])], &[1]).expect("others are there");
        assert_eq!(found.needed(), 3);
        assert_eq!(found.missing(&set(&[6, 2, 7])), 0);
    }

    #[test]
    fn seats_of_people_who_cannot_sign_in_are_taken_by_administrators() {
        let found = asked(&[people(&[5], &[2, 3], &[2, 3])], &[1, 8, 9]).expect("others are there");
        assert_eq!((found.needed(), found.missing(&set(&[2, 3]))), (3, 1));
        assert_eq!(found.waiting_for(&set(&[2, 3])), set(&[8, 9]), "for the stakeholder");
        assert_eq!(found.missing(&set(&[8, 9])), 2, "not for the leads, who can sign in: {found:?}");
    }

    #[test]
    fn where_nothing_is_ruled_nobody_is_asked_and_where_nobody_is_left_it_is_refused() {
        assert_eq!(asked(&[], &[1]).map(|found| (found.needed(), found.missing(&set(&[])))), Ok((0, 0)));
        let alone = || people(&[5], &[1], &[1]);
        assert_eq!(asked(&[alone()], &[1]).expect_err("alone").code, "nobody_to_agree");
        let one = asked(&[alone()], &[1, 9]).expect("9 holds the right");
        assert_eq!((one.needed(), one.by()), (1, set(&[9])), "never more than there are");
    }

    #[test]
    fn the_proposer_never_agrees_and_nobody_twice() {
        let code = |person, already| ask(person, already, false, &FREE, false).err().map(|refusal| refusal.code);
        assert_eq!(code(1, false).as_deref(), Some("four_eyes"));
        assert_eq!(code(2, false), None);
        assert_eq!(code(2, true).as_deref(), Some("already_agreed"));
        assert_eq!(code(3, false).as_deref(), Some("not_eligible"));
    }

    const FREE: Voice = Voice { active: true, shared: false, rests: None, bar: None };

    /// Asks for the agreement of `n`, where 1 proposed and 1 and 2 are asked.
    fn ask(n: u128, already: bool, factor: bool, voice: &Voice, wanted: bool) -> Result<(), Refusal> {
        let agreement = Agreement { policies: vec![vec![Seats { need: 1, by: set(&[1, 2]), factor: wanted }]] };
        may_agree(&Agreeing { person: person(n), factor, already, voice }, person(1), &agreement)
    }

    #[test]
    fn nobody_agrees_whom_the_proposer_changed_or_whose_votes_rest() {
        let at = "2026-11-27T10:00:00Z".parse().expect("a time");
        let resting = Voice { rests: Some((Some(Changed::Password), at)), ..FREE };
        let rests = ask(2, false, true, &resting, false).expect_err("rests");
        assert_eq!(rests.code, "votes_rest");
        assert!(rests.to_string().contains("the password was changed") && rests.way_out.contains("after 2026-11-27 10:00 UTC"), "{rests}");
        let barred = Voice { bar: Some(Bar { by: "Ada".into(), what: Changed::Factor, at }), ..FREE };
        let bar = ask(2, false, true, &barred, false).expect_err("barred");
        assert_eq!(bar.code, "changed_by_proposer");
        assert!(bar.message.contains("Ada, who proposed this change, changed your second factor on 2026-11-27 10:00 UTC"), "{bar}");
        assert_eq!((unheard(&FREE), unheard(&resting)), (None, Some("counts from 2026-11-27 10:00 UTC".into())));
        assert!(unheard(&barred).is_some_and(|why| why.starts_with("does not count: Ada")));
    }

    #[test]
    fn where_the_old_policy_wants_a_second_factor_the_agreement_shows_it() {
        assert_eq!(ask(2, false, false, &FREE, true).expect_err("not shown").code, "factor_needed");
        assert_eq!(ask(2, false, true, &FREE, true), Ok(()));
        let mut policy = policy();
        policy.rules[1].assurance = Assurance::AccountFactor;
        let people = Electorate { factors: set(&[2, 3]), ..people(&[5], &[2, 3], &[2, 3, 5]) };
        let concerned = Concerned { id: PolicyId(Uuid::from_u128(1)), policy: &policy, people: &people };
        let found = agreement(&[concerned], &set(&[9]), person(1)).expect("others are there");
        assert_eq!([2, 5].map(|n| found.wants_factor(person(n))), [true, false]);
        let written = serde_json::to_string(&Seats { factor: false, ..Seats::default() }).expect("writable");
        assert!(!written.contains("factor"), "changes that wait were written without it: {written}");
    }
}
