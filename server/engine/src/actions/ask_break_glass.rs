//! Asks that a plan runs without the approvals of its policy: the first of two people. Nothing is approved by it.

use super::{Caller, elevated, hide};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::glass::NewGlass;
use crate::store::windows::Window;
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction};
use domain::canonical::Digest;
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::glass::{self, About, AskForm};
use domain::ids::GlassId;
use domain::permission::{Verb, authorize};
use domain::plan::Plan;
use jiff::Timestamp;

/// Asks. Refused: no right; no password typed lately; a plan for which the glass is not broken; another plan than the page showed; somebody
/// asked already; no second factor where the policy counts votes with one only; fields.
pub async fn ask_break_glass(engine: &Engine, caller: &Caller, number: i64, form: &AskForm) -> Result<()> {
    let (caller, form) = (caller.clone(), form.clone());
    transaction::run(engine.pool(), "ask_break_glass", move |db| {
        let (caller, form) = (caller.clone(), form.clone());
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            let permit = authorize(&caller.actor, Verb::AskBreakGlass, Some(window.team))
                .map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
            elevated(&caller.actor)?;
            let by = permit.person().ok_or_else(|| Error::internal("a break-glass is asked for by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let Case { window, plan, now } = lock(&mut ledger, &window).await?;
            glass::may_ask(&caller.actor, &about(&window, &plan, now))?;
            same_plan(&form.digest, &window)?;
            let reason = form.parse(&plan.target().short_name)?;
            let all = store::glass::of(ledger.db(), window.id).await?;
            glass::once(&all, window.digest)?;
            if let Some(open) = all.into_iter().find(|glass| glass.is_open(window.digest, now)) {
                return Err(asked_already(&open.asked_name, open.expires_at).into());
            }
            let new = NewGlass {
                id: clock::new_id::<GlassId>(),
                window: window.id,
                digest: window.digest,
                reason,
                needs_factor: glass::needs_factor(&plan),
                by,
                factor: caller.actor.factor,
                expires: now + glass::OPEN_FOR,
            };
            store::glass::ask(ledger.db(), &new).await?;
            let fact = NewFact::done("window.ask_break_glass", "window", window.id)
                .of_window(window.id)
                .of_team(window.team)
                .with("digest", window.digest.hex())
                .with("reason", new.reason.clone())
                .with("expires", new.expires.to_string());
            ledger.fact(fact).await.map(drop)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}

fn asked_already(name: &str, expires: Timestamp) -> Refusal {
    Refusal::new(
        "asked_already",
        format!("{name} asked for it already, and it waits for a second person until {}.", expires.strftime("%Y-%m-%d %H:%M UTC")),
        "Confirm that on the window's page, or have somebody confirm it.",
    )
}

/// A window that nobody changes before the transaction ends.
pub(super) struct Case {
    pub(super) window: Window,
    pub(super) plan: Plan,
    pub(super) now: Timestamp,
}

pub(super) async fn lock(ledger: &mut Ledger<'_>, window: &Window) -> Result<Case> {
    ledger.lock_window(window.id).await?;
    let window = store::windows::load(ledger.db(), window.id).await?;
    let plan = window.plan()?;
    let now = store::runs::now(ledger.db()).await?;
    Ok(Case { window, plan, now })
}

pub(super) fn about<'a>(window: &Window, plan: &'a Plan, now: Timestamp) -> About<'a> {
    About { team: window.team, state: window.state, plan, digest: window.digest, now }
}

/// What is decided on is what the page showed.
pub(super) fn same_plan(digest: &str, window: &Window) -> Result<(), Refusal> {
    if Digest::from_hex(digest.trim()) == Some(window.digest) {
        return Ok(());
    }
    Err(Refusal::new(
        "stale_plan",
        format!("The plan was edited after your page was made: it is now revision {}, {}.", window.revision, window.digest.short()),
        "Read the new plan and decide on that.",
    ))
}
