//! Withdraws or cancels a window from its page: the same as [`cancel_window`], with the database's short name typed as confirmation.

use super::{Caller, end_window::cancel_window};
use crate::engine::Engine;
use crate::error::Result;
use crate::{store, transaction};
use domain::decision::FormCheck;
use domain::people;
use domain::permission::{Verb, authorize};
use domain::window::WindowState;

/// What was typed to call a window off.
#[derive(Debug, Clone, Default, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct Input {
    /// The database's short name, typed as confirmation.
    pub short_name: String,
    /// Why, 1 to 2,000 characters.
    pub reason: String,
}

/// Takes a proposal back, or calls an approved window off. Refused: both fields at once, and whatever [`cancel_window`] refuses.
pub async fn call_off_window(engine: &Engine, caller: &Caller, number: i64, input: &Input) -> Result<WindowState> {
    let actor = caller.actor.clone();
    let short_name = transaction::read(engine.pool(), "call_off_window", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            authorize(&actor, Verb::CancelWindow, Some(window.team)).map_err(|refusal| super::hide(&actor, window.team, refusal))?;
            Ok(window.plan()?.target().short_name.clone())
        })
    })
    .await?;
    let mut form = FormCheck::default();
    let reason = form.take(people::text("reason", &input.reason, 1, 2000));
    if !input.short_name.trim().eq_ignore_ascii_case(&short_name) {
        form.refuse("short_name", format!("Type the short name of the database to confirm: {short_name}."));
    }
    let reason = form.finish(reason)?;
    cancel_window(engine, caller, number, &reason).await
}
