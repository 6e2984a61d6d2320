//! Makes a series of windows, once somebody has seen its dates.

pub use super::series::Step;

use super::{Caller, series};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction};
use domain::fact::NewFact;
use domain::ids::SeriesId;
use domain::permission::{Verb, authorize};
use domain::series::form::SeriesForm;

/// Makes it, if `seen` says that its dates were looked at as they are now.
///
/// # Errors
/// Fields, all at once; a database that is not ready or not the team's; no date that is still to come.
pub async fn make_series(engine: &Engine, caller: &Caller, form: &SeriesForm, seen: &str) -> Result<Step> {
    let (caller, form, seen) = (caller.clone(), form.clone(), seen.to_owned());
    let step = transaction::run(engine.pool(), "make_series", move |db| {
        let (caller, form, seen) = (caller.clone(), form.clone(), seen.clone());
        Box::pin(async move {
            let read = series::read(db, &caller.actor, &form).await?;
            let team = read.target.plan.team;
            let permit =
                authorize(&caller.actor, Verb::ProposeWindow, Some(team)).map_err(|refusal| super::hide(&caller.actor, team, refusal))?;
            let by = permit.person().ok_or_else(|| Error::internal("a series is made by a person"))?;
            if read.seen != seen {
                return Ok(Step::Look);
            }
            let id: SeriesId = clock::new_id();
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            store::series::insert(ledger.db(), id, team, read.target.plan.id, by, &read.saved).await?;
            let fact = NewFact::done("series.make", "series", id)
                .of_team(team)
                .with("target", read.target.plan.id.to_string())
                .with("title", read.saved.title.clone())
                .with("rule", read.saved.schedule.rule.to_string())
                .with("starts_at", read.saved.schedule.start.to_string())
                .with("zone", read.saved.zone.clone())
                .with("lead_days", read.saved.lead_days);
            ledger.fact(fact).await?;
            Ok(Step::Saved(id))
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Sealer]).await;
    Ok(step)
}
