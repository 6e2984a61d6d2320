use super::*;
use crate::approval::{Group, Rule};
use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

fn set(people: &[u128]) -> BTreeSet<PersonId> {
    people.iter().map(|n| person(*n)).collect()
}

fn vote(n: u128, decision: VoteDecision) -> StandingVote {
    StandingVote { person: person(n), decision, assurance: Assurance::Link, at: Timestamp::UNIX_EPOCH }
}

fn yes(voters: &[u128]) -> Vec<StandingVote> {
    voters.iter().map(|n| vote(*n, VoteDecision::Approve)).collect()
}

/// The standard policy over these stakeholders and leads.
fn poll<'p>(policy: &'p Policy, name: &'p str, stakeholders: &[u128], leads: &[u128]) -> Poll<'p> {
    let groups = BTreeMap::from([(Group::Stakeholders, set(stakeholders)), (Group::LeadsAndDeputies, set(leads))]);
    let roll = Roll::fresh(policy, &Electorate { groups, ..Electorate::default() }, &BTreeSet::new());
    Poll { target: TargetId(Uuid::from_u128(name.len() as u128)), name: Some(name), policy, roll, risk: RiskClass::R1 }
}

#[test]
fn every_policy_has_to_be_satisfied_by_the_people_it_asks() {
    let policy = Policy::standard();
    let both = Polls(vec![poll(&policy, "orders", &[1], &[9]), poll(&policy, "invoices", &[2], &[9])]);
    assert!(!both.count(&yes(&[1, 9])).approved, "nobody of the invoices was heard");
    assert!(both.count(&yes(&[1, 2, 9])).approved, "the lead counts for both");
    assert_eq!(both.count(&yes(&[1, 9])).waiting_for(), set(&[2]));
    assert!(both.count(&[vote(2, VoteDecision::Reject)]).rejected, "one refuses for all");
    assert!(!both.count(&[vote(2, VoteDecision::RequestChanges)]).changes_asked_by.is_empty());
    assert!(!both.clone().without(&set(&[2])).count(&[]).reachable);
    assert_eq!(both.asked(), set(&[1, 2, 9]));
}

#[test]
fn a_vote_fills_one_seat_of_each_policy() {
    let policy = Policy::standard();
    let both = Polls(vec![poll(&policy, "orders", &[1, 2], &[1]), poll(&policy, "invoices", &[1, 2], &[1])]);
    assert!(!both.count(&yes(&[1])).approved, "not two of one policy");
    assert!(both.count(&yes(&[1, 2])).approved);
}

#[test]
fn equal_demands_are_read_once_with_the_names() {
    let policy = Policy::standard();
    let both = Polls(vec![poll(&policy, "orders", &[1], &[9]), poll(&policy, "invoices", &[2], &[9])]);
    let lines = both.count(&[]).lines();
    let said: Vec<(&str, String)> = lines.iter().map(|line| (line.rule.key.as_str(), line.of.join(", "))).collect();
    let expected = [("stakeholder", "orders"), ("lead", "orders, invoices"), ("stakeholder", "invoices")];
    assert_eq!(said, expected.map(|(key, of)| (key, of.to_owned())));
}

#[test]
fn a_policy_that_approves_beforehand_waits_for_nobody_beside_one_that_asks() {
    let (asks, mut silent) = (Policy::standard(), Policy::standard());
    silent.pre_approved = Some(RiskClass::R1);
    let both = Polls(vec![poll(&silent, "staging", &[7], &[9]), poll(&asks, "orders", &[1], &[9])]);
    assert_eq!(both.count(&[]).waiting_for(), set(&[1, 9]));
    assert!(both.count(&yes(&[1, 9])).approved);
    assert!(both.count(&[vote(7, VoteDecision::Reject)]).rejected, "a no is heard all the same");
    let alone = Polls(vec![poll(&silent, "staging", &[7], &[9]), poll(&silent, "orders", &[1], &[9])]);
    assert!(alone.count(&[]).approved);
}

#[test]
fn each_policy_has_stages_of_its_own() {
    let (plain, mut staged) = (Policy::standard(), Policy::standard());
    staged.rules[1].stage = 1;
    let both = Polls(vec![poll(&plain, "orders", &[1], &[8]), poll(&staged, "invoices", &[2], &[9])]);
    let (none, first) = (both.count(&[]), both.count(&yes(&[2])));
    assert_eq!((none.stage, first.stage), (0, 0), "the orders are still at their only stage");
    assert_eq!(both.in_turn(&both, &[], person(9), VoteDecision::Approve).expect_err("later").code, "not_your_turn");
    assert!(both.in_turn(&both, &yes(&[2]), person(9), VoteDecision::Approve).is_ok());
    assert!(both.in_turn(&both, &[], person(8), VoteDecision::Approve).is_ok());
    assert_eq!(first.newly_asked(&none), set(&[9]), "and they are asked now");
    assert_eq!(both.count(&yes(&[1, 2, 8])).stage, 1);
}

#[test]
fn an_approval_that_counts_for_one_database_may_be_given() {
    let (by_link, mut signed_in) = (Policy::development(), Policy::development());
    signed_in.rules[0].assurance = Assurance::Account;
    let roll = |policy: &Policy| {
        let groups = BTreeMap::from([(Group::Stakeholders, set(&[1]))]);
        Roll::fresh(policy, &Electorate { groups, accounts: set(&[1]), ..Electorate::default() }, &BTreeSet::new())
    };
    let of = |policy| Poll { target: TargetId(Uuid::nil()), name: Some("x"), policy, roll: roll(policy), risk: RiskClass::R1 };
    assert!(!Polls(vec![of(&by_link), of(&signed_in)]).must_be_known_better(person(1), Assurance::Link));
    assert!(Polls(vec![of(&signed_in), of(&signed_in)]).must_be_known_better(person(1), Assurance::Link));
    assert!(!Polls(vec![of(&signed_in)]).must_be_known_better(person(2), Assurance::Link), "who is not asked is not asked better");
}

proptest! {
    #[test]
    fn together_they_are_satisfied_exactly_when_each_is(
        needs in prop::collection::vec((1_u32..3, prop::collection::btree_set(1_u128..7, 0..6)), 1..5),
        voters in prop::collection::btree_set(1_u128..7, 0..7),
    ) {
        let policies: Vec<Policy> =
            needs.iter().map(|(need, _)| Policy::of(vec![Rule::new("stakeholder", Group::Stakeholders, *need, Assurance::Link)])).collect();
        let polls: Vec<Poll<'_>> = policies
            .iter()
            .zip(&needs)
            .map(|(policy, (_, people))| poll(policy, "x", &people.iter().copied().collect::<Vec<_>>(), &[]))
            .collect();
        let votes = yes(&voters.iter().copied().collect::<Vec<_>>());
        let each = polls.iter().all(|one| count(one.policy, &one.roll, &votes).approved);
        let reachable = polls.iter().all(|one| count(one.policy, &one.roll, &votes).reachable);
        let together = Polls(polls).count(&votes);
        prop_assert_eq!((together.approved, together.reachable), (each, reachable));
    }
}
