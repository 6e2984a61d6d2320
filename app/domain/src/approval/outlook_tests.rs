use super::*;
use crate::approval::stand_in::Standing;
use crate::approval::{Assurance, Escalation, Group, VoteDecision};
use crate::ids::AbsenceId;
use jiff::SignedDuration;
use uuid::Uuid;

fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

fn set(people: &[u128]) -> BTreeSet<PersonId> {
    people.iter().map(|n| person(*n)).collect()
}

fn at(hour: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour)
}

/// Stakeholder 1, leads 2 and 3, both asked for; 9 wrote it. It has to be decided by hour 100.
struct Case {
    policy: Policy,
    /// Of another database, where the plan has two.
    second: Policy,
    several: bool,
    people: BTreeMap<PersonId, Presence>,
    stand_ins: Vec<StandIn>,
    votes: Vec<StandingVote>,
    groups: BTreeMap<Group, BTreeSet<PersonId>>,
}

impl Case {
    fn new() -> Self {
        let mut policy = Policy::standard();
        policy.rules[1].need = 2;
        let groups = BTreeMap::from([(Group::Stakeholders, set(&[1])), (Group::LeadsAndDeputies, set(&[2, 3, 9]))]);
        let people = [1, 2, 3, 8, 9].map(|n| (person(n), Presence::default())).into_iter().collect();
        let second = Policy::standard();
        Self { policy, second, several: false, people, stand_ins: vec![], votes: vec![], groups }
    }
    fn away(mut self, n: u128, until: i64) -> Self {
        let absence = Absence {
            id: AbsenceId(Uuid::from_u128(n)),
            person: person(n),
            starts: at(0),
            ends: at(until),
            delegate: None,
            said_by: person(n),
        };
        self.people.entry(person(n)).or_default().away = Some(absence);
        self
    }
    fn mute(mut self, n: u128, from: Option<i64>) -> Self {
        self.people.entry(person(n)).or_default().mute = Some(("the address was changed".to_owned(), from.map(at)));
        self
    }
    fn voted(mut self, n: u128) -> Self {
        self.votes.push(StandingVote { person: person(n), decision: VoteDecision::Approve, assurance: Assurance::Link, at: at(1) });
        self
    }
    fn short(&self) -> Option<Vec<String>> {
        let sealed = Eligible::from([
            ("stakeholder".to_owned(), set(&[1])),
            ("lead".to_owned(), set(&[2, 3])),
            ("escalation".to_owned(), set(&[8])),
        ]);
        let today = Electorate { groups: self.groups.clone(), ..Electorate::default() };
        let escalate_at = self.policy.escalation.as_ref().map(|_| at(40));
        let deadlines = [StageTimes { stage: 0, escalate_at, decide_by: at(100), remind_every_min: 0 }];
        let one = |name| Ask { name, policy: &self.policy, sealed: &sealed, today: &today };
        let second = Ask { name: Some("invoices"), policy: &self.second, sealed: &sealed, today: &today };
        let asks = if self.several { vec![one(Some("orders")), second] } else { vec![one(None)] };
        let waiting = Waiting {
            asks: &asks,
            risk: RiskClass::R1,
            contributors: &set(&[9]),
            stand_ins: &self.stand_ins,
            votes: &self.votes,
            deadlines: &deadlines,
            people: &self.people,
            now: at(2),
        };
        let names = [(1, "Ana"), (2, "Ben"), (3, "Cem"), (9, "Egon")].map(|(n, name)| (person(n), name.to_owned())).into_iter().collect();
        let short = outlook(&waiting, &TimeZone::UTC);
        (!short.is_empty()).then(|| sentences(&short, &names))
    }
}

#[test]
fn whoever_is_back_in_time_keeps_it_reachable() {
    assert_eq!(Case::new().short(), None);
    assert_eq!(Case::new().away(2, 99).short(), None, "an hour is left to Ben");
    let short = Case::new().away(2, 100).short().expect("nobody is left");
    assert_eq!(
        short,
        [
            "2 of the leads and deputies of the owner team have to approve, and 1 can in time. Not: Ben (away until Mon 5 Jan 04:00, and nobody votes meanwhile); Egon (wrote a revision)."
        ]
    );
    assert_eq!(Case::new().voted(2).away(2, 100).short(), None, "he voted before he left");
}

#[test]
fn a_delegate_who_fits_and_is_there_makes_it_reachable_again() {
    let stand_in = |leads| StandIn {
        absent: person(2),
        delegate: person(8),
        standing: Standing { leads, ..Standing::default() },
        given: Assurance::AccountFactor,
    };
    let with = |leads| Case { stand_ins: vec![stand_in(leads)], ..Case::new().away(2, 100) };
    assert_eq!(with(true).short(), None);
    assert!(with(false).short().is_some(), "no lead anywhere");
    assert!(with(true).away(8, 100).short().is_some(), "away too");
    assert_eq!(with(true).away(8, 50).short(), None, "back in time");
}

