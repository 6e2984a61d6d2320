//! Asks a worker to measure a window that is being validated once more.

use super::{Caller, ask_examination, hide};
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::examination::Question;
use domain::ids::ExaminationId;
use domain::permission::{Verb, authorize};
use domain::window::WindowState;

/// Asks, and gives the question's identity. The answer goes into the validation list; what a person accepted stays accepted.
pub async fn probe_again(engine: &Engine, caller: &Caller, number: i64) -> Result<ExaminationId> {
    let caller = caller.clone();
    let asked = transaction::run(engine.pool(), "probe_again", move |db| {
        let caller = caller.clone();
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            let permit =
                authorize(&caller.actor, Verb::TickItem, Some(window.team)).map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let (state, _) = ledger.lock_window(window.id).await?;
            if state != WindowState::Validating {
                return Err(Refusal::new("moved_on", format!("This window is “{}”: it is not being validated.", state.label()), "").into());
            }
            ask_examination::apply(&mut ledger, window.target, window.team, &Question::Probe { window: Some(window.id) }).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Examiner, Wake::Sealer]).await;
    Ok(asked)
}
