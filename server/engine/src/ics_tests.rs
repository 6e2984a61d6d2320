use super::*;
use proptest::prelude::*;

fn file(events: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{events}END:VCALENDAR\r\n")
}

fn said(text: &str) -> String {
    events("ics", text).expect_err("refused").message
}

#[test]
fn a_file_of_holidays_is_read() {
    let text = file(
        "BEGIN:VEVENT\r\nUID:1@x\r\nSUMMARY:Christmas\\, first\r\n  day\r\nDTSTART;VALUE=DATE:20261225\r\nEND:VEVENT\r\n\
         BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n\
         BEGIN:VEVENT\r\nUID:2@x\r\nSUMMARY:Release\r\nDTSTART;TZID=Europe/Berlin:20260701T180000\r\nDURATION:PT2H\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nEND:VALARM\r\nEND:VEVENT\r\n\
         BEGIN:VEVENT\r\nUID:3@x\r\nDTSTART:20260701T160000Z\r\nDTEND:20260701T180000Z\r\nRRULE:FREQ=WEEKLY\r\nSTATUS:CANCELLED\r\nEND:VEVENT\r\n",
    );
    let found = events("ics", &text).expect("read");
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!((found[0].uid.as_str(), found[0].summary.as_str()), ("1@x", "Christmas, first day"));
    assert_eq!(found[0].start, Ok(Moment::Day(civil::date(2026, 12, 25))));
    assert_eq!(found[1].start, Ok(Moment::Zoned(civil::date(2026, 7, 1).at(18, 0, 0, 0), "Europe/Berlin".into())));
    assert!(matches!(&found[1].end, Ok(Ending::After(span)) if span.0.get_hours() == 2), "{:?}", found[1].end);
    assert!(
        found[2].repeats.as_ref().is_some_and(|repeat| repeat.rule.as_deref() == Ok("FREQ=WEEKLY"))
            && found[2].cancelled
            && matches!(found[2].start, Ok(Moment::Utc(_))),
        "{:?}",
        found[2]
    );
    // As other programs write it: line feeds alone, and a mark before the first line.
    assert_eq!(events("ics", &format!("\u{feff}{}", text.replace("\r\n", "\n"))).expect("read"), found);
}

#[test]
fn what_is_no_calendar_says_what_to_do() {
    assert!(said(" ").contains("Choose a calendar file"));
    assert!(said("name;date").contains("no calendar file"));
    assert!(said(&file("")).contains("no event"));
    assert!(said("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\n").contains("breaks off"));
    assert!(said(&file(&"X".repeat(MOST_BYTES))).contains("At most 200 kB"));
    let many = "BEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\n".repeat(MOST_EVENTS + 1);
    assert!(said(&file(&many)).contains("this has 501"), "{}", said(&file(&many)));
    // Deep enough to end the process of a parser that descends.
    assert!(said(&"BEGIN:VCALENDAR\r\n".repeat(10_000)).contains("nested too deeply"));
}

#[test]
fn what_only_looks_like_an_end_closes_nothing() {
    // Each of these hides the depth from a count of lines, thousands of times: a parser that descends would end the process.
    for lines in [
        "BEGIN:A\r\nEND\r\n",
        "BEGIN:A\r\nEND:ABEGIN:A\r\n",
        "BEGIN:A\r\nEND;X:A\r\n",
        "BEGIN:A\r\nEND:B\r\n",
        "BEGIN:A\r\n END:A\r\n",
        "BEGIN:A\r\nend :A\r\n",
        "BEGIN:VEVENT x\r\nEND:VEVENT\r\n",
        "BEGINN:A\r\nBEGIN\r\n",
        "BEGIN:A\r\nEND:a\r\n",
        "END:A\r\nBEGIN:A\r\n",
    ] {
        let text = file(&lines.repeat(MOST_BYTES / 40));
        assert!(["damaged", "nested too deeply"].iter().any(|why| said(&text).contains(why)), "{lines:?}: {}", said(&text));
    }
    // What a parser of whole files takes for one value over several lines is lines here: nothing in them is hidden.
    for value in ["X;P=\"\r\nEND:A\r\n\":v\r\n", "X;P=y\r\nEND:A\r\n"] {
        let text = file(&format!("BEGIN:A\r\n{value}").repeat(5_000));
        assert!(["damaged", "no event"].iter().any(|why| said(&text).contains(why)), "{value:?}: {}", said(&text));
    }
    assert!(said(&format!("{}BEGIN:VCALENDAR\r\n", file(""))).contains("damaged"), "one calendar, and nothing after it");
    let nested = "BEGIN:VEVENT\r\nBEGIN:VEVENT\r\nUID:2\r\nEND:VEVENT\r\nUID:1\r\nEND:VEVENT\r\n";
    let found = events("ics", &file(nested)).expect("read");
    assert_eq!(found.iter().map(|event| event.uid.as_str()).collect::<Vec<_>>(), ["1"]);
}

