//! What a sealed proposal leads to: people are asked, or its policy approves the class beforehand, and says so in the trail and in every mail.

use super::audience::{self, Told};
use crate::error::Result;
use crate::ledger::{FactRef, Ledger};
use crate::store::windows::Window;
use domain::fact::NewFact;
use domain::notice::NoticeKind;
use domain::plan::Plan;
use domain::window::WindowState;
use serde_json::{Map, Value};

/// Who hears of a sealed proposal.
pub(super) struct Heard {
    /// How many were asked for their decision.
    pub(super) asked: usize,
    /// To whom a message goes, asked or not.
    pub(super) told: Told,
}

/// Asks whom the policy wants, or approves; says who hears of it. The window is proposed.
pub(super) async fn ask_or_approve(
    ledger: &mut Ledger<'_>,
    window: &Window,
    plan: &Plan,
    payload: Map<String, Value>,
    fact: FactRef,
) -> Result<Heard> {
    let Some(reason) = plan.pre_approved_by() else {
        let told = audience::tell_but(ledger, window, plan, NoticeKind::ApprovalNeeded, payload, fact, &Told::new()).await?;
        return Ok(Heard { asked: told.len(), told });
    };
    let (policy, policies) = (&plan.policy, plan.policies());
    let fact = NewFact::done("window.pre_approve", "window", window.id)
        .of_window(window.id)
        .of_team(window.team)
        .with("digest", window.digest.hex())
        .with("policy", policy.id.to_string())
        .with("version", policy.version)
        .with("risk", plan.risk().word());
    let others: Vec<String> = policies.iter().skip(1).map(|(policy, _)| format!("{} version {}", policy.id, policy.version)).collect();
    let fact = if others.is_empty() { fact } else { fact.with("policies", others) };
    let fact = ledger.fact(fact).await?;
    ledger.move_window(window.id, window.revision, WindowState::Proposed, WindowState::Approved, Some(&reason), fact).await?;
    let told = audience::tell_but(ledger, window, plan, NoticeKind::Approved, payload, fact, &Told::new()).await?;
    Ok(Heard { asked: 0, told })
}
