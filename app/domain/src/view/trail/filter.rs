//! What the list of facts is narrowed to. Everything is in the page's address, and what cannot be read is named.

use crate::decision::FieldError;
use crate::view::address::escaped;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _};

/// What the list is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrailFilter {
    /// Part of a person's name or address; or `worker`, `system`, `operator`.
    pub actor: String,
    /// A whole action, `vote.cast`, or the beginning of one, `vote`.
    pub action: String,
    /// Kind of object.
    pub kind: String,
    /// Which object: its name or short name, `#142`, or its id.
    pub object: String,
    /// Short name of a team.
    pub team: String,
    /// Number of a window.
    pub window: Option<i64>,
    /// Not before, in the reader's zone.
    pub from: Option<Moment>,
    /// Not after, in the reader's zone; the day, minute or second that is named counts whole.
    pub to: Option<Moment>,
    /// `true`: done; `false`: refused.
    pub done: Option<bool>,
    /// Where a sign-in came from.
    pub address: String,
    /// Request or process step.
    pub request: String,
    /// Facts before this one.
    pub before: Option<i64>,
}

/// Names of the filter's parameters, in the order of the form.
pub const FILTER_FIELDS: [&str; 11] = ["from", "to", "actor", "action", "kind", "object", "team", "window", "result", "address", "request"];

/// Kinds of objects that facts are about, as suggestions for the filter.
pub const OBJECT_KINDS: [&str; 13] = [
    "window",
    "series",
    "run",
    "target",
    "person",
    "team",
    "policy",
    "procedure",
    "installation",
    "worker_key",
    "seal_key",
    "anchor_file",
    "trail",
];

/// Longest text of a filter, in characters.
const LONGEST: usize = 200;

/// A day, or a minute or second of it, on the reader's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    date: Date,
    time: Option<Time>,
    /// The second was named too.
    exact: bool,
}

impl Moment {
    /// Reads `2026-11-29`, `2026-11-29 02:00` or `2026-11-29T02:00:07`.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let Some((date, time)) = typed.split_once([' ', 'T']) else {
            return Some(Self { date: typed.parse().ok()?, time: None, exact: false });
        };
        let parts = time.split(':').map(|part| (part.len() == 2).then(|| part.parse::<i8>().ok()).flatten()).collect::<Option<Vec<_>>>()?;
        let (hour, minute, second) = match parts.as_slice() {
            [hour, minute] => (*hour, *minute, 0),
            [hour, minute, second] => (*hour, *minute, *second),
            _ => return None,
        };
        Some(Self { date: date.parse().ok()?, time: Some(Time::new(hour, minute, second, 0).ok()?), exact: parts.len() == 3 })
    }

    fn begin(self) -> DateTime {
        self.date.to_datetime(self.time.unwrap_or_default())
    }
    /// The first moment after it: the next day, minute or second.
    fn after(self) -> Option<DateTime> {
        let step: Span = match (self.time, self.exact) {
            (None, _) => 1.day(),
            (Some(_), false) => 1.minute(),
            (Some(_), true) => 1.second(),
        };
        self.begin().checked_add(step).ok()
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.time {
            None => write!(f, "{}", self.date),
            Some(time) if self.exact => write!(f, "{} {}", self.date, time.strftime("%H:%M:%S")),
            Some(time) => write!(f, "{} {}", self.date, time.strftime("%H:%M")),
        }
    }
}

/// Keeps what is wrong with a filter.
struct Reader<'g> {
    get: &'g dyn Fn(&str) -> Option<String>,
    errors: Vec<FieldError>,
}

impl Reader<'_> {
    fn refuse(&mut self, field: &str, message: String) {
        self.errors.push(FieldError::new(field, message));
    }
    fn text(&mut self, field: &str) -> String {
        let typed = (self.get)(field).map(|text| text.trim().to_owned()).unwrap_or_default();
        let length = typed.chars().count();
        if length > LONGEST {
            self.refuse(field, format!("At most {LONGEST} characters; this has {length}."));
            return String::new();
        }
        typed
    }
    fn number(&mut self, field: &str, like: &str) -> Option<i64> {
        let typed = self.text(field);
        if typed.is_empty() {
            return None;
        }
        let number = typed.trim_start_matches('#').parse().ok().filter(|number| *number >= 0);
        if number.is_none() {
            self.refuse(field, format!("“{typed}” is no number. Type one like {like}, or leave it empty."));
        }
        number
    }
    fn moment(&mut self, field: &str) -> Option<Moment> {
        let typed = self.text(field);
        if typed.is_empty() {
            return None;
        }
        let moment = Moment::parse(&typed);
        if moment.is_none() {
            self.refuse(
                field,
                format!("“{typed}” is no time. Type a day, 2026-11-29, or a day and a time, 2026-11-29 02:00, or leave it empty."),
            );
        }
        moment
    }
    fn result(&mut self) -> Option<bool> {
        match self.text("result").as_str() {
            "" => None,
            "done" => Some(true),
            "refused" => Some(false),
            other => {
                self.refuse("result", format!("“{other}” is no result. Choose “done” or “refused”, or leave it empty."));
                None
            }
        }
    }
}

