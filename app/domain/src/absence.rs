//! Who is away, from when to when, and who votes in their place meanwhile.

use crate::decision::{FieldError, Refusal};
use crate::ids::{AbsenceId, PersonId};
use crate::people;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// Longest absence, in days: whoever is away for longer has left their part to somebody else, and a role should say so.
pub const LONGEST_DAYS: i32 = 90;
/// Most open absences of one person: this one, and those that are planned.
pub const MOST_OPEN: usize = 10;

/// What was typed to say that somebody is away.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Form {
    /// First day away, in the zone of whoever is away.
    pub first_day: String,
    /// Last day away, in the same zone.
    pub last_day: String,
    /// Address of who votes meanwhile; empty for nobody.
    pub delegate: String,
}

/// From when to when, by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Away from then.
    pub starts: Timestamp,
    /// Back from then.
    pub ends: Timestamp,
}

impl Form {
    /// When it is, and the delegate's address; everything that is wrong at once.
    pub fn parse(&self, zone: &TimeZone, now: Timestamp) -> Result<(Span, Option<String>), Vec<FieldError>> {
        let mut form = crate::decision::FormCheck::default();
        let (first, last) = (form.take(day("first_day", &self.first_day)), form.take(day("last_day", &self.last_day)));
        let span = first.zip(last).and_then(|(first, last)| form.take(span(first, last, zone, now)));
        let delegate = match self.delegate.trim() {
            "" => Some(None),
            typed => form.take(people::email("delegate", typed)).map(Some),
        };
        form.finish(span.zip(delegate))
    }
}

fn day(field: &'static str, typed: &str) -> Result<Date, FieldError> {
    typed.trim().parse().map_err(|_| FieldError::new(field, "Choose a day, such as 2026-12-24."))
}

fn span(first: Date, last: Date, zone: &TimeZone, now: Timestamp) -> Result<Span, FieldError> {
    if last < first {
        return Err(FieldError::new("last_day", "The last day lies before the first one."));
    }
    let midnight = |day: Date| day.to_zoned(zone.clone()).map(|start| start.timestamp());
    let starts = midnight(first).map_err(|_| FieldError::new("first_day", "Choose a day within the next years."))?;
    let ends = end_of(last, "last_day", zone, now)?;
    // What was before now cannot be said any more: no vote would have counted.
    let span = Span { starts: starts.max(now), ends };
    within_limit(span, "last_day", first, zone)?;
    Ok(span)
}

/// The end of a day, which must not have passed.
fn end_of(last: Date, field: &'static str, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, FieldError> {
    let ends = last.checked_add(1.day()).and_then(|next| next.to_zoned(zone.clone())).map(|start| start.timestamp());
    let ends = ends.map_err(|_| FieldError::new(field, "Choose a day within the next years."))?;
    if ends <= now {
        return Err(FieldError::new(field, "This day has passed. Choose today or a later one."));
    }
    Ok(ends)
}

fn within_limit(span: Span, field: &'static str, first: Date, zone: &TimeZone) -> Result<(), FieldError> {
    let latest = first.checked_add(LONGEST_DAYS.days()).and_then(|day| day.to_zoned(zone.clone())).map(|start| start.timestamp());
    if latest.is_ok_and(|latest| span.ends <= latest) {
        return Ok(());
    }
    let why =
        format!("An absence lasts at most {LONGEST_DAYS} days. For longer, an administrator gives the role to somebody else meanwhile.");
    Err(FieldError::new(field, why))
}

/// Another last day of an absence that is not over.
pub fn moved_end(absence: &Absence, typed: &str, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, FieldError> {
    let ends = end_of(day("last_day", typed)?, "last_day", zone, now)?;
    if ends <= absence.starts {
        return Err(FieldError::new("last_day", "The last day lies before the first one."));
    }
    let first = absence.starts.to_zoned(zone.clone()).date();
    within_limit(Span { starts: absence.starts, ends }, "last_day", first, zone)?;
    Ok(ends)
}

/// An absence as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// Identity.
    pub id: AbsenceId,
    /// Who is away.
    pub person: PersonId,
    /// From when.
    pub starts: Timestamp,
    /// Until when; earlier than planned where it was ended.
    pub ends: Timestamp,
    /// Who votes meanwhile.
    pub delegate: Option<PersonId>,
    /// Who said so.
    pub said_by: PersonId,
}

impl Absence {
    /// Whether somebody is away at this moment.
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        self.starts <= at && at < self.ends
    }
    /// Whether nothing of the time from `from` until `until` is left to them.
    #[must_use]
    pub fn covers(&self, from: Timestamp, until: Timestamp) -> bool {
        self.starts <= from && until <= self.ends
    }
    /// The last day away, as people say it.
    #[must_use]
    pub fn last_day(&self, zone: &TimeZone) -> Date {
        self.ends
            .to_zoned(zone.clone())
            .checked_sub(1.nanosecond())
            .map_or_else(|_| self.ends.to_zoned(zone.clone()).date(), |at| at.date())
    }
}

/// Whether somebody may be named as the delegate of another, by `said_by`: nobody takes another's seat for themselves.
///
/// `away` are the delegate's own absences: whoever is away in that time passes nothing on, so a chain would end with nobody.
pub fn may_stand_in(absent: PersonId, said_by: PersonId, delegate: &Candidate, span: Span, away: &[Absence]) -> Result<(), FieldError> {
    let refuse = |why: String| Err(FieldError::new("delegate", why));
    if delegate.person == absent {
        return refuse("Nobody stands in for themselves. Name somebody else, or nobody.".into());
    }
    if delegate.person == said_by {
        return refuse(
            "Whoever says that somebody else is away does not vote in their place. Name another person, or let them say it themselves."
                .into(),
        );
    }
    if !delegate.active {
        return refuse(format!("{} was deactivated. Name somebody else.", delegate.name));
    }
    if delegate.shared {
        return refuse(format!(
            "The mailbox of {} is read by several people, so nobody could tell who voted. Name one person.",
            delegate.name
        ));
    }
    let clash = away.iter().find(|other| other.starts < span.ends && span.starts < other.ends);
    clash.map_or(Ok(()), |other| {
        refuse(format!(
            "{} is away in that time too, until {}, and passes nothing on. Name somebody who is there.",
            delegate.name,
            other.ends.strftime("%Y-%m-%d %H:%M UTC")
        ))
    })
}

/// Somebody who was named as a delegate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub person: PersonId,
    /// As people call them.
    pub name: String,
    /// Not deactivated.
    pub active: bool,
    /// The mailbox is read by several people.
    pub shared: bool,
}

/// The refusal where two absences of one person would overlap.
#[must_use]
pub fn overlaps(other: &Absence) -> Refusal {
    Refusal::new(
        "absence_overlaps",
        format!(
            "There is an absence in that time already, from {} to {}.",
            other.starts.strftime("%Y-%m-%d %H:%M UTC"),
            other.ends.strftime("%Y-%m-%d %H:%M UTC")
        ),
        "Move its last day, or end it first.",
    )
}

#[cfg(test)]
#[path = "absence_tests.rs"]
mod tests;
