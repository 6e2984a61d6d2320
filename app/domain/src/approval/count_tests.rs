use super::*;
use crate::approval::{Escalation, Group, Terms};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeMap;
use uuid::Uuid;

fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

fn set(people: &[u128]) -> BTreeSet<PersonId> {
    people.iter().map(|n| person(*n)).collect()
}

fn known(n: u128, decision: VoteDecision, assurance: Assurance) -> StandingVote {
    StandingVote { person: person(n), decision, assurance, at: Timestamp::UNIX_EPOCH }
}

fn vote(n: u128, decision: VoteDecision) -> StandingVote {
    known(n, decision, Assurance::Link)
}

fn yes(voters: &[u128]) -> Vec<StandingVote> {
    voters.iter().map(|n| vote(*n, VoteDecision::Approve)).collect()
}

fn electorate(stakeholders: &[u128], leads: &[u128]) -> Electorate {
    let groups = BTreeMap::from([(Group::Stakeholders, set(stakeholders)), (Group::LeadsAndDeputies, set(leads))]);
    Electorate { groups, ..Electorate::default() }
}

fn roll(policy: &Policy, stakeholders: &[u128], leads: &[u128]) -> Roll {
    Roll::fresh(policy, &electorate(stakeholders, leads), &BTreeSet::new())
}

fn staged() -> Policy {
    let mut policy = Policy::standard();
    policy.rules[1].stage = 1;
    policy
}

#[test]
fn one_person_never_fills_two_seats() {
    let policy = Policy::standard();
    let roll = roll(&policy, &[1], &[1, 2]);
    let one = count(&policy, &roll, &yes(&[1]));
    assert!(!one.approved && one.reachable);
    assert!(count(&policy, &roll, &yes(&[1, 2])).approved);
}

#[test]
fn one_reject_rejects_and_absent_people_make_it_unreachable() {
    let policy = Policy::standard();
    let roll = roll(&policy, &[1], &[2]);
    assert!(count(&policy, &roll, &[vote(2, VoteDecision::Reject)]).rejected);
    assert!(!count(&policy, &roll.without(&set(&[1])), &[]).reachable);
}

#[test]
fn a_rejection_below_the_threshold_neither_ends_it_nor_helps_and_a_rule_may_have_its_own() {
    let mut policy = Policy { deny_threshold: 2, ..Policy::standard() };
    let roll = roll(&policy, &[1, 4], &[2, 3]);
    let mut votes = yes(&[1, 2]);
    votes.push(vote(3, VoteDecision::Reject));
    let standing = count(&policy, &roll, &votes);
    assert!(standing.approved && !standing.rejected && standing.rejected_by == [person(3)]);
    votes.push(vote(4, VoteDecision::Reject));
    assert!(count(&policy, &roll, &votes).rejected, "two reject");
    votes.pop();
    policy.rules[1].deny = 1;
    let vetoed = count(&policy, &roll, &votes);
    assert!(vetoed.rejected && !vetoed.approved && !vetoed.reachable, "one lead is enough to end it");
}

#[test]
fn a_vote_by_link_is_not_enough_where_an_account_is_asked() {
    let mut policy = Policy::development();
    let roll = roll(&policy, &[1], &[2]);
    policy.rules[0].assurance = Assurance::Account;
    assert!(!count(&policy, &roll, &yes(&[1])).approved);
    assert!(count(&policy, &roll, &[known(1, VoteDecision::Approve, Assurance::Account)]).approved);
}

#[test]
fn a_later_stage_waits_until_the_earlier_ones_are_met() {
    let policy = staged();
    let roll = roll(&policy, &[1, 2], &[3, 4]);
    let first = count(&policy, &roll, &[]);
    assert_eq!((first.stage, first.waiting_for()), (0, set(&[1, 2])));
    assert!(first.rules[1].later && first.rules[1].waiting_for.is_empty());
    let second = count(&policy, &roll, &yes(&[2]));
    assert_eq!((second.stage, second.waiting_for()), (1, set(&[3, 4])));
    assert!(count(&policy, &roll, &yes(&[2, 3])).approved);
    assert!(!count(&policy, &roll, &yes(&[3])).approved, "a lead's vote alone opens no stage");
}

