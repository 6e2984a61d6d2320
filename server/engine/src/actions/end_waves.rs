//! Ends a window of several databases before its next wave: that did not begin in time. What was done before is validated, and what is not
//! started any more is named.

use super::audience;
use crate::error::Result;
use crate::ledger::{FactRef, Ledger, Settled};
use crate::store::{self, windows::Window};
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::fact::NewFact;
use domain::ids::{TargetId, WindowId};
use domain::lanes::next_wave;
use domain::notice::NoticeKind;
use domain::permission::Permit;
use domain::plan::Plan;
use domain::window::{Ending, WindowState};
use serde_json::{Map, Value};
use sqlx::PgPool;

/// Ends the waves from `wave` on. The scheduler calls it; a window that moved on meanwhile is left alone.
pub async fn end_waves(pool: &PgPool, permit: &Permit, window: WindowId, wave: u32, reason: &str) -> Result<()> {
    let (permit, reason) = (permit.clone(), reason.to_owned());
    transaction::run(pool, "end_waves", move |db| {
        let (permit, reason) = (permit.clone(), reason.clone());
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, "scheduler");
            let (state, revision) = ledger.lock_window(window).await?;
            let lanes = store::lanes::states(&store::lanes::of(ledger.db(), window, revision).await?);
            if state != WindowState::Running || next_wave(&lanes) != Some(wave) {
                return Ok(());
            }
            let window = store::windows::load(ledger.db(), window).await?;
            let lost: Vec<_> = lanes.iter().filter(|lane| lane.wave >= wave).map(|lane| lane.target).collect();
            ledger.end_waves(&window, &lost, &reason).await?;
            let fact = NewFact::done("window.work_over", "window", window.id)
                .of_window(window.id)
                .of_team(window.team)
                .with("reason", reason.clone());
            let fact = ledger.fact(fact).await?;
            let settled = ledger.settle(&window, Some(&reason), fact).await?;
            tell_of_end(&mut ledger, &window, &window.plan()?, &settled, (&reason, None), fact).await
        })
    })
    .await?;
    wake(pool, &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}

/// Databases that wait for their wave do not begin any more. Where nothing else is under way, that is the end of the window's work.
pub(super) async fn leave_out(ledger: &mut Ledger<'_>, window: &Window, waiting: &[TargetId], why: &str) -> Result<()> {
    let fact = ledger.end_waves(window, waiting, why).await?;
    let settled = ledger.settle(window, Some(why), fact).await?;
    tell_of_end(ledger, window, &window.plan()?, &settled, (why, None), fact).await
}

/// Tells of the end of a window's work, where it has come to it: to validate what was done, or that it failed. What went wrong on which
/// database is in the message.
pub(crate) async fn tell_of_end(
    ledger: &mut Ledger<'_>,
    window: &Window,
    plan: &Plan,
    settled: &Settled,
    (reason, ending): (&str, Option<Ending>),
    fact: FactRef,
) -> Result<()> {
    let kind = match settled.state {
        WindowState::Validating if settled.moved() => NoticeKind::Validating,
        WindowState::Failed | WindowState::RolledBack if settled.moved() => NoticeKind::Failed,
        _ => return Ok(()),
    };
    let mut payload = Map::from_iter([("reason".to_owned(), Value::from(reason))]);
    if let Some(ending) = ending {
        payload.insert("ending".to_owned(), ending.word().into());
    }
    let failures = settled.failures();
    if !failures.is_empty() {
        payload.insert("failures".to_owned(), failures.into());
    }
    audience::tell(ledger, window, plan, kind, payload, fact).await.map(drop)
}
