use super::*;
use crate::people::{GlobalRole, TeamRole};
use crate::permission::Member;
use crate::plan::tests::{sample, sample_of_three};
use uuid::Uuid;

fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

fn actor(n: u128, global: &[GlobalRole], role: Option<(TeamRole, bool)>) -> Actor {
    Actor {
        person: person(n),
        name: format!("Person {n}"),
        zone: "Etc/UTC".into(),
        active: true,
        global: global.to_vec(),
        teams: role.map(|(role, deputy)| Member { team: sample().target().team, role, deputy }).into_iter().collect(),
        stakeholder_of_teams: vec![],
        elevated: true,
        factor: false,
    }
}

fn engineer(n: u128) -> Actor {
    actor(n, &[], Some((TeamRole::Engineer, false)))
}

fn lead(n: u128) -> Actor {
    actor(n, &[], Some((TeamRole::Lead, false)))
}

fn admin(n: u128) -> Actor {
    actor(n, &[GlobalRole::Admin], None)
}

/// An hour before the plan's start.
fn about(plan: &Plan) -> About<'_> {
    let now = plan.times.start - SignedDuration::from_hours(1);
    About { team: plan.target().team, state: WindowState::Proposed, plan, digest: plan.seal().expect("integers").1, now }
}

fn asked(by: u128, about: &About<'_>) -> Glass {
    Glass {
        id: GlassId(Uuid::from_u128(50)),
        digest: about.digest,
        reason: "orders cannot be placed".into(),
        asked_by: person(by),
        asked_name: "Egon".into(),
        asked_at: about.now,
        expires_at: about.now + OPEN_FOR,
        ended: false,
        confirmed: None,
        review: None,
    }
}

fn heard() -> Voice {
    Voice { active: true, shared: false, rests: None, bar: None }
}

fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
    result.map_or_else(|refusal| refusal.code, |_| "yes".to_owned())
}

#[test]
fn who_wrote_it_may_ask_and_readers_may_not() {
    let plan = sample();
    let about = about(&plan);
    let (stakeholder, auditor) = (actor(3, &[], Some((TeamRole::Stakeholder, false))), actor(4, &[GlobalRole::Auditor], None));
    for (who, said) in
        [(engineer(1), "yes"), (lead(2), "yes"), (admin(5), "yes"), (stakeholder, "not_permitted"), (auditor, "not_permitted")]
    {
        assert_eq!(code(may_ask(&who, &about)), said, "{}", who.name);
    }
}

#[test]
fn only_an_urgent_plan_of_one_database_that_waits_for_votes_may_run_so() {
    let (one, three) = (sample(), sample_of_three());
    let fit = about(&one);
    assert_eq!(code(is_for(&fit)), "yes");
    for state in WindowState::ALL.iter().filter(|state| **state != WindowState::Proposed) {
        assert_eq!(code(is_for(&About { state: *state, ..fit })), "moved_on", "{}", state.word());
    }
    assert_eq!(code(is_for(&about(&three))), "glass_many");
    let start = one.times.start;
    assert_eq!(code(is_for(&About { now: start - SOON, ..fit })), "yes");
    assert_eq!(code(is_for(&About { now: start - SOON - SignedDuration::from_secs(1), ..fit })), "glass_not_urgent");
    assert_eq!(code(is_for(&About { now: one.times.latest_start, ..fit })), "missed");
    let mut other = sample();
    other.procedure.key = "restore".into();
    assert_eq!(code(is_for(&about(&other))), "glass_procedure");
}

#[test]
fn the_second_is_another_one_who_leads_or_administers_and_wrote_nothing() {
    let plan = sample();
    let about = about(&plan);
    let glass = asked(1, &about);
    let wrote = BTreeSet::from([person(1), person(7)]);
    let may = |who: &Actor| code(may_confirm(who, &about, &glass, &wrote, &heard()));
    assert_eq!(
        (may(&lead(2)), may(&admin(5)), may(&actor(6, &[], Some((TeamRole::Engineer, true))))),
        ("yes".into(), "yes".into(), "yes".into())
    );
    assert_eq!(may(&engineer(3)), "not_permitted");
    assert_eq!(may(&lead(1)), "two_people");
    assert_eq!((may(&lead(7)), may(&admin(7))), ("four_eyes".to_owned(), "four_eyes".to_owned()), "administrators too");
    let resting = Voice { rests: Some((None, Timestamp::MAX)), ..heard() };
    assert_eq!(code(may_confirm(&lead(2), &about, &glass, &wrote, &resting)), "not_heard");
}