#[test]
fn an_approval_waits_for_its_turn_and_a_no_does_not() {
    let policy = staged();
    let roll = roll(&policy, &[1], &[3]);
    let standing = count(&policy, &roll, &[]);
    let turn = |n, decision| in_turn(&policy, &roll, &standing, person(n), decision).err().map(|refusal| refusal.code);
    assert_eq!(turn(3, VoteDecision::Approve).as_deref(), Some("not_your_turn"));
    assert_eq!(turn(3, VoteDecision::Reject), None);
    assert_eq!(turn(3, VoteDecision::RequestChanges), None);
    assert_eq!(turn(1, VoteDecision::Approve), None);
}

#[test]
fn whoever_fits_two_stages_sits_where_the_others_need_it() {
    let policy = staged();
    // 1 is stakeholder and lead: once 2 approved as the other stakeholder, 1 may take the lead's seat.
    let roll = roll(&policy, &[1, 2], &[1]);
    assert_eq!(count(&policy, &roll, &yes(&[1])).stage, 1);
    let both = count(&policy, &roll, &yes(&[1, 2]));
    assert!(both.approved, "{both:?}");
}

#[test]
fn all_of_a_group_stays_all_of_those_who_were_sealed() {
    let mut policy = Policy::development();
    policy.rules[0].percent = 100;
    let sealed = roll(&policy, &[1, 2, 3], &[]).sealed;
    let left = Roll::today(&policy, &sealed, &electorate(&[1, 2], &[]), &BTreeSet::new());
    let standing = count(&policy, &left, &yes(&[1, 2]));
    assert_eq!(standing.rules[0].need, 3);
    assert!(!standing.approved && !standing.reachable, "whoever leaves does not lower the number");
}

#[test]
fn whoever_joined_after_sealing_counts_for_nothing() {
    let policy = Policy::standard();
    let sealed = roll(&policy, &[1], &[2]).sealed;
    let joined = Roll::today(&policy, &sealed, &electorate(&[1, 7], &[2, 8]), &BTreeSet::new());
    assert!(!count(&policy, &joined, &yes(&[7, 8])).approved);
    assert!(count(&policy, &joined, &yes(&[1, 2])).approved);
}

#[test]
fn another_policy_counts_by_its_groups_whatever_its_rules_are_called() {
    let sealed = roll(&Policy::standard(), &[1], &[2]).sealed;
    let mut raised = Policy::standard();
    raised.rules[1].key = "another".into();
    let today = electorate(&[1], &[2, 3]);
    let out = set(&[9]);
    assert!(
        count(&raised, &Roll::against(&raised, &sealed, &today, &out, &BTreeSet::new()), &yes(&[1, 2])).approved,
        "renamed, not raised"
    );
    raised.rules[1].percent = 100;
    let more = count(&raised, &Roll::against(&raised, &sealed, &today, &out, &BTreeSet::new()), &yes(&[1, 2, 3]));
    assert!(!more.approved && more.rules[1].need == 2, "3 was not asked by the plan, and all leads are two by now");
}

#[test]
fn the_second_group_counts_only_once_it_was_asked() {
    let policy = Policy { escalation: Some(Escalation { group: Group::LeadsAndDeputies, within_min: 60 }), ..Policy::development() };
    let mut roll = roll(&policy, &[1], &[5]);
    assert!(!count(&policy, &roll, &yes(&[5])).approved);
    assert_eq!(count(&policy, &roll, &[]).waiting_for(), set(&[1]));
    assert!(!roll.asked().contains_key(ESCALATION));
    roll.escalated = BTreeSet::from([0]);
    assert_eq!(count(&policy, &roll, &[]).waiting_for(), set(&[1, 5]));
    assert!(count(&policy, &roll, &yes(&[5])).approved);
    assert!(count(&policy, &roll.without(&set(&[1])), &[]).reachable);
}

