//! Asks a worker what a proposal would do now, before anything is sealed: of several databases about each. The typed form is kept with the question.

use super::seal_revision::{self, Draft};
use super::{Caller, amend_window::editable, ask_examination::ask_examination, hide};
use crate::engine::Engine;
use crate::error::Result;
use crate::{store, transaction};
use domain::change::Change;
use domain::examination::{PreviewQuestion, Question};
use domain::ids::{ExaminationId, WindowId};
use domain::permission::{Verb, authorize};
use domain::proposal::ProposalForm;
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// Checks the form as sealing would, and asks. `edits` is the number of the window that a new revision is for.
///
/// Refused: a window that runs or is over, fields (all at once), a database that is not ready or not the team's, an overlap with a live window.
pub async fn preview_proposal(engine: &Engine, caller: &Caller, form: &ProposalForm, edits: Option<i64>) -> Result<ExaminationId> {
    let (engine_of_work, of_caller, typed) = (engine.clone(), caller.clone(), form.clone());
    let draft = transaction::read(engine.pool(), "preview_proposal", move |db| {
        let (engine, caller, form) = (engine_of_work.clone(), of_caller.clone(), typed.clone());
        Box::pin(async move {
            let edited = match edits {
                Some(number) => Some(edited(db, &caller, number).await?),
                None => None,
            };
            let draft = seal_revision::read(&engine, db, &caller.actor, &form, seal_revision::Found::Look(None)).await?;
            let team = draft.target.plan.team;
            authorize(&caller.actor, Verb::ProposeWindow, Some(team)).map_err(|refusal| hide(&caller.actor, team, refusal))?;
            draft.check(db, edited).await?;
            draft.check_rehearsal(db).await?;
            Ok(draft)
        })
    })
    .await?;
    let budget_ms = budget_ms(&draft);
    let more = draft.more;
    let mut question = PreviewQuestion {
        procedure: draft.proposal.procedure.key.clone(),
        own: draft.proposal.procedure.is_own().then(|| Box::new(draft.proposal.procedure)),
        parameters: draft.proposal.parameters,
        excluded: draft.proposal.excluded,
        budget_ms,
        scripts: draft.proposal.change.as_ref().map(Change::scripts).unwrap_or_default(),
        back: draft.proposal.change.as_ref().map(Change::back_scripts).unwrap_or_default(),
        keep_out: draft.proposal.change.as_ref().and_then(|change| change.keep_out.clone()),
        revision: None,
        form: None,
        also: BTreeMap::new(),
    };
    let mut also = BTreeMap::new();
    for target in more {
        let question = Question::Preview { window: None, question: question.clone() };
        also.insert(target.plan.id, ask_examination(engine, caller, target.plan.id, question).await?);
    }
    (question.form, question.also) = (Some(form.clone()), also);
    ask_examination(engine, caller, draft.target.plan.id, Question::Preview { window: None, question }).await
}

/// Time for the work on one database: all there is but for what people, other programs and accounts are waited for, or of several waves its part of
/// what is left between them.
fn budget_ms(draft: &Draft) -> u64 {
    let all = u64::try_from(draft.times.cut_off.duration_since(draft.times.start).as_millis()).unwrap_or(0);
    let wait_ms = draft.proposal.change.as_ref().map_or(0, Change::wait_ms);
    let all = all.saturating_sub(draft.proposal.procedure.outside_ms()).saturating_sub(wait_ms);
    let Some(several) = &draft.proposal.several else { return all };
    let waves = u64::try_from(several.waves.len()).unwrap_or(u64::MAX).max(1);
    all.saturating_sub((waves - 1).saturating_mul(u64::from(several.soak_min) * 60_000)) / waves
}

/// The window a new revision is for, for those who may write one.
async fn edited(db: &mut PgConnection, caller: &Caller, number: i64) -> Result<WindowId> {
    let window = store::windows::by_number(db, number).await?;
    authorize(&caller.actor, Verb::ProposeWindow, Some(window.team)).map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
    editable(window.state)?;
    Ok(window.id)
}
