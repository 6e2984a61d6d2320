//! A calendar's events as freezes: what each becomes, and why some become none.

use super::MOST_DAYS;
use super::repeat::Repeat;
use super::span::{self, Edge, Unfit};
use crate::ids::FreezeId;
use crate::reveal::visible;
use jiff::tz::TimeZone;
use jiff::{SpanFieldwise, Timestamp, civil};

/// Most events of one file that are looked at: a country's holidays of ten years are about a hundred.
pub const MOST_EVENTS: usize = 500;
/// Longest text of one file, in bytes.
pub const MOST_BYTES: usize = 200_000;

/// A point in time as calendars write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// A whole day, without a zone.
    Day(civil::Date),
    /// An instant.
    Utc(Timestamp),
    /// Wall time in a named zone.
    Zoned(civil::DateTime, String),
    /// Wall time without a zone: wherever the reader is.
    Floating(civil::DateTime),
}

/// How an event ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// At a moment.
    At(Moment),
    /// After a time.
    After(SpanFieldwise),
    /// Nothing is said.
    Unsaid,
}

/// An event as it stands in the file; texts are as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Stable over all versions of the event.
    pub uid: String,
    /// Title.
    pub summary: String,
    /// When it begins, or what cannot be read.
    pub start: Result<Moment, String>,
    /// When it ends, or what cannot be read.
    pub end: Result<Ending, String>,
    /// It happens again by a rule.
    pub repeats: Option<Repeat>,
    /// It stands in the place of this date of the event that has its identity and repeats.
    pub instead_of: Option<Moment>,
    /// With it, all later dates are moved too.
    pub and_later: bool,
    /// It was called off.
    pub cancelled: bool,
}

/// When an event is, as instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct During {
    /// From then on.
    pub start: Timestamp,
    /// Until then.
    pub end: Timestamp,
}

impl During {
    /// `2026-12-24 23:00 UTC to 2026-12-25 23:00 UTC`
    #[must_use]
    pub fn says(&self) -> String {
        let at = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
        format!("{} to {}", at(self.start), at(self.end))
    }
}

impl Event {
    /// A name that can be shown and stored: one line, what is invisible made visible, at most 120 characters.
    #[must_use]
    pub fn name(&self) -> String {
        let line = visible(&self.summary.split_whitespace().collect::<Vec<_>>().join(" "));
        match line.trim() {
            "" => "Event without a title".to_owned(),
            line if line.chars().count() > 120 => line.chars().take(119).chain(['…']).collect(),
            line => line.to_owned(),
        }
    }

    /// When it is, whole days and times without a zone taken in `zone`; or a sentence that says why it becomes no freeze.
    pub fn during(&self, zone: &TimeZone, known: impl Fn(&str) -> Option<TimeZone>) -> Result<During, String> {
        if self.cancelled {
            return Err("It was called off.".to_owned());
        }
        if self.uid.is_empty() || self.uid.chars().count() > 255 {
            return Err("It has no identity (UID) of 1 to 255 characters, so it could not be known again.".to_owned());
        }
        let begin = self.start.clone()?;
        let start = instant(&begin, zone, &known, Edge::First)?;
        let end = match self.end.clone()? {
            Ending::At(moment) => instant(&moment, zone, &known, Edge::Last)?,
            Ending::After(span) => {
                let of = match &begin {
                    Moment::Zoned(_, name) => known(name).unwrap_or_else(|| zone.clone()),
                    Moment::Utc(_) => TimeZone::UTC,
                    Moment::Day(_) | Moment::Floating(_) => zone.clone(),
                };
                start.to_zoned(of).checked_add(span.0).map_err(|_| "Its duration leads out of the calendar.".to_owned())?.timestamp()
            }
            Ending::Unsaid => match begin {
                Moment::Day(date) => {
                    let next = date.tomorrow().map_err(|_| "Its date is too far away.".to_owned())?;
                    instant(&Moment::Day(next), zone, &known, Edge::Last)?
                }
                _ => return Err("It has no end.".to_owned()),
            },
        };
        match span::fit(start, end) {
            Ok(()) => Ok(During { start, end }),
            Err(Unfit::Empty) => Err("It has no length: its end is its start.".to_owned()),
            Err(Unfit::Backwards) => Err("It ends before it begins.".to_owned()),
            Err(Unfit::Long) => Err(format!("It lasts longer than {MOST_DAYS} days.")),
        }
    }
}

