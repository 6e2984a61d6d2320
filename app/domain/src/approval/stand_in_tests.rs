use super::*;
use crate::approval::{Electorate, Rule, RuleStanding, Standing as Count, StandingVote, VoteDecision, count};
use crate::ids::TargetId;
use crate::procedure::RiskClass;
use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

const LEAD: Standing = Standing { signs_in: true, factor: false, leads: true, works: false };

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

fn for_(absent: u128, delegate: u128) -> StandIn {
    StandIn { absent: person(absent), delegate: person(delegate), standing: LEAD, given: Assurance::AccountFactor }
}

/// One stakeholder of 1, and so many leads of 2, 3 and 4.
fn policy(leads: u32) -> Policy {
    let mut policy = Policy::standard();
    policy.rules[1].need = leads;
    policy
}

fn roll(policy: &Policy, stand_ins: &[StandIn]) -> Roll {
    let groups = BTreeMap::from([(Group::Stakeholders, set(&[1])), (Group::LeadsAndDeputies, set(&[2, 3, 4]))]);
    let people = Electorate { groups, accounts: set(&[1, 2, 3, 4]), ..Electorate::default() };
    Roll::fresh(policy, &people, &BTreeSet::new()).with_stand_ins(policy, stand_ins)
}

/// As the store brings them: those whose vote says so, and those who may today.
fn counted(policy: &Policy, recorded: &[StandIn], today: &[StandIn], votes: &[StandingVote]) -> Count {
    let voted = votes.iter().map(|vote| vote.person).collect();
    count(policy, &roll(policy, &on_one_plan(recorded.to_vec(), today.to_vec(), &voted)), votes)
}

#[test]
fn a_seat_is_given_by_no_less_than_would_fill_it() {
    for (wanted, given, fits) in [
        (Assurance::Link, Assurance::Link, true),
        (Assurance::LinkCode, Assurance::Link, false),
        (Assurance::LinkCode, Assurance::LinkCode, true),
        (Assurance::Account, Assurance::LinkCode, false),
        (Assurance::Account, Assurance::AccountFactor, true),
    ] {
        let mut policy = policy(1);
        policy.rules[1].assurance = wanted;
        let by = StandIn { given, ..for_(2, 9) };
        assert_eq!(!roll(&policy, &[by]).in_place_of(person(9)).is_empty(), fits, "{wanted:?} given by {given:?}");
    }
}

#[test]
fn a_vote_in_somebodys_place_fills_their_seat() {
    let policy = policy(1);
    assert!(!counted(&policy, &[], &[], &yes(&[1, 9])).approved, "9 is nobody here");
    assert!(counted(&policy, &[for_(2, 9)], &[], &yes(&[1, 9])).approved);
    let before = counted(&policy, &[], &[for_(2, 9)], &yes(&[1]));
    assert_eq!(before.rules[1].waiting_for, [2, 3, 4, 9].map(person), "who is away may vote, too");
    let after = counted(&self::policy(2), &[for_(2, 9)], &[], &yes(&[1, 9]));
    assert_eq!(after.rules[1].waiting_for, [3, 4].map(person), "the seat of 2 is filled");
}

#[test]
fn one_person_counts_once_whoever_they_stand_in_for() {
    let policy = policy(2);
    let both = [for_(2, 9), for_(3, 9)];
    let count = counted(&policy, &both, &[], &yes(&[1, 9]));
    assert!(!count.approved && count.rules[1].have == [person(9)]);
    // 4 leads by own right, and fills one seat.
    assert!(!counted(&policy, &[for_(2, 4)], &[], &yes(&[1, 4])).approved);
    assert!(roll(&policy, &[for_(2, 4)]).in_place_of(person(4)).is_empty(), "nothing is gained, so nothing is recorded");
    assert_eq!(roll(&policy, &both).in_place_of(person(9)), set(&[2, 3]));
}

#[test]
fn one_seat_is_voted_for_once() {
    let policy = policy(2);
    let recorded = [for_(2, 9)];
    assert!(!counted(&policy, &recorded, &[], &yes(&[1, 2, 9])).approved, "2 came back, and voted");
    // Away once more, with another delegate: the seat was voted for.
    let again = counted(&policy, &recorded, &[for_(2, 8)], &yes(&[1, 9, 8]));
    assert!(!again.approved && again.rules[1].have == [person(9)]);
}

