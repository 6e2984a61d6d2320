//! One look at a series by the scheduler: proposes what is due, and asks for a person where it cannot.

use super::audience;
use super::bear_window::{bear_window, standing};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::series::{self as rows, Series};
use crate::store::window_forms;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::ids::SeriesId;
use domain::permission::Permit;
use domain::series::{Occurrence, Trouble};
use jiff::{SignedDuration, Timestamp};

/// After this long what could not be proposed is tried again: the other window may be gone by then.
const TRY_AGAIN: SignedDuration = SignedDuration::from_mins(5);

/// What a look found.
struct Found {
    revision: i32,
    due: Vec<Occurrence>,
    next: Timestamp,
}

/// Looks at a series, if its look is due and no other worker has it; gives the numbers of the windows that were proposed.
pub async fn tend_series(engine: &Engine, id: SeriesId) -> Result<Vec<i64>> {
    let Some(found) = look(engine, id).await? else { return Ok(vec![]) };
    let (mut numbers, mut stuck) = (Vec::new(), false);
    for date in &found.due {
        match bear_window(engine, id, date.day).await {
            Ok(proposed) => numbers.extend(proposed.map(|proposed| proposed.number)),
            Err(error) => {
                let trouble = trouble_of(error)?;
                stick(engine, id, date, trouble).await?;
                stuck = true;
            }
        }
    }
    if !found.due.is_empty() && !stuck {
        transaction::run(engine.pool(), "series_settled", move |db| Box::pin(rows::settled(db, id, found.revision, found.next))).await?;
    }
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(numbers)
}

/// Settles what has passed, says what keeps the whole series, and gives what is to be proposed now.
async fn look(engine: &Engine, id: SeriesId) -> Result<Option<Found>> {
    transaction::run(engine.pool(), "series_look", move |db| {
        Box::pin(async move {
            let Some(of) = rows::lock_due(db, id).await? else { return Ok(None) };
            let (now, zone) = (window_forms::now(db).await?, of.zone()?);
            let author = store::people::actor(db, of.author, false).await?;
            let trouble = standing(&of, author.as_ref()).trouble();
            let mut due = of.schedule.due(&zone, of.lead_days, of.looked_at, now);
            if let Some(first) = due.iter().map(|date| date.day).min() {
                let born = rows::born_from(db, id, first).await?;
                due.retain(|date| !born.contains(&date.day));
            }
            let permit = Permit::system();
            let mut ledger = Ledger::open(db, &permit, "series");
            say(&mut ledger, &of, trouble.as_ref()).await?;
            let (passed, mut due): (Vec<_>, Vec<_>) = due.into_iter().partition(|date| date.placed.start <= now);
            for date in passed {
                let before = rows::stuck(ledger.db(), id, date.day).await?.or_else(|| trouble.clone());
                write_stuck(&mut ledger, &of, &date, passed_over(before)).await?;
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

/// A date that began without its window: what kept it stays readable.
fn passed_over(before: Option<Trouble>) -> Trouble {
    let why = before.map_or_else(|| "No worker looked in time.".to_owned(), |before| before.message);
    Trouble { code: "passed".into(), message: format!("This date passed without a window. {why}") }
}

/// What people read of a refusal; everything else is no refusal, and is tried again.
fn trouble_of(error: Error) -> Result<Trouble> {
    match error {
        Error::Refused(refusal) => Ok(Trouble { code: refusal.code.clone(), message: refusal.to_string() }),
        Error::Invalid(errors) => {
            let code = errors.first().map_or("form", |first| first.field.as_str()).to_owned();
            Ok(Trouble { code, message: errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join(" ") })
        }
        other => Err(other),
    }
}

/// Says once what keeps the whole series, and once that nothing does any more.
async fn say(ledger: &mut Ledger<'_>, of: &Series, trouble: Option<&Trouble>) -> Result<()> {
    let before = of.trouble.as_ref().map(|(trouble, _)| trouble.code.as_str());
    if before == trouble.map(|trouble| trouble.code.as_str()) {
        return Ok(());
    }
    let fact = match trouble {
        Some(trouble) => {
            NewFact::done("series.stuck", "series", of.id).with("code", trouble.code.clone()).with("reason", trouble.message.clone())
        }
        None => NewFact::done("series.go_on", "series", of.id),
    };
    let fact = ledger.fact(fact.of_team(of.team)).await?;
    if let Some(trouble) = trouble {
        audience::tell_series(ledger, of, None, trouble, fact).await?;
    }
    Ok(())
}

async fn stick(engine: &Engine, id: SeriesId, date: &Occurrence, trouble: Trouble) -> Result<()> {
    let date = *date;
    transaction::run(engine.pool(), "series_stick", move |db| {
        let trouble = trouble.clone();
        Box::pin(async move {
            let Some(of) = rows::lock(db, id).await?.filter(|of| of.ended.is_none()) else { return Ok(()) };
            // Somebody may have put it right, or proposed it, at this very moment.
            let stands = of.schedule.on(&of.zone()?, date.day) == Some(date);
            if !stands || rows::born(db, id, date.day).await?.is_some() {
                return Ok(());
            }
            let permit = Permit::system();
            write_stuck(&mut Ledger::open(db, &permit, "series"), &of, &date, trouble).await
        })
    })
    .await
}

/// Remembers what is in the way of a date; a fact and a message when that is new.
async fn write_stuck(ledger: &mut Ledger<'_>, of: &Series, date: &Occurrence, trouble: Trouble) -> Result<()> {
    let before = rows::stuck(ledger.db(), of.id, date.day).await?;
    rows::stick(ledger.db(), of.id, date.day, date.placed.start, &trouble).await?;
    if before.is_some_and(|before| before.code == trouble.code) {
        return Ok(());
    }
    let fact = NewFact::done("series.stuck", "series", of.id)
        .of_team(of.team)
        .with("day", date.day.to_string())
        .with("start", date.placed.start.to_string())
        .with("code", trouble.code.clone())
        .with("reason", trouble.message.clone());
    let fact = ledger.fact(fact).await?;
    audience::tell_series(ledger, of, Some(date.placed.start), &trouble, fact).await
}
