//! Asks the second group of a policy, when the quorum does not stand in time.

use super::{audience, cast_vote::standing};
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::ids::WindowId;
use domain::permission::Permit;
use domain::window::WindowState;
use serde_json::Map;
use sqlx::PgPool;

/// Asks those of the stage whose turn it is, once a revision. The scheduler calls it; a window that moved on meanwhile is left alone.
pub async fn escalate_window(pool: &PgPool, permit: &Permit, window: WindowId, reason: &str) -> Result<()> {
    let (permit, reason) = (permit.clone(), reason.to_owned());
    transaction::run(pool, "escalate_window", move |db| {
        let (permit, reason) = (permit.clone(), reason.clone());
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, "scheduler");
            let (state, _) = ledger.lock_window(window).await?;
            if state != WindowState::Proposed {
                return Ok(());
            }
            let Some(stage) = ledger.escalated(window).await? else { return Ok(()) };
            let window = store::windows::load(ledger.db(), window).await?;
            let plan = window.plan()?;
            let second = plan.as_sealed(&window.escalated).second(stage);
            let asked = standing(ledger.db(), &window, &plan).await?.waiting_for().intersection(&second).copied().collect();
            let fact = NewFact::done("window.escalate", "window", window.id)
                .of_window(window.id)
                .of_team(window.team)
                .with("digest", window.digest.hex())
                .with("stage", stage + 1)
                .with("reason", reason.clone());
            let fact = ledger.fact(fact).await?;
            audience::ask(&mut ledger, &window, &plan, asked, Map::new(), fact).await?;
            Ok(())
        })
    })
    .await?;
    wake(pool, &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}
