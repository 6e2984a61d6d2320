use super::*;
use uuid::Uuid;

fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

/// The fields of a policy that asks one stakeholder, with changes.
fn typed(changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let good = [
        ("rule1_who", "stakeholder"),
        ("rule1_how", "number"),
        ("rule1_count", "1"),
        ("rule1_known", "link"),
        ("deny_threshold", "1"),
        ("decide_before_start_min", "60"),
        ("remind_every_min", "0"),
        ("deadline", "expire"),
        ("precedence", "0"),
        ("environments", "production"),
    ];
    let given = |name: &str| changes.iter().any(|(other, _)| *other == name);
    let kept = good.iter().filter(|(name, _)| !given(name));
    kept.chain(changes).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn parse(changes: &[(&str, &str)]) -> Result<Policy, Vec<FieldError>> {
    Typed(&typed(changes)).parse(&BTreeMap::from([("ana@example.org".to_owned(), person(1))]))
}

fn wrong(changes: &[(&str, &str)]) -> Vec<String> {
    parse(changes).expect_err("something is wrong").into_iter().map(|error| error.field).collect()
}

#[test]
fn what_is_typed_comes_back_as_it_was() {
    let second = Uuid::from_u128(9).to_string();
    let policy = parse(&[
        ("rule2_who", "people"),
        ("rule2_people", "Ana@example.org"),
        ("rule2_how", "all"),
        ("rule2_known", "link"),
        ("rule2_stage", "2"),
        ("rule2_deny", "1"),
        ("rule3_who", "team"),
        ("rule3_team", &second),
        ("rule3_how", "percent"),
        ("rule3_percent", "50"),
        ("rule3_known", "link"),
        ("deadline", "escalate"),
        ("escalation_who", "engineer"),
        ("escalation_within_min", "30"),
        ("remind_every_min", "240"),
        ("stage1_before_min", "600"),
        ("stage1_remind_min", "60"),
        ("stage1_deadline", "escalate"),
        ("stage1_who", "lead"),
        ("stage1_within_min", "120"),
        ("separate_executor", "on"),
        ("pre_approved", "R0"),
        ("risks", "R0"),
        ("risks", "R1"),
        ("tags", "Payments, eu"),
        ("at_least_mib", "100"),
        ("database_at_least_mib", "2000"),
        ("precedence", "7"),
        ("proof_max_age_hours", "26"),
        ("rehearsal", "needed"),
        ("rehearsal_environments", "staging"),
        ("rehearsal_environments", "test"),
        ("rehearsal_max_age_days", "14"),
    ])
    .expect("all is well");
    assert_eq!(policy.rules.iter().map(|rule| rule.key.as_str()).collect::<Vec<_>>(), ["stakeholder", "people", "team"]);
    assert_eq!((policy.rules[1].percent, policy.rules[1].stage, policy.rules[1].deny), (100, 1, 1));
    assert_eq!(policy.rules[2].percent, 50);
    assert_eq!(policy.terms(0).ends_before_start_min(), 480);
    assert_eq!(policy.terms(1), Terms { stage: 1, ..Policy { stage_terms: vec![], ..policy.clone() }.terms(0) }, "as for all");
    let scope = policy.scope.clone().expect("typed");
    assert_eq!(scope.tags, BTreeSet::from(["eu".to_owned(), "payments".to_owned()]));
    let mut again: Vec<(String, String)> = filled(&policy, &scope, &BTreeMap::from([(person(1), "ana@example.org".to_owned())]))
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    again.extend(
        [
            ("environments", "production"),
            ("risks", "R0"),
            ("risks", "R1"),
            ("rehearsal_environments", "staging"),
            ("rehearsal_environments", "test"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    assert_eq!(Typed(&again).parse(&BTreeMap::from([("ana@example.org".to_owned(), person(1))])), Ok(policy));
}

#[test]
fn everything_that_is_wrong_is_named_at_once() {
    assert_eq!(wrong(&[("rule1_who", "")]), ["rule1_who"]);
    assert_eq!(
        wrong(&[("rule1_count", "0"), ("deny_threshold", "x"), ("precedence", "101"), ("deadline", "")]),
        ["rule1_count", "deny_threshold", "deadline", "precedence"]
    );
    assert_eq!(wrong(&[("rule1_who", "people"), ("rule1_people", "nobody@example.org")]), ["rule1_people"]);
    assert_eq!(wrong(&[("remind_every_min", "5")]), ["remind_every_min"]);
    assert_eq!(wrong(&[("pre_approved", "R3")]), ["pre_approved"]);
    assert_eq!(
        wrong(&[("environments", "moon"), ("procedures", "x"), ("risks", "R9"), ("tags", "a_b")]),
        ["environments", "procedures", "risks", "tags"]
    );
}

#[test]
fn a_restored_backup_is_demanded_in_hours() {
    assert_eq!(parse(&[("proof_max_age_hours", "")]).expect("none is demanded").proof_max_age_hours, None);
    assert_eq!(parse(&[("proof_max_age_hours", "744")]).expect("a month").proof_max_age_hours, Some(744));
    for typed in ["0", "745", "soon"] {
        assert_eq!(wrong(&[("proof_max_age_hours", typed)]), ["proof_max_age_hours"], "{typed}");
    }
}

#[test]
fn a_rehearsal_is_demanded_in_words_that_are_checked() {
    assert_eq!(parse(&[("rehearsal_max_age_days", "soon")]).expect("not looked at").rehearsal, None);
    let demand = parse(&[("rehearsal", "needed"), ("rehearsal_max_age_days", "30")]).expect("fine").rehearsal;
    assert_eq!(demand, Some(Demand { environments: BTreeSet::new(), max_age_days: 30 }), "anywhere lower");
    assert_eq!(wrong(&[("rehearsal", "perhaps")]), ["rehearsal"]);
    let wrongly = [("rehearsal", "needed"), ("rehearsal_environments", "moon"), ("rehearsal_max_age_days", "366")];
    assert_eq!(wrong(&wrongly), ["rehearsal_environments", "rehearsal_max_age_days"]);
    assert_eq!(wrong(&[("rehearsal", "needed"), ("rehearsal_max_age_days", "9"), ("environments", "development")]), ["rehearsal"]);
}

#[test]
fn every_level_can_be_asked_for_and_nothing_else() {
    for known in Assurance::ALL {
        let policy = parse(&[("rule1_known", known.word())]).expect("a level");
        assert_eq!(policy.rules[0].assurance, *known, "{}", known.word());
    }
    let errors = parse(&[("rule1_known", "well")]).expect_err("no level");
    assert!(errors[0].field == "rule1_known" && errors[0].message.contains("how well"), "{errors:?}");
}

#[test]
fn the_second_group_gets_its_time_before_the_latest_start() {
    let escalate = |decide: &str, within: &str| {
        wrong(&[
            ("deadline", "escalate"),
            ("escalation_who", "lead"),
            ("decide_before_start_min", decide),
            ("escalation_within_min", within),
        ])
    };
    assert_eq!(escalate("0", "30"), ["decide_before_start_min"]);
    assert_eq!(escalate("60", "61"), ["escalation_within_min"]);
}

#[test]
fn terms_of_a_stage_are_checked_like_those_of_all_and_against_the_stage_that_waits() {
    let own = |changes: &[(&str, &str)]| {
        let two = [("rule2_who", "lead"), ("rule2_how", "number"), ("rule2_count", "1"), ("rule2_known", "link"), ("rule2_stage", "2")];
        let all: Vec<_> = two.iter().chain(changes).copied().collect();
        parse(&all).map(|policy| policy.stage_terms.len()).map_err(|errors| errors.into_iter().map(|error| error.field).collect::<Vec<_>>())
    };
    let wrong = |field: &str| Err(vec![field.to_owned()]);
    assert_eq!(own(&[("stage1_before_min", "600"), ("stage1_deadline", "expire")]), Ok(1));
    assert_eq!(own(&[("stage1_before_min", "x"), ("stage1_deadline", "expire")]), wrong("stage1_before_min"));
    assert_eq!(own(&[("stage1_before_min", "600")]), wrong("stage1_deadline"));
    assert_eq!(own(&[("stage1_before_min", "600"), ("stage1_deadline", "expire"), ("stage1_remind_min", "5")]), wrong("stage1_remind_min"));
    let second = [("stage1_before_min", "600"), ("stage1_deadline", "escalate"), ("stage1_who", "lead")];
    let within = |minutes| own(&[&second[..], &[("stage1_within_min", minutes)]].concat());
    assert_eq!(within("540"), Ok(1), "it ends when the second stage does");
    assert_eq!(within("541"), wrong("stage1_before_min"), "the second stage would be over");
    assert_eq!(
        own(&[("stage1_before_min", "59"), ("stage1_deadline", "expire")]),
        wrong("stage1_before_min"),
        "the second stage waits for it"
    );
    assert_eq!(own(&[("stage3_before_min", "60"), ("stage3_deadline", "expire")]), wrong("stage3_before_min"), "there is no stage 3");
}

#[test]
fn a_group_that_is_there_twice_gets_two_keys() {
    let policy = parse(&[
        ("rule3_who", "stakeholder"),
        ("rule3_how", "number"),
        ("rule3_count", "1"),
        ("rule3_known", "account"),
        ("rule3_stage", "2"),
    ])
    .expect("twice");
    assert_eq!(policy.rules.iter().map(|rule| rule.key.as_str()).collect::<Vec<_>>(), ["stakeholder", "stakeholder_2"]);
}
