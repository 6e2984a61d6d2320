//! The calendar and the timeline: what the reader may see, between two days of the clock that was asked for.

use super::{holding, visible_teams};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::calendar::{self, Wanted};
use crate::store::{freezes, window_list};
use crate::transaction;
use domain::ids::TeamId;
use domain::permission::{Actor, Verb, authorize};
use domain::view::calendar::{Bounds, CalendarPage, Clock, Day, Frame, Place, TIMELINE_ROWS, TimelinePage, bounds};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::PgConnection;

/// The page `/calendar`.
pub async fn calendar(engine: &Engine, actor: &Actor, place: &Place) -> Result<CalendarPage> {
    authorize(actor, Verb::SeeOwn, None)?;
    let (actor, place, now) = (actor.clone(), place.clone(), engine.clock().now());
    transaction::read(engine.pool(), "calendar", move |db| {
        let (actor, place) = (actor.clone(), place.clone());
        Box::pin(async move {
            let teams = visible_teams(&actor);
            let (frame, bounds) = frame(db, &actor, teams.as_deref(), place, now).await?;
            let wanted = Wanted { teams: teams.as_deref(), filter: &frame.place.filter };
            let entries = calendar::by_day(db, &wanted, &bounds, frame.place.view.room()).await?;
            let mut days: Vec<Day> = bounds.into_iter().map(|bounds| Day { bounds, entries: Vec::new(), total: 0 }).collect();
            for (day, total, entry) in entries {
                if let Some(day) = days.get_mut(day) {
                    day.total = total;
                    day.entries.push(entry);
                }
            }
            Ok(CalendarPage { frame, days })
        })
    })
    .await
}

/// The page `/timeline`.
pub async fn timeline(engine: &Engine, actor: &Actor, place: &Place) -> Result<TimelinePage> {
    authorize(actor, Verb::SeeOwn, None)?;
    let (actor, place, now) = (actor.clone(), place.clone(), engine.clock().now());
    transaction::read(engine.pool(), "timeline", move |db| {
        let (actor, place) = (actor.clone(), place.clone());
        Box::pin(async move {
            let teams = visible_teams(&actor);
            let (frame, days) = frame(db, &actor, teams.as_deref(), place, now).await?;
            let wanted = Wanted { teams: teams.as_deref(), filter: &frame.place.filter };
            let mut lines = calendar::by_database(db, &wanted, &days, &frame.place.after).await?;
            let next = (lines.len() > TIMELINE_ROWS).then(|| lines[TIMELINE_ROWS - 1].mark());
            lines.truncate(TIMELINE_ROWS);
            Ok(TimelinePage { frame, days, lines, next })
        })
    })
    .await
}

/// Whose clock, which days by it, and what the filters offer.
async fn frame(
    db: &mut PgConnection,
    actor: &Actor,
    teams: Option<&[TeamId]>,
    mut place: Place,
    now: Timestamp,
) -> Result<(Frame, Vec<Bounds>)> {
    let database = place.filter.database.as_str();
    let database_zone = if database.is_empty() { None } else { calendar::zone(db, teams, database).await? };
    let chosen = match place.clock {
        Clock::Utc => "Etc/UTC".to_owned(),
        Clock::Database => database_zone.clone().unwrap_or_else(|| actor.zone.clone()),
        Clock::Mine => actor.zone.clone(),
    };
    // Zones are checked when they are typed; one that later data no longer knows reads as UTC, and is called so.
    let (zone, clock) = TimeZone::get(&chosen).map_or_else(|_| ("Etc/UTC".to_owned(), TimeZone::UTC), |clock| (chosen, clock));
    let today = now.to_zoned(clock.clone()).date();
    let span = place.span(today);
    place.date = Some(span.anchor);
    let days = bounds(span.first, span.end, &clock);
    let (freezes, more_freezes) = match days.first().zip(days.last()) {
        Some((first, last)) => freezes::between(db, teams, &place.filter, first.begins, last.ends).await?,
        None => (Vec::new(), false),
    };
    let frame = Frame {
        freezes,
        more_freezes,
        place,
        span,
        zone,
        database_zone,
        now,
        today,
        teams: window_list::teams(db, teams).await?,
        databases: window_list::databases(db, teams).await?,
        may_propose: !holding(actor, Verb::ProposeWindow).is_empty(),
    };
    Ok((frame, days))
}
