//! Leaves one date of a series out.

use super::{Caller, series};
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::ids::SeriesId;
use jiff::civil::Date;
use serde::Deserialize;

/// Which date, and why.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Input {
    /// The day the rule gives, `YYYY-MM-DD`.
    pub day: String,
    /// Why; may be empty.
    pub reason: String,
}

/// Leaves it out: nothing is proposed for it.
///
/// # Errors
/// A date that has passed, has its window, or is none of the series; a series that was ended.
pub async fn skip_date(engine: &Engine, caller: &Caller, id: SeriesId, input: &Input) -> Result<Date> {
    let (day, reason, caller) = (series::day(&input.day)?, series::reason(&input.reason)?, caller.clone());
    transaction::run(engine.pool(), "skip_date", move |db| {
        let (reason, caller) = (reason.clone(), caller.clone());
        Box::pin(async move {
            let (of, permit, by) = series::lock(db, &caller, id).await?;
            series::changeable(db, &of, day).await?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            store::series_dates::change(ledger.db(), id, day, None, &reason, by).await?;
            let fact = NewFact::done("series.skip", "series", id).of_team(of.team).with("day", day.to_string()).with("reason", reason);
            ledger.fact(fact).await.map(drop)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Sealer]).await;
    Ok(day)
}
