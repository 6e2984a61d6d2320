//! Free times on a database: the same wall time on other days, without those that something takes already.

use super::load::Load;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan as _, civil};

/// A time somebody could choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Wall time of the start, in the database's zone.
    pub local: civil::DateTime,
    /// The wall time happens twice; this is the first of the two.
    pub first_of_two: bool,
    /// Start.
    pub start: Timestamp,
    /// End.
    pub end: Timestamp,
    /// How busy the database usually is then; `None` while that is not known.
    pub load: Option<Load>,
}

impl Slot {
    /// The date as a form holds it.
    #[must_use]
    pub fn date(&self) -> String {
        self.local.strftime("%Y-%m-%d").to_string()
    }
    /// The time of day as a form holds it.
    #[must_use]
    pub fn time(&self) -> String {
        self.local.strftime("%H:%M").to_string()
    }
    /// Which of two equal wall times, as a form holds it; empty where there is one.
    #[must_use]
    pub fn fold(&self) -> &'static str {
        if self.first_of_two { "first" } else { "" }
    }
}

/// The wall time of `like`, every `step_days` days from its date on, `count` times, as far as that lies after `now`. Nights in which the wall
/// time does not exist are left out.
#[must_use]
pub fn same_time(like: civil::DateTime, step_days: i32, count: i32, duration_min: i64, zone: &TimeZone, now: Timestamp) -> Vec<Slot> {
    // A window of long ago is repeated from today on, on its own day of the week where weeks are counted.
    let today = now.to_zoned(zone.clone()).date();
    let behind = like.date().until(today).map_or(0, |span| span.get_days().max(0));
    let step = step_days.max(1);
    let first = (behind + step - 1) / step;
    (first..first + count)
        .filter_map(|n| {
            let local = like.checked_add((n * step_days).days()).ok()?;
            let ambiguous = zone.to_ambiguous_timestamp(local);
            let first_of_two = match ambiguous.offset() {
                AmbiguousOffset::Unambiguous { .. } => false,
                AmbiguousOffset::Gap { .. } => return None,
                AmbiguousOffset::Fold { .. } => true,
            };
            let start = ambiguous.earlier().ok()?;
            (start > now).then(|| Slot { local, first_of_two, start, end: start + SignedDuration::from_mins(duration_min), load: None })
        })
        .collect()
}

/// Every full hour of the next `days` days, from today on, in order.
#[must_use]
pub fn any_hour(days: i32, duration_min: i64, zone: &TimeZone, now: Timestamp) -> Vec<Slot> {
    let today = now.to_zoned(zone.clone()).date();
    let mut hours: Vec<Slot> = (0..24).flat_map(|hour| same_time(today.at(hour, 0, 0, 0), 1, days, duration_min, zone, now)).collect();
    hours.sort_by_key(|slot| slot.start);
    hours
}

/// The quietest of them, one a day and `most` in all; what is not known comes after what is, and of two alike the earlier one. In order.
#[must_use]
pub fn quietest(mut slots: Vec<Slot>, most: usize) -> Vec<Slot> {
    slots.sort_by_key(|slot| (slot.load.is_none(), slot.load.map_or(0, Load::per_mille), slot.start));
    let mut chosen: Vec<Slot> = Vec::new();
    for slot in slots {
        if chosen.len() < most && chosen.iter().all(|other| other.local.date() != slot.local.date()) {
            chosen.push(slot);
        }
    }
    chosen.sort_by_key(|slot| slot.start);
    chosen
}

/// Those that overlap nothing in `taken`, at most `most`.
#[must_use]
pub fn free(slots: Vec<Slot>, taken: &[(Timestamp, Timestamp)], most: usize) -> Vec<Slot> {
    let clear = |slot: &Slot| taken.iter().all(|(start, end)| slot.end <= *start || *end <= slot.start);
    slots.into_iter().filter(clear).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid rule")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    fn dates(slots: &[Slot]) -> Vec<String> {
        slots.iter().map(Slot::date).collect()
    }

    #[test]
    fn the_wall_time_stays_while_the_clocks_change() {
        let like = civil::date(2026, 10, 18).at(4, 0, 0, 0);
        let weeks = same_time(like, 7, 3, 120, &berlin(), at("2026-10-10T00:00:00Z"));
        assert_eq!(dates(&weeks), ["2026-10-18", "2026-10-25", "2026-11-01"]);
        assert_eq!(weeks.iter().map(|slot| slot.start.to_string()).collect::<Vec<_>>()[0], "2026-10-18T02:00:00Z");
        assert_eq!(weeks[1].start, at("2026-10-25T03:00:00Z"), "after the change");
    }

    #[test]
    fn a_gap_is_left_out_and_of_two_the_first_is_taken() {
        let now = at("2027-03-20T00:00:00Z");
        let spring = same_time(civil::date(2027, 3, 21).at(2, 30, 0, 0), 7, 3, 60, &berlin(), now);
        assert_eq!(dates(&spring), ["2027-03-21", "2027-04-04"]);
        let autumn = same_time(civil::date(2026, 10, 25).at(2, 30, 0, 0), 7, 1, 60, &berlin(), at("2026-10-01T00:00:00Z"));
        assert_eq!((autumn[0].fold(), autumn[0].start), ("first", at("2026-10-25T00:30:00Z")));
    }

    #[test]
    fn every_hour_is_looked_at_and_the_quietest_of_a_day_is_chosen() {
        let now = at("2026-11-26T12:30:00Z");
        let mut hours = any_hour(3, 60, &TimeZone::UTC, now);
        assert_eq!((hours.len(), hours[0].start), (11 + 24 + 24, at("2026-11-26T13:00:00Z")));
        assert!(hours.is_sorted_by_key(|slot| slot.start));
        assert_eq!(dates(&quietest(hours.clone(), 2)), ["2026-11-26", "2026-11-27"], "nothing is known: the first of each day");
        for slot in &mut hours {
            let per_min = if slot.time() == "04:00" { 10 } else { 900 };
            slot.load = Some(Load { per_min, usual_per_min: 300 });
        }
        let chosen = quietest(hours, 2);
        assert_eq!((dates(&chosen), chosen[0].time()), (vec!["2026-11-27".to_owned(), "2026-11-28".to_owned()], "04:00".to_owned()));
    }

    #[test]
    fn a_window_of_long_ago_is_repeated_on_its_own_day_of_the_week() {
        let now = at("2026-11-26T12:00:00Z");
        let weeks = same_time(civil::date(2026, 1, 4).at(2, 0, 0, 0), 7, 2, 60, &TimeZone::UTC, now);
        assert_eq!(dates(&weeks), ["2026-11-29", "2026-12-06"], "both Sundays");
        let days = same_time(civil::date(2026, 1, 4).at(2, 0, 0, 0), 1, 3, 60, &TimeZone::UTC, now);
        assert_eq!(dates(&days), ["2026-11-27", "2026-11-28"], "today at two has passed");
    }

    #[test]
    fn what_is_taken_is_passed_over_and_touching_is_no_overlap() {
        let now = at("2026-11-26T12:00:00Z");
        let days = same_time(civil::date(2026, 11, 27).at(2, 0, 0, 0), 1, 4, 120, &TimeZone::UTC, now);
        let taken = [(at("2026-11-27T03:00:00Z"), at("2026-11-27T05:00:00Z")), (at("2026-11-28T04:00:00Z"), at("2026-11-28T06:00:00Z"))];
        assert_eq!(dates(&free(days.clone(), &taken, 2)), ["2026-11-28", "2026-11-29"]);
        assert_eq!(free(days, &[], 1).len(), 1);
    }
}
