use super::*;
use jiff::Span;

fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid rule")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn day(text: &str) -> Moment {
    Moment::Day(text.parse().expect("a date"))
}

fn event(start: Moment, end: Ending) -> Event {
    Event {
        uid: "1@x".into(),
        summary: "Christmas".into(),
        start: Ok(start),
        end: Ok(end),
        repeats: None,
        instead_of: None,
        and_later: false,
        cancelled: false,
    }
}

fn during(event: &Event) -> Result<(Timestamp, Timestamp), String> {
    let known = |name: &str| (name == "Europe/Berlin").then(berlin);
    event.during(&berlin(), known).map(|during| (during.start, during.end))
}

#[test]
fn whole_days_are_those_of_the_chosen_zone() {
    let christmas = (at("2026-12-24T23:00:00Z"), at("2026-12-25T23:00:00Z"));
    assert_eq!(during(&event(day("2026-12-25"), Ending::Unsaid)), Ok(christmas));
    assert_eq!(during(&event(day("2026-12-25"), Ending::At(day("2026-12-26")))), Ok(christmas));
    assert_eq!(during(&event(day("2026-12-25"), Ending::After(Span::new().days(1).fieldwise()))), Ok(christmas));
    // The day on which the clocks change has another length.
    assert_eq!(during(&event(day("2027-03-28"), Ending::Unsaid)), Ok((at("2027-03-27T23:00:00Z"), at("2027-03-28T22:00:00Z"))));
    let days = during(&event(day("2027-03-27"), Ending::After(Span::new().days(2).fieldwise()))).expect("two days");
    assert_eq!(days.1, at("2027-03-28T22:00:00Z"));
}

#[test]
fn times_are_instants_in_their_own_zone_or_the_chosen_one() {
    let local: civil::DateTime = "2026-07-01T18:00:00".parse().expect("a time");
    let six = at("2026-07-01T16:00:00Z");
    let hours = Ending::After(Span::new().hours(2).fieldwise());
    for start in [Moment::Utc(six), Moment::Zoned(local, "Europe/Berlin".into()), Moment::Floating(local)] {
        assert_eq!(during(&event(start, hours.clone())), Ok((six, at("2026-07-01T18:00:00Z"))));
    }
    let strange = during(&event(Moment::Zoned(local, "W. Europe Standard\u{202e} Time".into()), hours)).expect_err("no such zone");
    assert!(strange.contains("W. Europe Standard") && !strange.contains('\u{202e}'), "{strange}");
}

#[test]
fn what_becomes_none_says_why() {
    let good = event(day("2026-12-25"), Ending::Unsaid);
    let says = |event: &Event| during(event).expect_err("none");
    assert!(says(&Event { cancelled: true, ..good.clone() }).contains("called off"));
    assert!(says(&Event { uid: String::new(), ..good.clone() }).contains("no identity"));
    assert!(says(&event(day("2026-12-25"), Ending::At(day("2026-12-24")))).contains("before it begins"));
    assert_eq!(says(&event(day("2026-12-25"), Ending::At(day("2026-12-25")))), "It has no length: its end is its start.");
    assert!(says(&event(day("2026-12-25"), Ending::At(day("2029-12-25")))).contains("longer than"));
    assert!(says(&event(Moment::Utc(at("2026-07-01T16:00:00Z")), Ending::Unsaid)).contains("no end"));
    assert!(says(&Event { start: Err("Its start cannot be read.".into()), ..good }).contains("cannot be read"));
}

#[test]
fn names_are_one_line_short_and_visible() {
    let named = |summary: &str| Event { summary: summary.into(), ..event(day("2026-12-25"), Ending::Unsaid) }.name();
    assert_eq!(named(" Year\n end "), "Year end");
    assert_eq!(named(" \n"), "Event without a title");
    assert!(!named("a\u{202e}b\u{0}").contains(['\u{202e}', '\u{0}']));
    assert_eq!(named(&"x".repeat(500)).chars().count(), 120);
    assert!(crate::people::label("name", &named("\u{7}bell\u{200b}"), 120).is_ok(), "what is shown can be stored");
}

#[test]
fn the_same_file_twice_adds_nothing() {
    let now = at("2026-11-26T12:00:00Z");
    let span = During { start: at("2026-12-24T23:00:00Z"), end: at("2026-12-25T23:00:00Z") };
    let verdict = |before, twice| judge(Ok(span), before, twice, now).1;
    let id = FreezeId(uuid::Uuid::from_u128(7));
    let before = |during, lifted| Some(Before { id, during, lifted });
    let moved = |during| Verdict::Moved(Before { id, during, lifted: false });
    assert_eq!(verdict(None, false), Verdict::New);
    assert_eq!(verdict(before(span, false), false), Verdict::Known);
    let part = before(During { start: at("2026-12-25T10:00:00Z"), ..span }, false);
    assert_eq!(judge(Ok(span), part, false, at("2026-12-25T11:00:00Z")).1, Verdict::Known, "imported while it was on");
    assert_eq!(
        verdict(part, false),
        moved(During { start: at("2026-12-25T10:00:00Z"), ..span }),
        "it begins earlier now: those hours are not frozen"
    );
    let earlier = During { start: at("2026-12-20T23:00:00Z"), ..span };
    assert_eq!(judge(Ok(earlier), before(span, false), false, now).1, moved(span));
    assert_eq!(judge(Ok(earlier), before(span, false), false, at("2026-12-22T00:00:00Z")).1, moved(span), "some of it is still ahead");
    let later = During { start: at("2026-12-25T10:00:00Z"), ..span };
    assert_eq!(judge(Ok(later), before(span, false), false, now).1, moved(span));
    let longer = During { end: at("2026-12-26T23:00:00Z"), ..span };
    assert_eq!(verdict(before(longer, false), false), moved(longer));
    let lifted = verdict(before(span, true), false);
    assert_eq!(lifted, Verdict::Lifted(Before { id, during: span, lifted: true }));
    // Each names what is in the way, and asks for nothing that cannot be done.
    assert_eq!(
        moved(span).says(),
        "Was imported before, for 2026-12-24 23:00 UTC to 2026-12-25 23:00 UTC. Lift that freeze if it still stands, and make one by hand for the new time."
    );
    assert_eq!((moved(span).before(), lifted.before(), Verdict::Known.before()), (Some(id), Some(id), None));
    assert!(matches!(verdict(None, true), Verdict::Refused(_)));
    assert_eq!(judge(Ok(span), None, false, at("2027-01-01T00:00:00Z")).1, Verdict::Over);
    assert_eq!(judge(Err("no".into()), None, false, now), (None, Verdict::Refused("no".into())));
}
