//! The one formatting of times: the viewer's zone with abbreviation and offset, UTC beside it.

use crate::door;
use crate::islands::live_run::clock;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use leptos::prelude::*;

/// A time in `zone`, as in `Sun 29 Nov 2026, 02:00 GMT (UTC+0)`; unknown zones read as UTC.
pub fn in_zone(at: Timestamp, zone: &str) -> String {
    spelled(at, zone, "%H:%M")
}

/// The same to the second, for records.
pub fn in_zone_exact(at: Timestamp, zone: &str) -> String {
    spelled(at, zone, "%H:%M:%S")
}

fn spelled(at: Timestamp, zone: &str, clock: &str) -> String {
    let zoned = at.to_zoned(TimeZone::get(zone).unwrap_or(TimeZone::UTC));
    format!("{}, {} {}", zoned.strftime("%a %-d %b %Y"), zoned.strftime(clock), label(&zoned))
}

/// What stands behind a time: abbreviation and offset of its zone.
fn label(zoned: &Zoned) -> String {
    let offset = zoned.offset().seconds();
    let (hours, minutes) = (offset.abs() / 3600, offset.abs() % 3600 / 60);
    let sign = if offset < 0 { '−' } else { '+' };
    let offset = if minutes == 0 { format!("UTC{sign}{hours}") } else { format!("UTC{sign}{hours}:{minutes:02}") };
    let abbreviation = zoned.strftime("%Z").to_string();
    // Zones without a name of their own abbreviate to the offset, which is said already.
    if abbreviation == "UTC" {
        abbreviation
    } else if abbreviation.starts_with(['+', '-']) {
        offset
    } else {
        format!("{abbreviation} ({offset})")
    }
}

/// What clocks in `zone` show from `at` on, for a browser that knows no zones.
pub fn slice(zone: &str, at: Timestamp) -> clock::Zone {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let offset = |at: Timestamp| {
        let zoned = at.to_zoned(zone.clone());
        clock::Offset { ahead_s: zoned.offset().seconds().into(), label: label(&zoned) }
    };
    let then = zone.following(at).next().map(|change| (change.timestamp().as_millisecond(), offset(change.timestamp())));
    clock::Zone { now: offset(at), then }
}

/// The same instant in UTC, short: `02:00 UTC`, with the date where it differs from the one in `zone`.
pub fn utc_beside(at: Timestamp, zone: &str) -> Option<String> {
    let here = at.to_zoned(TimeZone::get(zone).unwrap_or(TimeZone::UTC));
    let utc = at.to_zoned(TimeZone::UTC);
    if here.offset().seconds() == 0 {
        return None;
    }
    Some(if here.date() == utc.date() { utc.strftime("%H:%M UTC").to_string() } else { utc.strftime("%a %-d %b %H:%M UTC").to_string() })
}

/// An instant as machines read it, to the second.
pub fn machine(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time, in the viewer's zone and in UTC.
#[component]
pub fn Time(
    at: Timestamp,
    /// To the second, for records.
    #[prop(optional)]
    exact: bool,
) -> impl IntoView {
    let zone = door::zone();
    let local = if exact { in_zone_exact(at, &zone) } else { in_zone(at, &zone) };
    // Day and clock stay whole where a line is short.
    let (day, clock) = local.split_once(", ").unwrap_or(("", &local));
    view! {
        <time datetime=machine(at)>
            <span class="local"><span class="day">{day.to_owned()}","</span>" "<span class="clock">{clock.to_owned()}</span></span>
            {utc_beside(at, &zone).map(|utc| view! { " " <span class="utc">{utc}</span> })}
        </time>
    }
}

/// How long something takes or is away: `2 h 5 min`, `40 s`. Never alone for a point in time.
pub fn span_words(seconds: i64) -> String {
    let seconds = seconds.abs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 if seconds % 60 == 0 || seconds >= 600 => format!("{} min", seconds / 60),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..172_800 if seconds % 3600 < 60 => format!("{} h", seconds / 3600),
        3600..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// From one time to another, as in `in 2 h 5 min`, `now` or `40 s ago`.
#[component]
pub fn Span(from: Timestamp, to: Timestamp) -> impl IntoView {
    let seconds = to.duration_since(from).as_secs();
    let words = span_words(seconds);
    let said = match seconds {
        1.. => format!("in {words}"),
        0 => "now".to_owned(),
        _ => format!("{words} ago"),
    };
    view! { <span class="span">{said}</span> }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_time_names_its_zone_and_offset() {
        assert_eq!(in_zone(at("2026-11-29T02:00:00Z"), "Europe/London"), "Sun 29 Nov 2026, 02:00 GMT (UTC+0)");
        assert_eq!(in_zone(at("2026-07-01T02:00:00Z"), "America/New_York"), "Tue 30 Jun 2026, 22:00 EDT (UTC−4)");
        assert_eq!(in_zone(at("2026-07-01T02:00:00Z"), "Asia/Kathmandu"), "Wed 1 Jul 2026, 07:45 UTC+5:45");
        assert_eq!(in_zone(at("2026-07-01T02:00:00Z"), "Etc/UTC"), "Wed 1 Jul 2026, 02:00 UTC");
        assert_eq!(in_zone_exact(at("2026-07-01T02:00:07Z"), "Etc/UTC"), "Wed 1 Jul 2026, 02:00:07 UTC");
        assert_eq!(in_zone(at("2026-07-01T02:00:00Z"), "Mars/Olympus"), "Wed 1 Jul 2026, 02:00 UTC");
    }

    #[test]
    fn utc_stands_beside_with_its_date_where_it_differs() {
        assert_eq!(utc_beside(at("2026-07-01T02:00:00Z"), "America/New_York").as_deref(), Some("Wed 1 Jul 02:00 UTC"));
        assert_eq!(utc_beside(at("2026-07-01T12:00:00Z"), "Europe/Berlin").as_deref(), Some("12:00 UTC"));
        assert_eq!(utc_beside(at("2026-01-01T12:00:00Z"), "Europe/London"), None);
    }

    #[test]
    fn spans_read_like_speech() {
        let said: Vec<_> = [40, 60, 65, 600, 3600, 7500, 172_800].into_iter().map(span_words).collect();
        assert_eq!(said, ["40 s", "1 min", "1 min 5 s", "10 min", "1 h", "2 h 5 min", "2 days"]);
    }
}
