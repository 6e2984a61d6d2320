//! Ends a series: it proposes nothing any more. Windows that were born of it go on as they are.

use super::{Caller, series};
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::ids::SeriesId;
use serde::Deserialize;

/// Why.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Input {
    /// Why; may be empty.
    pub reason: String,
}

/// Ends it.
///
/// # Errors
/// No right in its team; a series that was ended before.
pub async fn end_series(engine: &Engine, caller: &Caller, id: SeriesId, input: &Input) -> Result<()> {
    let (reason, caller) = (series::reason(&input.reason)?, caller.clone());
    transaction::run(engine.pool(), "end_series", move |db| {
        let (reason, caller) = (reason.clone(), caller.clone());
        Box::pin(async move {
            let (of, permit, by) = series::lock(db, &caller, id).await?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let fact = NewFact::done("series.end", "series", id).of_team(of.team).with("reason", reason.clone());
            let fact = ledger.fact(fact).await?;
            store::series::end(ledger.db(), id, by, &reason, fact.at()).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
