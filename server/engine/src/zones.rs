//! Time zones by their IANA names, from the bundled data.

use domain::decision::FieldError;
use jiff::tz::TimeZone;

/// A zone by its name, which is at most 64 bytes long.
fn find(name: &str) -> Option<TimeZone> {
    (name.len() <= 64).then(|| TimeZone::get(name).ok()).flatten()
}

/// A zone as calendar files name it: some write quotes around the name, or a slash before it.
pub(crate) fn in_file(name: &str) -> Option<TimeZone> {
    find(name.trim().trim_matches('"').trim_start_matches('/'))
}

/// The zone, or what to type instead.
pub fn take(field: &'static str, typed: &str) -> Result<String, FieldError> {
    let zone = typed.trim();
    if find(zone).is_some() {
        Ok(zone.to_owned())
    } else {
        Err(FieldError::new(field, "Choose a time zone by its IANA name, such as Europe/Berlin or Etc/UTC."))
    }
}

/// The proper spelling of a zone that exists.
#[must_use]
pub fn known(name: &str) -> Option<String> {
    find(name)?.iana_name().map(str::to_owned)
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
        for written in ["Europe/Berlin", "/Europe/Berlin", " \"Europe/Berlin\" "] {
            assert_eq!(in_file(written).as_ref().and_then(TimeZone::iana_name), Some("Europe/Berlin"), "{written}");
        }
        let far = format!("{}Etc/UTC", "/".repeat(64));
        assert!(in_file("W. Europe Standard Time").is_none() && known(&far).is_none() && take("zone", &far).is_err());
        assert_eq!(known("europe/berlin").as_deref(), Some("Europe/Berlin"));
        assert!(names().iter().any(|name| name == "Etc/UTC"));
    }
}
