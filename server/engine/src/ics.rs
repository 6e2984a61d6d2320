//! Calendar files read as events. What is in them comes from anywhere: bounded in size, number and depth before a parser sees it.

use domain::decision::FieldError;
use domain::freeze::import::{Ending, Event, MOST_BYTES, MOST_EVENTS, Moment, short};
use icalendar::parser::{Component, Property, read_calendar_simple, unfold};
use jiff::tz::TimeZone;
use jiff::{Span, civil};

/// The deepest nesting that calendars have: a calendar, an event, an alarm. The parser descends with its input, so a deeper one is refused.
const MOST_DEPTH: usize = 4;

/// The events of a calendar file, in their order; everything wrong with the file as a whole is said at `field`.
pub(crate) fn events(field: &'static str, text: &str) -> Result<Vec<Event>, FieldError> {
    let refuse = |why: String| Err(FieldError::new(field, why));
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return refuse("Choose a calendar file, or paste its text.".to_owned());
    }
    if text.len() > MOST_BYTES {
        return refuse(format!(
            "At most {} kB; this has {}. Leave out what is over, or import it in parts.",
            MOST_BYTES / 1000,
            text.len().div_ceil(1000)
        ));
    }
    if !text.get(..15).is_some_and(|begin| begin.eq_ignore_ascii_case("BEGIN:VCALENDAR")) {
        return refuse("This is no calendar file: its first line would be BEGIN:VCALENDAR.".to_owned());
    }
    // Before the parser: what it would do with the text is bounded by what is counted here.
    let unfolded = format!("{}\r\n", unfold(&text.replace("\r\n", "\n").replace('\n', "\r\n")));
    let (mut depth, mut deepest, mut found) = (0_usize, 0, 0_usize);
    for line in unfolded.lines() {
        let head = line.split(':').next().unwrap_or_default().trim();
        if head.eq_ignore_ascii_case("BEGIN") {
            depth += 1;
            deepest = deepest.max(depth);
            found += usize::from(line.trim().to_ascii_uppercase().ends_with(":VEVENT"));
        } else if head.eq_ignore_ascii_case("END") {
            depth = depth.saturating_sub(1);
        }
    }
    if deepest > MOST_DEPTH {
        return refuse("This is no calendar file as programs write it: its parts are nested too deeply.".to_owned());
    }
    if found > MOST_EVENTS {
        return refuse(format!("At most {MOST_EVENTS} events; this has {found}. Leave out what is over, or import it in parts."));
    }
    let calendars = read_calendar_simple(&unfolded)
        .map_err(|_| FieldError::new(field, "This file breaks off or is damaged: a part that begins does not end. Export it again."))?;
    let parts = calendars.iter().flat_map(|calendar| &calendar.components);
    let events: Vec<Event> = parts.filter(|part| part.name == "VEVENT").map(event).collect();
    if events.is_empty() {
        return refuse("There is no event in this file.".to_owned());
    }
    Ok(events)
}

/// A zone by its IANA name, as files write it: some put a slash before it.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    let name = name.trim().trim_matches('"').trim_start_matches('/');
    (name.len() <= 64).then(|| TimeZone::get(name).ok()).flatten()
}

fn event(part: &Component<'_>) -> Event {
    let text = |name: &str| part.find_prop(name).map(|property| unescaped(property.val.as_str())).unwrap_or_default();
    let start = match part.find_prop("DTSTART") {
        Some(property) => moment(property).ok_or_else(|| unread("start", property)),
        None => Err("It has no start.".to_owned()),
    };
    let end = match (part.find_prop("DTEND"), part.find_prop("DURATION")) {
        (Some(property), _) => moment(property).map(Ending::At).ok_or_else(|| unread("end", property)),
        (None, Some(property)) => property
            .val
            .as_str()
            .trim()
            .parse::<Span>()
            .map(|span| Ending::After(span.fieldwise()))
            .map_err(|_| unread("duration", property)),
        (None, None) => Ok(Ending::Unsaid),
    };
    let repeats = ["RRULE", "RDATE", "EXRULE", "RECURRENCE-ID"].iter().any(|name| part.find_prop(name).is_some());
    Event {
        uid: text("UID").trim().to_owned(),
        summary: text("SUMMARY"),
        start,
        end,
        repeats,
        cancelled: text("STATUS").trim().eq_ignore_ascii_case("CANCELLED"),
    }
}

fn unread(what: &str, property: &Property<'_>) -> String {
    format!("Its {what} cannot be read: “{}”.", short(property.val.as_str()))
}

/// `20261225`, `20261225T180000Z`, `20261225T180000` with or without a zone.
fn moment(property: &Property<'_>) -> Option<Moment> {
    let value = property.val.as_str().trim();
    let digits = |range: std::ops::Range<usize>| {
        let part = value.get(range)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<i16>().ok()).flatten()
    };
    let small = |range| digits(range).and_then(|number| i8::try_from(number).ok());
    let date = civil::Date::new(digits(0..4)?, small(4..6)?, small(6..8)?).ok()?;
    if value.len() == 8 {
        return Some(Moment::Day(date));
    }
    // A leap second is the last one of its minute here.
    let time = civil::Time::new(small(9..11)?, small(11..13)?, small(13..15)?.min(59), 0).ok()?;
    let local = date.to_datetime(time);
    let zone = property.params.iter().find(|parameter| parameter.key.as_str().eq_ignore_ascii_case("TZID"));
    match (value.get(8..9)?, value.get(15..)?, zone.and_then(|parameter| parameter.val.as_ref())) {
        ("T", "Z", _) => Some(Moment::Utc(local.to_zoned(TimeZone::UTC).ok()?.timestamp())),
        ("T", "", Some(zone)) => Some(Moment::Zoned(local, zone.as_str().to_owned())),
        ("T", "", None) => Some(Moment::Floating(local)),
        _ => None,
    }
}

/// Text as calendars escape it.
fn unescaped(text: &str) -> String {
    let (mut out, mut chars) = (String::with_capacity(text.len()), text.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
#[path = "ics_tests.rs"]
mod tests;
