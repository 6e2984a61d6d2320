//! The trail, as its pages show it.

use crate::canonical::Digest;
use crate::decision::FieldError;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// What the list is narrowed to. Everything is in the page's address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrailFilter {
    /// Part of a person's name or address; or `worker`, `system`, `operator`.
    pub actor: String,
    /// A whole action, `vote.cast`, or the beginning of one, `vote`.
    pub action: String,
    /// Kind of object.
    pub kind: String,
    /// Short name of a team.
    pub team: String,
    /// Number of a window.
    pub window: Option<i64>,
    /// First day, in the reader's zone.
    pub from: Option<Date>,
    /// Last day, included.
    pub to: Option<Date>,
    /// `true`: done; `false`: refused.
    pub done: Option<bool>,
    /// Facts before this one.
    pub before: Option<i64>,
}

/// Names of the filter's parameters, in the order of the form.
pub const FILTER_FIELDS: [&str; 8] = ["actor", "action", "kind", "team", "window", "from", "to", "result"];

/// Kinds of objects that facts are about, as suggestions for the filter.
pub const OBJECT_KINDS: [&str; 11] =
    ["window", "run", "target", "person", "team", "policy", "installation", "worker_key", "seal_key", "anchor_file", "trail"];

impl TrailFilter {
    /// Reads what was typed. What cannot be read is left out and named.
    #[must_use]
    pub fn parse(get: impl Fn(&str) -> Option<String>) -> (Self, Vec<FieldError>) {
        let mut errors = vec![];
        let text = |name: &str| get(name).map(|text| text.trim().chars().take(120).collect::<String>()).unwrap_or_default();
        let mut number = |name: &str, typed: String| match typed.trim_start_matches('#') {
            "" => None,
            digits => digits.parse().map_err(|_| errors.push(FieldError::new(name, "Type a number, such as 142."))).ok(),
        };
        let (window, before) = (number("window", text("window")), number("before", text("before")));
        let mut date = |name: &str| match text(name).as_str() {
            "" => None,
            typed => typed.parse().map_err(|_| errors.push(FieldError::new(name, "Type a day as 2026-11-29."))).ok(),
        };
        let (from, to) = (date("from"), date("to"));
        if from.zip(to).is_some_and(|(from, to)| to < from) {
            errors.push(FieldError::new("to", "The last day lies before the first one, so nothing can be found."));
        }
        let done = match text("result").as_str() {
            "done" => Some(true),
            "refused" => Some(false),
            _ => None,
        };
        let filter =
            Self { actor: text("actor"), action: text("action"), kind: text("kind"), team: text("team"), window, from, to, done, before };
        (filter, errors)
    }

    /// The parameters that lead to this filter, without the place in the list.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let result = self.done.map_or("", |done| if done { "done" } else { "refused" });
        let date = |date: Option<Date>| date.map_or_else(String::new, |date| date.to_string());
        let values = [
            self.actor.clone(),
            self.action.clone(),
            self.kind.clone(),
            self.team.clone(),
            self.window.map_or_else(String::new, |number| number.to_string()),
            date(self.from),
            date(self.to),
            result.to_owned(),
        ];
        FILTER_FIELDS.into_iter().zip(values).filter(|(_, value)| !value.is_empty()).collect()
    }

    /// The list's address with this filter, before a fact or from the newest on.
    #[must_use]
    pub fn address(&self, before: Option<i64>) -> String {
        let mut pairs = self.pairs();
        pairs.extend(before.map(|id| ("before", id.to_string())));
        let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        if query.is_empty() { "/audit".to_owned() } else { format!("/audit?{}", query.join("&")) }
    }

    /// True when nothing is narrowed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs().is_empty()
    }

    /// The instants between which facts lie: from the first day's beginning, to before the day after the last.
    #[must_use]
    pub fn instants(&self, zone: &TimeZone) -> (Option<Timestamp>, Option<Timestamp>) {
        let begin = |date: Date| date.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
        (self.from.and_then(begin), self.to.and_then(|date| date.checked_add(1.day()).ok()).and_then(begin))
    }
}

