//! Accepts a failed item of the validation list, with a reason: a lead or deputy of the owner team answers for it.

use super::{Caller, tick_item};
use crate::engine::Engine;
use crate::error::Result;
use domain::checklist::CheckState;
use domain::permission::Verb;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct Input {
    /// Position of the item, from 1.
    pub ordinal: String,
    /// Why it may stay red, 1 to 4,000 characters.
    pub note: String,
}

/// Accepts the item. Refused for items that did not fail, and for everybody but leads and deputies.
pub async fn accept_red(engine: &Engine, caller: &Caller, number: i64, input: &Input) -> Result<CheckState> {
    tick_item::answer(engine, caller, number, Verb::AcceptRed, &input.ordinal, CheckState::Accepted, &input.note).await
}
