//! Ends a pause: approved windows start again at their times. What was held meanwhile waits for a decision of its own.

use super::{Caller, audience};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::notice::NoticeKind;
use domain::pause::may_resume;
use domain::people;
use serde_json::Map;

/// Resumes, with a reason.
///
/// # Errors
/// Somebody else paused, and the caller is no administrator; no pause lasts; a missing reason.
pub async fn resume_all(engine: &Engine, caller: &Caller, reason: &str) -> Result<()> {
    let (caller, reason) = (caller.clone(), reason.to_owned());
    transaction::run(engine.pool(), "resume_all", move |db| {
        let (caller, reason) = (caller.clone(), reason.clone());
        Box::pin(async move {
            let Some((id, _, paused_by)) = store::pauses::lock_open(db).await? else {
                return Err(Refusal::new("not_paused", "Nothing is paused: somebody resumed before.", "").into());
            };
            let permit = may_resume(&caller.actor, paused_by)?;
            let by = permit.person().ok_or_else(|| Error::internal("a pause is ended by a person"))?;
            let reason = people::text("reason", &reason, 1, 2000).map_err(|error| vec![error])?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let fact = ledger.fact(NewFact::done("pause.end", "pause", id).with("reason", reason.clone())).await?;
            if !store::pauses::end(ledger.db(), id, by, &reason, fact.at()).await? {
                return Err(Refusal::new("not_paused", "Nothing is paused: somebody resumed before.", "").into());
            }
            audience::tell_heads(&mut ledger, NoticeKind::Resumed, Map::from_iter([("pause".to_owned(), id.to_string().into())]), fact)
                .await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}
