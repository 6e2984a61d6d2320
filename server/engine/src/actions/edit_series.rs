//! Changes a series for the dates that have no window yet. Whoever saves it answers for it from then on, and counts as one who wrote it.

use super::series::{self, Step};
use super::{Caller, scope};
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::ids::SeriesId;
use domain::series::form::SeriesForm;
use domain::view::windows::propose::form_changes;
use serde_json::{Map, Value, json};

/// Saves it anew, if `seen` says that its dates were looked at as they are now.
///
/// # Errors
/// As [`super::make_series::make_series`]; somebody who saved it since revision `revision`; a series that was ended.
pub async fn edit_series(engine: &Engine, caller: &Caller, id: SeriesId, revision: i32, form: &SeriesForm, seen: &str) -> Result<Step> {
    let (caller, form, seen) = (caller.clone(), form.clone(), seen.to_owned());
    let step = transaction::run(engine.pool(), "edit_series", move |db| {
        let (caller, mut form, seen) = (caller.clone(), form.clone(), seen.clone());
        Box::pin(async move {
            let (before, permit, by) = series::lock(db, &caller, id).await?;
            // First of all: whoever typed over another's change learns that, and not what is wrong with a form of yesterday.
            if before.revision != revision {
                return Err(scope::changed_meanwhile("series"));
            }
            form.proposal.target.clone_from(&before.database);
            let read = series::read(db, &caller.actor, &form).await?;
            if read.target.plan.id != before.target {
                return Err(scope::changed_meanwhile("series"));
            }
            if read.seen != seen {
                return Ok(Step::Look);
            }
            let mut changed: Map<String, Value> = form_changes(&before.form_today().proposal, &form.proposal)
                .into_iter()
                .map(|change| (change.place, json!({"before": change.before, "after": change.after})))
                .collect();
            for (name, old, new) in [
                ("rule", before.schedule.rule.to_string(), read.saved.schedule.rule.to_string()),
                ("zone", before.zone.clone(), read.saved.zone.clone()),
                ("lead days", before.lead_days.to_string(), read.saved.lead_days.to_string()),
                ("author", before.author.to_string(), by.to_string()),
            ] {
                if old != new {
                    changed.insert(name.to_owned(), json!({"before": old, "after": new}));
                }
            }
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            if !store::series::update(ledger.db(), id, revision, by, &read.saved).await? {
                return Err(scope::changed_meanwhile("series"));
            }
            let fact =
                NewFact::done("series.edit", "series", id).of_team(before.team).with("revision", revision + 1).with("changed", changed);
            ledger.fact(fact).await?;
            Ok(Step::Saved(id))
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Sealer]).await;
    Ok(step)
}
