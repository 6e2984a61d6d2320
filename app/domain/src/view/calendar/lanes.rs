//! Bars over time: where they lie, which lie below each other, and what stands along the axis.

use super::days::Bounds;
use super::place::View;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

/// Parts of the drawing's width: a thousandth of a percent.
pub const WHOLE: i64 = 100_000;

/// A bar is drawn at least so wide that it is seen, of [`WHOLE`].
const NARROWEST: i64 = 700;

/// A mark on the axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// Where it stands, of [`WHOLE`].
    pub share: i64,
    /// What stands there; empty for a line alone.
    pub label: String,
}

/// Where an instant lies between two others, of [`WHOLE`]; outside of them it lies at the edge.
#[must_use]
pub fn share(at: Timestamp, from: Timestamp, to: Timestamp) -> i64 {
    let all = to.as_second() - from.as_second();
    let part = (at.as_second() - from.as_second()).clamp(0, all.max(0));
    if all <= 0 { 0 } else { part * WHOLE / all }
}

/// What a bar takes of the drawing, of [`WHOLE`]: from where to where. What is too short to be seen grows to the right, and at the right edge to
/// the left. Bars in the order of their start begin in this order, too.
#[must_use]
pub fn extent(start: Timestamp, end: Timestamp, from: Timestamp, to: Timestamp) -> (i64, i64) {
    let (left, right) = (share(start, from, to), share(end, from, to));
    let width = (right - left).max(NARROWEST);
    let left = left.min(WHOLE - width);
    (left, left + width)
}

/// The lane of each bar, by what it takes of the drawing: no two that overlap there share one, and a bar takes the first that is free. Bars come
/// by where they begin.
#[must_use]
pub fn lanes(bars: &[(i64, i64)]) -> Vec<usize> {
    let mut taken_until: Vec<i64> = Vec::new();
    bars.iter()
        .map(|(left, right)| {
            let free = taken_until.iter().position(|until| until <= left);
            let lane = free.unwrap_or_else(|| {
                taken_until.push(0);
                taken_until.len() - 1
            });
            taken_until[lane] = *right;
            lane
        })
        .collect()
}

