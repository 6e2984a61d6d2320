//! Says afterwards whether a break-glass had to be: by somebody who had no part in it.

use super::{Caller, hide};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::glass::{ReviewForm, may_review};
use domain::ids::GlassId;
use domain::permission::{Verb, authorize};

/// Writes the review. Refused: no right; one of the two, or who wrote a revision; a break-glass that was reviewed already, or never confirmed;
/// fields.
pub async fn review_break_glass(engine: &Engine, caller: &Caller, number: i64, glass: GlassId, form: &ReviewForm) -> Result<()> {
    let (caller, form) = (caller.clone(), form.clone());
    transaction::run(engine.pool(), "review_break_glass", move |db| {
        let (caller, form) = (caller.clone(), form.clone());
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            let permit = authorize(&caller.actor, Verb::ReviewBreakGlass, Some(window.team))
                .map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
            let by = permit.person().ok_or_else(|| Error::internal("a break-glass is reviewed by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            ledger.lock_window(window.id).await?;
            let broken =
                store::glass::of(ledger.db(), window.id).await?.into_iter().find(|known| known.id == glass && known.confirmed.is_some());
            let broken = broken.ok_or_else(nothing_broken)?;
            let contributors = store::windows::contributors(ledger.db(), window.id).await?;
            may_review(&caller.actor, window.team, &broken, &contributors)?;
            let (justified, outcome) = form.parse()?;
            store::glass::review(ledger.db(), glass, justified, &outcome, by).await?;
            let fact = NewFact::done("window.review_break_glass", "window", window.id)
                .of_window(window.id)
                .of_team(window.team)
                .with("digest", broken.digest.hex())
                .with("verdict", if justified { "justified" } else { "not_justified" })
                .with("outcome", outcome);
            ledger.fact(fact).await.map(drop)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}

fn nothing_broken() -> Refusal {
    Refusal::new("not_broken", "This window has no such break-glass.", "Look at its page.")
}