#[test]
fn a_vote_of_ones_own_replaces_the_one_in_ones_place() {
    let mut policy = policy(1);
    policy.deny_threshold = 2;
    let no = [vote(1, VoteDecision::Approve), vote(9, VoteDecision::Reject), vote(3, VoteDecision::Reject)];
    assert!(counted(&policy, &[for_(2, 9)], &[], &no).rejected, "two said no, one of them for 2");
    let mut back = no.to_vec();
    back.push(vote(2, VoteDecision::Approve));
    let count = counted(&policy, &[for_(2, 9)], &[], &back);
    assert!(!count.rejected && count.approved);
}

#[test]
fn a_vote_that_was_there_before_gains_no_seat() {
    let policy = policy(1);
    // 1 voted as a stakeholder, before 2 was away.
    let stands_in = on_one_plan(vec![], vec![for_(2, 1)], &set(&[1]));
    assert!(stands_in.is_empty());
    assert!(!counted(&policy, &[], &[for_(2, 1)], &yes(&[1])).approved);
}

#[test]
fn who_holds_no_seat_any_more_has_none_to_give() {
    let policy = policy(1);
    let gone = roll(&policy, &[for_(2, 9)]).without(&set(&[2]));
    assert!(!count(&policy, &gone, &yes(&[1, 9])).approved, "2 was deactivated, or is no lead any more");
    assert!(!gone.asked().values().any(|people| people.contains(&person(9))));
}

#[test]
fn a_role_needs_a_role_and_an_account_needs_one() {
    let (nobody, engineer) = (Standing::default(), Standing { works: true, signs_in: true, ..Standing::default() });
    let named = Group::People(set(&[7]));
    for group in [Group::Stakeholders, named] {
        assert!(nobody.fits(&group, Assurance::Link) && !nobody.fits(&group, Assurance::Account));
    }
    assert!(!nobody.fits(&Group::Engineers, Assurance::Link) && engineer.fits(&Group::Engineers, Assurance::Account));
    assert!(!engineer.fits(&Group::LeadsAndDeputies, Assurance::Link) && LEAD.fits(&Group::LeadsAndDeputies, Assurance::Account));
    assert!(!LEAD.fits(&Group::LeadsAndDeputies, Assurance::AccountFactor), "no second factor");
    assert!(Standing { factor: true, ..LEAD }.fits(&Group::LeadsAndDeputies, Assurance::AccountFactor));
    let policy = policy(1);
    let unfit = StandIn { standing: engineer, ..for_(2, 9) };
    assert!(!count(&policy, &roll(&policy, &[unfit]), &yes(&[1, 9])).approved);
}

#[test]
fn who_is_away_makes_it_unreachable_and_a_delegate_reachable_again() {
    let policy = policy(3);
    let reachable = |stand_ins: &[StandIn], away: &[u128]| count(&policy, &roll(&policy, stand_ins).with_away(set(away)), &[]).reachable;
    assert!(reachable(&[], &[]) && !reachable(&[], &[2]) && reachable(&[for_(2, 9)], &[2]));
    assert!(!reachable(&[for_(2, 9)], &[2, 9]), "a delegate who is away passes nothing on");
    assert!(!reachable(&[for_(2, 9), for_(3, 9)], &[2, 3]), "one person counts once");
    assert!(!reachable(&[for_(2, 4)], &[2]), "4 has a seat already");
    let four = self::policy(4);
    assert!(!count(&four, &roll(&four, &[for_(2, 9)]), &[]).reachable, "2 and 9 are one seat");
    let cast = count(&policy, &roll(&policy, &[]).with_away(set(&[2])), &yes(&[2]));
    assert!(cast.reachable, "what was voted before counts");
}

#[test]
fn a_second_group_is_stood_in_for_once_it_is_asked() {
    let mut policy = policy(1);
    policy.rules.pop();
    policy.escalation = Some(crate::approval::Escalation { group: Group::LeadsAndDeputies, within_min: 60 });
    let mut roll = roll(&policy, &[for_(2, 9)]);
    assert!(roll.in_place_of(person(9)).is_empty() && !roll.asked().values().any(|people| people.contains(&person(9))));
    roll.escalated.insert(0);
    assert_eq!(roll.in_place_of(person(9)), set(&[2]));
    assert!(count(&policy, &roll, &yes(&[9])).approved);
}

/// One database of a plan: stakeholder 1, and these leads.
fn poll<'p>(policy: &'p Policy, name: &'p str, leads: &[u128]) -> Poll<'p> {
    let groups = BTreeMap::from([(Group::Stakeholders, set(&[1])), (Group::LeadsAndDeputies, set(leads))]);
    let everybody = Electorate { groups, accounts: set(&[1, 2, 3]), factors: set(&[1, 2, 3]) };
    let roll = Roll::fresh(policy, &everybody, &BTreeSet::new());
    Poll { target: TargetId(Uuid::from_u128(name.len() as u128)), name: Some(name), policy, roll, risk: RiskClass::R1 }
}

