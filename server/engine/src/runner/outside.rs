//! Steps outside the database: before what comes after one the run holds for a person, or calls another program, until it is done.

use super::dispatcher::Work;
use super::{Halt, Step, calling, fail_point};
use crate::actions::start_gate::{Asked, look};
use crate::store::{self, run_calls::Calls};
use domain::decision::Refusal;
use domain::gate::{CUT_OFF, StartPath, together};
use domain::hold::{HoldCause, HoldVerb};
use domain::procedure::{Procedure, StepTemplate};
use std::collections::BTreeSet;

/// Its procedure, where that has such steps.
fn procedure(work: &Work) -> Option<&Procedure> {
    work.plan.procedure.own.as_deref().filter(|procedure| procedure.outside().next().is_some())
}

/// Its calls: which were begun, and which are over.
async fn calls(work: &Work) -> Step<Calls> {
    let mut db = work.hand.context.pool.acquire().await?;
    Ok(store::run_calls::calls(&mut db, work.run.id).await?)
}

/// Keys of those that are done.
async fn done(work: &Work) -> Step<BTreeSet<String>> {
    let mut db = work.hand.context.pool.acquire().await?;
    Ok(store::by_hand::done(&mut db, work.run.id).await?)
}

/// Holds where a person has something to do before the step with this key begins, or before the end, and calls whom it is to call there.
/// Nobody is asked for what would be in vain: while nothing may begin the run holds for that, and after the cut-off only what was begun outside
/// is brought to its end.
///
/// At the end, where a part of a text `stopped` what comes after it or nothing may begin, nobody is called but to take back what was begun.
pub(super) async fn holds(work: &Work, before: Option<&str>, stopped: bool) -> Step<()> {
    let Some(procedure) = procedure(work) else { return Ok(()) };
    let mut done = done(work).await?;
    while let Some(step) = procedure.next_outside(before, &done) {
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
        let Some(call) = procedure.call(&step.key) else { return ask(work, step).await };
        let asked = calls(work).await?.asked;
        let takes_back = call.closes.as_ref().is_some_and(|opens| asked.contains(opens));
        if before.is_none() && (stopped || late || !closed.is_empty()) && !takes_back {
            done.insert(step.key.clone());
            continue;
        }
        if work.lease.stop_asked() {
            return Ok(());
        }
        if let Err(no) = calling::call(work, call).await? {
            if work.lease.stop_asked() {
                return Ok(());
            }
            return Err(Halt::Hold(HoldCause::Unanswered, no.said(call)));
        }
        done.insert(step.key.clone());
    }
    Ok(())
}

/// Puts on record that a person is asked for this step, and holds.
async fn ask(work: &Work, step: &StepTemplate) -> Step<()> {
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

/// Makes the calls that take back what was begun, if any are left. Gives a sentence for each that nobody answered.
pub(super) async fn close(work: &Work) -> Step<Vec<String>> {
    match procedure(work) {
        Some(procedure) => calling::close(work, procedure).await,
        None => Ok(vec![]),
    }
}

/// What a run leaves that ends between its steps outside the database, as a sentence beside its end; empty where all or none of them were done.
/// What was begun and has a call that takes it back has that made first, however the run ends.
pub(super) async fn left(work: &Work) -> Step<String> {
    let Some(procedure) = procedure(work) else { return Ok(String::new()) };
    let unclosed = close(work).await?;
    let keys = done(work).await?;
    let (done, open): (Vec<&StepTemplate>, Vec<&StepTemplate>) = procedure.outside().partition(|step| keys.contains(&step.key));
    let names = |steps: &[&StepTemplate]| steps.iter().map(|step| format!("“{}”", step.name)).collect::<Vec<_>>().join(", ");
    let mut said = unclosed.iter().map(|sentence| format!(" {sentence}")).collect::<String>();
    let asked = calls(work).await?.asked;
    let closed =
        |step: &StepTemplate| procedure.calls().iter().any(|call| call.closes.as_ref() == Some(&step.key) && keys.contains(&call.key));
    let closes = |step: &StepTemplate| procedure.call(&step.key).is_some_and(|call| call.closes.is_some());
    let (unknown, open): (Vec<&StepTemplate>, Vec<&StepTemplate>) = open.into_iter().partition(|step| asked.contains(&step.key));
    for step in unknown.iter().filter(|step| !closed(step) && !closes(step)) {
        said.push_str(&format!(" “{}” was called for and may have had its effect. By hand: {}", step.name, step.rollback));
    }
    if done.is_empty() || open.is_empty() {
        return Ok(said);
    }
    said.push_str(&format!(" Done outside the database: {}; not done: {}.", names(&done), names(&open)));
    let back: Vec<String> =
        done.iter().filter(|step| !closed(step) && !closes(step)).map(|step| format!("“{}”: {}", step.name, step.rollback)).collect();
    if !back.is_empty() {
        said.push_str(&format!(" How the first is taken back: {}", back.join(" ")));
    }
    Ok(said)
}
