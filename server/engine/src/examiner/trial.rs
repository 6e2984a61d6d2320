//! Tries a change of design on an empty copy where the registration allows it, and clears away what dead workers left of that.

use crate::error::Result;
use crate::store::examinations::{self, Claimed};
use crate::store::targets::Target;
use crate::target::connect::Dialer;
use crate::target::copy::{self, Asked};
use crate::transaction;
use crate::worker::{WorkerContext, address};
use domain::change::Script;
use domain::change::trial::{Obstacle, Trial, is_of_design};
use domain::examination::PreviewQuestion;
use domain::ids::TargetId;
use std::time::Duration;

/// A look at one server for what was left there.
const SWEEP_WITHIN: Duration = Duration::from_mins(1);

/// What came of it; nothing for what is no change of design. In a task of its own: whoever waits for the answer may give up, and the copy is
/// dropped all the same.
pub(super) async fn on_copy(
    context: &WorkerContext,
    claimed: &Claimed,
    target: &Target,
    dialer: &Dialer,
    question: &PreviewQuestion,
) -> Result<Option<Trial>> {
    if !is_of_design(&question.procedure, &question.scripts) {
        return Ok(None);
    }
    if !target.registration.trial_copy {
        return Ok(Some(Trial::not_tried(Obstacle::Off)));
    }
    let recorded = recorded(context, target.id).await?;
    let (dialer, context, id) = (dialer.beside(&dialer.address().database), context.clone(), claimed.id.0);
    let (forth, back): (Vec<Script>, Vec<Script>) = (question.scripts.clone(), question.back.clone());
    let task = context.tasks.clone().spawn(async move {
        let asked = Asked {
            id,
            forth: &forth,
            back: &back,
            folders: &context.config.program_folders,
            work: &context.config.data_dir,
            recorded: &recorded,
        };
        let trial = copy::attempt(&dialer, &asked, &context.stop).await;
        tracing::info!(examination = %id, outcome = trial.sentence(), "a change was tried on a copy, or not");
        trial
    });
    let broke = |error: tokio::task::JoinError| Trial::not_tried(Obstacle::Broke { said: format!("the trial broke off ({error})") });
    Ok(Some(task.await.unwrap_or_else(broke)))
}

/// Names of copies of a database whose questions are over.
async fn recorded(context: &WorkerContext, target: TargetId) -> Result<Vec<String>> {
    let ids =
        transaction::read(&context.pool, "trials_over", move |db| Box::pin(async move { examinations::trials_over(db, target).await }))
            .await?;
    Ok(ids.into_iter().map(|id| copy::name(id.0)).collect())
}

/// Clears away what was left by workers that died over a trial. Databases where that happened are looked at once, when a worker starts.
pub(super) async fn sweep(context: WorkerContext) {
    let targets = transaction::read(&context.pool, "trials_left", |db| Box::pin(async move { examinations::trials_left(db).await }));
    let targets = match targets.await {
        Ok(targets) => targets,
        Err(error) => return tracing::warn!(%error, "left-over copies were not looked for"),
    };
    for target in targets {
        let swept = tokio::select! {
            swept = tokio::time::timeout(SWEEP_WITHIN, sweep_one(&context, target)) => swept,
            () = context.stop.cancelled() => return,
        };
        match swept {
            Ok(Ok(0)) => {}
            Ok(Ok(copies)) => tracing::info!(%target, copies, "left-over copies were dropped"),
            Ok(Err(error)) => tracing::warn!(%target, error, "left-over copies were not dropped"),
            Err(_) => tracing::warn!(%target, "left-over copies were not dropped in time"),
        }
    }
}

async fn sweep_one(context: &WorkerContext, target: TargetId) -> std::result::Result<usize, String> {
    let said = |error: crate::error::Error| error.to_string();
    let (_, address) = address(context, target).await.map_err(said)?;
    let dialer = Dialer::new(address).await.map_err(|error| error.to_string())?;
    copy::sweep(&dialer, &recorded(context, target).await.map_err(said)?).await
}