#[test]
fn the_second_group_of_a_stage_takes_seats_of_that_stage_alone() {
    let mut policy = staged();
    policy.escalation = Some(Escalation { group: Group::Engineers, within_min: 60 });
    let own = Escalation { group: Group::LeadsAndDeputies, within_min: 60 };
    policy.stage_terms = vec![Terms { stage: 0, decide_before_start_min: 600, remind_every_min: 0, escalation: Some(own) }];
    let mut people = electorate(&[1], &[2, 3]);
    people.groups.insert(Group::Engineers, set(&[7]));
    let mut roll = Roll::fresh(&policy, &people, &BTreeSet::new());
    assert_eq!((roll.second(0), roll.second(1)), (set(&[2, 3]), set(&[7])), "its own, and the policy's");
    assert_eq!(count(&policy, &roll, &yes(&[2])).stage, 0, "nobody asked them yet");
    roll.escalated = BTreeSet::from([0]);
    let first = count(&policy, &roll, &yes(&[2]));
    assert_eq!((first.stage, first.waiting_for()), (1, set(&[3])));
    assert!(!count(&policy, &roll, &yes(&[2, 7])).approved, "7 was not asked, and is no lead");
    roll.escalated = BTreeSet::from([0, 1]);
    assert!(count(&policy, &roll, &yes(&[2, 7])).approved);
    policy.stage_terms[0].escalation = None;
    let expires = Roll { escalated: BTreeSet::from([0, 1]), ..Roll::fresh(&policy, &people, &BTreeSet::new()) };
    assert!(expires.second(0).is_empty(), "a stage that expires asks nobody, whatever the policy does elsewhere");
}

#[test]
fn what_is_pre_approved_needs_no_vote_and_falls_to_a_no() {
    let policy = Policy { pre_approved: Some(RiskClass::R0), ..Policy::standard() };
    let roll = roll(&policy, &[1], &[2]);
    let of = |votes: &[StandingVote], risk| count(&policy, &roll, votes).or_pre_approved(&policy, risk).approved;
    assert!(of(&[], RiskClass::R0) && !of(&[], RiskClass::R1));
    assert!(!of(&[vote(1, VoteDecision::Reject)], RiskClass::R0));
    assert!(!of(&[vote(1, VoteDecision::RequestChanges)], RiskClass::R0));
}

#[test]
fn a_link_is_too_little_only_where_every_rule_that_asks_says_so() {
    let mut policy = Policy::standard();
    let roll = roll(&policy, &[1, 2], &[2]);
    policy.rules[0].assurance = Assurance::Account;
    let known_better = |n| must_be_known_better(&policy, &roll, person(n), Assurance::Link);
    assert_eq!([known_better(1), known_better(2), known_better(9)], [true, false, false]);
    assert!(!must_be_known_better(&policy, &roll, person(1), Assurance::Account));
}

#[test]
fn a_policy_without_rules_approves_nothing() {
    assert!(!count(&Policy::of(vec![]), &Roll::fresh(&Policy::of(vec![]), &electorate(&[1], &[2]), &BTreeSet::new()), &yes(&[1])).approved);
}

fn people() -> impl Strategy<Value = BTreeSet<u128>> {
    proptest::collection::btree_set(1u128..8, 0..8)
}

proptest! {
    #[test]
    fn approval_needs_as_many_people_as_the_rules_ask_for(voters in people(), stakeholders in people(), leads in people(), stage in 0u32..2) {
        let mut policy = Policy::standard();
        policy.rules[1].stage = stage;
        let list = |people: &BTreeSet<u128>| people.iter().copied().collect::<Vec<_>>();
        let roll = roll(&policy, &list(&stakeholders), &list(&leads));
        let standing = count(&policy, &roll, &yes(&list(&voters)));
        let brute = voters.iter().any(|s| stakeholders.contains(s) && voters.iter().any(|l| l != s && leads.contains(l)));
        prop_assert_eq!(standing.approved, brute);
    }

    /// A policy that rules a plan sealed under another one is met by exactly as many of those whom the plan asked as it asks for today.
    #[test]
    fn a_changed_policy_is_met_by_its_own_number_of_people_whom_the_plan_asked(voters in people(), sealed in people(), today in people(), percent in 0u32..=100, need in 1u32..4) {
        let list = |people: &BTreeSet<u128>| people.iter().copied().collect::<Vec<_>>();
        let asked = roll(&Policy::development(), &list(&sealed), &[]).sealed;
        let changed = Policy::of(vec![Rule { percent, ..Rule::new("r", Group::Stakeholders, need, Assurance::Link) }]);
        let roll = Roll::against(&changed, &asked, &electorate(&list(&today), &[]), &BTreeSet::new(), &BTreeSet::new());
        let heard = voters.iter().filter(|voter| sealed.contains(voter) && today.contains(voter)).count();
        prop_assert_eq!(count(&changed, &roll, &yes(&list(&voters))).approved, heard >= changed.rules[0].required(today.len()));
    }
}
