//! Verifies the trail for a page: all of it while it is small, else its newest part, within seconds. The result is a fact.

use super::Caller;
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::store::seals;
use crate::trail::report::Report;
use crate::trail::verify::{Known, Scope, verify};
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::fact::NewFact;
use domain::permission::{Verb, authorize};

/// Facts that a page's verification looks at: more would keep the person waiting and the process busy. The command looks at all.
pub const MOST_FACTS: i64 = 20_000;

/// Verifies what fits. What does not agree is in the report, not an error.
pub async fn verify_trail(engine: &Engine, caller: &Caller) -> Result<Report> {
    let permit = authorize(&caller.actor, Verb::SeeTrail, None)?;
    let report = transaction::read(engine.pool(), "verify_trail", |db| {
        Box::pin(async move {
            let fits = seals::newest_within(db, MOST_FACTS).await?;
            let whole = seals::newest(db).await?.is_none_or(|newest| newest.n <= fits);
            verify(db, &Known::nothing(), if whole { Scope::Whole } else { Scope::Newest(fits.max(1)) }).await
        })
    })
    .await?;
    let fact = NewFact::done("trail.verify", "trail", "trail")
        .with("result", if report.flaw.is_some() { "tampered" } else { "sound" })
        .with("from_batch", report.from)
        .with("batches", report.batches)
        .with("facts", report.facts)
        .with("flaw", report.flaw.as_ref().map(ToString::to_string));
    let request = caller.request.clone();
    transaction::run(engine.pool(), "verify_trail_fact", move |db| {
        let (permit, request, fact) = (permit.clone(), request.clone(), fact.clone());
        Box::pin(async move { Ledger::open(db, &permit, &request).fact(fact).await.map(drop) })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(report)
}
