//! When things may start: civil time to instants, the order of a window's times, and what is due.

pub mod hours;
pub mod load;
pub mod plan;
pub mod slots;

use crate::decision::FieldError;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, civil};
use serde::{Deserialize, Serialize};

/// The times of one window revision, as instants. Order: start ≤ latest start ≤ cut-off ≤ end ≤ extend-to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// What the person chose: local wall time, no offset.
    pub local_start: civil::DateTime,
    /// IANA zone of that wall time.
    pub zone: String,
    /// Version of the zone data that computed the instants.
    pub tz_version: String,
    /// Nothing starts before.
    pub start: Timestamp,
    /// Not begun by then: missed.
    pub latest_start: Timestamp,
    /// Nothing new begins after.
    pub cut_off: Timestamp,
    /// Everything has ended by then.
    pub end: Timestamp,
    /// The end may be moved to here by a named person; equal to `end` when it may not.
    pub extend_to: Timestamp,
}

/// Which of two equal wall times in an autumn night is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fold {
    /// The first occurrence (summer time, usually).
    First,
    /// The second occurrence.
    Second,
}

/// The instant of a wall time in a zone: a time in a gap is refused, a time in a fold asks which one is meant.
pub fn instant(field: &str, local: civil::DateTime, zone: &TimeZone, fold: Option<Fold>) -> Result<Timestamp, FieldError> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let name = zone.iana_name().unwrap_or("this zone");
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => ambiguous.unambiguous().map_err(|_| FieldError::new(field, "This time is out of range.")),
        AmbiguousOffset::Gap { .. } => {
            let next = ambiguous.later().ok().map(|instant| instant.to_zoned(zone.clone()));
            let hint = next.map(|zoned| format!(" Choose {} or later.", zoned.strftime("%H:%M"))).unwrap_or_default();
            Err(FieldError::new(
                field,
                format!(
                    "{} does not exist in {name}: the clocks go forward over it that night.{hint}",
                    local.strftime("%H:%M on %Y-%m-%d")
                ),
            ))
        }
        AmbiguousOffset::Fold { .. } => match fold {
            Some(Fold::First) => ambiguous.earlier().map_err(|_| FieldError::new(field, "This time is out of range.")),
            Some(Fold::Second) => ambiguous.later().map_err(|_| FieldError::new(field, "This time is out of range.")),
            None => Err(FieldError::new(
                "fold",
                format!(
                    "{} happens twice in {name}, because the clocks go back. Choose the first or the second one.",
                    local.strftime("%H:%M on %Y-%m-%d")
                ),
            )),
        },
    }
}

/// Limits of a window's times, in minutes. A day is the longest: longer work belongs into several windows with a person between.
pub const DURATION_MIN_MIN: i64 = 5;
/// See [`DURATION_MIN_MIN`].
pub const DURATION_MAX_MIN: i64 = 24 * 60;

/// Checks duration, cut-off and latest start against each other and gives the four instants after `start`.
///
/// `cut_off_before_end_min` and `latest_start_after_min` are minutes; `now` refuses the past.
pub fn timetable(
    start: Timestamp,
    now: Timestamp,
    duration_min: i64,
    cut_off_before_end_min: i64,
    latest_start_after_min: i64,
) -> Result<(Timestamp, Timestamp, Timestamp), Vec<FieldError>> {
    let mut errors = Vec::new();
    if start <= now {
        errors.push(FieldError::new(
            "start",
            format!("The start lies in the past: it is {} now. Choose a later time.", now.strftime("%Y-%m-%d %H:%M UTC")),
        ));
    }
    if start > now + SignedDuration::from_hours(24 * 366) {
        errors.push(FieldError::new("start", "The start is more than a year ahead. Choose a date within a year."));
    }
    if !(DURATION_MIN_MIN..=DURATION_MAX_MIN).contains(&duration_min) {
        errors.push(FieldError::new(
            "duration_min",
            format!("A window lasts {DURATION_MIN_MIN} minutes to {DURATION_MAX_MIN} minutes (24 hours); this is {duration_min}."),
        ));
    }
    if cut_off_before_end_min < 1 || cut_off_before_end_min >= duration_min {
        errors.push(FieldError::new(
            "cut_off_min",
            format!(
                "The cut-off lies at least 1 minute before the end and after the start: 1 to {} minutes before the end.",
                (duration_min - 1).max(1)
            ),
        ));
    }
    // Its limit follows from the two above: while one of them is wrong it would mislead.
    let most = duration_min - cut_off_before_end_min;
    // Of no minute at all it would be missed, because the start is looked for once a second.
    if latest_start_after_min < 1 || (errors.iter().all(|error| error.field == "start") && latest_start_after_min > most) {
        errors.push(FieldError::new(
            "latest_start_min",
            format!("The latest start lies between the start and the cut-off: 1 to {} minutes after the start.", most.max(1)),
        ));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let end = start + SignedDuration::from_mins(duration_min);
    Ok((start + SignedDuration::from_mins(latest_start_after_min), end - SignedDuration::from_mins(cut_off_before_end_min), end))
}

/// Where a window's start stands at `now`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Not yet.
    Early,
    /// Between start and latest start.
    Now,
    /// The latest start has passed.
    Missed,
}

impl Times {
    /// Where the start stands.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Due {
        due(self.start, self.latest_start, now)
    }
}

/// Where a start stands between its bounds; both ends are inclusive.
#[must_use]
pub fn due(start: Timestamp, latest_start: Timestamp, now: Timestamp) -> Due {
    if now < start {
        Due::Early
    } else if now <= latest_start {
        Due::Now
    } else {
        Due::Missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid rule")
    }

    #[test]
    fn a_gap_is_refused_and_names_the_way_out() {
        let error = instant("start", civil::date(2027, 3, 28).at(2, 30, 0, 0), &berlin(), None).expect_err("02:30 does not exist");
        assert!(error.message.contains("does not exist") && error.message.contains("03:30"), "{}", error.message);
    }

    #[test]
    fn a_fold_is_asked_about() {
        let local = civil::date(2026, 10, 25).at(2, 30, 0, 0);
        assert_eq!(instant("start", local, &berlin(), None).expect_err("twice").field, "fold");
        let first = instant("start", local, &berlin(), Some(Fold::First)).expect("chosen");
        let second = instant("start", local, &berlin(), Some(Fold::Second)).expect("chosen");
        assert_eq!(second.duration_since(first), SignedDuration::from_hours(1));
    }

    #[test]
    fn every_wrong_time_is_named_at_once() {
        let now = Timestamp::UNIX_EPOCH;
        let errors = timetable(now, now, 3, 0, -1).expect_err("all wrong");
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["start", "duration_min", "cut_off_min", "latest_start_min"]);
        let errors = timetable(now + SignedDuration::from_mins(9), now, 60, 10, 0).expect_err("nobody starts it in no time");
        assert_eq!(errors[0].message, "The latest start lies between the start and the cut-off: 1 to 50 minutes after the start.");
    }

    #[test]
    fn both_ends_of_the_start_are_inclusive() {
        let start = Timestamp::UNIX_EPOCH;
        let (latest, _, _) = timetable(start, start - SignedDuration::from_mins(1), 60, 10, 15).expect("in order");
        assert_eq!(due(start, latest, start), Due::Now);
        assert_eq!(due(start, latest, latest), Due::Now);
        assert_eq!(due(start, latest, latest + SignedDuration::from_micros(1)), Due::Missed);
        assert_eq!(due(start, latest, start - SignedDuration::from_micros(1)), Due::Early);
    }
}
