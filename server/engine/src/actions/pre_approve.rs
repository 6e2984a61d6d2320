//! What a sealed proposal leads to: people are asked, or its policy approves the class beforehand, and says so in the trail and in every mail.

use super::audience;
use crate::error::Result;
use crate::ledger::{FactRef, Ledger};
use crate::store::windows::Window;
use domain::fact::NewFact;
use domain::notice::NoticeKind;
use domain::plan::Plan;
use domain::window::WindowState;
use serde_json::{Map, Value};

/// Asks whom the policy wants, or approves; returns how many people were asked. The window is proposed.
pub(super) async fn ask_or_approve(
    ledger: &mut Ledger<'_>,
    window: &Window,
    plan: &Plan,
    payload: Map<String, Value>,
    fact: FactRef,
) -> Result<usize> {
    if !plan.is_pre_approved() {
        return audience::tell(ledger, window, plan, NoticeKind::ApprovalNeeded, payload, fact).await;
    }
    let policy = &plan.policy;
    let reason = format!(
        "Approved beforehand by the policy “{}”, version {}: risk {}, {}.",
        policy.name,
        policy.version,
        plan.risk().word(),
        plan.risk().label()
    );
    let fact = NewFact::done("window.pre_approve", "window", window.id)
        .of_window(window.id)
        .of_team(window.team)
        .with("digest", window.digest.hex())
        .with("policy", policy.id.to_string())
        .with("version", policy.version)
        .with("risk", plan.risk().word());
    let fact = ledger.fact(fact).await?;
    ledger.move_window(window.id, window.revision, WindowState::Proposed, WindowState::Approved, Some(&reason), fact).await?;
    audience::tell(ledger, window, plan, NoticeKind::Approved, payload, fact).await?;
    Ok(0)
}