/// Percent-encoding of everything that is not plainly a letter, digit, hyphen or full stop.
fn escaped(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    value.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// One fact in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactLine {
    /// Number.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who: a name, or the kind of machine.
    pub actor: String,
    /// How the actor was known, where it is not an account: `by link`, `worker`.
    pub known: Option<String>,
    /// `noun.verb`.
    pub action: String,
    /// Kind of object.
    pub object_kind: String,
    /// What people call the object, else its id.
    pub object: String,
    /// Page of the object.
    pub object_page: Option<String>,
    /// Number of the window concerned.
    pub window: Option<i64>,
    /// False when it was tried and refused.
    pub done: bool,
    /// Batch that seals it.
    pub batch: Option<i64>,
}

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailPage {
    /// The facts, newest first.
    pub facts: Vec<FactLine>,
    /// There are older ones: go on before this number.
    pub older: Option<i64>,
    /// Teams to choose from: short name and name.
    pub teams: Vec<(String, String)>,
    /// How far sealing is.
    pub status: SealStatus,
}

/// How far sealing is, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SealStatus {
    /// Newest batch, its hash, and when it was sealed.
    pub newest: Option<(i64, Digest, Timestamp)>,
    /// Facts that wait for a seal.
    pub waiting: i64,
    /// Age of the oldest of them in seconds.
    pub oldest_s: i64,
    /// Workers whose anchor file is not well: process, words, since.
    pub troubles: Vec<(String, String, Timestamp)>,
}

/// Facts that wait longer than this are worth attention: sealing takes a second, a slow transaction some more.
pub const LAG_ATTENTION_S: i64 = 120;

impl SealStatus {
    /// True when somebody should look.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        !self.troubles.is_empty() || self.lags()
    }
    /// True when facts wait too long.
    #[must_use]
    pub fn lags(&self) -> bool {
        self.waiting > 0 && self.oldest_s > LAG_ATTENTION_S
    }
}

/// Where a fact is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealView {
    /// Batch.
    pub n: i64,
    /// Place in it, from 0.
    pub position: i32,
    /// Facts in the batch.
    pub count: i32,
    /// Root over their leaves.
    pub root: Digest,
    /// Hash of the batch before.
    pub previous: Digest,
    /// Hash of the batch.
    pub hash: Digest,
    /// Key that signed it.
    pub public_key: Digest,
    /// When.
    pub sealed_at: Timestamp,
}

/// One fact, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactPage {
    /// As in the list.
    pub line: FactLine,
    /// Its bytes, indented for reading; hidden characters made visible.
    pub pretty: String,
    /// Length of the bytes.
    pub size_bytes: usize,
    /// Its leaf.
    pub leaf: Digest,
    /// Why its bytes, leaf and columns do not agree; `None` when they do.
    pub flaw: Option<String>,
    /// Request or process step it belongs to.
    pub request: String,
    /// Its seal; `None` while it waits.
    pub seal: Option<SealView>,
    /// The fact before it.
    pub older: Option<i64>,
    /// The fact after it.
    pub newer: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> (TrailFilter, Vec<FieldError>) {
        TrailFilter::parse(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_filter_comes_back_from_its_own_address() {
        let (filter, errors) =
            parse(&[("actor", " Ana "), ("window", "#142"), ("from", "2026-11-01"), ("to", "2026-11-29"), ("result", "refused")]);
        assert_eq!(errors, []);
        let pairs = filter.pairs();
        assert_eq!(
            pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>(),
            ["actor=Ana", "window=142", "from=2026-11-01", "to=2026-11-29", "result=refused"]
        );
        let (again, _) = TrailFilter::parse(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()));
        assert_eq!(again, filter);
        assert_eq!(filter.address(Some(7)), "/audit?actor=Ana&window=142&from=2026-11-01&to=2026-11-29&result=refused&before=7");
        assert_eq!(parse(&[("actor", "a&b=c ä")]).0.address(None), "/audit?actor=a%26b%3Dc%20%C3%A4");
        assert_eq!(TrailFilter::default().address(None), "/audit");
    }

    #[test]
    fn what_cannot_be_read_is_named_and_left_out() {
        let (filter, errors) = parse(&[("window", "prod"), ("from", "yesterday"), ("before", "x"), ("actor", "ana")]);
        assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["window", "before", "from"]);
        assert_eq!((filter.window, filter.from, filter.actor.as_str()), (None, None, "ana"));
        assert_eq!(parse(&[("from", "2026-11-29"), ("to", "2026-11-01")]).1.len(), 1);
    }

    #[test]
    fn the_last_day_counts_whole_in_the_readers_zone() {
        let (filter, _) = parse(&[("from", "2026-03-29"), ("to", "2026-03-29")]);
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("as in Berlin");
        let (from, to) = filter.instants(&zone);
        let hours = to.expect("an end").duration_since(from.expect("a beginning")).as_hours();
        assert_eq!(hours, 23, "the day on which clocks go forward is short");
    }
}
