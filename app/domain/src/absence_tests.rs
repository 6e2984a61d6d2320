use super::*;
use uuid::Uuid;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").expect("bundled")
}

fn form(first: &str, last: &str) -> Form {
    Form { first_day: first.into(), last_day: last.into(), delegate: String::new() }
}

const NOW: &str = "2026-11-26T10:00:00Z";

fn parsed(first: &str, last: &str) -> Result<Span, String> {
    form(first, last).parse(&berlin(), at(NOW)).map(|(span, _)| span).map_err(|errors| errors[0].message.clone())
}

fn absence(starts: &str, ends: &str) -> Absence {
    let person = PersonId(Uuid::from_u128(1));
    Absence { id: AbsenceId(Uuid::from_u128(9)), person, starts: at(starts), ends: at(ends), delegate: None, said_by: person }
}

#[test]
fn days_are_whole_days_in_the_zone_of_who_is_away() {
    let span = parsed("2026-12-01", "2026-12-04").expect("four days");
    assert_eq!((span.starts, span.ends), (at("2026-11-30T23:00:00Z"), at("2026-12-04T23:00:00Z")));
    // The night of a change of the clock has a day of 25 hours.
    let autumn = form("2026-10-25", "2026-10-25").parse(&berlin(), at("2026-10-01T00:00:00Z")).expect("a day").0;
    assert_eq!(autumn.ends.duration_since(autumn.starts).as_hours(), 25);
    assert_eq!(absence("2026-11-30T23:00:00Z", "2026-12-04T23:00:00Z").last_day(&berlin()).to_string(), "2026-12-04");
}

#[test]
fn what_has_passed_is_not_said_any_more() {
    assert_eq!(parsed("2026-11-24", "2026-11-27").expect("since Tuesday").starts, at(NOW));
    assert_eq!(parsed("2026-11-24", "2026-11-25").expect_err("over"), "This day has passed. Choose today or a later one.");
    assert!(parsed("2026-11-26", "2026-11-26").is_ok(), "the rest of today");
}

#[test]
fn an_absence_ends_after_it_begins_and_within_90_days() {
    assert!(parsed("2026-12-04", "2026-12-01").is_err());
    assert!(parsed("2026-12-01", "2027-02-28").is_ok(), "90 days");
    assert!(parsed("2026-12-01", "2027-03-01").expect_err("91 days").contains("at most 90 days"));
    assert!(parsed("soon", "2027-03-01").expect_err("no day").contains("such as"));
    let held = absence("2026-11-20T10:00:00Z", "2026-12-01T23:00:00Z");
    assert_eq!(moved_end(&held, "2026-11-28", &berlin(), at(NOW)), Ok(at("2026-11-28T23:00:00Z")));
    assert!(moved_end(&held, "2026-11-25", &berlin(), at(NOW)).is_err(), "passed");
    assert!(moved_end(&held, "2027-03-01", &berlin(), at(NOW)).is_err(), "too long");
}

#[test]
fn a_delegate_is_one_other_person_who_is_there() {
    let (absent, person) = (PersonId(Uuid::from_u128(1)), PersonId(Uuid::from_u128(2)));
    let span = Span { starts: at("2026-12-01T00:00:00Z"), ends: at("2026-12-05T00:00:00Z") };
    let ben = Candidate { person, name: "Ben".into(), active: true, shared: false };
    let says = |candidate: &Candidate, away: &[Absence]| may_stand_in(absent, absent, candidate, span, away).map_err(|error| error.message);
    assert!(says(&ben, &[]).is_ok());
    assert!(says(&Candidate { person: absent, ..ben.clone() }, &[]).is_err());
    let lead = PersonId(Uuid::from_u128(3));
    assert!(may_stand_in(absent, lead, &ben, span, &[]).is_ok(), "a lead names somebody else");
    let taken = may_stand_in(absent, person, &ben, span, &[]).expect_err("Ben says it, and names himself");
    assert!(taken.message.contains("does not vote in their place"), "{}", taken.message);
    assert!(says(&Candidate { active: false, ..ben.clone() }, &[]).is_err());
    assert!(says(&Candidate { shared: true, ..ben.clone() }, &[]).is_err());
    let away = absence("2026-12-04T00:00:00Z", "2026-12-09T00:00:00Z");
    assert!(says(&ben, std::slice::from_ref(&away)).expect_err("a chain").contains("passes nothing on"));
    assert!(says(&ben, &[absence("2026-12-05T00:00:00Z", "2026-12-09T00:00:00Z")]).is_ok(), "from then on");
}

#[test]
fn somebody_is_away_from_the_first_moment_until_before_the_last() {
    let away = absence("2026-12-01T00:00:00Z", "2026-12-05T00:00:00Z");
    assert!(away.holds(away.starts) && !away.holds(away.ends));
    assert!(away.covers(at("2026-12-02T00:00:00Z"), away.ends));
    assert!(!away.covers(at("2026-11-30T00:00:00Z"), away.ends) && !away.covers(away.starts, at("2026-12-05T00:00:01Z")));
}
