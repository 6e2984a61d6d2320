//! Events that happen again by a rule, as the days on which they do: a holiday of every year, a release of every second week.
//!
//! A freeze is one time, so each date within two years becomes one of its own, known again by the event's identity and its day. What a rule says that
//! [`Rule`] does not know is refused, because a freeze on the wrong day keeps nothing.

use super::MOST_DAYS;
use super::import::{Ending, Event, Moment};
use super::span::Edge;
use crate::recurrence::Rule;
use crate::recurrence::text::stamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// How far ahead dates are taken, in days from now, or from the first one: two years.
pub const AHEAD_DAYS: i64 = 731;
/// Most dates of one event: every week of that time, and some room.
pub const MOST_DATES: usize = 120;
/// Most times of one file.
pub const MOST_TIMES: usize = 1_000;
/// Most dates of one file that are counted, those that are over included: a file may begin in the year 1.
pub const MOST_STEPS: usize = 100_000;

/// What a file says of an event that happens again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeat {
    /// The rule as text, or why it cannot be followed.
    pub rule: Result<String, String>,
    /// Dates that are left out.
    pub left_out: Vec<Moment>,
}

/// All events, with those that repeat as one for each of their dates. A date that stands in the file by itself replaces the one of the rule. What cannot
/// be followed stays one event, whose start says why.
pub fn spread(events: Vec<Event>, zone: &TimeZone, known: impl Fn(&str) -> Option<TimeZone>, now: Timestamp) -> Vec<Event> {
    let day_of = |event: &Event| Some(identity(event, own_wall(event.instead_of.as_ref()?, event, zone, &known)));
    let moved: BTreeSet<String> = events.iter().filter_map(day_of).collect();
    let mut steps = MOST_STEPS;
    let mut all: Vec<Event> = Vec::with_capacity(events.len());
    for event in events {
        if let Some(uid) = day_of(&event) {
            all.push(Event { uid, repeats: None, ..event });
            continue;
        }
        let Some(repeat) = event.repeats.clone().filter(|_| !event.cancelled && event.start.is_ok()) else {
            all.push(event);
            continue;
        };
        let found = dates(&event, &repeat, zone, &known, now, &mut steps)
            .map(|found| found.into_iter().filter(|one| !moved.contains(&one.uid)).collect::<Vec<_>>())
            .and_then(|found| if all.len() + found.len() > MOST_TIMES { Err(many_in_all()) } else { Ok(found) });
        match found {
            // Over: the first date says so.
            Ok(found) if found.is_empty() => all.push(Event { repeats: None, ..event }),
            Ok(found) => all.extend(found),
            Err(why) => all.push(Event { start: Err(why), repeats: None, ..event }),
        }
    }
    all
}

fn many_in_all() -> String {
    format!("With it the file would have more than {MOST_TIMES} times. Import it in parts.")
}

/// The event on each of its dates that is not over.
fn dates(
    event: &Event,
    repeat: &Repeat,
    zone: &TimeZone,
    known: &impl Fn(&str) -> Option<TimeZone>,
    now: Timestamp,
    steps: &mut usize,
) -> Result<Vec<Event>, String> {
    let start = event.start.clone()?;
    let own = zone_of(&start, zone, known)?;
    let rule = rule(&repeat.rule.clone()?, &start, &own)?;
    let first = wall(&start);
    let at = |wall: DateTime| Edge::First.instant(wall, &own).ok_or_else(|| "Its date is too far away.".to_owned());
    let until =
        at(first)?.max(now).checked_add(SignedDuration::from_hours(24 * AHEAD_DAYS)).map_err(|_| "Its date is too far away.".to_owned())?;
    // No freeze is longer: what began before is over.
    let since = now.checked_sub(SignedDuration::from_hours(24 * (MOST_DAYS + 1))).unwrap_or(Timestamp::MIN);
    let days_out: BTreeSet<Date> =
        repeat.left_out.iter().filter_map(|moment| if let Moment::Day(day) = moment { Some(*day) } else { None }).collect();
    let left_out = repeat
        .left_out
        .iter()
        .map(|moment| {
            Edge::First
                .instant(wall(moment), &zone_of(moment, zone, known)?)
                .ok_or_else(|| "A date that it leaves out is too far away.".to_owned())
        })
        .collect::<Result<BTreeSet<Timestamp>, String>>()?;
    let mut found = Vec::new();
    for date in rule.dates(first) {
        let Some(left) = steps.checked_sub(1) else {
            return Err("It began too long ago to count its dates. Export it from this year on.".to_owned());
        };
        *steps = left;
        let begins = at(date)?;
        if begins > until {
            break;
        }
        if begins < since || days_out.contains(&date.date()) || left_out.contains(&begins) {
            continue;
        }
        let by = date.duration_since(first);
        let one = Event { uid: identity(event, date), start: Ok(moved(&start, by)?), end: ends(event, by), repeats: None, ..event.clone() };
        if one.during(zone, known).is_ok_and(|during| during.end <= now) {
            continue;
        }
        if found.len() == MOST_DATES {
            return Err(format!(
                "It happens more than {MOST_DATES} times within two years. Set the hours in which the databases may be maintained instead."
            ));
        }
        found.push(one);
    }
    Ok(found)
}

fn ends(event: &Event, by: SignedDuration) -> Result<Ending, String> {
    match event.end.clone()? {
        Ending::At(moment) => moved(&moment, by).map(Ending::At),
        same => Ok(same),
    }
}

/// As the event is known again: its identity with the day.
fn identity(event: &Event, wall: DateTime) -> String {
    if event.uid.is_empty() { String::new() } else { format!("{}/{}", event.uid, wall.date()) }
}

