use super::*;
use crate::approval::Policy;
use crate::decision::FieldError;
use crate::ids::TargetId;
use crate::lanes::Waves;
use crate::plan::tests::{sample, sample_of_three};
use crate::plan::{Plan, PlanProcedure};
use crate::procedure::{Parameters, weekly_postgresql};
use crate::window::WindowState;
use jiff::SignedDuration;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use uuid::Uuid;

static PROCEDURE: LazyLock<PlanProcedure> = LazyLock::new(|| PlanProcedure::of(&weekly_postgresql()));
static USUAL: LazyLock<Parameters> = LazyLock::new(Parameters::default);

fn days(count: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * count)
}

fn target(n: u128) -> TargetId {
    TargetId(Uuid::from_u128(n))
}

fn demand(environments: &[Environment], max_age_days: u32) -> Demand {
    Demand { environments: environments.iter().copied().collect(), max_age_days }
}

/// Production, whose policy demands what is given.
fn production(demand: Option<&Demand>) -> Part<'_> {
    Part { target: target(1), name: "shop", environment: Environment::Production, wave: 1, policy: "production", demand }
}

/// A run on staging that ended clean on this day.
fn ran(number: i64, day: i64) -> Candidate {
    Candidate {
        window: WindowId(Uuid::from_u128(100)),
        number,
        state: WindowState::Completed,
        run: RunId(Uuid::from_u128(number.unsigned_abs().into())),
        target: target(2),
        short_name: "shop-staging".into(),
        environment: Environment::Staging,
        clean: true,
        accepted_red: false,
        procedure: PROCEDURE.clone(),
        parameters: USUAL.clone(),
        texts: vec![],
        opened_at: days(day) - SignedDuration::from_mins(4),
        ended_at: days(day),
        plan_digest: Digest([7; 32]),
    }
}

