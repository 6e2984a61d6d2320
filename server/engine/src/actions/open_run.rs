//! Opens the run of an approved window: by the schedule, or by an engineer between start and latest start. A worker takes it then,
//! and the window is “running” only once its pre-checks are green. Of several databases those of the first wave are opened together.

use super::start_gate::{Answer, Asked, ask};
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
    let runs = open_asked(ledger, &answer, 1, reason).await?;
    runs.first().copied().ok_or_else(|| Error::internal("a wave without a run"))
}

/// Opens the runs of a wave that the gate let pass; [`super::open_wave`] shares it.
pub(super) async fn open_asked(ledger: &mut Ledger<'_>, answer: &Answer, wave: u32, reason: &str) -> Result<Vec<RunId>> {
    let Answer { window, plan, .. } = answer;
    let by = ledger.permit().person();
    let mut fact = NewFact::done("run.open", "window", window.id).of_window(window.id).of_team(window.team);
    fact = if plan.is_many() {
        let opened = plan.targets.iter().filter(|target| plan.wave_of(target.id) == wave);
        fact.with("wave", wave).with("targets", opened.map(|target| target.id.to_string()).collect::<Vec<_>>())
    } else {
        fact.with("target", window.target.to_string())
    };
    let fact = fact.with("revision", window.revision).with("plan_digest", window.digest.hex()).with("reason", reason);
    let fact = ledger.fact(fact).await?;
    ledger.open_runs(window.id, window.revision, window.digest, wave, by, fact).await
}
