//! Series whose look is due: each proposes its windows some days ahead. Every worker looks; the row of the series lets one of them do it.
//!
//! A loop of its own: what a series waits for keeps no window from its start. One date, or one series, that fails keeps none of the others.

mod stuck;

use super::clock_guard::ClockGuard;
use crate::actions::bear_window::{CLOCK_FROZEN, bear_window, standing};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::{runs, series as rows, series_dates as dates, window_forms};
use crate::wake::{Wake, wake};
use crate::worker::WorkerContext;
use crate::{store, transaction};
use domain::ids::SeriesId;
use domain::permission::Permit;
use domain::series::Occurrence;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A series that is due waits at most this long, wake-up or not.
const POLL: Duration = Duration::from_secs(5);
/// Looks in one tick at most: the soft stop waits behind them.
const MOST: i64 = 10;
/// After this long what could not be proposed is tried again: the other window may be gone by then.
const TRY_AGAIN: SignedDuration = SignedDuration::from_mins(5);

/// The loop.
pub async fn run(context: WorkerContext) -> Result<()> {
    let mut bell = context.bell(Wake::Runner);
    let mut guard = ClockGuard::default();
    loop {
        // Dates that a clock made to pass would be past for ever, so this loop watches it too.
        guard.look(&context.pool).await?;
        tick(&context).await?;
        if !bell.wait(POLL).await {
            return Ok(());
        }
    }
}

/// Looks at what is due, unless the clock is not to be trusted.
pub async fn tick(context: &WorkerContext) -> Result<()> {
    let engine = Engine::over(context.pool.clone());
    for id in transaction::read(&context.pool, "series_due", |db| Box::pin(due(db))).await? {
        match tend(&engine, id).await {
            Ok(numbers) if numbers.is_empty() => {}
            Ok(numbers) => tracing::info!(series = %id, windows = ?numbers, "a series proposed"),
            Err(error) => {
                tracing::error!(series = %id, %error, "a look at a series failed");
                let after_s = i32::try_from(TRY_AGAIN.as_secs()).map_err(Error::internal)?;
                transaction::run(&context.pool, "series_postpone", move |db| Box::pin(rows::postpone(db, id, after_s))).await?;
            }
        }
    }
    Ok(())
}

async fn due(db: &mut sqlx::PgConnection) -> Result<Vec<SeriesId>> {
    if runs::clock_frozen(db).await?.is_some() { Ok(vec![]) } else { rows::due(db, MOST).await }
}

/// What a look found.
struct Found {
    revision: i32,
    due: Vec<Occurrence>,
    next: Timestamp,
}

/// Looks at a series, if its look is due and no other worker has it: proposes what is due, and asks for a person where it cannot. Gives the
/// numbers of the windows that were proposed.
pub async fn tend(engine: &Engine, id: SeriesId) -> Result<Vec<i64>> {
    let Some(found) = look(engine, id).await? else { return Ok(vec![]) };
    let (mut numbers, mut open) = (Vec::new(), false);
    for date in &found.due {
        match bear_window(engine, id, date.day).await {
            Ok(proposed) => numbers.extend(proposed.map(|proposed| proposed.number)),
            // No business of this date: the next look finds it again.
            Err(Error::Refused(refusal)) if refusal.code == CLOCK_FROZEN => {
                open = true;
                break;
            }
            Err(error) => {
                open = true;
                if let Err(error) = stuck::stick(engine, id, date, stuck::of_error(id, date, error)).await {
                    tracing::error!(series = %id, day = %date.day, %error, "what keeps a date could not be written down");
                }
            }
        }
    }
    if !found.due.is_empty() && !open {
        transaction::run(engine.pool(), "series_settled", move |db| Box::pin(rows::settled(db, id, found.revision, found.next))).await?;
    }
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(numbers)
}

/// Settles what has passed, says what keeps the whole series, and gives what is to be proposed now.
async fn look(engine: &Engine, id: SeriesId) -> Result<Option<Found>> {
    transaction::run(engine.pool(), "series_look", move |db| {
        Box::pin(async move {
            if runs::clock_frozen(db).await?.is_some() {
                return Ok(None);
            }
            let Some(of) = rows::lock_due(db, id).await? else { return Ok(None) };
            let (now, zone) = (window_forms::now(db).await?, of.zone()?);
            let author = store::people::actor(db, of.author, false).await?;
            let trouble = standing(&of, author.as_ref()).trouble();
            let mut due = of.schedule.due(&zone, of.lead_days, of.settled_at, now);
            if let Some(first) = due.iter().map(|date| date.day).min() {
                let born = dates::born_from(db, id, first).await?;
                due.retain(|date| !born.contains(&date.day));
            }
            let permit = Permit::system();
            let mut ledger = Ledger::open(db, &permit, "series");
            stuck::say(&mut ledger, &of, trouble.as_ref()).await?;
            let (passed, mut due): (Vec<_>, Vec<_>) = due.into_iter().partition(|date| date.placed.start <= now);
            for date in passed {
                let before = dates::stuck(ledger.db(), id, date.day).await?.or_else(|| trouble.clone());
                stuck::write(&mut ledger, &of, &date, stuck::passed_over(before)).await?;
            }
            if trouble.is_some() {
                due.clear();
            }
            let next = of.schedule.next_look(&zone, of.lead_days, now);
            let at = if due.is_empty() && trouble.is_none() { next } else { (now + TRY_AGAIN).min(next) };
            rows::looked(ledger.db(), id, now, at, trouble.as_ref()).await?;
            Ok(Some(Found { revision: of.revision, due, next }))
        })
    })
    .await
}
