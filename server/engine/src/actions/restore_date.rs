//! Puts one date of a series back to where its rule has it.

use super::skip_date::Input;
use super::{Caller, series};
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::SeriesId;
use domain::recurrence::place::place;
use jiff::civil::Date;

/// Puts it back.
///
/// # Errors
/// A date that stands where the rule has it; one that has passed there, or has its window; a series that was ended.
pub async fn restore_date(engine: &Engine, caller: &Caller, id: SeriesId, input: &Input) -> Result<Date> {
    let (day, caller) = (series::day(&input.day)?, caller.clone());
    transaction::run(engine.pool(), "restore_date", move |db| {
        let caller = caller.clone();
        Box::pin(async move {
            let (of, permit, _) = series::lock(db, &caller, id).await?;
            let (_, now) = series::changeable(db, &of, day).await?;
            let there = place(day.to_datetime(of.schedule.start.time()), &of.zone()?);
            if there.is_none_or(|there| there.start <= now) {
                return Err(
                    Refusal::new("passed", "Where the rule has it, that date has passed.", "Move it to another time instead.").into()
                );
            }
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            if !store::series_dates::restore(ledger.db(), id, day).await? {
                return Err(Refusal::new("moved_on", "That date stands where the rule has it.", "Look at the page again.").into());
            }
            let fact = NewFact::done("series.restore", "series", id).of_team(of.team).with("day", day.to_string());
            ledger.fact(fact).await.map(drop)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Sealer]).await;
    Ok(day)
}
