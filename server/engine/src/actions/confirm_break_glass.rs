//! Confirms a break-glass: the second of two people. The window is approved by it, bears its mark from then on, and everybody is told at once.

use super::ask_break_glass::{Case, about, lock, same_plan};
use super::{Caller, audience, elevated, hide};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::glass::{self, Glass};
use domain::notice::NoticeKind;
use domain::permission::{Verb, authorize};
use serde_json::Map;

/// What is typed.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Digest of the plan that the page showed, 64 hex digits.
    pub digest: String,
    /// Short name of the database, typed as confirmation.
    pub short_name: String,
}

/// Confirms. Refused: no right; no password typed lately; nobody asked, or too long ago; whoever asked, or wrote a revision, or is not heard on
/// this window; another plan than the page showed; no second factor where the policy counts votes with one only; a field.
pub async fn confirm_break_glass(engine: &Engine, caller: &Caller, number: i64, input: &Input) -> Result<()> {
    let (caller, input) = (caller.clone(), input.clone());
    transaction::run(engine.pool(), "confirm_break_glass", move |db| {
        let (caller, input) = (caller.clone(), input.clone());
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            let permit = authorize(&caller.actor, Verb::ConfirmBreakGlass, Some(window.team))
                .map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
            elevated(&caller.actor)?;
            let by = permit.person().ok_or_else(|| Error::internal("a break-glass is confirmed by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let Case { window, plan, now } = lock(&mut ledger, &window).await?;
            let about = about(&window, &plan, now);
            glass::is_for(&about)?;
            let all = store::glass::of(ledger.db(), window.id).await?;
            let open = all.iter().find(|glass| glass.is_open(window.digest, now)).ok_or_else(|| nobody_asked(&all))?;
            let contributors = store::windows::contributors(ledger.db(), window.id).await?;
            let voice = store::voices::one(ledger.db(), window.id, by).await?;
            glass::may_confirm(&caller.actor, &about, open, &contributors, &voice)?;
            same_plan(&input.digest, &window)?;
            glass::typed(&input.short_name, &plan.target().short_name).map_err(|error| vec![error])?;
            let due = now + glass::REVIEW_WITHIN;
            store::glass::confirm(ledger.db(), open.id, by, caller.actor.factor, now, due).await?;
            let fact = NewFact::done("window.break_glass", "window", window.id)
                .of_window(window.id)
                .of_team(window.team)
                .with("digest", window.digest.hex())
                .with("asked_by", open.asked_by.to_string())
                .with("confirmed_by", by.to_string())
                .with("reason", open.reason.clone())
                .with("review_due", due.to_string());
            let fact = ledger.fact(fact).await?;
            let said = glass::said(&open.asked_name, &caller.actor.name, &open.reason);
            ledger.break_glass(window.id, window.revision, open.id, &said, fact).await?;
            ledger.end_links(window.id, "Two people broke the glass: it runs without its approvals.").await?;
            audience::tell(&mut ledger, &window, &plan, NoticeKind::GlassBroken, Map::new(), fact).await.map(drop)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Runner, Wake::Sealer]).await;
    Ok(())
}

fn nobody_asked(all: &[Glass]) -> Refusal {
    let way_out = "Have somebody ask on the window's page, and confirm within half an hour.";
    let lapsed = all.first().filter(|glass| glass.confirmed.is_none());
    match lapsed {
        None => Refusal::new("not_asked", "Nobody asked for a break-glass on this window.", way_out),
        Some(glass) => Refusal::new(
            "lapsed",
            format!(
                "What {} asked for is worth nothing any more: nobody confirmed it until {}, or the plan was edited since.",
                glass.asked_name,
                glass.expires_at.strftime("%Y-%m-%d %H:%M UTC")
            ),
            way_out,
        ),
    }
}
