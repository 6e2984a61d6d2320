use super::*;
use crate::freeze::import::During;

fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid rule")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn day(text: &str) -> Moment {
    Moment::Day(text.parse().expect("a date"))
}

fn zoned(text: &str) -> Moment {
    Moment::Zoned(text.parse().expect("a time"), "Europe/Berlin".into())
}

fn again(start: Moment, end: Ending, rule: &str) -> Event {
    let repeats = Some(Repeat { rule: Ok(rule.to_owned()), left_out: vec![] });
    Event {
        uid: "1@x".into(),
        summary: "Christmas".into(),
        start: Ok(start),
        end: Ok(end),
        repeats,
        instead_of: None,
        and_later: false,
        cancelled: false,
    }
}

/// Identities and times at the end of November 2026.
fn times(events: Vec<Event>) -> Vec<(String, Result<During, String>)> {
    let known = |name: &str| (name == "Europe/Berlin").then(berlin);
    let all = spread(events, &berlin(), known, at("2026-11-28T12:00:00Z"));
    all.into_iter().map(|event| (event.uid.clone(), event.during(&berlin(), known))).collect()
}

fn starts(event: Event) -> Vec<String> {
    times(vec![event]).into_iter().map(|(_, during)| during.expect("a time").start.to_string()).collect()
}

fn why(event: Event) -> String {
    let mut all = times(vec![event]);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0).1.expect_err("refused")
}

#[test]
fn a_holiday_of_every_year_is_one_freeze_a_year() {
    let all = times(vec![again(day("2020-12-25"), Ending::Unsaid, "FREQ=YEARLY")]);
    assert_eq!(all.iter().map(|(uid, _)| uid.as_str()).collect::<Vec<_>>(), ["1@x/2026-12-25", "1@x/2027-12-25"], "within two years");
    let first = all[0].1.clone().expect("a time");
    assert_eq!((first.start, first.end), (at("2026-12-24T23:00:00Z"), at("2026-12-25T23:00:00Z")));
    // Of February 29 only leap years have one; thanksgiving is counted within its month.
    assert_eq!(starts(again(day("2024-02-29"), Ending::Unsaid, "FREQ=YEARLY;INTERVAL=1")), ["2028-02-28T23:00:00Z"]);
    let thanksgiving = again(day("2020-11-26"), Ending::Unsaid, "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH");
    assert_eq!(starts(thanksgiving), ["2027-11-24T23:00:00Z", "2028-11-22T23:00:00Z"]);
}

#[test]
fn times_are_kept_by_the_clock_of_the_event_over_changes_of_the_clocks() {
    let release = again(zoned("2027-03-22T18:00:00"), Ending::At(zoned("2027-03-22T20:00:00")), "FREQ=WEEKLY;COUNT=2;WKST=SU");
    let all: Vec<During> = times(vec![release]).into_iter().map(|(_, during)| during.expect("a time")).collect();
    assert_eq!((all[0].start, all[0].end), (at("2027-03-22T17:00:00Z"), at("2027-03-22T19:00:00Z")));
    assert_eq!((all[1].start, all[1].end), (at("2027-03-29T16:00:00Z"), at("2027-03-29T18:00:00Z")));
    let utc = again(Moment::Utc(at("2027-03-22T17:00:00Z")), Ending::At(Moment::Utc(at("2027-03-22T19:00:00Z"))), "FREQ=WEEKLY;COUNT=2");
    assert_eq!(starts(utc), ["2027-03-22T17:00:00Z", "2027-03-29T17:00:00Z"]);
}

#[test]
fn a_rule_ends_where_it_says_in_whatever_zone() {
    let hours = |rule: &str| again(zoned("2027-01-04T00:30:00"), Ending::At(zoned("2027-01-04T02:00:00")), rule);
    // 23:30 in UTC is the start of the third one.
    assert_eq!(starts(hours("FREQ=WEEKLY;UNTIL=20270117T233000Z")).len(), 3);
    assert_eq!(starts(hours("FREQ=WEEKLY;UNTIL=20270117T232959Z")).len(), 2);
    assert_eq!(starts(hours("FREQ=WEEKLY;UNTIL=20270118")).len(), 3, "a day counts whole");
    for until in ["20270106", "20270106T000000Z", "20270105T230000Z"] {
        let daily = again(day("2027-01-04"), Ending::Unsaid, &format!("FREQ=DAILY;UNTIL={until}"));
        assert_eq!(starts(daily).len(), 3, "{until}: the day on which it ends in Berlin counts");
    }
}

#[test]
fn what_is_left_out_or_moved_is_not_frozen() {
    let mut weekly = again(day("2027-01-04"), Ending::Unsaid, "FREQ=WEEKLY;COUNT=4");
    weekly.repeats.as_mut().expect("it repeats").left_out = vec![day("2027-01-11")];
    let moved = Event { start: Ok(day("2027-01-20")), repeats: None, instead_of: Some(day("2027-01-18")), ..weekly.clone() };
    let all = times(vec![weekly, moved]);
    let found: Vec<_> = all.iter().map(|(uid, during)| (uid.as_str(), during.clone().expect("a time").start.to_string())).collect();
    let expected =
        [("1@x", "2027-01-03T23:00:00Z"), ("1@x/2027-01-25", "2027-01-24T23:00:00Z"), ("1@x/2027-01-18", "2027-01-19T23:00:00Z")];
    assert_eq!(found, expected.map(|(uid, start)| (uid, start.to_owned())));
}

