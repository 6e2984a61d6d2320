//! What the acts on series share: the form read against its database, and one series taken for a change.

use super::{Caller, hide, seal_revision};
use crate::change;
use crate::error::{Error, Result};
use crate::store::series::{self, Saved, Series};
use crate::store::windows::ProposalTarget;
use crate::store::{own_procedures, series_dates, window_forms};
use domain::decision::{FieldError, Refusal};
use domain::ids::{PersonId, SeriesId};
use domain::permission::{Actor, Permit, Verb, authorize};
use domain::series::Occurrence;
use domain::series::form::SeriesForm;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sqlx::PgConnection;

/// What came of sending the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing is wrong with it, and its dates have not been seen yet.
    Look,
    /// It was saved.
    Saved(SeriesId),
}

/// A form understood, with its database.
pub(super) struct Read {
    /// The database.
    pub target: ProposalTarget,
    /// What would be saved.
    pub saved: Saved,
    /// What the dates were shown for.
    pub seen: String,
}

/// Reads the form and the database it names. A database of another team is answered like a missing one, whatever else is wrong.
pub(super) async fn read(db: &mut PgConnection, actor: &Actor, form: &SeriesForm) -> Result<Read> {
    let shelf = own_procedures::shelf(db).await?;
    let parsed = form.parse(&shelf, &change::read_typed);
    let target = match form.proposal.target.trim() {
        "" => None,
        name => Some(seal_revision::known_target(db, actor, name).await?),
    };
    let parsed = parsed?;
    let target = target.ok_or_else(|| Error::field("target", "Choose a database."))?;
    seal_revision::ready(&target)?;
    let others = seal_revision::others(db, actor, parsed.several.as_ref(), &target).await?;
    for other in &others {
        seal_revision::ready(other).map_err(|error| seal_revision::at_its_wave(other, error))?;
    }
    let zone = TimeZone::get(&target.zone).map_err(|_| Error::internal(format!("unknown zone {}", target.zone)))?;
    let now = window_forms::now(db).await?;
    let first = parsed
        .schedule
        .next(&zone, now, 1)
        .pop()
        .ok_or_else(|| Error::field("date", "None of its dates is still to come. Choose a later first day, or a later end."))?;
    // What is wrong with the times of one is wrong with all.
    first.form(&form.proposal).parse_with(&shelf, &change::read_typed)?.times(&zone, &target.zone, seal_revision::tz_version(), now)?;
    let seen = parsed.seen(&target.zone);
    let lead_days = i32::try_from(parsed.lead_days).map_err(Error::internal)?;
    let others = others.iter().map(|other| (other.plan.id, other.plan.short_name.clone())).collect();
    let saved = Saved {
        title: parsed.title,
        form: serde_json::to_value(form)?,
        schedule: parsed.schedule,
        zone: target.zone.clone(),
        lead_days,
        others,
    };
    Ok(Read { target, saved, seen })
}

/// Takes a series for a change by somebody who may propose windows of its team. Those of teams the actor cannot see answer like missing ones.
pub(super) async fn lock(db: &mut PgConnection, caller: &Caller, id: SeriesId) -> Result<(Series, Permit, PersonId)> {
    let found = series::lock(db, id).await?.ok_or(Error::NotFound)?;
    let permit =
        authorize(&caller.actor, Verb::ProposeWindow, Some(found.team)).map_err(|refusal| hide(&caller.actor, found.team, refusal))?;
    let by = permit.person().ok_or_else(|| Error::internal("a series is changed by a person"))?;
    if found.ended.is_some() {
        return Err(over().into());
    }
    Ok((found, permit, by))
}

/// Nothing is changed about a series that was ended.
pub(crate) fn over() -> Refusal {
    Refusal::new("series_over", "This series was ended.", "Make a new one; what was proposed by it stays as it is.")
}

/// A day as pages send it.
pub(super) fn day(typed: &str) -> Result<Date> {
    typed.trim().parse().map_err(|_| Error::field("day", "Choose one of the dates of the series."))
}

/// The date of this day that can still be changed: to come, and without its window.
pub(super) async fn changeable(db: &mut PgConnection, of: &Series, day: Date) -> Result<(Occurrence, Timestamp)> {
    let no_such = || {
        Refusal::new("no_such_date", "The series has no such date any more.", "Look at the page again: its dates were changed meanwhile.")
    };
    let date = of.schedule.on(&of.zone()?, day).ok_or_else(no_such)?;
    if let Some(number) = series_dates::born(db, of.id, day).await? {
        return Err(Refusal::new(
            "date_born",
            format!("Window #{number} was proposed for that date already."),
            "Move or withdraw that window on its own page.",
        )
        .into());
    }
    let now = window_forms::now(db).await?;
    if date.placed.start <= now {
        return Err(Refusal::new("passed", "That date has passed.", "Nothing is changed about the past.").into());
    }
    Ok((date, now))
}

/// A reason that may stay empty.
pub(super) fn reason(typed: &str) -> Result<String, Vec<FieldError>> {
    domain::people::text("reason", typed, 0, 2000).map_err(|error| vec![error])
}
