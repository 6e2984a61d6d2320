//! Asks a worker about a database: a connection test, a preview, a probe. The same open question is asked once.

use super::{Caller, scope};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction};
use domain::decision::Refusal;
use domain::examination::Question;
use domain::fact::NewFact;
use domain::ids::{ExaminationId, TargetId, TeamId};
use domain::permission::Verb;
use domain::target::TargetState;
use serde_json::{Value, json};

/// Asks, and gives the question's identity; a page waits for it.
///
/// # Errors
/// No right in that team; a retired database; a preview or probe before any connection test has passed.
pub async fn ask_examination(engine: &Engine, caller: &Caller, id: TargetId, question: Question) -> Result<ExaminationId> {
    // A change of password has rules of its own.
    if question == Question::PasswordRotation {
        return super::rotate_password::rotate_password(engine, caller, id).await;
    }
    let verb = match question {
        Question::Preview { .. } => Verb::ProposeWindow,
        Question::BackupProof => Verb::RecordBackup,
        _ => Verb::ExamineTarget,
    };
    let (target, permit) = scope::target(engine, caller, id, verb).await?;
    match (target.state, &question) {
        (TargetState::Retired | TargetState::Deleted, _) => domain::target::in_use(target.state)?,
        (TargetState::Unverified, Question::Preview { .. } | Question::Probe { .. } | Question::BackupProof) => {
            return Err(Refusal::new(
                "not_ready",
                "No connection test of this database has passed yet.",
                "Open the database's page, look at what the test says and run it again.",
            )
            .into());
        }
        _ => {}
    }
    let request = caller.request.clone();
    let asked = transaction::run(engine.pool(), "ask_examination", move |db| {
        let (permit, request, question) = (permit.clone(), request.clone(), question.clone());
        Box::pin(async move {
            store::targets::lock(db, id).await?;
            if question == Question::BackupProof && !store::secrets::proves_backups(db, HEARD_WITHIN_S).await? {
                return Err(nobody_proves().into());
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            apply(&mut ledger, id, target.team, &question).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Examiner, Wake::Sealer]).await;
    Ok(asked)
}

/// A worker that was heard of within a minute may be busy, and is there.
const HEARD_WITHIN_S: f64 = 60.0;

fn nobody_proves() -> Refusal {
    Refusal::new(
        "nobody_proves",
        "No worker that runs has a folder of backups.",
        "Start a worker with DRYDOCK_BACKUPS_DIR: the folder that holds one folder for each database, by its short name.",
    )
}

/// The same inside another action's transaction; the caller wakes the examiner after the commit.
pub(super) async fn apply(ledger: &mut Ledger<'_>, id: TargetId, team: TeamId, question: &Question) -> Result<ExaminationId> {
    let (kind, window, parameters) = (question.kind(), question.window(), parameters(question)?);
    if let Some(open) = store::examinations::open_like(ledger.db(), id, kind, window, &parameters).await? {
        return Ok(open);
    }
    let asked: ExaminationId = clock::new_id();
    let by = ledger.permit().person();
    store::examinations::insert(ledger.db(), asked, id, window, kind, &parameters, by).await?;
    let mut fact = NewFact::done("target.ask", "target", id).of_team(team).with("kind", kind.word()).with("examination", asked.to_string());
    if let Some(window) = window {
        fact = fact.of_window(window);
    }
    ledger.fact(fact).await?;
    Ok(asked)
}

fn parameters(question: &Question) -> Result<Value> {
    match question {
        Question::ConnectionTest | Question::Probe { .. } | Question::PasswordRotation | Question::BackupProof => Ok(json!({})),
        Question::Preview { question, .. } => serde_json::to_value(question).map_err(Error::internal),
    }
}
