//! Events that happen again by a rule, as the days on which they do: a holiday of every year, a release of every second week.
//!
//! A freeze is one time, so each date within two years becomes one of its own, known again by the event's identity and its day. What a rule says that
//! [`Rule`] does not know is refused, because a freeze on the wrong day keeps nothing.

use super::MOST_DAYS;
use super::import::{Ending, Event, Moment, short};
use super::span::Edge;
use crate::recurrence::Rule;
use crate::recurrence::text::stamp;
use crate::reveal::visible;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How far ahead dates are taken, in days from now, or from the first one: two years.
pub const AHEAD_DAYS: i64 = 731;
/// Most dates of one event: every week of that time, and some room.
pub const MOST_DATES: usize = 120;
/// Most times of one file.
pub const MOST_TIMES: usize = 1_000;
/// Most days, weeks and months of one file that are walked through, those that are over included: a file may begin in the year 1.
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
    // What is replaced is known by the clock of the event that repeats, whatever clock it is written by.
    let starts: BTreeMap<String, Moment> = events
        .iter()
        .filter(|event| event.instead_of.is_none())
        .filter_map(|event| Some((event.uid.clone(), event.start.clone().ok()?)))
        .collect();
    let day_of = |event: &Event| {
        let of = event.instead_of.as_ref()?;
        let first = starts.get(&event.uid).or(event.start.as_ref().ok());
        let day = first.map_or_else(|| wall(of), |first| by_clock_of(first, of, zone, &known));
        Some(identity(event, first.map(wall), day))
    };
    let moved: BTreeSet<String> = events.iter().filter_map(day_of).collect();
    // From some date on another rule holds, which no file says.
    let later: BTreeSet<String> = events.iter().filter(|event| event.and_later).map(|event| event.uid.clone()).collect();
    let mut steps = MOST_STEPS;
    let mut all: Vec<Event> = Vec::with_capacity(events.len());
    for event in events {
        if later.contains(&event.uid) && !event.uid.is_empty() {
            let why = "One of its dates is moved together with all later ones, which is not known here. Export the days one by one.";
            all.push(Event { start: Err(why.to_owned()), repeats: None, ..event });
            continue;
        }
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
            .and_then(|found| match all.len() + found.len() {
                0..=MOST_TIMES => Ok(found),
                _ => Err(format!("With it the file would have more than {MOST_TIMES} times. Import it in parts.")),
            });
        match found {
            // Over, as the first date says; or none is left.
            Ok(found) if found.is_empty() => {
                let first = Event { repeats: None, ..event };
                let over = first.during(zone, &known).is_ok_and(|during| during.end <= now);
                let none = || Err("All of its dates are over, left out or moved.".to_owned());
                all.push(if over { first } else { Event { start: none(), ..first } });
            }
            Ok(found) => all.extend(found),
            Err(why) => all.push(Event { start: Err(why), repeats: None, ..event }),
        }
    }
    all
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
    let bare = Event { repeats: None, ..event.clone() };
    let (mut found, mut dates, mut walked) = (Vec::new(), rule.dates(first), 0);
    while let Some(date) = dates.next() {
        let Some(left) = steps.checked_sub(dates.periods() - walked) else {
            return Err("It began too long ago to count its dates. Export it from this year on.".to_owned());
        };
        (*steps, walked) = (left, dates.periods());
        let begins = at(date)?;
        if begins > until {
            break;
        }
        if begins < since || days_out.contains(&date.date()) || left_out.contains(&begins) {
            continue;
        }
        let by = date.duration_since(first);
        let uid = identity(event, Some(first), date);
        let one = Event { uid, start: Ok(moved(&start, by)?), end: ends(event, by), ..bare.clone() };
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

/// As the event is known again: its identity with the day. The first date has the plain one: it may have been imported before the event repeated.
fn identity(event: &Event, first: Option<DateTime>, wall: DateTime) -> String {
    if event.uid.is_empty() || first == Some(wall) { event.uid.clone() } else { format!("{}/{}", event.uid, wall.date()) }
}

/// What the clock of `first` shows at a moment that may be written by another one. A whole day is a day by every clock.
fn by_clock_of(first: &Moment, moment: &Moment, zone: &TimeZone, known: &impl Fn(&str) -> Option<TimeZone>) -> DateTime {
    if matches!(moment, Moment::Day(_)) || matches!(first, Moment::Day(_)) {
        // The time of day is that of the event: the day alone says which date is meant.
        return wall(moment).date().to_datetime(wall(first).time());
    }
    let instant = zone_of(moment, zone, known).ok().and_then(|own| Edge::First.instant(wall(moment), &own));
    let there = zone_of(first, zone, known).ok();
    instant.zip(there).map_or_else(|| wall(moment), |(at, there)| at.to_zoned(there).datetime())
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
        Moment::Zoned(_, name) => known(name).ok_or_else(|| format!("Its time zone “{}” is none of the IANA database.", short(name))),
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
        let said: Vec<String> = errors.into_iter().map(|error| visible(&error.message)).collect();
        refuse(&said.join(" "))
    })
}

/// The end of a rule by the clock of its start. Of whole days the day counts; midnight in UTC is written for a day by many programs.
fn wall_of(until: &str, start: &Moment, zone: &TimeZone) -> Option<String> {
    let day = until.get(..8)?;
    let whole = matches!(start, Moment::Day(_));
    if until.len() == 8 || (whole && (until.ends_with("T000000Z") || !until.ends_with('Z'))) {
        return day.bytes().all(|byte| byte.is_ascii_digit()).then(|| day.to_owned());
    }
    let Some(utc) = until.strip_suffix('Z') else { return Some(until.to_owned()) };
    let (date, time) = utc.split_once('T')?;
    let small = |text: &str, from: usize| text.get(from..from + 2)?.parse::<i8>().ok();
    let date = Date::new(date.get(..4)?.parse().ok()?, small(date, 4)?, small(date, 6)?).ok()?;
    let at = date.to_datetime(Time::new(small(time, 0)?, small(time, 2)?, small(time, 4)?.min(59), 0).ok()?);
    let there = at.to_zoned(TimeZone::UTC).ok()?.with_time_zone(zone.clone()).datetime();
    Some(if whole { there.strftime("%Y%m%d").to_string() } else { stamp(there) })
}

#[cfg(test)]
#[path = "repeat_tests.rs"]
mod tests;
