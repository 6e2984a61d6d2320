//! The review that a break-glass owes: by somebody who had no part in it, with what was found.

use super::Glass;
use crate::decision::{FieldError, FormCheck, Refusal};
use crate::ids::{PersonId, TeamId};
use crate::people;
use crate::permission::{Actor, Permit, Verb, authorize};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What was found afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// It had to be.
    pub justified: bool,
    /// What was found, and what follows from it.
    pub outcome: String,
    /// Name of who looked.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Review {
    /// The verdict as people read it.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        verdict(self.justified)
    }
}

/// A verdict as people read it.
#[must_use]
pub fn verdict(justified: bool) -> &'static str {
    if justified { "Justified" } else { "Not justified" }
}

/// What is typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReviewForm {
    /// `justified` or `not_justified`.
    pub verdict: String,
    /// What was found.
    pub outcome: String,
}

impl ReviewForm {
    /// Verdict and text; otherwise every error at once.
    pub fn parse(&self) -> Result<(bool, String), Vec<FieldError>> {
        let mut form = FormCheck::default();
        let verdict = match self.verdict.trim() {
            "justified" => Some(true),
            "not_justified" => Some(false),
            _ => {
                form.refuse("verdict", "Choose whether it was justified.");
                None
            }
        };
        let outcome = form.take(people::text("outcome", &self.outcome, 1, 4000));
        form.finish(verdict.zip(outcome))
    }
}

/// The right to review: leads and deputies of the owner team and administrators, but nobody who asked, confirmed, or wrote the window.
pub fn may_review(actor: &Actor, team: TeamId, glass: &Glass, contributors: &BTreeSet<PersonId>) -> Result<Permit, Refusal> {
    let permit = authorize(actor, Verb::ReviewBreakGlass, Some(team))?;
    if let Some(review) = &glass.review {
        return Err(Refusal::new("moved_on", format!("{} reviewed it already: {}.", review.by, review.verdict().to_lowercase()), ""));
    }
    if glass.is_by(actor.person) || contributors.contains(&actor.person) {
        let part =
            if glass.is_by(actor.person) { "You are one of the two who broke the glass" } else { "You wrote a revision of this window" };
        return Err(Refusal::new(
            "four_eyes",
            format!("{part}, so somebody else reviews it."),
            "Another lead or deputy of the owner team does, or an administrator. Where there is none, name a deputy.",
        ));
    }
    Ok(permit)
}
