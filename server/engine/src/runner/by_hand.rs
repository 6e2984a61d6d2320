//! Steps by hand: the run holds before what comes after one, until somebody says that it is done.

use super::dispatcher::Work;
use super::{Halt, Step, fail_point};
use crate::actions::start_gate::{Asked, look};
use crate::store;
use domain::decision::Refusal;
use domain::gate::{CUT_OFF, StartPath, together};
use domain::hold::{HoldCause, HoldVerb};
use domain::procedure::{Procedure, StepTemplate};
use std::collections::BTreeSet;

/// Its procedure, where that has such steps.
fn procedure(work: &Work) -> Option<&Procedure> {
    work.plan.procedure.own.as_deref().filter(|procedure| procedure.by_hand().next().is_some())
}

async fn done(work: &Work) -> Step<BTreeSet<String>> {
    let mut db = work.hand.context.pool.acquire().await?;
    Ok(store::by_hand::done(&mut db, work.run.id).await?)
}

/// Holds where a person has something to do before the step with this key begins, or before the end. Nobody is asked for what would be in vain:
/// while nothing may begin the run holds for that, and after the cut-off only what was begun by hand is brought to its end.
pub(super) async fn holds(work: &Work, before: Option<&str>) -> Step<()> {
    let Some(procedure) = procedure(work) else { return Ok(()) };
    let done = done(work).await?;
    let Some(step) = procedure.next_by_hand(before, &done) else { return Ok(()) };
    let mut closed = gate(work).await?;
    let late = closed.iter().any(|refusal| refusal.code == CUT_OFF);
    closed.retain(|refusal| refusal.code != CUT_OFF);
    if before.is_some() && !closed.is_empty() {
        return Err(Halt::Hold(HoldCause::Blocked, together(&closed).to_string()));
    }
    // The item that is next is put off, too; and what nobody began needs no end.
    if late && (before.is_some() || done.is_empty()) {
        return Ok(());
    }
    let (tenure, key) = (work.hand.tenure, step.key.clone());
    let asked = work.hand.write("ask_by_hand", move |ledger| {
        let key = key.clone();
        Box::pin(async move { ledger.ask_by_hand(tenure, &key).await })
    });
    asked.await?;
    fail_point("after_ask_by_hand");
    Err(Halt::Hold(HoldCause::ByHand, said(step)))
}

/// What would be in the way of an item now.
async fn gate(work: &Work) -> Step<Vec<Refusal>> {
    let mut db = work.hand.context.pool.acquire().await?;
    let window = store::windows::load(&mut db, work.run.window).await?;
    let asked = Asked { digest: Some(work.run.digest), own: Some(work.run.id), ..Asked::before_the_run(StartPath::Item) };
    Ok(look(&mut db, &window, &work.plan, None, asked).await?)
}

fn said(step: &StepTemplate) -> String {
    format!(
        "Nothing is wrong: the step “{}” is done by a person. {} When it is done, choose “{}” and say what you saw.",
        step.name,
        step.does,
        HoldVerb::Continue.label()
    )
}

/// What a run leaves that ends between its steps by hand, as a sentence beside its end; empty where all or none of them were done.
pub(super) async fn left(work: &Work) -> Step<String> {
    let Some(procedure) = procedure(work) else { return Ok(String::new()) };
    let keys = done(work).await?;
    let (done, open): (Vec<&StepTemplate>, Vec<&StepTemplate>) = procedure.by_hand().partition(|step| keys.contains(&step.key));
    if done.is_empty() || open.is_empty() {
        return Ok(String::new());
    }
    let names = |steps: &[&StepTemplate]| steps.iter().map(|step| format!("“{}”", step.name)).collect::<Vec<_>>().join(", ");
    let back: Vec<String> = done.iter().map(|step| format!("“{}”: {}", step.name, step.rollback)).collect();
    Ok(format!(" Done by hand: {}; not done: {}. How the first is taken back: {}", names(&done), names(&open), back.join(" ")))
}
