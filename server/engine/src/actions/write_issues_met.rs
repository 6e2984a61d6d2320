//! Writes what did not go as planned, for a window that failed or was rolled back: it owes this text before it can be put away.
//! A window that completed wrote it with its sign-off.

use super::{Caller, hide};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::{FieldError, Refusal};
use domain::fact::NewFact;
use domain::people;
use domain::permission::{Verb, authorize};

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// What went wrong and what was done about it, 1 to 4,000 characters.
    pub issues_met: String,
}

/// Writes the text, once. Refused for windows that owe none and for a text that is there already.
pub async fn write_issues_met(engine: &Engine, caller: &Caller, number: i64, input: &Input) -> Result<()> {
    let issues = people::text("issues_met", &input.issues_met, 1, 4000).map_err(|error| {
        let empty = input.issues_met.trim().is_empty();
        let why = || FieldError::new("issues_met", "Write what went wrong, for whoever plans the next window.");
        Error::Invalid(vec![if empty { why() } else { error }])
    })?;
    let caller = caller.clone();
    transaction::run(engine.pool(), "write_issues_met", move |db| {
        let (caller, issues) = (caller.clone(), issues.clone());
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            let permit = authorize(&caller.actor, Verb::CloseWindow, Some(window.team))
                .map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let (state, _) = ledger.lock_window(window.id).await?;
            if !state.went_wrong() {
                let message = format!("This window is “{}”: it owes no text.", state.label());
                return Err(Refusal::new("moved_on", message, "A window that completes gets its text with the sign-off.").into());
            }
            if ledger.issues_written(window.id).await? {
                return Err(Refusal::new("moved_on", "Somebody wrote the text already.", "It is on the window's page.").into());
            }
            let fact = NewFact::done("window.issues_met", "window", window.id)
                .of_window(window.id)
                .of_team(window.team)
                .with("issues_met", issues.clone());
            ledger.fact(fact).await?;
            ledger.issues_met(window.id, &issues).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
