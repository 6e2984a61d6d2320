use super::form::SeriesForm;
use super::*;
use crate::procedure::Shelf;
use crate::procedure::library::{ACCOUNTS_POSTGRESQL, OLD_ROWS_POSTGRESQL};
use crate::proposal::no_sql;
use jiff::civil::{date, datetime};

fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid rule")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn form() -> SeriesForm {
    let mut form = SeriesForm::blank();
    (form.proposal.target, form.proposal.reason, form.proposal.date) = ("prod-orders".into(), "weekly".into(), "2026-11-29".into());
    form
}

fn weekly(start: DateTime) -> Schedule {
    Schedule { start, rule: Rule::parse("FREQ=WEEKLY").expect("a rule"), changes: BTreeMap::new() }
}

fn days(dates: &[Occurrence]) -> Vec<String> {
    dates.iter().map(|date| date.placed.local.strftime("%m-%d %H:%M").to_string()).collect()
}

#[test]
fn the_wall_time_stays_and_the_clocks_are_explained() {
    let zone = berlin();
    let spring = weekly(datetime(2027, 3, 21, 2, 30, 0, 0)).next(&zone, at("2027-03-01T00:00:00Z"), 3);
    assert_eq!(days(&spring), ["03-21 02:30", "03-28 03:00", "04-04 02:30"]);
    assert_eq!(spring[1].placed.start, at("2027-03-28T01:00:00Z"), "the first minute there is");
    assert!(spring[1].placed.said().expect("a note").contains("there is no 02:30 that day, so it starts at 03:00"), "{spring:?}");
    let autumn = weekly(datetime(2026, 10, 18, 2, 30, 0, 0)).next(&zone, at("2026-10-01T00:00:00Z"), 3);
    let instants: Vec<String> = autumn.iter().map(|date| date.placed.start.to_string()).collect();
    assert_eq!(instants, ["2026-10-18T00:30:00Z", "2026-10-25T00:30:00Z", "2026-11-01T01:30:00Z"], "the first of the two");
    assert!(autumn[1].placed.said().expect("a note").contains("happens twice"), "{autumn:?}");
    assert_eq!(autumn[0].placed.said(), None);
}

#[test]
fn each_date_becomes_a_proposal_that_needs_no_answer() {
    let (zone, template) = (berlin(), form().proposal);
    for (start, date, time, fold) in [
        (datetime(2027, 3, 28, 2, 30, 0, 0), "2027-03-28", "03:00", ""),
        (datetime(2026, 10, 25, 2, 30, 0, 0), "2026-10-25", "02:30", "first"),
    ] {
        let occurrence = weekly(start).next(&zone, at("2026-10-01T00:00:00Z"), 1)[0];
        let proposed = occurrence.form(&template);
        assert_eq!((proposed.date.as_str(), proposed.time.as_str(), proposed.fold.as_str()), (date, time, fold));
        let times = proposed
            .parse(&Shelf::default())
            .expect("good")
            .times(&zone, "Europe/Berlin", "x", at("2026-10-01T00:00:00Z"))
            .expect("no question left");
        assert_eq!(times.start, occurrence.placed.start);
        assert_eq!((proposed.reason, proposed.target), (template.reason.clone(), template.target.clone()));
    }
}

#[test]
fn dates_are_due_before_their_start_and_once_looked_at_never_again() {
    let zone = TimeZone::UTC;
    let mut schedule = weekly(datetime(2026, 11, 29, 2, 0, 0, 0));
    let due = |schedule: &Schedule, looked: &str, now: &str| days(&schedule.due(&zone, 7, at(looked), at(now)));
    assert_eq!(due(&schedule, "2026-11-20T00:00:00Z", "2026-11-22T01:59:59Z"), [""; 0]);
    assert_eq!(due(&schedule, "2026-11-20T00:00:00Z", "2026-11-22T02:00:00Z"), ["11-29 02:00"]);
    assert_eq!(
        due(&schedule, "2026-11-20T00:00:00Z", "2026-12-08T00:00:00Z"),
        ["11-29 02:00", "12-06 02:00", "12-13 02:00"],
        "some are late"
    );
    assert_eq!(due(&schedule, "2026-12-06T02:00:00Z", "2026-12-08T00:00:00Z"), ["12-13 02:00"]);
    schedule.changes.insert(date(2026, 11, 29), Change::Skipped);
    schedule.changes.insert(date(2026, 12, 13), Change::Moved(datetime(2026, 12, 9, 23, 0, 0, 0)));
    assert_eq!(due(&schedule, "2026-11-20T00:00:00Z", "2026-12-04T00:00:00Z"), ["12-06 02:00", "12-09 23:00"], "moved forward");
}

