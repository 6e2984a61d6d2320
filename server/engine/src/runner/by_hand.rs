//! Steps by hand: the run holds before what comes after one, until somebody says that it is done.

use super::dispatcher::Work;
use super::{Halt, Step, fail_point};
use crate::store;
use domain::hold::{HoldCause, HoldVerb};
use domain::procedure::StepTemplate;

/// Holds where a person has something to do before the step with this key begins, or before the end.
pub(super) async fn holds(work: &Work, before: Option<&str>) -> Step<()> {
    let own = work.plan.procedure.own.as_deref();
    let Some(procedure) = own.filter(|procedure| procedure.by_hand().next().is_some()) else { return Ok(()) };
    let mut db = work.hand.context.pool.acquire().await?;
    let done = store::by_hand::done(&mut db, work.run.id).await?;
    drop(db);
    let Some(step) = procedure.next_by_hand(before, &done) else { return Ok(()) };
    let (tenure, key) = (work.hand.tenure, step.key.clone());
    let asked = work.hand.write("ask_by_hand", move |ledger| {
        let key = key.clone();
        Box::pin(async move { ledger.ask_by_hand(tenure, &key).await })
    });
    asked.await?;
    fail_point("after_ask_by_hand");
    Err(Halt::Hold(HoldCause::ByHand, said(step)))
}

fn said(step: &StepTemplate) -> String {
    format!(
        "Nothing is wrong: the step “{}” is done by a person. {} When it is done, choose “{}” and say what you saw.",
        step.name,
        step.does,
        HoldVerb::Continue.label()
    )
}
