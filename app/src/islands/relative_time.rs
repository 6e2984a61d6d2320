//! "in 3 hours", beside a time that the server wrote in full.

use leptos::prelude::*;

/// How far away an instant is, kept current while the page is open. Empty without script: the full time stands beside it.
///
/// `at_ms`: milliseconds since 1970 in UTC.
#[island]
pub fn RelativeTime(at_ms: i64) -> impl IntoView {
    let text = RwSignal::new(String::new());
    #[cfg(feature = "hydrate")]
    {
        use std::time::Duration;
        let show = move || {
            #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 are far below 2^53")]
            let now_ms = js_sys::Date::now() as i64;
            text.set(wording::words(at_ms - now_ms));
        };
        Effect::new(move |_| {
            show();
            if let Ok(handle) = set_interval_with_handle(show, Duration::from_secs(20)) {
                on_cleanup(move || handle.clear());
            }
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = at_ms;
    view! { <span class="relative-time">{text}</span> }
}

/// The wording, apart from the browser.
#[cfg(any(feature = "hydrate", test))]
mod wording {
    pub const MINUTE_MS: i64 = 60_000;
    pub const HOUR_MS: i64 = 60 * MINUTE_MS;
    pub const DAY_MS: i64 = 24 * HOUR_MS;

    /// `ahead_ms` is positive for the future. Rounded to what a person would say.
    pub fn words(ahead_ms: i64) -> String {
        let away = ahead_ms.saturating_abs();
        let (count, unit) = match away {
            _ if away < MINUTE_MS => return if ahead_ms >= 0 { "in less than a minute".into() } else { "just now".into() },
            _ if away < 90 * MINUTE_MS => (away / MINUTE_MS, "minute"),
            _ if away < 36 * HOUR_MS => (away.saturating_add(HOUR_MS / 2) / HOUR_MS, "hour"),
            _ => (away.saturating_add(DAY_MS / 2) / DAY_MS, "day"),
        };
        let plural = if count == 1 { "" } else { "s" };
        if ahead_ms >= 0 { format!("in {count} {unit}{plural}") } else { format!("{count} {unit}{plural} ago") }
    }
}

#[cfg(test)]
mod tests {
    use super::wording::*;

    #[test]
    fn says_what_a_person_would_say() {
        for (ahead_ms, said) in [
            (0, "in less than a minute"),
            (-59_000, "just now"),
            (MINUTE_MS, "in 1 minute"),
            (-5 * MINUTE_MS, "5 minutes ago"),
            (89 * MINUTE_MS, "in 89 minutes"),
            (90 * MINUTE_MS, "in 2 hours"),
            (-35 * HOUR_MS, "35 hours ago"),
            (40 * HOUR_MS, "in 2 days"),
            (-10 * DAY_MS, "10 days ago"),
            (i64::MIN, "106751991167 days ago"),
        ] {
            assert_eq!(words(ahead_ms), said, "{ahead_ms}");
        }
    }
}