/// What the clock of the event shows then: a date that it replaces may be written in UTC, and its day by the event's clock is another one.
fn own_wall(moment: &Moment, event: &Event, zone: &TimeZone, known: &impl Fn(&str) -> Option<TimeZone>) -> DateTime {
    match (moment, &event.start) {
        (Moment::Utc(at), Ok(start @ (Moment::Zoned(..) | Moment::Floating(_)))) => {
            zone_of(start, zone, known).map_or_else(|_| wall(moment), |own| at.to_zoned(own).datetime())
        }
        _ => wall(moment),
    }
}

/// What a clock in the moment's own zone shows.
fn wall(moment: &Moment) -> DateTime {
    match moment {
        Moment::Day(day) => day.to_datetime(Time::midnight()),
        Moment::Utc(at) => at.to_zoned(TimeZone::UTC).datetime(),
        Moment::Zoned(local, _) | Moment::Floating(local) => *local,
    }
}

fn zone_of(moment: &Moment, zone: &TimeZone, known: &impl Fn(&str) -> Option<TimeZone>) -> Result<TimeZone, String> {
    match moment {
        Moment::Utc(_) => Ok(TimeZone::UTC),
        Moment::Day(_) | Moment::Floating(_) => Ok(zone.clone()),
        Moment::Zoned(_, name) => {
            known(name).ok_or_else(|| format!("Its time zone “{}” is none of the IANA database.", super::import::short(name)))
        }
    }
}

/// The moment so much later by its own clock.
fn moved(moment: &Moment, by: SignedDuration) -> Result<Moment, String> {
    let wall = wall(moment).checked_add(by).map_err(|_| "Its date is too far away.".to_owned())?;
    Ok(match moment {
        Moment::Day(_) => Moment::Day(wall.date()),
        Moment::Utc(_) => Moment::Utc(wall.to_zoned(TimeZone::UTC).map_err(|_| "Its date is too far away.".to_owned())?.timestamp()),
        Moment::Zoned(_, zone) => Moment::Zoned(wall, zone.clone()),
        Moment::Floating(_) => Moment::Floating(wall),
    })
}

/// The rule as [`Rule`] knows it. Calendars say "every year" for what is every twelfth month here, end rules in UTC, and name the day on which weeks
/// begin where that changes nothing.
fn rule(text: &str, start: &Moment, zone: &TimeZone) -> Result<Rule, String> {
    let refuse = |why: &str| {
        Err(format!("Its rule cannot be followed here: {why} Export the days one by one, or make the freezes you need by hand."))
    };
    let mut parts: Vec<(String, String)> = Vec::new();
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let Some((name, value)) = part.split_once('=') else { return refuse("a part of it has no value.") };
        parts.push((name.trim().to_ascii_uppercase(), value.trim().to_ascii_uppercase()));
    }
    let get = |name: &str| parts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let (yearly, once, weekly) =
        (get("FREQ") == Some("YEARLY"), get("INTERVAL").is_none_or(|every| every == "1"), get("FREQ") == Some("WEEKLY"));
    if yearly {
        let month = wall(start).month().to_string();
        let named = get("BYMONTH").map(|months| months.trim_start_matches('0').to_owned());
        if !once {
            return refuse("it is rarer than every year.");
        }
        if named.as_ref().is_some_and(|named| *named != month) {
            return refuse("it names another month than the one it begins in.");
        }
        if named.is_none() && (get("BYDAY").is_some() || get("BYMONTHDAY").is_some()) {
            return refuse("it counts days through the whole year.");
        }
    }
    let until = match get("UNTIL") {
        Some(until) => match wall_of(until, start, zone) {
            Some(until) => Some(until),
            None => return refuse("its end cannot be read."),
        },
        None => None,
    };
    let kept = parts.iter().filter_map(|(name, value)| match name.as_str() {
        "FREQ" if yearly => Some("FREQ=MONTHLY;INTERVAL=12".to_owned()),
        "INTERVAL" | "BYMONTH" if yearly => None,
        "WKST" if once || !weekly => None,
        "UNTIL" => until.clone().map(|until| format!("UNTIL={until}")),
        _ => Some(format!("{name}={value}")),
    });
    let text = kept.collect::<Vec<_>>().join(";");
    Rule::parse(&text).or_else(|errors| {
        let said: Vec<String> = errors.into_iter().map(|error| super::import::short(&error.message)).collect();
        refuse(&said.join(" "))
    })
}

/// The end of a rule by the clock of its start. Of whole days the day counts.
fn wall_of(until: &str, start: &Moment, zone: &TimeZone) -> Option<String> {
    let day = until.get(..8)?;
    if until.len() == 8 || matches!(start, Moment::Day(_)) {
        return day.bytes().all(|byte| byte.is_ascii_digit()).then(|| day.to_owned());
    }
    let Some(utc) = until.strip_suffix('Z') else { return Some(until.to_owned()) };
    let (date, time) = utc.split_once('T')?;
    let small = |text: &str, from: usize| text.get(from..from + 2)?.parse::<i8>().ok();
    let date = Date::new(date.get(..4)?.parse().ok()?, small(date, 4)?, small(date, 6)?).ok()?;
    let at = date.to_datetime(Time::new(small(time, 0)?, small(time, 2)?, small(time, 4)?.min(59), 0).ok()?);
    Some(stamp(at.to_zoned(TimeZone::UTC).ok()?.with_time_zone(zone.clone()).datetime()))
}

#[cfg(test)]
#[path = "repeat_tests.rs"]
mod tests;
