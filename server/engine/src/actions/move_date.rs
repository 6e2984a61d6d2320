//! Moves one date of a series to another wall time.

use super::{Caller, series};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::{FieldError, FormCheck};
use domain::fact::NewFact;
use domain::ids::SeriesId;
use domain::recurrence::place::{Placed, place};
use domain::series::MOST_DAYS_MOVED;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// Which date, whereto, and why.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Input {
    /// The day the rule gives, `YYYY-MM-DD`.
    pub day: String,
    /// The day instead.
    pub date: String,
    /// The time of day instead.
    pub time: String,
    /// Why; may be empty.
    pub reason: String,
}

impl Input {
    fn wall(&self) -> Result<DateTime, Vec<FieldError>> {
        let mut form = FormCheck::default();
        let date = self.date.trim().parse::<Date>();
        let date = form.take(date.map_err(|_| FieldError::new("date", "Give a date as YYYY-MM-DD, such as 2026-11-29.")));
        let time = self.time.trim().parse::<Time>().ok().filter(|time| time.second() == 0 && time.subsec_nanosecond() == 0);
        let time = form.take(time.ok_or_else(|| FieldError::new("time", "Give a time as HH:MM, such as 02:00.")));
        form.finish(date.zip(time).map(|(date, time)| date.to_datetime(time)))
    }
}

/// Moves it, and gives where it is now.
///
/// # Errors
/// The past; past one of its neighbours, or more than a month away; a date that has its window; a series that was ended.
pub async fn move_date(engine: &Engine, caller: &Caller, id: SeriesId, input: &Input) -> Result<Placed> {
    let (day, to, reason, caller) = (series::day(&input.day)?, input.wall()?, series::reason(&input.reason)?, caller.clone());
    let placed = transaction::run(engine.pool(), "move_date", move |db| {
        let (reason, caller) = (reason.clone(), caller.clone());
        Box::pin(async move {
            let (of, permit, by) = series::lock(db, &caller, id).await?;
            let (from, now) = series::changeable(db, &of, day).await?;
            let zone = of.zone()?;
            let placed = place(to, &zone).ok_or_else(|| Error::field("date", "This date is beyond the calendar."))?;
            check(&placed, day, of.schedule.room(&zone, day), &zone, now)?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            store::series_dates::change(ledger.db(), id, day, Some(to), &reason, by).await?;
            let fact = NewFact::done("series.move", "series", id)
                .of_team(of.team)
                .with("day", day.to_string())
                .with("start", placed.start.to_string())
                .with("start_before", from.placed.start.to_string())
                .with("reason", reason);
            ledger.fact(fact).await?;
            Ok(placed)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Sealer]).await;
    Ok(placed)
}

fn check(to: &Placed, day: Date, (before, after): (Option<Timestamp>, Option<Timestamp>), zone: &TimeZone, now: Timestamp) -> Result<()> {
    let said = |at: Timestamp| zone.to_datetime(at).strftime("%a %-d %b %Y, %H:%M").to_string();
    let middle = place(day.to_datetime(to.wanted.time()), zone).map_or(to.start, |placed| placed.start);
    if to.start <= now {
        return Err(Error::field("date", format!("This lies in the past: it is {} there now. Choose a later time.", said(now))));
    }
    if let Some(before) = before.filter(|before| to.start <= *before) {
        return Err(Error::field(
            "date",
            format!("The date before it is {}: choose a later time, or leave one of them out.", said(before)),
        ));
    }
    if let Some(after) = after.filter(|after| to.start >= *after) {
        return Err(Error::field(
            "date",
            format!("The date after it is {}: choose an earlier time, or leave one of them out.", said(after)),
        ));
    }
    let away = to.start.duration_since(middle).abs();
    if away > SignedDuration::from_hours(24 * MOST_DAYS_MOVED) {
        let message =
            format!("A date is moved by {MOST_DAYS_MOVED} days at most. Leave this one out, and propose a window by itself for that day.");
        return Err(Error::field("date", message));
    }
    Ok(())
}
