//! Times in a browser that knows no zones: the server says which clock the reader's zone shows around now.

use serde::{Deserialize, Serialize};

/// What a zone's clocks show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offset {
    /// Seconds ahead of UTC.
    pub ahead_s: i64,
    /// As it stands behind a time: `CET (UTC+1)`.
    pub label: String,
}

/// A reader's zone around the time of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Now.
    pub now: Offset,
    /// From an instant on, in milliseconds since 1970; no run lasts over two changes.
    pub then: Option<(i64, Offset)>,
}

impl Zone {
    fn at(&self, at_ms: i64) -> &Offset {
        self.then.as_ref().filter(|(from_ms, _)| at_ms >= *from_ms).map_or(&self.now, |(_, offset)| offset)
    }
    /// Day and clock to the second, as in `Sun 29 Nov 2026` and `02:00:07 GMT (UTC+0)`.
    pub fn spelled(&self, at_ms: i64) -> (String, String) {
        let offset = self.at(at_ms);
        let civil = Civil::of(at_ms, offset.ahead_s);
        (civil.day(), format!("{} {}", civil.clock(), offset.label))
    }
    /// The same instant's clock in UTC, where that is another.
    pub fn utc_beside(&self, at_ms: i64) -> Option<String> {
        (self.at(at_ms).ahead_s != 0).then(|| utc(at_ms))
    }
}

/// `02:14:05 UTC`.
pub fn utc(at_ms: i64) -> String {
    format!("{} UTC", Civil::of(at_ms, 0).clock())
}

/// For `datetime`: `2026-11-29T02:00:07Z`.
pub fn machine(at_ms: i64) -> String {
    let civil = Civil::of(at_ms, 0);
    format!("{:04}-{:02}-{:02}T{}Z", civil.year, civil.month, civil.day, civil.clock())
}

#[derive(Debug, Clone, Copy)]
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    weekday: usize,
    second: i64,
}

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Civil {
    /// The Gregorian calendar, counted in years that begin in March, so that the leap day is a year's last.
    fn of(at_ms: i64, ahead_s: i64) -> Self {
        let seconds = at_ms.div_euclid(1000) + ahead_s;
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let since = days + 719_468;
        let (era, of_era) = (since.div_euclid(146_097), since.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let weekday = usize::try_from((days + 4).rem_euclid(7)).unwrap_or(0);
        Self { year, month, day, weekday, second }
    }
    fn day(self) -> String {
        let month = usize::try_from(self.month - 1).ok().and_then(|month| MONTHS.get(month)).copied().unwrap_or_default();
        format!("{} {} {month} {}", DAYS[self.weekday % 7], self.day, self.year)
    }
    fn clock(self) -> String {
        format!("{:02}:{:02}:{:02}", self.second / 3600, self.second % 3600 / 60, self.second % 60)
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use crate::parts::time::{in_zone_exact, slice};
    use jiff::Timestamp;

    #[test]
    fn a_browser_spells_times_as_the_server_does() {
        let cases = [
            ("2026-11-29T02:00:07Z", "Europe/London"),
            ("2024-02-29T23:59:59Z", "Asia/Kathmandu"),
            ("2026-07-01T02:00:00Z", "America/New_York"),
            ("1999-12-31T23:59:59Z", "Etc/UTC"),
            ("2100-03-01T00:00:00Z", "Australia/Lord_Howe"),
        ];
        for (text, zone) in cases {
            let at: Timestamp = text.parse().expect("a time");
            let (day, clock) = slice(zone, at).spelled(at.as_millisecond());
            assert_eq!(format!("{day}, {clock}"), in_zone_exact(at, zone));
            assert_eq!(machine(at.as_millisecond()), text);
        }
    }

    #[test]
    fn a_night_run_crosses_the_change_of_clocks() {
        let start: Timestamp = "2026-10-25T00:30:00Z".parse().expect("a time");
        let zone = slice("Europe/Berlin", start);
        for minutes in [0, 29, 30, 31, 90] {
            let at = start + jiff::SignedDuration::from_mins(minutes);
            let (day, clock) = zone.spelled(at.as_millisecond());
            assert_eq!(format!("{day}, {clock}"), in_zone_exact(at, "Europe/Berlin"));
        }
        assert_eq!(zone.utc_beside(start.as_millisecond()).as_deref(), Some("00:30:00 UTC"));
    }
}
