//! Times in words: in the reader's zone, with UTC second.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A reader's zone.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone with this IANA name, or UTC for one that the bundled data does not know.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(TimeZone::get(name).unwrap_or(TimeZone::UTC))
    }

    /// `Sun 29 Nov 02:00 GMT`: for subjects.
    #[must_use]
    pub fn short(&self, at: Timestamp) -> String {
        format!("{} {}", at.to_zoned(self.0.clone()).strftime("%a %-d %b %H:%M"), self.abbreviation(at))
    }

    /// `Sat 28 Nov 21:00 EST (Sun 29 Nov 02:00 UTC)`; the day in UTC is named where it is another one.
    #[must_use]
    pub fn short_with_utc(&self, at: Timestamp) -> String {
        if self.is_utc(at) {
            return self.short(at);
        }
        let utc = at.to_zoned(TimeZone::UTC);
        let same_day = utc.date() == at.to_zoned(self.0.clone()).date();
        format!("{} ({})", self.short(at), utc.strftime(if same_day { "%H:%M UTC" } else { "%a %-d %b %H:%M UTC" }))
    }

    /// `Sunday 29 November 2026, 02:00 GMT (UTC+00:00)`.
    #[must_use]
    pub fn long(&self, at: Timestamp) -> String {
        format!("{} {} (UTC{})", self.day_and_time(at), self.abbreviation(at), self.offset(at))
    }

    /// `Sunday 29 November 2026, 02:00 to 04:00 GMT (UTC+00:00)`; the second day and zone are named where they differ.
    #[must_use]
    pub fn span(&self, from: Timestamp, to: Timestamp) -> String {
        let (first, last) = (from.to_zoned(self.0.clone()), to.to_zoned(self.0.clone()));
        let changes = self.offset(from) != self.offset(to);
        let start = if changes { format!("{} {}", self.day_and_time(from), self.abbreviation(from)) } else { self.day_and_time(from) };
        let end = if first.date() == last.date() { last.strftime("%H:%M").to_string() } else { self.day_and_time(to) };
        format!("{start} to {end} {} (UTC{})", self.abbreviation(to), self.offset(to))
    }

    /// `2026-11-29 02:00 to 04:00 UTC`.
    #[must_use]
    pub fn span_utc(from: Timestamp, to: Timestamp) -> String {
        let (first, last) = (from.to_zoned(TimeZone::UTC), to.to_zoned(TimeZone::UTC));
        let end = if first.date() == last.date() { last.strftime("%H:%M") } else { last.strftime("%Y-%m-%d %H:%M") };
        format!("{} to {end} UTC", first.strftime("%Y-%m-%d %H:%M"))
    }

    /// `2026-11-29 02:00 UTC`.
    #[must_use]
    pub fn utc(at: Timestamp) -> String {
        at.strftime("%Y-%m-%d %H:%M UTC").to_string()
    }

    /// A labelled time as rows of a letter: in this zone, and below it in UTC where that differs.
    #[must_use]
    pub fn rows(&self, label: &'static str, at: Timestamp) -> Vec<(&'static str, String)> {
        let mut rows = vec![(label, self.long(at))];
        if !self.is_utc(at) {
            rows.push(("", Self::utc(at)));
        }
        rows
    }

    /// True when this zone's clocks show UTC at that instant, so that saying both would be noise.
    #[must_use]
    pub fn is_utc(&self, at: Timestamp) -> bool {
        self.abbreviation(at) == "UTC"
    }

    fn day_and_time(&self, at: Timestamp) -> String {
        at.to_zoned(self.0.clone()).strftime("%A %-d %B %Y, %H:%M").to_string()
    }

    fn offset(&self, at: Timestamp) -> String {
        at.to_zoned(self.0.clone()).strftime("%:z").to_string()
    }

    /// `GMT`; for zones without one, `UTC+05:45`.
    fn abbreviation(&self, at: Timestamp) -> String {
        let found = at.to_zoned(self.0.clone()).strftime("%Z").to_string();
        if found.starts_with(|c: char| c.is_ascii_alphabetic()) { found } else { format!("UTC{}", self.offset(at)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_span_in_the_readers_zone_and_in_utc() {
        let (from, to) = (at("2026-11-29T02:00:00Z"), at("2026-11-29T04:00:00Z"));
        assert_eq!(Zone::named("Europe/London").short(from), "Sun 29 Nov 02:00 GMT");
        assert_eq!(Zone::named("Europe/London").span(from, to), "Sunday 29 November 2026, 02:00 to 04:00 GMT (UTC+00:00)");
        assert_eq!(
            Zone::named("America/New_York").span(from, at("2026-11-29T06:00:00Z")),
            "Saturday 28 November 2026, 21:00 to Sunday 29 November 2026, 01:00 EST (UTC-05:00)"
        );
        assert_eq!(Zone::span_utc(from, to), "2026-11-29 02:00 to 04:00 UTC");
        assert_eq!(Zone::named("Europe/Berlin").short_with_utc(from), "Sun 29 Nov 03:00 CET (02:00 UTC)");
        assert_eq!(Zone::named("America/New_York").short_with_utc(from), "Sat 28 Nov 21:00 EST (Sun 29 Nov 02:00 UTC)");
        assert_eq!(Zone::named("Etc/UTC").short_with_utc(from), "Sun 29 Nov 02:00 UTC");
    }

    #[test]
    fn a_night_in_which_clocks_change_names_both_sides() {
        let span = Zone::named("Europe/Berlin").span(at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z"));
        assert_eq!(span, "Sunday 25 October 2026, 02:30 CEST to 02:30 CET (UTC+01:00)");
    }

    #[test]
    fn zones_without_a_name_show_their_offset_and_unknown_ones_utc() {
        assert_eq!(Zone::named("Asia/Kathmandu").short(at("2026-11-29T02:00:00Z")), "Sun 29 Nov 07:45 UTC+05:45");
        assert!(Zone::named("Mars/Olympus").is_utc(at("2026-11-29T02:00:00Z")));
    }
}