#[test]
fn a_moved_date_keeps_its_place_between_its_neighbours() {
    let zone = TimeZone::UTC;
    let mut schedule = weekly(datetime(2026, 11, 29, 2, 0, 0, 0));
    schedule.changes.insert(date(2026, 12, 6), Change::Skipped);
    assert_eq!(schedule.room(&zone, date(2026, 12, 13)), (Some(at("2026-11-29T02:00:00Z")), Some(at("2026-12-20T02:00:00Z"))));
    assert_eq!(schedule.room(&zone, date(2026, 11, 29)), (None, Some(at("2026-12-13T02:00:00Z"))));
    assert_eq!(schedule.on(&zone, date(2026, 12, 6)).map(|date| date.is_skipped()), Some(true));
    assert_eq!(schedule.on(&zone, date(2026, 12, 7)), None);
    schedule.changes.insert(date(2026, 12, 13), Change::Moved(datetime(2026, 12, 14, 3, 0, 0, 0)));
    assert_eq!(
        schedule.text("Europe/Berlin"),
        "DTSTART;TZID=Europe/Berlin:20261129T020000\nRRULE:FREQ=WEEKLY\nEXDATE;TZID=Europe/Berlin:20261206T020000,20261213T020000\nRDATE;TZID=Europe/Berlin:20261214T030000"
    );
}