#[test]
fn whose_votes_rest_beyond_the_deadline_or_who_left_is_named() {
    assert_eq!(Case::new().mute(3, Some(99)).short(), None);
    assert!(
        Case::new().mute(3, Some(100)).short().expect("too late")[0]
            .contains("Cem (the address was changed, and counts from Mon 5 Jan 04:00 only)")
    );
    assert!(Case::new().mute(3, None).short().expect("never")[0].contains("Cem (the address was changed)"));
    let mut left = Case::new();
    left.groups.insert(Group::LeadsAndDeputies, set(&[2, 7]));
    let said = left.short().expect("one is left");
    assert!(said[0].contains("Cem (no longer one of them)") && said[0].contains("(joined after the plan was sealed)"), "{said:?}");
}

#[test]
fn a_second_group_that_is_still_to_be_asked_counts() {
    let mut case = Case::new().away(2, 100);
    case.policy.escalation = Some(Escalation { group: Group::Engineers, within_min: 60 });
    case.groups.insert(Group::Engineers, set(&[8]));
    assert_eq!(case.short(), None);
}

#[test]
fn the_same_few_for_several_rules_are_too_few() {
    let mut case = Case::new();
    case.policy.rules[1].need = 1;
    case.groups.insert(Group::LeadsAndDeputies, set(&[2]));
    assert_eq!(case.short(), None);
    // Ben alone for both.
    case.groups.insert(Group::Stakeholders, BTreeSet::new());
    assert_eq!(
        case.short().expect("nobody depends on it")[0],
        "1 of the stakeholders of the database has to approve, and 0 can in time. Not: Ana (no longer one of them)."
    );
}

#[test]
fn the_database_whose_rule_is_short_is_named() {
    // The orders ask two leads, the invoices one.
    let mut case = Case { several: true, ..Case::new() };
    assert_eq!(case.short(), None);
    case = case.away(2, 100);
    let said = case.short().expect("one lead is left");
    assert_eq!(said.len(), 1, "the invoices are in reach: {said:?}");
    assert!(said[0].starts_with("2 of the leads and deputies of the owner team (orders) have to approve, and 1 can in time."), "{said:?}");
    case.second = case.policy.clone();
    let said = case.short().expect("both are short");
    assert!(said.len() == 1 && said[0].contains("(orders, invoices)"), "said once: {said:?}");
    case.stand_ins = vec![StandIn {
        absent: person(2),
        delegate: person(8),
        standing: Standing { leads: true, ..Standing::default() },
        given: Assurance::AccountFactor,
    }];
    assert_eq!(case.short(), None, "the delegate takes the seat in both");
    case.second.rules[1].assurance = Assurance::Account;
    let said = case.short().expect("no account there");
    assert!(said.iter().all(|said| said.contains("(invoices)")), "{said:?}");
}

#[test]
fn a_database_whose_policy_asks_nobody_waits_for_nobody() {
    let mut case = Case { several: true, ..Case::new() }.away(1, 100);
    assert!(case.short().expect("the stakeholder is away")[0].contains("(orders, invoices)"));
    case.second.pre_approved = Some(RiskClass::R1);
    assert!(case.short().expect("the orders ask")[0].contains("(orders)"));
    case.policy.pre_approved = Some(RiskClass::R1);
    assert_eq!(case.short(), None);
}

#[test]
fn somebody_a_deadline_would_bring_in_too_late_counts_for_nothing() {
    let mut case = Case { several: true, ..Case::new() }.away(2, 100);
    // Of several databases the earliest deadline holds: before it, nobody is brought in.
    case.second.rules[1].need = 2;
    case.second.escalation = Some(Escalation { group: Group::Engineers, within_min: 60 });
    case.groups.insert(Group::Engineers, set(&[8]));
    assert!(case.short().expect("nobody is brought in")[0].contains("(orders, invoices)"));
}

#[test]
fn a_long_list_is_cut_with_a_word() {
    let some = Short { of: vec!["orders".to_owned(), "invoices".to_owned()], lack: Lack::SameFew };
    let on_some = "For orders, invoices different people have to approve, and the same few could for several rules.";
    assert_eq!(some.says(&BTreeMap::new()), on_some);
    let short = Short { of: vec![], lack: Lack::SameFew };
    let said = sentences(&vec![short; MOST_SENTENCES + 5], &BTreeMap::new());
    assert_eq!((said.len(), said[MOST_SENTENCES - 1].as_str()), (MOST_SENTENCES, "6 more demands cannot be met in time either."));
}