/// The marks of an axis over these days: hours of a day, days of a week, Mondays of a month by name.
#[must_use]
pub fn ticks(view: View, days: &[Bounds], zone: &TimeZone) -> Vec<Tick> {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Vec::new() };
    let at = |instant| share(instant, first.begins, last.ends);
    if view == View::Day {
        let hours = (0..24).step_by(3).filter_map(|hour| civil::time(hour, 0, 0, 0).to_datetime(first.date).to_zoned(zone.clone()).ok());
        return hours
            .filter(|hour| first.holds(hour.timestamp()))
            .map(|hour| Tick { share: at(hour.timestamp()), label: hour.strftime("%H:%M").to_string() })
            .collect();
    }
    let label = |day: &Bounds| match view {
        View::Week => day.date.strftime("%a %-d").to_string(),
        _ if day.date.weekday() == civil::Weekday::Monday => day.date.strftime("%-d %b").to_string(),
        _ => String::new(),
    };
    days.iter().map(|day| Tick { share: at(day.begins), label: label(day) }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::days::bounds;
    use super::*;
    use jiff::SignedDuration;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid rule")
    }
    fn hour(n: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(n)
    }

    #[test]
    fn what_lies_outside_lies_at_the_edge() {
        assert_eq!([0, 12, 24, -5, 30].map(|n| share(hour(n), hour(0), hour(24))), [0, 50_000, 100_000, 0, 100_000]);
        assert_eq!(share(hour(1), hour(1), hour(1)), 0, "nothing is divided by nothing");
    }

    #[test]
    fn bars_that_touch_share_a_lane_and_bars_that_overlap_do_not() {
        assert_eq!(lanes(&[(0, 4), (2, 6), (3, 5), (4, 8), (6, 7)]), [0, 1, 2, 0, 1]);
    }

    #[test]
    fn bars_that_are_drawn_wider_than_they_are_have_lanes_of_their_own() {
        // Half an hour each, one after the other, in a month: drawn they would lie upon each other.
        let month = (hour(0), hour(30 * 24));
        let minutes = |n: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(n);
        let drawn: Vec<_> = (0..3).map(|n| extent(minutes(30 * n), minutes(30 * n + 30), month.0, month.1)).collect();
        assert!(drawn.iter().all(|(left, right)| right - left == NARROWEST), "{drawn:?}");
        assert_eq!(lanes(&drawn), [0, 1, 2]);
        let edge = extent(hour(30 * 24 - 1), hour(30 * 24), month.0, month.1);
        assert_eq!(edge, (WHOLE - NARROWEST, WHOLE), "it does not leave the drawing");
        assert_eq!(extent(hour(-5), hour(900), month.0, month.1), (0, WHOLE));
    }

    #[test]
    fn a_week_with_a_long_day_gives_it_more_room() {
        let days = bounds(date(2026, 10, 19), date(2026, 10, 26), &berlin());
        let ticks = ticks(View::Week, &days, &berlin());
        let labels: Vec<_> = ticks.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(labels, ["Mon 19", "Tue 20", "Wed 21", "Thu 22", "Fri 23", "Sat 24", "Sun 25"]);
        assert_eq!(ticks[6].share, 144 * WHOLE / 169, "the last of seven days has 25 hours");
    }

    #[test]
    fn a_day_shows_the_hours_there_are() {
        let spring = bounds(date(2027, 3, 28), date(2027, 3, 29), &berlin());
        let ticks = ticks(View::Day, &spring, &berlin());
        assert_eq!(ticks.iter().map(|tick| tick.label.as_str()).collect::<Vec<_>>()[..3], ["00:00", "03:00", "06:00"]);
        assert_eq!(ticks[1].share, 2 * WHOLE / 23, "two hours after midnight");
    }

    #[test]
    fn a_month_names_its_mondays() {
        let days = bounds(date(2026, 11, 1), date(2026, 12, 1), &berlin());
        let ticks = ticks(View::Month, &days, &berlin());
        let named: Vec<_> = ticks.iter().filter(|tick| !tick.label.is_empty()).map(|tick| tick.label.as_str()).collect();
        assert_eq!((ticks.len(), named), (30, vec!["2 Nov", "9 Nov", "16 Nov", "23 Nov", "30 Nov"]));
    }

    proptest! {
        #[test]
        fn no_two_bars_of_a_lane_overlap_and_no_lane_is_wasted(raw in prop::collection::vec((0_i64..200, 1_i64..25), 0..60)) {
            let mut bars: Vec<_> = raw.into_iter().map(|(start, length)| (start, start + length)).collect();
            bars.sort_unstable();
            let lanes = lanes(&bars);
            for (n, one) in bars.iter().enumerate() {
                for (m, other) in bars.iter().enumerate().take(n) {
                    prop_assert!(lanes[n] != lanes[m] || other.1 <= one.0);
                }
            }
            let deepest = bars.iter().map(|(start, _)| bars.iter().filter(|bar| bar.0 <= *start && *start < bar.1).count()).max().unwrap_or(0);
            prop_assert_eq!(lanes.iter().max().map_or(0, |most| most + 1), deepest);
        }

        #[test]
        fn bars_begin_in_the_order_of_their_windows_and_stay_on_the_drawing(raw in prop::collection::vec((-50_i64..800, 1_i64..60), 0..40)) {
            let mut windows: Vec<_> = raw.into_iter().map(|(start, length)| (hour(start), hour(start + length))).collect();
            windows.sort_unstable();
            let drawn: Vec<_> = windows.iter().map(|(start, end)| extent(*start, *end, hour(0), hour(720))).collect();
            prop_assert!(drawn.iter().all(|(left, right)| 0 <= *left && *right <= WHOLE && right - left >= NARROWEST));
            prop_assert!(drawn.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        }
    }
}
