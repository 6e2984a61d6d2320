//! Ends of a window before it ran: withdrawn, cancelled, expired, missed.

use super::{Caller, audience};
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::WindowId;
use domain::notice::NoticeKind;
use domain::people;
use domain::permission::{Permit, Verb, authorize};
use domain::window::WindowState;
use serde_json::Map;
use sqlx::PgPool;
use uuid::Uuid;

/// Takes a proposal back, or calls an approved window off; a reason is required. Tells everybody who was told of it.
pub async fn cancel_window(engine: &Engine, caller: &Caller, number: i64, reason: &str) -> Result<WindowState> {
    cancel_seen(engine, caller, number, reason, None).await
}

/// What somebody saw who calls off many at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// The revision in the list: one that was edited since may be about another time.
    pub revision: i32,
    /// What the windows have in common in the trail.
    pub batch: Uuid,
}

/// The same as one of many.
pub(super) async fn cancel_seen(engine: &Engine, caller: &Caller, number: i64, reason: &str, seen: Option<Seen>) -> Result<WindowState> {
    let reason = people::text("reason", reason, 1, 2000).map_err(|error| vec![error])?;
    let caller = caller.clone();
    let state = transaction::run(engine.pool(), "cancel_window", move |db| {
        let (caller, reason) = (caller.clone(), reason.clone());
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            let permit = authorize(&caller.actor, Verb::CancelWindow, Some(window.team))
                .map_err(|refusal| super::hide(&caller.actor, window.team, refusal))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let (state, revision) = ledger.lock_window(window.id).await?;
            if seen.is_some_and(|seen| seen.revision != revision) {
                return Err(Refusal::new(
                    "moved_on",
                    format!("This window was edited meanwhile: it is at revision {revision}."),
                    "Look at it again before you call it off.",
                )
                .into());
            }
            let to = match state {
                WindowState::Draft | WindowState::Proposed => WindowState::Withdrawn,
                WindowState::Approved => WindowState::Cancelled,
                WindowState::Running | WindowState::Hold => {
                    return Err(Refusal::new(
                        "runs_already",
                        "This window runs already, so it can only be stopped.",
                        "Use Stop on the run page.",
                    )
                    .into());
                }
                over => return Err(Refusal::new("moved_on", format!("This window is “{}” already.", over.label()), "").into()),
            };
            let batch = seen.map(|seen| seen.batch.to_string());
            finish(&mut ledger, window.id, to, &reason, NoticeKind::Cancelled, batch).await?;
            Ok(to)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(state)
}

/// Ends a proposal whose time to decide has passed. The scheduler calls it; a window that moved on meanwhile is left alone.
pub async fn expire_window(pool: &PgPool, permit: &Permit, window: WindowId) -> Result<()> {
    by_the_clock(pool, permit, window, WindowState::Proposed, WindowState::Expired, "nobody decided in time", NoticeKind::Expired).await
}

/// Ends an approved window that had not begun by its latest start.
pub async fn miss_window(pool: &PgPool, permit: &Permit, window: WindowId, reason: &str) -> Result<()> {
    by_the_clock(pool, permit, window, WindowState::Approved, WindowState::Missed, reason, NoticeKind::Missed).await
}

/// Calls an approved window off for somebody who stopped its run during the pre-checks.
pub(crate) async fn call_off_window(pool: &PgPool, permit: &Permit, window: WindowId, reason: &str) -> Result<()> {
    by_the_clock(pool, permit, window, WindowState::Approved, WindowState::Cancelled, reason, NoticeKind::Cancelled).await
}

async fn by_the_clock(
    pool: &PgPool,
    permit: &Permit,
    window: WindowId,
    from: WindowState,
    to: WindowState,
    reason: &str,
    kind: NoticeKind,
) -> Result<()> {
    let (permit, reason) = (permit.clone(), reason.to_owned());
    transaction::run(pool, "end_window", move |db| {
        let (permit, reason) = (permit.clone(), reason.clone());
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, "scheduler");
            let (state, _) = ledger.lock_window(window).await?;
            if state == from {
                finish(&mut ledger, window, to, &reason, kind, None).await?;
            }
            Ok(())
        })
    })
    .await?;
    wake(pool, &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}

/// The transition, its fact, the end of all links, and the messages.
pub(crate) async fn finish(
    ledger: &mut Ledger<'_>,
    id: WindowId,
    to: WindowState,
    reason: &str,
    kind: NoticeKind,
    batch: Option<String>,
) -> Result<()> {
    let window = store::windows::load(ledger.db(), id).await?;
    let plan = window.plan()?;
    let action = match to {
        WindowState::Withdrawn => "window.withdraw",
        WindowState::Cancelled => "window.cancel",
        WindowState::Expired => "window.expire",
        _ => "window.miss",
    };
    let mut fact =
        NewFact::done(action, "window", id).of_window(id).of_team(window.team).with("reason", reason).with("digest", window.digest.hex());
    if let Some(batch) = batch {
        fact = fact.with("batch", batch);
    }
    let fact = ledger.fact(fact).await?;
    ledger.move_window(id, window.revision, window.state, to, Some(reason), fact).await?;
    ledger.end_waiting_runs(id, fact).await?;
    ledger.end_links(id, &format!("This window is {}: there is nothing left to decide.", to.label().to_lowercase())).await?;
    let payload = Map::from_iter([("reason".to_owned(), reason.into())]);
    audience::tell(ledger, &window, &plan, kind, payload, fact).await?;
    Ok(())
}