fn instant(moment: &Moment, zone: &TimeZone, known: &impl Fn(&str) -> Option<TimeZone>, edge: Edge) -> Result<Timestamp, String> {
    let (local, zone) = match moment {
        Moment::Utc(at) => return Ok(*at),
        Moment::Day(date) => (date.to_datetime(civil::Time::midnight()), zone.clone()),
        Moment::Floating(local) => (*local, zone.clone()),
        Moment::Zoned(local, name) => {
            let found = known(name).ok_or_else(|| format!("Its time zone “{}” is none of the IANA database.", short(name)))?;
            (*local, found)
        }
    };
    edge.instant(local, &zone).ok_or_else(|| "Its date is too far away.".to_owned())
}

/// A foreign text short enough for a sentence.
#[must_use]
pub fn short(text: &str) -> String {
    let line = visible(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    if line.chars().count() > 60 { line.chars().take(59).chain(['…']).collect() } else { line }
}

/// What becomes of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A new freeze.
    New,
    /// It was imported before, for the same scope, and is there as it is.
    Known,
    /// It was imported before and stood at another time then.
    Moved(Before),
    /// It was imported before, and somebody lifted that freeze.
    Lifted(Before),
    /// It is over.
    Over,
    /// It becomes none, and why.
    Refused(String),
}

impl Verdict {
    /// As people read it.
    #[must_use]
    pub fn says(&self) -> String {
        match self {
            Self::New => "Becomes a freeze.".to_owned(),
            Self::Known => "Was imported before: nothing to do.".to_owned(),
            Self::Moved(before) => format!(
                "Was imported before, for {}. Lift that freeze if it still stands, and make one by hand for the new time.",
                before.during.says()
            ),
            Self::Lifted(before) => format!(
                "Was imported before, for {}, and that freeze was lifted: it stays lifted. Make one by hand if you need it.",
                before.during.says()
            ),
            Self::Over => "Is over.".to_owned(),
            Self::Refused(why) => why.clone(),
        }
    }

    /// The freeze that it speaks of, where that one is in the way.
    #[must_use]
    pub fn before(&self) -> Option<FreezeId> {
        match self {
            Self::Moved(before) | Self::Lifted(before) => Some(before.id),
            Self::New | Self::Known | Self::Over | Self::Refused(_) => None,
        }
    }
}

/// The freeze that an event with the same identity became before, for the same scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// Which.
    pub id: FreezeId,
    /// Its time then.
    pub during: During,
    /// It was lifted.
    pub lifted: bool,
}

/// What becomes of an event, and when it is; `twice` when an event with the same identity stood above it in the file.
#[must_use]
pub fn judge(during: Result<During, String>, before: Option<Before>, twice: bool, now: Timestamp) -> (Option<During>, Verdict) {
    let during = match during {
        Ok(during) => during,
        Err(why) => return (None, Verdict::Refused(why)),
    };
    let verdict = match before {
        _ if twice => Verdict::Refused("An event with the same identity stands above it.".to_owned()),
        Some(before) if before.lifted => Verdict::Lifted(before),
        // A freeze that began with its import has lost what lay before: what is still ahead counts.
        Some(before) if before.during.end == during.end && before.during.start.max(now) == during.start.max(now) => Verdict::Known,
        Some(before) => Verdict::Moved(before),
        None if during.end <= now => Verdict::Over,
        None => Verdict::New,
    };
    (Some(during), verdict)
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