#[test]
fn a_text_is_unescaped_once() {
    let text = file("BEGIN:VEVENT\r\nUID:a\\\\n\r\nSUMMARY:C:\\\\new\\, and\\nmore\r\nDTSTART:20261225\r\nEND:VEVENT\r\n");
    let found = events("ics", &text).expect("read");
    assert_eq!((found[0].uid.as_str(), found[0].summary.as_str()), ("a\\n", "C:\\new, and\nmore"));
}

#[test]
fn names_are_known_in_either_case() {
    let lower = "begin:vcalendar\r\nbegin:vevent\r\nuid:1@x\r\ndtstart:20261225\r\nend:vevent\r\nend:vcalendar\r\n";
    let found = events("ics", lower).expect("read");
    assert_eq!((found.len(), found[0].uid.as_str(), found[0].start.clone()), (1, "1@x", Ok(Moment::Day(civil::date(2026, 12, 25)))));
    let many = format!("begin:vcalendar\r\n{}end:vcalendar\r\n", "begin:vevent\r\nend:vevent\r\n".repeat(MOST_EVENTS + 1));
    assert!(said(&many).contains("this has 501"), "{}", said(&many));
}

#[test]
fn what_cannot_be_read_of_an_event_is_said_at_the_event() {
    let text =
        file("BEGIN:VEVENT\r\nUID:1\r\nDTSTART:tomorrow\u{202e}\r\nDURATION:long\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:2\r\nEND:VEVENT\r\n");
    let found = events("ics", &text).expect("read");
    let start = found[0].start.clone().expect_err("unreadable");
    assert!(start.contains("Its start cannot be read: “tomorrow") && !start.contains('\u{202e}'), "{start}");
    assert!(found[0].end.clone().expect_err("unreadable").contains("Its duration"));
    assert_eq!(found[1].start, Err("It has no start.".into()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is pasted: an answer, within the bounds.
    #[test]
    fn hostile_text_is_answered(lines in prop::collection::vec(
        prop_oneof![
            Just("BEGIN:VEVENT".to_owned()), Just("END".to_owned()), Just("BEGIN".to_owned()), Just("END:ABEGIN:A".to_owned()),
            Just("BEGIN:VEVENT x".to_owned()), Just("END:VEVENTBEGIN:VEVENT".to_owned()), Just("begin:vevent".to_owned()), Just("END;X:VEVENT".to_owned()),
            Just("X;P=\"".to_owned()), Just("\":v".to_owned()), Just("BEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT".to_owned()), Just("END:VEVENT".to_owned()), Just("BEGIN:VCALENDAR".to_owned()), Just("END:VCALENDAR".to_owned()),
            "(DTSTART|DTEND|DURATION|UID|SUMMARY|RRULE)(;TZID=[^\r\n]{0,12})?:[^\r\n]{0,24}", "\\PC{0,40}", "DTSTART:[0-9]{4,10}T?[0-9]{0,7}Z?",
        ], 0..40)) {
        let text = format!("BEGIN:VCALENDAR\r\n{}\r\nEND:VCALENDAR\r\n", lines.join("\r\n"));
        if let Ok(found) = events("ics", &text) {
            prop_assert!(found.len() <= MOST_EVENTS);
            for event in found {
                let _ = event.during(&TimeZone::UTC, crate::zones::in_file);
                prop_assert!(domain::people::label("name", &event.name(), 120).is_ok(), "{:?}", event.name());
            }
        }
    }
}
