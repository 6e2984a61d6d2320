use super::*;
use crate::procedure::Shelf;
use crate::procedure::library::weekly::version_1;
use crate::proposal::ProposalForm;
use jiff::tz::TimeZone;
use uuid::Uuid;

pub(crate) fn sample() -> Plan {
    let form = ProposalForm { target: "prod-orders".into(), reason: "weekly".into(), date: "2026-11-29".into(), ..ProposalForm::blank() };
    let proposal = form.parse(&Shelf::default()).expect("a good form");
    let now = "2026-11-20T00:00:00Z".parse().expect("a time");
    let times = proposal.times(&TimeZone::UTC, "Etc/UTC", "2026a", now).expect("in the future");
    let rules = Policy::standard();
    let (_, digest) = rules.seal().expect("integers");
    let parts = PlanParts {
        window: WindowId(Uuid::from_u128(1)),
        number: 142,
        revision: 1,
        target: PlanTarget {
            id: TargetId(Uuid::from_u128(2)),
            short_name: "prod-orders".into(),
            name: "Orders".into(),
            dbms: "postgresql".into(),
            environment: "production".into(),
            host: "db".into(),
            port: 5432,
            database: "orders".into(),
            username: "drydock".into(),
            team: TeamId(Uuid::from_u128(3)),
            on_call: "Ana".into(),
            identity: serde_json::json!({"system_identifier": "7"}),
            critical_queries: vec![],
        },
        times,
        outside_hours: None,
        policy: PlanPolicy { id: PolicyId(Uuid::from_u128(4)), version: 1, name: "standard".into(), digest, rules, raised: None },
        eligible: Eligible::new(),
        critical_queries: vec![],
        more: vec![],
        waves: None,
        rehearsal: None,
        measured_mib: BTreeMap::new(),
    };
    Plan::assemble(&Proposal { procedure: version_1(), ..proposal }, parts)
}

#[test]
fn a_database_counts_as_the_most_it_held() {
    let (plan, target) = (sample(), sample().target().id);
    assert_eq!((plan.counts_mib(target, Some(7)), plan.counts_mib(target, None)), (Some(7), None), "nobody asked");
    let sealed = |mib| Plan { measured_mib: BTreeMap::from([(target, mib)]), ..sample() };
    assert_eq!(sealed(Some(5)).counts_mib(target, Some(7)), Some(7), "grown");
    assert_eq!(sealed(Some(9)).counts_mib(target, Some(7)), Some(9), "shrunk");
    assert_eq!((sealed(Some(9)).counts_mib(target, None), sealed(None).counts_mib(target, Some(7))), (Some(9), None));
}

#[test]
fn a_plan_reads_back_from_its_bytes_and_from_no_others() {
    let plan = sample();
    let (bytes, digest) = plan.seal().expect("integers only");
    assert_eq!(Plan::open(&bytes, digest).expect("the same bytes"), plan);
    for position in (0..bytes.len()).step_by(97) {
        let mut flipped = bytes.clone();
        flipped[position] ^= 1;
        assert_eq!(Plan::open(&flipped, digest), Err(PlanError::Digest));
    }
}

/// The same on three databases, the last two in a second wave.
pub(crate) fn sample_of_three() -> Plan {
    let mut plan = sample();
    for n in [20, 21] {
        let id = TargetId(Uuid::from_u128(n));
        plan.targets.push(PlanTarget { id, short_name: format!("prod-{n}"), ..plan.targets[0].clone() });
    }
    let ids: Vec<TargetId> = plan.targets.iter().map(|target| target.id).collect();
    plan.waves = Some(Waves { order: vec![vec![ids[0]], vec![ids[1], ids[2]]], soak_min: 30 });
    plan.bars = ids[1..].iter().map(|id| Bar { target: *id, policy: plan.policy.clone(), eligible: plan.eligible.clone() }).collect();
    plan
}

/// The digest of [`sample`], taken from the program as it was before plans could have several databases: what was sealed then verifies for ever.
const SEALED_BEFORE_LANES: &str = "ff52bb8d859e58d9f094fde4c9cc0f941d710582ad52149da351609df48cc963";

#[test]
fn a_plan_of_one_has_the_bytes_it_always_had() {
    // As it was sealed before work was done at once and waited for less load: neither was written then, and neither is now.
    let mut plan = sample();
    (plan.parameters.jobs, plan.parameters.load_max_sessions) = (1, 10_000);
    let (bytes, digest) = plan.seal().expect("integers only");
    assert_eq!(digest.hex(), SEALED_BEFORE_LANES);
    let text = String::from_utf8(bytes).expect("JSON");
    assert!(!text.contains("waves") && !text.contains("bars") && !text.contains("rehearsal") && !text.contains("measured"), "{text}");
}

#[test]
fn a_plan_of_several_needs_their_order() {
    let open = |plan: &Plan| {
        let (bytes, digest) = plan.seal().expect("integers only");
        Plan::open(&bytes, digest)
    };
    let plan = sample_of_three();
    assert_eq!(open(&plan).as_ref(), Ok(&plan));
    assert_eq!((sample().databases().as_str(), plan.databases().as_str()), ("prod-orders", "prod-orders and 2 more"));
    let unordered = Plan { waves: None, ..plan.clone() };
    assert_eq!(open(&unordered), Err(PlanError::Unreadable("3 databases need waves".into())));
    assert!(open(&Plan { targets: plan.targets[..2].to_vec(), ..plan.clone() }).is_err(), "a wave names a stranger");
    assert!(open(&Plan { waves: plan.waves.clone(), ..sample() }).is_err(), "one database has no order");
    assert!(open(&Plan { bars: plan.bars[1..].to_vec(), ..plan.clone() }).is_err(), "a database whose policy nobody would ask");
    assert!(open(&Plan { bars: plan.bars.clone(), ..sample() }).is_err());
    let ids: Vec<TargetId> = plan.targets.iter().map(|target| target.id).collect();
    assert_eq!(ids.iter().map(|id| plan.wave_of(*id)).collect::<Vec<_>>(), [1, 2, 2]);
    assert_eq!(ids.iter().map(|id| plan.soak(*id).is_some()).collect::<Vec<_>>(), [true, false, false], "nothing follows the last wave");
    let late = plan.times.cut_off - SignedDuration::from_mins(1);
    assert_eq!(plan.begin_by(1, late), plan.times.latest_start);
    assert_eq!(plan.begin_by(2, late), plan.times.cut_off);
    let patience = plan.times.latest_start.duration_since(plan.times.start);
    assert_eq!(plan.begin_by(2, plan.times.start), plan.times.start + patience);
}

#[test]
fn an_edit_is_a_new_digest_and_a_visible_difference() {
    let before = sample();
    let mut after = before.clone();
    after.revision = 2;
    after.parameters.reindex_min_waste_mib = 1;
    assert_ne!(before.seal().expect("sealed").1, after.seal().expect("sealed").1);
    let lines = differences(&before, &after).expect("comparable");
    assert_eq!(lines, [Difference { path: "parameters.reindex_min_waste_mib".into(), before: "256".into(), after: "1".into() }]);
}

#[test]
fn vacuum_comes_before_reindex_and_analyze_last() {
    assert_eq!(sample().envelope.steps, ["vacuum", "reindex", "cleanup", "analyze"]);
}