/// The choice for a start on day 100, by number, or why there is none.
fn chosen(parts: &[Part<'_>], number: Option<i64>, candidates: &[Candidate]) -> Result<Option<i64>, String> {
    let nearby = ["shop-staging".to_owned()];
    let asked = Asked { parts, procedure: &PROCEDURE, parameters: &USUAL, texts: &[], start: days(100), number, nearby: &nearby };
    let said = |error: FieldError| {
        assert_eq!(error.field, "rehearsal");
        error.message
    };
    choose(&asked, candidates).map(|found| found.map(|found| found.number)).map_err(said)
}

#[test]
fn the_newest_that_counts_is_taken() {
    let demand = demand(&[], 14);
    let parts = [production(Some(&demand))];
    let failed = Candidate { clean: false, ..ran(4, 99) };
    assert_eq!(chosen(&parts, None, &[ran(1, 88), ran(3, 97), ran(2, 90), failed]), Ok(Some(3)));
    assert_eq!(chosen(&parts, Some(2), &[ran(1, 88), ran(3, 97), ran(2, 90)]), Ok(Some(2)), "the one that was typed");
}

#[test]
fn a_run_that_differs_in_anything_is_none_and_the_refusal_says_in_what() {
    let demand = demand(&[Environment::Staging, Environment::Test], 14);
    let parts = [production(Some(&demand))];
    let other = PlanProcedure { version: PROCEDURE.version + 1, ..PROCEDURE.clone() };
    let bytes = PlanProcedure { digest: Digest([9; 32]), ..PROCEDURE.clone() };
    let eager = Parameters { reindex_min_waste_mib: 1, ..USUAL.clone() };
    let cases: Vec<(Candidate, &str)> = vec![
        (Candidate { procedure: other, ..ran(12, 99) }, "ran the procedure"),
        (Candidate { procedure: bytes, ..ran(12, 99) }, "ran the procedure"),
        (Candidate { parameters: eager, ..ran(12, 99) }, "other thresholds: "),
        (Candidate { texts: vec!["ALTER TABLE a ADD b int".into()], ..ran(12, 99) }, "another text: "),
        (Candidate { state: WindowState::Validating, ..ran(12, 99) }, "not signed off yet"),
        (Candidate { state: WindowState::Failed, ..ran(12, 99) }, "not completed"),
        (Candidate { clean: false, ..ran(12, 99) }, "completed with failures"),
        (Candidate { accepted_red: true, ..ran(12, 99) }, "a red check that somebody accepted"),
        (Candidate { environment: Environment::Development, ..ran(12, 99) }, "ran on a development database"),
        (Candidate { environment: Environment::Production, ..ran(12, 99) }, "ran on a production database"),
        (Candidate { target: target(1), ..ran(12, 99) }, "ran on shop itself"),
        (ran(12, 85), "more than 14 days before the start"),
    ];
    for (candidate, says) in cases {
        let refused = chosen(&parts, None, &[candidate]).expect_err(says);
        assert!(refused.contains("#12 on shop-staging") && refused.contains(says), "{says}: {refused}");
        assert!(refused.contains("“production”") && refused.contains("Propose it on shop-staging first"), "{refused}");
    }
    let none = chosen(&parts, None, &[]).expect_err("nothing ran");
    assert!(none.contains("Nothing like it has run"), "{none}");
}

#[test]
fn the_limit_of_its_age_counts() {
    let demand = demand(&[], 14);
    let parts = [production(Some(&demand))];
    assert_eq!(chosen(&parts, None, &[ran(1, 86)]), Ok(Some(1)), "14 days to the second");
    let late = Candidate { ended_at: days(86) - SignedDuration::from_secs(1), ..ran(1, 86) };
    assert!(chosen(&parts, None, &[late]).is_err());
}

#[test]
fn where_none_is_demanded_none_is_owed_but_a_wrong_number_is_said() {
    let parts = [production(None)];
    assert_eq!(chosen(&parts, None, &[]), Ok(None));
    assert_eq!(chosen(&parts, None, &[ran(1, 99)]), Ok(Some(1)), "it is worth showing");
    assert_eq!(chosen(&parts, None, &[ran(1, 9)]), Ok(None), "an old one is not");
    let refused = chosen(&parts, Some(5), &[]).expect_err("no such run");
    assert!(refused.contains("Window #5 has no run") && refused.contains("Leave the field empty"), "{refused}");
    let lowest = [Part { environment: Environment::Development, ..production(None) }];
    assert_eq!(chosen(&lowest, None, &[ran(1, 99)]), Ok(None), "nothing is lower");
}

#[test]
fn an_earlier_wave_with_something_lower_rehearses_the_next() {
    let staging_only = demand(&[Environment::Staging], 14);
    let lower = |environment, wave| Part { target: target(2), name: "lower", environment, wave, policy: "lower", demand: None };
    let above = |wave| Part { wave, ..production(Some(&staging_only)) };
    let open = |parts: &[Part<'_>]| uncovered(parts).iter().map(|part| part.name.to_owned()).collect::<Vec<_>>();
    assert_eq!(open(&[above(2), lower(Environment::Staging, 1)]), [""; 0]);
    assert_eq!(open(&[above(1), lower(Environment::Staging, 1)]), ["shop"], "at the same time is not before");
    assert_eq!(open(&[above(1), lower(Environment::Staging, 2)]), ["shop"], "nor is after");
    assert_eq!(open(&[above(2), lower(Environment::Test, 1)]), ["shop"], "the policy asks for staging");
    let second = Part { target: target(3), name: "carts", ..above(1) };
    assert_eq!(open(&[above(2), lower(Environment::Staging, 1), second]), ["carts"], "only what stands behind it");
    let refused = chosen(&[above(2), lower(Environment::Staging, 1)], Some(9), &[]).expect_err("a number for nothing");
    assert!(refused.contains("rehearsed by an earlier wave"), "{refused}");
}

#[test]
fn a_rehearsal_has_to_count_for_every_database_that_needs_one() {
    let (long, short) = (demand(&[], 30), demand(&[Environment::Test], 30));
    let parts = [production(Some(&long)), Part { target: target(3), name: "carts", demand: Some(&short), ..production(None) }];
    let tried = Candidate { environment: Environment::Test, ..ran(1, 90) };
    assert_eq!(chosen(&parts, None, &[ran(2, 95), tried]), Ok(Some(1)), "the newer one ran on staging");
}

/// A plan whose policy demands one of staging, at most 14 days old, and that has what is given.
fn sealed(rehearsal: Option<Rehearsal>) -> Plan {
    let mut plan = Plan { rehearsal, ..sample() };
    plan.policy.rules.rehearsal = Some(demand(&[Environment::Staging], 14));
    plan
}

fn of(candidate: &Candidate) -> Rehearsal {
    Rehearsal::of(candidate, Seen::default())
}

fn before_start(plan: &Plan, hours: i64) -> Candidate {
    let ended_at = plan.times.start - SignedDuration::from_hours(hours);
    Candidate { target: target(20), ended_at, opened_at: ended_at, ..ran(1, 0) }
}

#[test]
fn the_stricter_of_the_sealed_policy_and_todays_is_asked_of_the_plan() {
    let lacks = |plan: &Plan, policy: &Policy| missing(plan, plan.target(), policy).map(|refusal| refusal.code);
    let (none, wanted) = (Policy::standard(), sealed(None).policy.rules);
    let yes = || Some("rehearsal".to_owned());
    assert_eq!(lacks(&sealed(None), &none), None);
    assert_eq!(lacks(&sealed(None), &wanted), yes());
    let plan = sealed(None);
    let good = before_start(&plan, 24);
    assert_eq!(lacks(&sealed(Some(of(&good))), &wanted), None);
    let tried = Candidate { environment: Environment::Test, ..good.clone() };
    assert_eq!(lacks(&sealed(Some(of(&tried))), &wanted), yes());
    assert_eq!(lacks(&sealed(Some(of(&Candidate { target: plan.target().id, ..good.clone() }))), &wanted), yes());
    assert_eq!(lacks(&sealed(Some(of(&before_start(&plan, 24 * 14)))), &wanted), None);
    assert_eq!(lacks(&sealed(Some(of(&before_start(&plan, 24 * 14 + 1)))), &wanted), yes(), "moved away from it");
    let younger = Policy { rehearsal: Some(demand(&[], 1)), ..none };
    assert_eq!(lacks(&sealed(Some(of(&before_start(&plan, 25)))), &younger), yes(), "today's policy wants a younger one");
}

#[test]
fn a_plan_of_several_is_rehearsed_by_its_order() {
    let mut plan = sample_of_three();
    plan.targets[0].environment = "staging".into();
    for bar in &mut plan.bars {
        bar.policy.rules.rehearsal = Some(demand(&[], 14));
    }
    let lacks = |plan: &Plan| plan.asks().filter(|(target, policy, _)| missing(plan, target, &policy.rules).is_some()).count();
    assert_eq!((lacks(&plan), is_by_order(&plan)), (0, true));
    let ids: Vec<TargetId> = plan.targets.iter().map(|target| target.id).collect();
    let together = Plan { waves: Some(Waves { order: vec![vec![ids[0], ids[1]], vec![ids[2]]], soak_min: 0 }), ..plan.clone() };
    assert_eq!(lacks(&together), 1, "one of them does not wait");
    plan.targets[0].environment = "moon".into();
    assert_eq!(lacks(&plan), 2, "what nobody knows rehearses nothing");
    assert!(!is_by_order(&sample()));
}

#[test]
fn what_is_sealed_says_how_it_went() {
    let item = |step: &str, outcome, work_ms| ItemSeen { step: step.into(), object: "shop.orders".into(), outcome: Some(outcome), work_ms };
    let check = |state| CheckSeen { title: "a check".into(), state };
    let seen = Seen {
        items: vec![
            item("vacuum", Outcome::Done, 1_000),
            item("vacuum", Outcome::Skipped, 0),
            item("reindex", Outcome::Done, 61_000),
            item("reindex", Outcome::SkippedLock, 2_000),
        ],
        checks: vec![check(CheckState::Passed), check(CheckState::NotApplicable)],
        work_list_digest: Some(Digest([5; 32])),
        issues_met: Some("The dashboard was slow.".into()),
    };
    let of = Rehearsal::of(&ran(12, 99), seen);
    assert_eq!(of.items, Items { all: 4, done: 2, skipped: 1, left: 1 });
    assert_eq!(of.figures(), "took 4 min; 2 of 4 items done, 1 no longer needed, 1 not reached; 1 of 2 checks passed, 1 not applicable");
    assert_eq!(of.findings, ["Issues met: The dashboard was slow.", "shop.orders (skipped: locked by somebody else)"]);
    let said = of.steps_said(&PROCEDURE);
    assert!(said[0].ends_with(": 2 items, 1 s") && said[1].ends_with(": 2 items, 1 min 3 s"), "{said:?}");
    assert_eq!(Rehearsal::of(&ran(12, 99), Seen::default()).figures(), "took 4 min; nothing needed work there; no checks");
    let plan = sealed(Some(of));
    let (bytes, digest) = plan.seal().expect("integers only");
    assert_eq!(Plan::open(&bytes, digest), Ok(plan));
}

#[test]
fn findings_end_somewhere_and_say_so() {
    let left = |n: usize| ItemSeen { step: "reindex".into(), object: format!("shop.t{n}"), outcome: Some(Outcome::NoEffect), work_ms: 0 };
    let findings = |count: usize| Rehearsal::of(&ran(1, 1), Seen { items: (0..count).map(left).collect(), ..Seen::default() }).findings;
    assert_eq!(findings(MOST_FINDINGS).len(), MOST_FINDINGS);
    let more = findings(MOST_FINDINGS + 5);
    assert_eq!((more.len(), more.last().map(String::as_str)), (MOST_FINDINGS, Some("And 6 more of that kind.")));
}

proptest! {
    /// Whatever ran: what is taken counts, and nothing newer does.
    #[test]
    fn what_is_taken_counts_and_nothing_newer_does(runs in proptest::collection::vec((0_i64..100, 0_u8..4, any::<bool>(), any::<bool>()), 0..12), age in 1_u32..60) {
        let demand = demand(&[Environment::Staging, Environment::Test], age);
        let parts = [production(Some(&demand))];
        let candidates: Vec<Candidate> = runs.iter().zip(1..).map(|((day, place, clean, done), number)| Candidate {
            environment: Environment::ALL[usize::from(*place)],
            clean: *clean,
            state: if *done { WindowState::Completed } else { WindowState::RolledBack },
            ..ran(number, *day)
        }).collect();
        let counts = |one: &Candidate| one.clean && one.state == WindowState::Completed
            && matches!(one.environment, Environment::Staging | Environment::Test)
            && days(100).duration_since(one.ended_at) <= SignedDuration::from_hours(24 * i64::from(age));
        let newest = candidates.iter().filter(|one| counts(one)).map(|one| one.ended_at).max();
        match chosen(&parts, None, &candidates) {
            Ok(found) => {
                let found = candidates.iter().find(|one| Some(one.number) == found).expect("one of them");
                prop_assert!(counts(found));
                prop_assert_eq!(Some(found.ended_at), newest);
            }
            Err(_) => prop_assert_eq!(newest, None),
        }
    }

    /// What an older rehearsal satisfies, a younger one does; and a lower demand never refuses what a higher one takes.
    #[test]
    fn age_and_places_only_ever_narrow(hours in 0_i64..3_000, younger in 0_i64..3_000, age in 1_u32..100, more in 0_u32..100, place in 0_usize..4) {
        let plan = sample();
        let hold = |hours: i64, demand: Demand| {
            let candidate = Candidate { environment: Environment::ALL[place], ..before_start(&plan, hours) };
            let mut plan = sealed(Some(of(&candidate)));
            plan.policy.rules.rehearsal = Some(demand);
            missing(&plan, plan.target(), &plan.policy.rules).is_none()
        };
        let strict = Demand { environments: BTreeSet::from([Environment::Staging]), max_age_days: age };
        if hold(hours, strict.clone()) {
            prop_assert!(hold(hours.min(younger), strict));
            prop_assert!(hold(hours, demand(&[], age + more)));
        }
    }
}
