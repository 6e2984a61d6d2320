//! Opens the run of an approved window: by the schedule, or by an engineer between start and latest start. A worker takes it then,
//! and the window is “running” only once its pre-checks are green.

use super::start_gate::{Asked, ask};
use super::{Caller, hide};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::gate::StartPath;
use domain::ids::{RunId, WindowId};
use domain::permission::{Permit, Verb, authorize};
use sqlx::PgPool;

/// What was typed to start now.
#[derive(Debug, Clone, Default, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct Input {
    /// The database's short name, typed as confirmation.
    pub short_name: String,
}

/// Starts an approved window now. Refused before its start and after its latest start, without the quorum of today, without a young
/// backup on record, and while another run keeps the database.
pub async fn start_now(engine: &Engine, caller: &Caller, number: i64, input: &Input) -> Result<RunId> {
    let (caller, input) = (caller.clone(), input.clone());
    let run = transaction::run(engine.pool(), "open_run", move |db| {
        let (caller, input) = (caller.clone(), input.clone());
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            let permit =
                authorize(&caller.actor, Verb::StartRun, Some(window.team)).map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
            let plan = window.plan()?;
            let expected = &plan.target().short_name;
            if !input.short_name.trim().eq_ignore_ascii_case(expected) {
                return Err(Error::field("short_name", format!("Type the short name of the database to confirm: {expected}")));
            }
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            open(&mut ledger, window.id, StartPath::ByHand, "started by hand").await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Sealer]).await;
    Ok(run)
}

/// Opens a due run. The scheduler calls it; a closed gate is its refusal.
pub async fn open_due_run(pool: &PgPool, permit: &Permit, window: WindowId, reason: &str) -> Result<RunId> {
    let (permit, reason) = (permit.clone(), reason.to_owned());
    let run = transaction::run(pool, "open_run", move |db| {
        let (permit, reason) = (permit.clone(), reason.clone());
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, "scheduler");
            open(&mut ledger, window, StartPath::Schedule, &reason).await
        })
    })
    .await?;
    wake(pool, &[Wake::Runner, Wake::Sealer]).await;
    Ok(run)
}

async fn open(ledger: &mut Ledger<'_>, id: WindowId, path: StartPath, reason: &str) -> Result<RunId> {
    ledger.lock_window(id).await?;
    let answer = ask(ledger, id, Asked::before_the_run(path)).await?.into_open()?;
    let by = ledger.permit().person();
    let fact = NewFact::done("run.open", "window", id)
        .of_window(id)
        .of_team(answer.window.team)
        .with("target", answer.window.target.to_string())
        .with("revision", answer.window.revision)
        .with("plan_digest", answer.window.digest.hex())
        .with("reason", reason);
    let fact = ledger.fact(fact).await?;
    ledger.open_run(id, answer.window.revision, answer.window.digest, by, fact).await
}
