//! Time zones by their IANA names, from the bundled data.

use domain::decision::FieldError;
use jiff::tz::TimeZone;

/// The zone, or what to type instead.
pub fn take(field: &'static str, typed: &str) -> Result<String, FieldError> {
    let zone = typed.trim();
    if !zone.is_empty() && zone.len() <= 64 && TimeZone::get(zone).is_ok() {
        Ok(zone.to_owned())
    } else {
        Err(FieldError::new(field, "Choose a time zone by its IANA name, such as Europe/Berlin or Etc/UTC."))
    }
}

/// The proper spelling of a zone that exists.
#[must_use]
pub fn known(name: &str) -> Option<String> {
    TimeZone::get(name).ok()?.iana_name().map(str::to_owned)
}

/// Every name, for suggestions.
#[must_use]
pub fn names() -> Vec<String> {
    jiff::tz::db().available().map(|name| name.to_string()).filter(|name| name.contains('/')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_zones_are_taken() {
        assert_eq!(take("zone", " Europe/Berlin "), Ok("Europe/Berlin".to_owned()));
        for wrong in ["", "Berlin", "CEST+1", "Mars/Olympus"] {
            assert!(take("zone", wrong).is_err(), "{wrong}");
        }
        assert!(names().iter().any(|name| name == "Etc/UTC"));
    }
}
