//! Proposes a window: seals its plan and asks everybody whose vote the policy wants.

use super::{Caller, new_window, seal_revision};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::ids::{ExaminationId, WindowId};
use domain::permission::{Verb, authorize};
use domain::proposal::ProposalForm;

/// A window that was proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposed {
    /// Identity.
    pub id: WindowId,
    /// What people say.
    pub number: i64,
    /// People asked for their decision; nobody where the policy approves the class beforehand.
    pub asked: usize,
    /// The policy approved it beforehand.
    pub approved: bool,
}

/// Proposes a window. Refused: fields (all at once), a database that is not ready or not the team's, an overlap with a live window,
/// a policy that nobody could satisfy.
pub async fn propose_window(engine: &Engine, caller: &Caller, form: &ProposalForm, preview: Option<ExaminationId>) -> Result<Proposed> {
    let (engine_of_work, caller, form) = (engine.clone(), caller.clone(), form.clone());
    let proposed = transaction::run(engine.pool(), "propose_window", move |db| {
        let (engine, caller, form) = (engine_of_work.clone(), caller.clone(), form.clone());
        Box::pin(async move {
            let draft = seal_revision::read(&engine, db, &caller.actor, &form, seal_revision::Found::Look(preview)).await?;
            let team = draft.target.plan.team;
            let permit =
                authorize(&caller.actor, Verb::ProposeWindow, Some(team)).map_err(|refusal| super::hide(&caller.actor, team, refusal))?;
            // A freeze that is made at this moment waits, and tells this window's owner.
            store::freezes::hold_off(db).await?;
            draft.check(db, None).await?;
            let by = permit.person().ok_or_else(|| Error::internal("a window is proposed by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            new_window::write(&mut ledger, &draft, by).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(proposed)
}