impl TrailFilter {
    /// Reads what was typed. What cannot be read is left out and named: whoever shows facts by such a filter would show too many.
    #[must_use]
    pub fn parse(get: impl Fn(&str) -> Option<String>) -> (Self, Vec<FieldError>) {
        let mut read = Reader { get: &get, errors: vec![] };
        let filter = Self {
            from: read.moment("from"),
            to: read.moment("to"),
            actor: read.text("actor"),
            action: read.text("action"),
            kind: read.text("kind"),
            object: read.text("object"),
            team: read.text("team"),
            window: read.number("window", "142"),
            done: read.result(),
            address: read.text("address"),
            request: read.text("request"),
            before: read.number("before", "2500"),
        };
        if filter.from.zip(filter.to).is_some_and(|(from, to)| to.after().is_some_and(|after| after <= from.begin())) {
            read.refuse(
                "to",
                "The end lies before the beginning, so nothing can be found. Exchange the two, or leave one empty.".to_owned(),
            );
        }
        if !filter.address.is_empty() && filter.address.parse::<std::net::IpAddr>().is_err() {
            read.refuse(
                "address",
                format!("“{}” is no network address. Type one like 192.0.2.7 or 2001:db8::7, or leave it empty.", filter.address),
            );
        }
        (filter, read.errors)
    }

    /// The parameters that lead to this filter, without the place in the list.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let result = self.done.map_or("", |done| if done { "done" } else { "refused" });
        let moment = |moment: Option<Moment>| moment.map_or_else(String::new, |moment| moment.to_string());
        let values = [
            moment(self.from),
            moment(self.to),
            self.actor.clone(),
            self.action.clone(),
            self.kind.clone(),
            self.object.clone(),
            self.team.clone(),
            self.window.map_or_else(String::new, |number| number.to_string()),
            result.to_owned(),
            self.address.clone(),
            self.request.clone(),
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

    /// The filter in words, as an export names it: `from 2026-11-01, team shop`.
    #[must_use]
    pub fn words(&self) -> String {
        if self.is_empty() {
            return "everything".to_owned();
        }
        self.pairs().iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
    }

    /// The instants between which facts lie: from the beginning of the first moment, to before what follows the last.
    #[must_use]
    pub fn instants(&self, zone: &TimeZone) -> (Option<Timestamp>, Option<Timestamp>) {
        let instant = |at: DateTime| at.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
        (self.from.and_then(|from| instant(from.begin())), self.to.and_then(|to| to.after().and_then(instant)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> (TrailFilter, Vec<FieldError>) {
        TrailFilter::parse(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_filter_comes_back_from_its_own_address() {
        let (filter, errors) = parse(&[
            ("actor", " Ana "),
            ("window", "#142"),
            ("from", "2026-11-01"),
            ("to", "2026-11-29T02:00"),
            ("result", "refused"),
            ("object", "prod-orders"),
            ("address", "192.0.2.7"),
            ("request", "0011223344556677"),
        ]);
        assert_eq!(errors, []);
        let pairs = filter.pairs();
        let (again, _) = TrailFilter::parse(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()));
        assert_eq!(again, filter);
        assert_eq!(
            filter.address(Some(7)),
            "/audit?from=2026-11-01&to=2026-11-29%2002%3A00&actor=Ana&object=prod-orders&window=142&result=refused&address=192.0.2.7&request=0011223344556677&before=7"
        );
        assert_eq!(parse(&[("actor", "a&b=c ä")]).0.address(None), "/audit?actor=a%26b%3Dc%20%C3%A4");
        assert_eq!(TrailFilter::default().address(None), "/audit");
        assert_eq!(parse(&[("team", "shop"), ("from", "2026-11-01")]).0.words(), "from 2026-11-01, team shop");
    }

    #[test]
    fn what_cannot_be_read_is_named_and_left_out() {
        let typed = [
            ("window", "prod"),
            ("from", "garbage"),
            ("to", "2026-02-30"),
            ("before", "x"),
            ("result", "maybe"),
            ("address", "home"),
            ("actor", "ana"),
        ];
        let (filter, errors) = parse(&typed);
        assert_eq!(
            errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(),
            ["from", "to", "window", "result", "before", "address"]
        );
        assert!(errors[0].message.contains("“garbage”") && errors[0].message.contains("2026-11-29 02:00"), "{}", errors[0].message);
        assert_eq!((filter.window, filter.from, filter.actor.as_str()), (None, None, "ana"));
        assert_eq!(parse(&[("from", "2026-11-29"), ("to", "2026-11-01")]).1.len(), 1);
        assert_eq!(parse(&[("from", "2026-11-29 10:00"), ("to", "2026-11-29")]).1, []);
        for wrong in ["2026-11-29 2:00", "2026-11-29 25:00", "2026-11-29 02", "29.11.2026", "2026-11-29 02:00:61", "2026-11-29 02:00Z"] {
            assert_eq!(Moment::parse(wrong), None, "{wrong}");
        }
        assert!(parse(&[("actor", &"x".repeat(201))]).1[0].message.contains("At most 200 characters; this has 201"));
    }

    #[test]
    fn what_is_named_counts_whole_in_the_readers_zone() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("as in Berlin");
        let length = |from: &str, to: &str| {
            let (from, to) = parse(&[("from", from), ("to", to)]).0.instants(&zone);
            to.expect("an end").duration_since(from.expect("a beginning")).as_secs()
        };
        assert_eq!(length("2026-03-29", "2026-03-29"), 23 * 3600, "the day on which clocks go forward is short");
        assert_eq!(length("2026-11-29 02:00", "2026-11-29 02:00"), 60);
        assert_eq!(length("2026-11-29 02:00:07", "2026-11-29 02:00:07"), 1);
    }
}
