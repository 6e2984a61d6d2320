use super::text::weekday;
use super::*;
use jiff::civil::{date, datetime};
use proptest::prelude::*;

fn rule(text: &str) -> Rule {
    Rule::parse(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

fn first(text: &str, start: DateTime, most: usize) -> Vec<String> {
    rule(text).dates(start).take(most).map(|at| at.strftime("%Y-%m-%d").to_string()).collect()
}

fn start_of(text: &str) -> DateTime {
    text.parse().expect("a wall time")
}

#[test]
fn the_rules_people_ask_for() {
    let sunday = datetime(2026, 11, 29, 2, 0, 0, 0);
    assert_eq!(first("FREQ=WEEKLY", sunday, 3), ["2026-11-29", "2026-12-06", "2026-12-13"]);
    assert_eq!(first("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH", sunday, 3), ["2026-12-07", "2026-12-10", "2026-12-21"]);
    assert_eq!(first("FREQ=MONTHLY;BYDAY=2TU,-1FR", sunday, 4), ["2026-12-08", "2026-12-25", "2027-01-12", "2027-01-29"]);
    assert_eq!(first("FREQ=MONTHLY;BYMONTHDAY=-1", sunday, 3), ["2026-11-30", "2026-12-31", "2027-01-31"]);
    assert_eq!(first("FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR", sunday, 2), ["2027-08-13", "2028-10-13"]);
    assert_eq!(first("FREQ=DAILY;BYDAY=SA,SU;COUNT=3", sunday, 9), ["2026-11-29", "2026-12-05", "2026-12-06"]);
    assert_eq!(first("FREQ=DAILY;UNTIL=20261130", sunday, 9), ["2026-11-29", "2026-11-30"]);
    assert_eq!(first("FREQ=DAILY;UNTIL=20261130T015959", sunday, 9), ["2026-11-29"]);
}

#[test]
fn months_without_the_day_are_passed_over() {
    assert_eq!(first("FREQ=MONTHLY", datetime(2027, 1, 31, 2, 0, 0, 0), 4), ["2027-01-31", "2027-03-31", "2027-05-31", "2027-07-31"]);
    assert_eq!(first("FREQ=MONTHLY;BYDAY=5SU", datetime(2027, 1, 1, 2, 0, 0, 0), 2), ["2027-01-31", "2027-05-30"]);
}

#[test]
fn a_rule_without_dates_is_refused_and_ends() {
    let february = datetime(2027, 2, 1, 2, 0, 0, 0);
    let never = rule("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=30");
    assert_eq!(never.dates(february).next(), None);
    assert!(never.check_from(february).expect_err("no such day").message.contains("within 10 years"));
    // Leap days are found, across the century that has none.
    assert_eq!(first("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=29", datetime(2096, 2, 1, 2, 0, 0, 0), 2), ["2096-02-29", "2104-02-29"]);
    let over = rule("FREQ=DAILY;UNTIL=20270101").check_from(february).expect_err("over");
    assert!(over.part == "UNTIL" && over.message.contains("before it begins"), "{over:?}");
    let none = rule("FREQ=MONTHLY;BYMONTHDAY=31;UNTIL=20270220").check_from(february).expect_err("no such day before");
    assert_eq!(none.part, "UNTIL");
    // And at the end of the calendar there is no more to come.
    assert_eq!(rule("FREQ=MONTHLY").dates(date(9999, 11, 30).at(2, 0, 0, 0)).count(), 2);
}

#[test]
fn errors_name_the_part_the_limit_and_the_way_out() {
    let said = |text: &str| {
        let errors = Rule::parse(text).expect_err(text);
        errors.iter().map(|error| format!("{}: {}", error.part, error.message)).collect::<Vec<_>>().join("\n")
    };
    for (text, wanted) in [
        ("", "FREQ: It is missing: begin with FREQ=DAILY, FREQ=WEEKLY or FREQ=MONTHLY."),
        ("FREQ=YEARLY", "FREQ: YEARLY is not known here: write FREQ=MONTHLY;INTERVAL=12"),
        ("FREQ=WEEKLY;INTERVAL=0", "INTERVAL: This is 0; give 1 to 52 weeks."),
        ("FREQ=WEEKLY;INTERVAL=99999999999", "INTERVAL: “99999999999” is no whole number"),
        ("FREQ=WEEKLY;BYDAY=2MO", "BYDAY: Only a monthly rule counts weekdays"),
        ("FREQ=MONTHLY;BYDAY=6MO", "BYDAY: A month has at most five"),
        ("FREQ=MONTHLY;BYDAY=Sunday", "BYDAY: “Sunday” is no weekday"),
        ("FREQ=MONTHLY;BYDAY=ü", "BYDAY: “ü” is no weekday"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY: Days of a month are 1 to 31"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY: A weekly rule has no days of the month"),
        ("FREQ=DAILY;COUNT=1001", "COUNT: This is 1001; give 1 to 1000"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "COUNT: COUNT and UNTIL cannot stand together"),
        ("FREQ=DAILY;UNTIL=20270101T000000Z", "UNTIL: It is read on the database's clock"),
        ("FREQ=DAILY;UNTIL=20270230", "UNTIL: “20270230” is no day"),
        ("FREQ=DAILY;BYSETPOS=1", "RRULE: BYSETPOS is not known here. Known are FREQ"),
        ("FREQ=DAILY;FREQ=DAILY", "RRULE: FREQ stands there twice."),
        ("FREQ=DAILY;WKST=SU", "WKST: Weeks begin on Monday here"),
        ("every day", "RRULE: “every day” is no part of a rule"),
    ] {
        assert!(said(text).contains(wanted), "{text}: {}", said(text));
    }
    assert!(said(&"x".repeat(501)).contains("at most 500 characters; this has 501"));
    assert_eq!(Rule::parse("FREQ=WEEKLY;INTERVAL=0;BYDAY=2MO;COUNT=0").expect_err("three are wrong").len(), 3);
    assert_eq!(rule("rrule:freq=weekly;byday=su;wkst=mo").to_string(), "FREQ=WEEKLY;BYDAY=SU");
}

#[test]
fn rules_read_like_speech() {
    let sunday = datetime(2026, 11, 29, 2, 0, 0, 0);
    for (text, words) in [
        ("FREQ=DAILY", "Every day at 02:00"),
        ("FREQ=DAILY;BYDAY=SA,SU", "Every day that is a Saturday or Sunday at 02:00"),
        ("FREQ=WEEKLY", "Every week on Sunday at 02:00"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,FR;COUNT=10", "Every 2 weeks on Monday, Wednesday and Friday at 02:00, 10 times"),
        ("FREQ=MONTHLY", "Every month on day 29 at 02:00"),
        ("FREQ=MONTHLY;BYDAY=2TU,-1FR", "Every month on the second Tuesday and the last Friday at 02:00"),
        ("FREQ=MONTHLY;BYDAY=-2SU", "Every month on the second last Sunday at 02:00"),
        ("FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=1,-1,-3", "Every 3 months on day 1, the 3rd day from the end and the last day at 02:00"),
        ("FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR", "Every month on day 13, where that is a Friday at 02:00"),
        ("FREQ=MONTHLY;BYDAY=SU;UNTIL=20271231", "Every month on every Sunday at 02:00, until 31 Dec 2027"),
    ] {
        assert_eq!(rule(text).words(sunday), words, "{text}");
    }
}

fn any_start() -> impl Strategy<Value = DateTime> {
    (2020i16..2060, 1i8..=12, 1i8..=31, 0i8..24, 0i8..60).prop_filter_map("a day of the calendar", |(year, month, day, hour, minute)| {
        DateTime::new(year, month, day, hour, minute, 0, 0).ok()
    })
}

fn any_day(nth: std::ops::RangeInclusive<i8>) -> impl Strategy<Value = ByDay> {
    (nth, prop::sample::select(vec!["MO", "TU", "WE", "TH", "FR", "SA", "SU"]))
        .prop_map(|(nth, day)| ByDay { nth, weekday: weekday(day).expect("one of them") })
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let frequency = prop::sample::select(Frequency::ALL.to_vec());
    let end = prop_oneof![Just(End::Never), (1u32..40).prop_map(End::Count), any_start().prop_map(End::Until),];
    let days = prop::collection::vec(any_day(-5..=5), 0..4);
    let month_days = prop::collection::vec((1i8..=31, any::<bool>()).prop_map(|(day, back)| if back { -day } else { day }), 0..4);
    (frequency, 1i32..=12, days, month_days, end).prop_map(|(frequency, interval, mut by_day, mut by_month_day, end)| {
        if frequency != Frequency::Monthly {
            for day in &mut by_day {
                day.nth = 0;
            }
        }
        if frequency == Frequency::Weekly {
            by_month_day.clear();
        }
        Rule::new(Parts { frequency, interval, by_day, by_month_day, end }).expect("every part is within its limits")
    })
}

/// The definition, day by day, without any period: what the walk must agree with.
fn is_date(rule: &Rule, start: DateTime, day: Date) -> bool {
    let parts = rule.parts();
    let monday = |day: Date| day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days()).expect("within the calendar");
    let days_between = |from: Date, to: Date| i64::from(from.until(to).expect("both are days").get_days());
    let months = |day: Date| i64::from(day.year()) * 12 + i64::from(day.month());
    let periods = match parts.frequency {
        Frequency::Daily => days_between(start.date(), day),
        Frequency::Weekly => days_between(monday(start.date()), monday(day)) / 7,
        Frequency::Monthly => months(day) - months(start.date()),
    };
    let nth_of_all = |wanted: &ByDay| {
        let same: Vec<Date> = (1..=day.days_in_month())
            .map(|n| Date::new(day.year(), day.month(), n).expect("of this month"))
            .filter(|other| other.weekday() == wanted.weekday)
            .collect();
        match usize::try_from(wanted.nth) {
            Ok(0) => same.contains(&day),
            Ok(n) => same.get(n - 1) == Some(&day),
            Err(_) => same.iter().rev().nth(usize::from(wanted.nth.unsigned_abs()) - 1) == Some(&day),
        }
    };
    let month_day = |wanted: &i8| {
        let n = if *wanted > 0 { *wanted } else { day.days_in_month() + 1 + *wanted };
        n == day.day()
    };
    let named = !parts.by_day.is_empty() || !parts.by_month_day.is_empty();
    periods % i64::from(parts.interval) == 0
        && (parts.by_day.is_empty() || parts.by_day.iter().any(nth_of_all))
        && (parts.by_month_day.is_empty() || parts.by_month_day.iter().any(month_day))
        && (named
            || match parts.frequency {
                Frequency::Daily => true,
                Frequency::Weekly => day.weekday() == start.weekday(),
                Frequency::Monthly => day.day() == start.day(),
            })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn text_and_rule_are_the_same(rule in any_rule()) {
        let text = rule.to_string();
        prop_assert_eq!(Rule::parse(&text).expect(&text), rule.clone());
        prop_assert_eq!(Rule::parse(&format!("RRULE:{}", text.to_lowercase())).expect(&text), rule);
    }

    #[test]
    fn the_walk_agrees_with_the_definition(rule in any_rule(), start in any_start()) {
        let endless = Rule::new(Parts { end: End::Never, ..rule.parts().clone() }).expect("without an end it is as good");
        let until = start.checked_add(3.years()).expect("within the calendar");
        let walked: Vec<DateTime> = endless.dates(start).take_while(|at| *at <= until).collect();
        let days = (0..).map(|n: i64| start.date().checked_add(n.days()).expect("within the calendar"));
        let defined = days.map(|day| day.to_datetime(start.time())).take_while(|at| *at <= until);
        prop_assert_eq!(&walked, &defined.filter(|at| is_date(&rule, start, at.date())).collect::<Vec<_>>());
        let ended: Vec<DateTime> = rule.dates(start).take_while(|at| *at <= until).collect();
        let wanted: Vec<DateTime> = match rule.parts().end {
            End::Never => walked,
            End::Count(times) => walked.into_iter().take(times as usize).collect(),
            End::Until(last) => walked.into_iter().filter(|at| *at <= last).collect(),
        };
        prop_assert_eq!(ended, wanted);
    }

    #[test]
    fn weekdays_are_a_union(days in prop::collection::vec(any_day(-5..=5), 1..4), start in any_start()) {
        let dates = |by_day: Vec<ByDay>| -> Vec<DateTime> {
            let rule = Rule::new(Parts { by_day, ..Parts::every(1, Frequency::Monthly) }).expect("within the limits");
            rule.dates(start).take_while(|at| at.year() < start.year() + 3).collect()
        };
        let mut each: Vec<DateTime> = days.iter().flat_map(|day| dates(vec![*day])).collect();
        each.sort_unstable();
        each.dedup();
        prop_assert_eq!(dates(days), each);
    }

    #[test]
    fn any_text_is_answered(text in "(FREQ=(DAILY|WEEKLY|MONTHLY|X);)?([A-Z]{1,10}=[-+0-9A-Zü,]{0,12};?){0,4}") {
        if let Ok(rule) = Rule::parse(&text) {
            prop_assert!(rule.dates(start_of("2026-11-29T02:00")).take(50).is_sorted());
        }
    }
}