#[test]
fn a_form_becomes_a_rule() {
    let rule = |change: fn(&mut SeriesForm)| {
        let mut form = form();
        change(&mut form);
        form.parse(&Shelf::default(), &no_sql)
            .map(|series| series.schedule.rule.to_string())
            .map_err(|errors| errors.into_iter().map(|error| format!("{}: {}", error.field, error.message)).collect::<Vec<_>>().join("\n"))
    };
    assert_eq!(rule(|_| ()).expect("good"), "FREQ=WEEKLY");
    assert_eq!(rule(|form| form.weekdays = vec!["TH".into(), "MO".into()]).expect("good"), "FREQ=WEEKLY;BYDAY=MO,TH");
    let last_sunday = |form: &mut SeriesForm| {
        (form.repeat, form.nth, form.every) = ("weekday_of_month".into(), "-1".into(), "2".into());
        (form.ends, form.count) = ("count".into(), "6".into());
    };
    assert_eq!(rule(last_sunday).expect("good"), "FREQ=MONTHLY;INTERVAL=2;BYDAY=-1SU;COUNT=6");
    let days = |form: &mut SeriesForm| {
        (form.repeat, form.month_days) = ("day_of_month".into(), "1, 15,-1".into());
        (form.ends, form.until) = ("until".into(), "2027-12-31".into());
    };
    assert_eq!(rule(days).expect("good"), "FREQ=MONTHLY;BYMONTHDAY=1,15,-1;UNTIL=20271231T235959");
    let own = |form: &mut SeriesForm| (form.repeat, form.rule) = ("rule".into(), "FREQ=DAILY;BYSETPOS=2".into());
    assert!(rule(own).expect_err("not known").starts_with("rule: RRULE: BYSETPOS is not known here."));
    for (change, wanted) in [
        ((|form| form.repeat = "hourly".into()) as fn(&mut SeriesForm), "repeat: Choose how often"),
        (|form| form.every = "0".into(), "every: Give a whole number from 1 to 52."),
        (|form| (form.repeat, form.nth) = ("weekday_of_month".into(), "0".into()), "nth: Choose which one"),
        (|form| (form.repeat, form.month_days) = ("day_of_month".into(), "0".into()), "month_days: Days of a month are 1 to 31"),
        (|form| (form.ends, form.count) = ("count".into(), "0".into()), "count: Give a whole number from 1 to 1000."),
        (|form| (form.ends, form.until) = ("until".into(), "2026-01-01".into()), "until: It ends on 1 Jan 2026, before it begins."),
        (|form| form.lead_days = "31".into(), "lead_days: Give a whole number from 1 to 30."),
        (|form| form.proposal.time = "02:00:30".into(), "time: Give a time of whole minutes"),
        (|form| form.proposal.reason = String::new(), "reason: Type something here."),
    ] {
        let said = rule(change).expect_err(wanted);
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn rules_about_old_rows_repeat_and_what_is_for_one_occasion_does_not() {
    let typed = |procedure: &str, old_rows: &str| {
        let mut form = form();
        form.proposal.procedure = procedure.into();
        form.proposal.change.old_rows = old_rows.into();
        form.parse(&Shelf::default(), &no_sql).map(|_| ()).map_err(|errors| errors.into_iter().map(|error| error.field).collect::<Vec<_>>())
    };
    assert_eq!(typed(OLD_ROWS_POSTGRESQL, "shop.log by at older than 90 days, delete"), Ok(()));
    assert_eq!(typed(OLD_ROWS_POSTGRESQL, "shop.log"), Err(vec!["old_rows".to_owned()]));
    assert_eq!(typed(ACCOUNTS_POSTGRESQL, ""), Err(vec!["procedure".to_owned()]));
}

#[test]
fn a_form_survives_being_sent() {
    let fields =
        [("target", "shop"), ("repeat", "weekly"), ("every", "2"), ("weekday", "MO"), ("weekday", "SU"), ("lead_days", "3"), ("x", "y")];
    let form = SeriesForm::from_fields(fields);
    assert_eq!((form.proposal.target.as_str(), form.every.as_str(), form.weekdays.len(), form.lead_days.as_str()), ("shop", "2", 2, "3"));
}

#[test]
fn what_stands_in_the_way_of_every_date_is_said_with_the_way_out() {
    let fine = Standing {
        author: "Ana".into(),
        author_may_propose: true,
        database_state: "ready".into(),
        same_team: true,
        zone: "Europe/Berlin".into(),
        database_zone: "Europe/Berlin".into(),
        others: vec![OtherStanding { name: "copy".into(), state: "ready".into(), same_team: true }],
    };
    assert_eq!(fine.trouble(), None);
    let other = |state: &str, same_team| {
        let others = vec![OtherStanding { name: "copy".into(), state: state.into(), same_team }];
        Standing { others, ..fine.clone() }.trouble().expect("nothing is proposed")
    };
    assert_eq!(other("retired", true).code, "database_retired");
    assert_eq!(other("unverified", true).code, "database_unverified");
    let moved = other("ready", false);
    assert!(moved.code == "database_moved" && moved.message.starts_with("copy belongs to another team now"), "{moved:?}");
    let code = |standing: Standing| standing.trouble().map(|trouble| trouble.code);
    assert_eq!(code(Standing { author_may_propose: false, ..fine.clone() }).as_deref(), Some("author_gone"));
    assert_eq!(code(Standing { database_state: "retired".into(), ..fine.clone() }).as_deref(), Some("database_retired"));
    assert_eq!(code(Standing { database_state: "unverified".into(), ..fine.clone() }).as_deref(), Some("database_unverified"));
    assert_eq!(code(Standing { same_team: false, author_may_propose: false, ..fine.clone() }).as_deref(), Some("database_moved"));
    assert_eq!(code(Standing { database_zone: "Etc/UTC".into(), ..fine }).as_deref(), Some("zone_changed"));
}

#[test]
fn the_first_day_and_the_interval_have_limits() {
    let field = |change: fn(&mut SeriesForm)| {
        let mut form = form();
        change(&mut form);
        form.parse(&Shelf::default(), &no_sql).expect_err("refused").into_iter().map(|error| error.field).collect::<Vec<_>>()
    };
    assert_eq!(field(|form| form.proposal.date = "1999-12-31".into()), ["date"]);
    assert_eq!(field(|form| (form.proposal.date, form.repeat) = ("0001-01-01".into(), "daily".into())), ["date"], "and nothing is counted");
    assert_eq!(field(|form| (form.repeat, form.every) = ("day_of_month".into(), "13".into())), ["every"]);
    assert_eq!(field(|form| (form.repeat, form.rule) = ("rule".into(), "FREQ=MONTHLY;INTERVAL=13".into())), ["rule"]);
    let mut first = form();
    (first.proposal.date, first.repeat, first.every) = ("2000-01-01".into(), "day_of_month".into(), "12".into());
    assert!(first.parse(&Shelf::default(), &no_sql).is_ok());
}

#[test]
fn a_trouble_fits_where_it_is_kept() {
    let long = Trouble::new("date", "é".repeat(LONGEST_TROUBLE_BYTES));
    assert!(long.message.len() <= LONGEST_TROUBLE_BYTES && long.message.ends_with("é…"), "{}", long.message.len());
    assert_eq!(Trouble::new("date", "short"), Trouble { code: "date".into(), message: "short".into() });
    for (odd, wanted) in [("limits.0", "form"), ("", "form"), ("no_policy", "no_policy")] {
        let trouble = Trouble::new(odd, "");
        assert_eq!((trouble.code.as_str(), trouble.message.is_empty()), (wanted, false));
    }
}
