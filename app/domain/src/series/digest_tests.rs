use super::*;
use crate::ids::{PersonId, TargetId};
use crate::plan::Bar;
use crate::plan::tests::sample;
use jiff::ToSpan as _;
use jiff::civil::date;
use std::collections::BTreeSet;
use uuid::Uuid;

fn at(plan: &Plan, days: i64) -> (Date, Plan) {
    let mut later = plan.clone();
    let ahead = (24 * days).hours();
    let times = &mut later.times;
    times.local_start = times.local_start.checked_add(days.days()).expect("in range");
    for instant in [&mut times.start, &mut times.latest_start, &mut times.cut_off, &mut times.end, &mut times.extend_to] {
        *instant = instant.checked_add(ahead).expect("in range");
    }
    (later.times.local_start.date(), later)
}

fn weekly() -> (Plan, SeriesDigest) {
    let plan = sample();
    let plans: Vec<(Date, Plan)> = [0, 7, 14].into_iter().map(|days| at(&plan, days)).collect();
    let digest = SeriesDigest::assemble(SeriesId(Uuid::from_u128(9)), 3, "RRULE:FREQ=WEEKLY".into(), &plans).expect("all alike");
    (plan, digest)
}

fn asked(digest: &SeriesDigest, plan: &Plan) -> Result<Date, Uncovered> {
    let (sealed, _) = plan.seal().expect("integers");
    digest.covers(&sealed, plan).expect("readable").map(|date| date.day)
}

#[test]
fn a_window_of_any_identity_is_covered_on_its_date() {
    let (plan, digest) = weekly();
    let (day, mut born) = at(&plan, 7);
    (born.window, born.number) = (WindowId(Uuid::from_u128(77)), 4711);
    assert_eq!(asked(&digest, &born), Ok(day));
    let (bytes, sealed) = digest.seal().expect("integers");
    assert_eq!(SeriesDigest::open(&bytes, sealed).expect("the same"), digest);
    let mut flipped = bytes.clone();
    flipped[20] ^= 1;
    assert!(SeriesDigest::open(&flipped, sealed).is_err());
}

/// Each field of a plan, changed: only the identity of the window may.
#[test]
fn whatever_else_differs_asks_by_itself() {
    let (plan, digest) = weekly();
    let Value::Object(fields) = serde_json::to_value(&plan).expect("an object") else { panic!("a plan is an object") };
    assert!(fields.len() >= 17, "every field of a plan is tried");
    for name in fields.keys() {
        let mut changed = fields.clone();
        let value = changed.get_mut(name).expect("there");
        change(value);
        let Ok(other) = serde_json::from_value::<Plan>(Value::Object(changed)) else { panic!("{name} is readable when changed") };
        assert_ne!(other, plan, "{name} was changed");
        let found = asked(&digest, &other);
        match name.as_str() {
            "window" | "number" => assert!(found.is_ok(), "{name} is the window's own"),
            "revision" => assert_eq!(found, Err(Uncovered::Edited)),
            _ => {
                let Err(Uncovered::Differs(lines)) = found else { panic!("{name}: {found:?}") };
                assert!(lines.iter().all(|line| line.path.starts_with(name.as_str())), "{name}: {lines:?}");
                assert!(Uncovered::Differs(lines).said().contains(name.as_str()));
            }
        }
    }
}

/// Another value of the same kind, as deep inside as there is one.
fn change(value: &mut Value) {
    match value {
        Value::String(text) if Uuid::parse_str(text).is_ok() => *text = Uuid::from_u128(12345).to_string(),
        Value::String(text) => text.push('x'),
        Value::Number(number) => *number = (number.as_i64().unwrap_or_default() + 1).into(),
        Value::Bool(set) => *set = !*set,
        Value::Null => *value = Value::String("x".into()),
        Value::Array(items) => match items.first_mut() {
            Some(first) => change(first),
            None => items.push(serde_json::json!({"name": "q", "sql": "SELECT 1", "limit_ms": 1})),
        },
        Value::Object(fields) => {
            let last =
                ["zone", "name", "title", "summary", "most_objects"].into_iter().find(|name| fields.contains_key(*name)).map(str::to_owned);
            let name = last.or_else(|| fields.keys().next().cloned());
            match name.and_then(|name| fields.get_mut(&name)) {
                Some(inner) => change(inner),
                None => drop(fields.insert("rule".into(), serde_json::json!([Uuid::from_u128(5)]))),
            }
        }
    }
}

#[test]
fn another_start_and_who_may_vote_count_too() {
    let (plan, digest) = weekly();
    assert_eq!(asked(&digest, &at(&plan, 21).1), Err(Uncovered::NoDate));
    let mut joined = plan.clone();
    joined.eligible.insert("stakeholder".into(), BTreeSet::from([PersonId(Uuid::from_u128(99))]));
    assert!(matches!(asked(&digest, &joined), Err(Uncovered::Differs(lines)) if lines[0].path.starts_with("eligible")));
    let mut zone_data = plan.clone();
    zone_data.times.tz_version = "2027z".into();
    assert!(matches!(asked(&digest, &zone_data), Err(Uncovered::Differs(lines)) if lines[0].path == "times.tz_version"));
}

/// Of several databases, too: somebody who joins between two dates keeps neither from being approved with the rest.
#[test]
fn who_may_vote_for_a_further_database_stands_with_each_date() {
    let mut plan = sample();
    plan.bars = vec![Bar { target: TargetId(Uuid::from_u128(8)), policy: plan.policy.clone(), eligible: plan.eligible.clone() }];
    let mut later = at(&plan, 7);
    later.1.bars[0].eligible.insert("stakeholder".into(), BTreeSet::from([PersonId(Uuid::from_u128(99))]));
    let of = |plans: &[(Date, Plan)]| SeriesDigest::assemble(SeriesId(Uuid::from_u128(9)), 1, String::new(), plans);
    let digest = of(&[at(&plan, 0), later.clone()]).expect("alike but for who may vote");
    assert_eq!(asked(&digest, &plan), Ok(at(&plan, 0).0));
    assert_eq!(asked(&digest, &later.1), Ok(later.0));
    assert!(matches!(asked(&digest, &at(&plan, 7).1), Err(Uncovered::Differs(lines)) if lines[0].path.starts_with("bars")));
    later.1.bars[0].policy.version += 1;
    assert_eq!(of(&[at(&plan, 0), later.clone()]), Err(DigestError::Unlike(later.0)));
}

#[test]
fn dates_that_are_not_alike_or_too_far_apart_are_refused() {
    let plan = sample();
    let series = SeriesId(Uuid::from_u128(9));
    let of = |plans: &[(Date, Plan)]| SeriesDigest::assemble(series, 1, String::new(), plans);
    assert_eq!(of(&[]), Err(DigestError::NoDate));
    assert_eq!(of(&[at(&plan, 0), at(&plan, 36)]), Err(DigestError::TooFar));
    assert!(of(&[at(&plan, 0), at(&plan, 35)]).is_ok());
    let mut other = at(&plan, 7);
    other.1.reason.push('!');
    assert_eq!(of(&[at(&plan, 0), other.clone()]), Err(DigestError::Unlike(other.0)));
    assert_eq!(at(&plan, 0).0, date(2026, 11, 29));
}
