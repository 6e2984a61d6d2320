//! What keeps a date, or a whole series, from being proposed: remembered, and said once to whoever can do something about it.

use crate::actions::audience;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::series::{self as rows, Series};
use crate::store::series_dates as dates;
use crate::transaction;
use domain::fact::NewFact;
use domain::ids::SeriesId;
use domain::permission::Permit;
use domain::series::{Occurrence, Trouble};

/// A date that began without its window: what kept it stays readable.
pub(super) fn passed_over(before: Option<Trouble>) -> Trouble {
    let why = before.map_or_else(|| "No worker looked in time.".to_owned(), |before| before.message);
    Trouble::new("passed", format!("This date passed without a window. {why}"))
}

/// What people read of it. What is no refusal has its words in the log, and is tried again.
pub(super) fn of_error(id: SeriesId, date: &Occurrence, error: Error) -> Trouble {
    match error {
        Error::Refused(refusal) => Trouble::new(&refusal.code, refusal.to_string()),
        Error::Invalid(errors) => {
            let code = errors.first().map_or("form", |first| first.field.as_str()).to_owned();
            Trouble::new(&code, errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join(" "))
        }
        other => {
            tracing::error!(series = %id, day = %date.day, error = %other, "a date of a series could not be proposed");
            let said = "Something went wrong inside while its window was proposed. It is tried again every few minutes; if this stays, an administrator finds more in the worker's log, and the window can be proposed by hand.";
            Trouble::new("failed", said)
        }
    }
}

/// Says once what keeps the whole series, and once that nothing does any more.
pub(super) async fn say(ledger: &mut Ledger<'_>, of: &Series, trouble: Option<&Trouble>) -> Result<()> {
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

/// Remembers what is in the way of a date, unless somebody put it right at this very moment.
pub(super) async fn stick(engine: &Engine, id: SeriesId, date: &Occurrence, trouble: Trouble) -> Result<()> {
    let date = *date;
    transaction::run(engine.pool(), "series_stick", move |db| {
        let trouble = trouble.clone();
        Box::pin(async move {
            let Some(of) = rows::lock(db, id).await?.filter(|of| of.ended.is_none()) else { return Ok(()) };
            let stands = of.schedule.on(&of.zone()?, date.day) == Some(date);
            if !stands || dates::born(db, id, date.day).await?.is_some() {
                return Ok(());
            }
            let permit = Permit::system();
            write(&mut Ledger::open(db, &permit, "series"), &of, &date, trouble).await
        })
    })
    .await
}

/// Writes it; a fact and a message when it is new.
pub(super) async fn write(ledger: &mut Ledger<'_>, of: &Series, date: &Occurrence, trouble: Trouble) -> Result<()> {
    let before = dates::stuck(ledger.db(), of.id, date.day).await?;
    dates::stick(ledger.db(), of.id, date.day, date.placed.start, &trouble).await?;
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
