use super::*;
use crate::approval::{Electorate, Group};
use crate::ids::SeriesId;
use crate::plan::tests::sample;
use jiff::{SignedDuration, ToSpan as _};

fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

/// Two dates a week apart; `also` may vote on the second alone.
fn weekly(also: PersonId) -> SeriesDigest {
    let mut plan = sample();
    plan.eligible = [("stakeholder".to_owned(), BTreeSet::from([person(1)])), ("lead".to_owned(), BTreeSet::from([person(2)]))].into();
    let mut later = plan.clone();
    for instant in
        [&mut later.times.start, &mut later.times.latest_start, &mut later.times.cut_off, &mut later.times.end, &mut later.times.extend_to]
    {
        *instant = instant.checked_add(168.hours()).expect("in range");
    }
    for people in later.eligible.values_mut() {
        people.insert(also);
    }
    let days = [plan.times.local_start.date(), plan.times.local_start.date().checked_add(7.days()).expect("in range")];
    let plans = [(days[0], plan), (days[1], later)];
    SeriesDigest::assemble(SeriesId(Uuid::from_u128(9)), 3, "RRULE:FREQ=WEEKLY".into(), &plans).expect("all alike")
}

/// Everybody who was sealed is in every group today.
fn today(digest: &SeriesDigest) -> Electorates {
    let plan = digest.nameless(&digest.dates[1]).expect("readable");
    let people: BTreeSet<PersonId> = plan.voters();
    let groups = plan.policy.rules.groups().into_iter().map(|group: Group| (group, people.clone())).collect();
    let accounts = people.clone();
    Electorates::from([(plan.target().id, Electorate { groups, accounts, factors: people })])
}

#[test]
fn who_wrote_or_asks_does_not_approve_and_whoever_is_asked_does_once() {
    let late = person(777);
    let digest = weekly(late);
    let today = today(&digest);
    let plan = digest.nameless(&digest.dates[0]).expect("readable");
    let voter = plan.first_asked().into_iter().next().expect("somebody is asked");
    let (authors, now) = (BTreeSet::from([person(500)]), plan.times.start - SignedDuration::from_hours(48));
    let ask = |who, asked_by, votes: &[StandingVote], now| {
        digest
            .may_approve(&Voter { person: who, known: Assurance::AccountFactor, asked_by, authors: &authors, votes, today: &today, now })
            .expect("readable")
            .map_err(|refusal| refusal.code)
    };
    assert_eq!(ask(person(500), person(501), &[], now).expect_err("refused"), "four_eyes", "who wrote the series");
    assert_eq!(ask(voter, voter, &[], now).expect_err("refused"), "four_eyes", "who asks");
    assert_eq!(ask(person(999), person(501), &[], now).expect_err("refused"), "not_eligible");
    assert_eq!(ask(voter, person(501), &[], now).expect("asked").times.start, digest.dates[0].times.start);
    let own = StandingVote { person: voter, decision: VoteDecision::Approve, assurance: Assurance::Account, at: now };
    assert_eq!(ask(voter, person(501), std::slice::from_ref(&own), now).expect_err("refused"), "already_voted");
    // Whoever may vote on one date alone may approve, and counts there alone.
    assert_eq!(ask(late, person(501), &[], now).expect("for the second date").times.start, digest.dates[1].times.start);
    let first = StandingVote { person: late, ..own };
    let votes = [first];
    let counts = |n: usize| digest.standing(&digest.dates[n], &today, &votes).expect("readable").voters().contains(&late);
    assert!(!counts(0) && counts(1));
    // What has passed is voted on by nobody.
    assert_eq!(ask(voter, person(501), &[], digest.dates[1].times.start).expect_err("refused"), "passed");
}

#[test]
fn a_digest_stands_while_its_series_is_as_it_was() {
    let now = sample().times.start;
    let (before, after) = (now - SignedDuration::from_hours(1), now + SignedDuration::from_hours(1));
    for (revisions, ended, last, wanted) in [
        ((3, 3), false, after, Stands::Now),
        ((3, 4), false, after, Stands::Edited),
        ((3, 3), false, before, Stands::Passed),
        ((3, 3), false, now, Stands::Passed),
        ((3, 4), true, before, Stands::Ended),
    ] {
        let found = Stands::of(revisions, ended, last, now);
        assert_eq!((found, found.said().is_none()), (wanted, wanted == Stands::Now));
    }
}