#[test]
fn of_several_databases_a_delegate_takes_the_seat_in_each_that_asks() {
    let (one, two) = (policy(1), policy(2));
    let both = |stand_ins: &[StandIn]| Polls(vec![poll(&one, "orders", &[2]), poll(&one, "invoices", &[2])]).with_stand_ins(stand_ins);
    assert!(!both(&[]).count(&yes(&[1, 9])).approved);
    assert!(both(&[for_(2, 9)]).count(&yes(&[1, 9])).approved, "the seat of 2 in both");
    assert_eq!(both(&[for_(2, 9)]).in_place_of(person(9)), set(&[2]));
    assert!(both(&[for_(2, 9)]).asked().contains(&person(9)));
    // 3 leads the invoices by own right: one seat of each, and the seat of 2 there is still free.
    let mixed = Polls(vec![poll(&one, "orders", &[2]), poll(&two, "invoices", &[2, 3])]).with_stand_ins(&[for_(2, 3)]);
    assert_eq!(mixed.in_place_of(person(3)), set(&[2]), "for the orders");
    let count = mixed.count(&yes(&[1, 3]));
    assert!(!count.approved && count.rules[1].have == [person(3)], "the orders have their lead");
    assert_eq!((count.rules[3].have.clone(), count.rules[3].waiting_for.clone()), (vec![person(3)], vec![person(2)]));
}

#[test]
fn a_delegate_who_does_not_fit_one_database_may_fit_another() {
    let (by_link, mut strict) = (policy(1), policy(1));
    strict.rules[1].assurance = Assurance::AccountFactor;
    let both = Polls(vec![poll(&by_link, "orders", &[2]), poll(&strict, "invoices", &[2])]).with_stand_ins(&[for_(2, 9)]);
    let count = both.count(&yes(&[1, 9]));
    assert!(!count.approved && count.rules[1].have == [person(9)] && count.rules[3].have.is_empty());
    assert_eq!(count.rules[3].waiting_for, [person(2)], "9 has no second factor");
}

proptest! {
    /// Whoever stands in for whom, a plan is approved by as many different people as it asks for, and by no more than one a seat.
    #[test]
    fn delegation_never_asks_fewer_people(
        need in 1u32..4,
        voters in prop::collection::btree_set(1u128..8, 0..7),
        pairs in prop::collection::btree_map(2u128..5, 1u128..8, 0..3),
        recorded in any::<bool>(),
    ) {
        let policy = policy(need);
        let stand_ins: Vec<StandIn> = pairs.iter().filter(|(a, d)| a != d).map(|(absent, delegate)| for_(*absent, *delegate)).collect();
        let votes = yes(&voters.iter().copied().collect::<Vec<_>>());
        let count = if recorded { counted(&policy, &stand_ins, &[], &votes) } else { counted(&policy, &[], &stand_ins, &votes) };
        let have: Vec<PersonId> = count.rules.iter().flat_map(|rule: &RuleStanding| rule.have.clone()).collect();
        let different: BTreeSet<PersonId> = have.iter().copied().collect();
        prop_assert_eq!(have.len(), different.len());
        if count.approved {
            prop_assert!(different.len() > need as usize, "the stakeholder, and so many leads");
        }
        // A seat of the leads is taken by its holder or by whoever stands in, and there are three of them.
        let seats: BTreeSet<PersonId> = count.rules[1].have.iter().filter_map(|voter| {
            let own = set(&[2, 3, 4]).contains(voter);
            if own { Some(*voter) } else { stand_ins.iter().find(|one| one.delegate == *voter && !voters.contains(&one.absent.0.as_u128())).map(|one| one.absent) }
        }).collect();
        prop_assert_eq!(seats.len(), count.rules[1].have.len());
    }
}

#[test]
fn a_rule_of_all_leads_needs_as_many_people_as_before() {
    let mut policy = policy(1);
    policy.rules[1] = Rule { percent: 100, ..policy.rules[1].clone() };
    assert!(!counted(&policy, &[for_(2, 3)], &[], &yes(&[1, 3, 4])).approved, "3 is one of them already");
    assert!(counted(&policy, &[for_(2, 9)], &[], &yes(&[1, 9, 3, 4])).approved);
}