#[test]
fn what_is_left_out_or_moved_may_be_written_by_another_clock() {
    // 00:30 in Berlin is the day before in UTC.
    let mut weekly = again(zoned("2027-01-04T00:30:00"), Ending::At(zoned("2027-01-04T02:00:00")), "FREQ=WEEKLY;COUNT=4");
    weekly.repeats.as_mut().expect("it repeats").left_out = vec![day("2027-01-11"), Moment::Utc(at("2027-01-24T23:30:00Z"))];
    let moved = Event {
        start: Ok(zoned("2027-01-19T00:30:00")),
        end: Ok(Ending::At(zoned("2027-01-19T02:00:00"))),
        repeats: None,
        instead_of: Some(Moment::Utc(at("2027-01-17T23:30:00Z"))),
        ..weekly.clone()
    };
    let all = times(vec![weekly, moved]);
    let found: Vec<_> = all.iter().map(|(uid, during)| (uid.as_str(), during.clone().expect("a time").start.to_string())).collect();
    let expected = [("1@x", "2027-01-03T23:30:00Z"), ("1@x/2027-01-18", "2027-01-18T23:30:00Z")];
    assert_eq!(found, expected.map(|(uid, start)| (uid, start.to_owned())));
}

#[test]
fn where_no_date_is_left_none_is_frozen() {
    let once = again(day("2027-01-04"), Ending::Unsaid, "FREQ=WEEKLY;COUNT=1");
    let moved = Event { start: Ok(day("2027-01-06")), repeats: None, instead_of: Some(day("2027-01-04")), ..once.clone() };
    let all = times(vec![once.clone(), moved.clone()]);
    assert!(all[0].1.as_ref().is_err_and(|why| why.contains("left out or moved")), "{all:?}");
    assert_eq!(all[1].1.as_ref().map(|during| during.start), Ok(at("2027-01-05T23:00:00Z")));
    let mut empty = once.clone();
    empty.repeats.as_mut().expect("it repeats").left_out = vec![day("2027-01-04")];
    assert!(why(empty).contains("left out or moved"));
    // With all later ones: nobody can tell from the file on which days.
    let all = times(vec![once, Event { and_later: true, ..moved }]);
    assert!(all.len() == 2 && all.iter().all(|(_, during)| during.as_ref().is_err_and(|why| why.contains("all later ones"))), "{all:?}");
}

#[test]
fn a_replaced_date_is_known_by_the_clock_of_its_event() {
    let daily = again(zoned("2027-01-17T00:30:00"), Ending::At(zoned("2027-01-17T02:00:00")), "FREQ=DAILY;COUNT=3");
    let start = Moment::Utc(at("2027-01-19T12:00:00Z"));
    let moved = Event {
        start: Ok(start),
        end: Ok(Ending::At(Moment::Utc(at("2027-01-19T13:00:00Z")))),
        repeats: None,
        instead_of: Some(Moment::Utc(at("2027-01-17T23:30:00Z"))),
        ..daily.clone()
    };
    let uids: Vec<String> = times(vec![daily, moved]).into_iter().map(|(uid, _)| uid).collect();
    assert_eq!(uids, ["1@x", "1@x/2027-01-19", "1@x/2027-01-18"], "the 18th in Berlin is replaced");
}

#[test]
fn a_file_from_the_year_1_is_given_up_in_time() {
    let old = |n: i32| Event { uid: n.to_string(), ..again(day("0001-01-01"), Ending::Unsaid, "FREQ=DAILY") };
    let all = times((0..400).map(old).collect());
    assert!(all.len() == 400 && all.iter().all(|(_, during)| during.as_ref().is_err_and(|why| why.contains("too long ago"))));
    let sparse = |n: i32| Event { uid: n.to_string(), ..again(day("0001-01-01"), Ending::Unsaid, "FREQ=DAILY;BYDAY=MO;BYMONTHDAY=31") };
    assert!(times((0..400).map(sparse).collect()).iter().all(|(_, during)| during.is_err()), "days are counted, not dates");
    // A birthday of which nobody knows the year.
    assert_eq!(starts(again(day("1604-12-25"), Ending::Unsaid, "FREQ=YEARLY")).len(), 2);
}

#[test]
fn what_cannot_be_followed_says_why_and_is_over_when_it_is() {
    let of = |rule: &str| again(day("2027-12-25"), Ending::Unsaid, rule);
    for (rule, said) in [
        ("FREQ=YEARLY;INTERVAL=4", "rarer than every year"),
        ("FREQ=YEARLY;BYMONTH=6", "another month"),
        ("FREQ=YEARLY;BYDAY=1MO", "through the whole year"),
        ("FREQ=MONTHLY;BYSETPOS=-1;BYDAY=MO", "BYSETPOS is not known here"),
        ("FREQ=WEEKLY;UNTIL=soon", "its end cannot be read"),
        ("FREQ=WEEKLY;INTERVAL=2;WKST=SU", "leave this out, and choose the days that are meant."),
        ("FREQ", "has no value"),
        ("", "FREQ"),
        ("FREQ=DAILY", "more than 120 times"),
    ] {
        let why = why(of(rule));
        assert!(why.contains(said), "{rule}: {why}");
    }
    let over = times(vec![again(day("2019-01-01"), Ending::Unsaid, "FREQ=WEEKLY;COUNT=3")]);
    assert_eq!((over.len(), over[0].0.as_str()), (1, "1@x"), "the first date says that it is over: {over:?}");
    let many: Vec<Event> =
        (0..20).map(|n| Event { uid: n.to_string(), ..again(day("2027-01-04"), Ending::Unsaid, "FREQ=WEEKLY") }).collect();
    let all = times(many);
    assert!(all.len() <= MOST_TIMES + 20 && all.iter().any(|(_, during)| during.as_ref().is_err_and(|why| why.contains("in parts"))));
}
