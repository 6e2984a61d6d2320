//! Calendar files read as events. What is in them comes from anywhere: bounded in size, number and depth, and a parser sees one line at a time.

use domain::decision::FieldError;
use domain::freeze::import::{Ending, Event, MOST_BYTES, MOST_EVENTS, Moment, short};
use domain::freeze::repeat::Repeat;
use icalendar::parser::{Property, unfold};
use jiff::tz::TimeZone;
use jiff::{Span, civil};

/// The deepest nesting that calendars have: a calendar, an event, an alarm.
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
    let unfolded = unfold(text);
    if !unfolded.lines().next().is_some_and(|begin| begin.trim_end().eq_ignore_ascii_case("BEGIN:VCALENDAR")) {
        return refuse("This is no calendar file: its first line would be BEGIN:VCALENDAR.".to_owned());
    }
    let found = parts(&unfolded).map_err(|problem| FieldError::new(field, problem.says()))?;
    if found.len() > MOST_EVENTS {
        return refuse(format!("At most {MOST_EVENTS} events; this has {}. Leave out what is over, or import it in parts.", found.len()));
    }
    if found.is_empty() {
        return refuse("There is no event in this file.".to_owned());
    }
    Ok(found.iter().map(|properties| event(properties)).collect())
}

/// Why the parts of a file cannot be told from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    /// One does not end where it should, or a line is none.
    Damaged,
    /// More of them within each other than calendars have.
    Deep,
}

impl Problem {
    fn says(self) -> String {
        match self {
            Self::Damaged => "This file breaks off or is damaged: a part that begins does not end. Export it again.".to_owned(),
            Self::Deep => "This is no calendar file as programs write it: its parts are nested too deeply.".to_owned(),
        }
    }
}

/// The properties of each event that stands in the calendar itself. The parser of whole files descends with its input, and takes for a part's end
/// or for a value that runs over lines what no count before it can know: so parts are told from each other here, and it reads single lines.
fn parts(unfolded: &str) -> Result<Vec<Vec<Property<'_>>>, Problem> {
    let (mut open, mut events, mut is_over): (Vec<&str>, Vec<Vec<Property<'_>>>, bool) = (vec![], vec![], false);
    for line in unfolded.lines().filter(|line| !line.trim().is_empty()) {
        if is_over {
            return Err(Problem::Damaged);
        }
        let property = match edge(line)? {
            Some(Edge::Begin(_)) if open.len() == MOST_DEPTH => return Err(Problem::Deep),
            Some(Edge::Begin(name)) => {
                open.push(name);
                if is_event(&open) {
                    events.push(vec![]);
                }
                continue;
            }
            Some(Edge::End(name)) => {
                if open.pop() != Some(name) {
                    return Err(Problem::Damaged);
                }
                is_over = open.is_empty();
                continue;
            }
            None => Property::try_from(line).ok().filter(|property| !property.name.as_str().is_empty()).ok_or(Problem::Damaged)?,
        };
        if let Some(event) = events.last_mut().filter(|_| is_event(&open)) {
            event.push(property);
        }
    }
    if is_over { Ok(events) } else { Err(Problem::Damaged) }
}

/// Where a part begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge<'a> {
    Begin(&'a str),
    End(&'a str),
}

/// The edge that a line is; what only resembles one is damage.
fn edge(line: &str) -> Result<Option<Edge<'_>>, Problem> {
    let key = line.split([':', ';']).next().unwrap_or_default().trim();
    let (begins, ends) = (key.eq_ignore_ascii_case("BEGIN"), key.eq_ignore_ascii_case("END"));
    if !begins && !ends {
        return Ok(None);
    }
    // An exact name, and nothing beside it.
    let name = line.get(key.len()..).and_then(|rest| rest.strip_prefix(':')).ok_or(Problem::Damaged)?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | ',' | '/' | '_' | '-'));
    match is_name {
        true if begins => Ok(Some(Edge::Begin(name))),
        true => Ok(Some(Edge::End(name))),
        false => Err(Problem::Damaged),
    }
}

/// True within an event, and not within one of its alarms. Names are written in either case.
fn is_event(open: &[&str]) -> bool {
    open.len() == 2 && open[1].eq_ignore_ascii_case("VEVENT")
}

fn event(properties: &[Property<'_>]) -> Event {
    let find = |name: &str| properties.iter().find(|property| property.name.as_str().eq_ignore_ascii_case(name));
    let text = |name: &str| find(name).map(|property| property.val.as_str().to_owned()).unwrap_or_default();
    let start = match find("DTSTART") {
        Some(property) => moment(property).ok_or_else(|| unread("start", property)),
        None => Err("It has no start.".to_owned()),
    };
    let end = match (find("DTEND"), find("DURATION")) {
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
    let every = |name: &str| properties.iter().filter(|property| property.name.as_str().eq_ignore_ascii_case(name)).collect::<Vec<_>>();
    let unknown = ["RDATE", "EXRULE"].into_iter().find(|name| find(name).is_some());
    let left_out: Option<Vec<Moment>> = every("EXDATE").into_iter().flat_map(moments).collect();
    let rules = every("RRULE");
    let rule = match (rules.as_slice(), unknown, &left_out) {
        ([] | [_], None, Some(_)) => Ok(text("RRULE")),
        ([] | [_], None, None) => Err("A date that it leaves out cannot be read.".to_owned()),
        (_, Some(name), _) => Err(format!("It repeats by {name}, which is not known here. Export the days one by one.")),
        (_, None, _) => Err("It repeats by several rules. Export the days one by one.".to_owned()),
    };
    let repeats = (!rules.is_empty() || unknown.is_some()).then(|| Repeat { rule, left_out: left_out.unwrap_or_default() });
    let (start, instead_of) =
        match find("RECURRENCE-ID").map(|property| moment(property).ok_or_else(|| unread("place in its series", property))) {
            Some(Ok(of)) => (start, Some(of)),
            Some(Err(why)) => (Err(why), None),
            None => (start, None),
        };
    Event {
        uid: text("UID").trim().to_owned(),
        summary: text("SUMMARY"),
        start,
        end,
        repeats,
        instead_of,
        and_later: find("RECURRENCE-ID")
            .is_some_and(|property| property.params.iter().any(|parameter| parameter.key.as_str().eq_ignore_ascii_case("RANGE"))),
        cancelled: text("STATUS").trim().eq_ignore_ascii_case("CANCELLED"),
    }
}

fn unread(what: &str, property: &Property<'_>) -> String {
    format!("Its {what} cannot be read: “{}”.", short(property.val.as_str()))
}

/// Several of them, with commas between.
fn moments<'p>(property: &'p Property<'_>) -> impl Iterator<Item = Option<Moment>> + 'p {
    property.val.as_str().split(',').map(|value| moment_of(property, value.trim()))
}

fn moment(property: &Property<'_>) -> Option<Moment> {
    moment_of(property, property.val.as_str().trim())
}

/// `20261225`, `20261225T180000Z`, `20261225T180000` with or without a zone.
fn moment_of(property: &Property<'_>, value: &str) -> Option<Moment> {
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

#[cfg(test)]
#[path = "ics_tests.rs"]
mod tests;