#[test]
fn where_votes_need_a_second_factor_both_need_theirs() {
    let mut plan = sample();
    plan.policy.rules.rules[1].assurance = Assurance::AccountFactor;
    let about = about(&plan);
    let with = |who: Actor| Actor { factor: true, ..who };
    let glass = asked(1, &about);
    let second = |who: &Actor| code(may_confirm(who, &about, &glass, &BTreeSet::new(), &heard()));
    assert!(needs_factor(&plan) && !needs_factor(&sample()));
    assert_eq!((code(may_ask(&engineer(1), &about)), code(may_ask(&with(engineer(1)), &about))), ("factor".into(), "yes".into()));
    assert_eq!((second(&lead(2)), second(&with(lead(2)))), ("factor".into(), "yes".into()));
}

#[test]
fn a_request_is_good_for_half_an_hour_and_for_its_own_plan() {
    let plan = sample();
    let about = about(&plan);
    let glass = asked(1, &about);
    let at = |minutes| about.now + SignedDuration::from_mins(minutes);
    assert!(glass.is_open(about.digest, at(29)) && !glass.is_open(about.digest, at(30)));
    assert!(!glass.is_open(Digest([0; 32]), at(1)));
    assert!(!Glass { ended: true, ..glass.clone() }.is_open(about.digest, at(1)));
    let confirmed = Confirmed { by: person(2), name: "Lena".into(), at: at(5), review_due: at(5) + REVIEW_WITHIN };
    let broken = Glass { confirmed: Some(confirmed), ..glass };
    assert!(!broken.is_open(about.digest, at(6)));
    // Where that lost the window its approval again, the same plan is not broken once more.
    let all = std::slice::from_ref(&broken);
    assert_eq!(code(once(all, about.digest)), "glass_once");
    assert!(once(all, Digest([0; 32])).is_ok() && once(&[asked(1, &about)], about.digest).is_ok());
    assert_eq!(broken.owed(), Some(at(5) + REVIEW_WITHIN));
}

#[test]
fn nobody_reviews_what_they_had_a_part_in() {
    let plan = sample();
    let about = about(&plan);
    let confirmed = Confirmed { by: person(2), name: "Lena".into(), at: about.now, review_due: about.now };
    let broken = Glass { confirmed: Some(confirmed), ..asked(1, &about) };
    let wrote = BTreeSet::from([person(8)]);
    let may = |who: &Actor, glass: &Glass| code(may_review(who, about.team, glass, &wrote));
    assert_eq!((may(&lead(3), &broken), may(&admin(5), &broken)), ("yes".to_owned(), "yes".to_owned()));
    for part in [admin(1), lead(2), lead(8)] {
        assert_eq!(may(&part, &broken), "four_eyes", "{}", part.name);
    }
    assert_eq!(may(&engineer(4), &broken), "not_permitted");
    let review = Review { justified: true, outcome: "it had to be".into(), by: "Lena".into(), at: about.now };
    assert_eq!(may(&lead(3), &Glass { review: Some(review), ..broken }), "moved_on", "once");
}

#[test]
fn forms_name_the_field_and_the_limit() {
    let fields =
        |result: Result<String, Vec<FieldError>>| result.expect_err("wrong").into_iter().map(|error| error.field).collect::<Vec<_>>();
    let short = AskForm { reason: "now!".into(), short_name: "prod".into(), ..AskForm::default() };
    assert_eq!(fields(short.parse("prod-orders")), ["reason", "short_name"]);
    let good = AskForm { reason: "orders cannot be placed".into(), short_name: " PROD-orders ".into(), ..AskForm::default() };
    assert_eq!(good.parse("prod-orders").as_deref(), Ok("orders cannot be placed"));
    let empty = ReviewForm::default().parse().expect_err("nothing was typed");
    assert_eq!(empty.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["verdict", "outcome"]);
    let found = ReviewForm { verdict: "not_justified".into(), outcome: "it could have waited".into() };
    assert_eq!(found.parse(), Ok((false, "it could have waited".to_owned())));
}
