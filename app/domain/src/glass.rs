//! Break-glass: two people who are present let one plan run without the approvals of its policy, in the open.
//!
//! It is the one exception from "nothing runs unapproved", and it has a name everywhere: on the window, in its messages, in the trail. It
//! replaces the quorum and nothing else: freezes, pauses, the backup, the database's identity and the times hold as for every window. Four eyes
//! hold too: whoever confirms wrote no revision. Afterwards somebody who had no part in it owes a review.

pub mod debt;
pub mod review;

pub use debt::{Debt, Raised, raise};
pub use review::{Review, ReviewForm, may_review};

use crate::approval::Assurance;
use crate::canonical::Digest;
use crate::decision::{FieldError, FormCheck, Refusal};
use crate::ids::{GlassId, PersonId, TeamId};
use crate::people;
use crate::permission::{Actor, Permit, Verb, authorize};
use crate::plan::Plan;
use crate::procedure::library;
use crate::voice::Voice;
use crate::window::WindowState;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How long a request waits for the second person: both have to be present.
pub const OPEN_FOR: SignedDuration = SignedDuration::from_mins(30);
/// How long the review may take.
pub const REVIEW_WITHIN: SignedDuration = SignedDuration::from_hours(72);
/// What starts later than this has time to be approved.
pub const SOON: SignedDuration = SignedDuration::from_hours(24);
/// Fewest and most characters of a reason.
pub const REASON: (usize, usize) = (20, 4000);

/// A request to break the glass, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glass {
    /// Identity.
    pub id: GlassId,
    /// Exactly this plan.
    pub digest: Digest,
    /// Why it cannot wait.
    pub reason: String,
    /// Who asked.
    pub asked_by: PersonId,
    /// Name.
    pub asked_name: String,
    /// When.
    pub asked_at: Timestamp,
    /// Worth nothing from then on, unless it was confirmed.
    pub expires_at: Timestamp,
    /// A newer request took its place.
    pub ended: bool,
    /// The second person.
    pub confirmed: Option<Confirmed>,
    /// What was found afterwards.
    pub review: Option<Review>,
}

/// Who confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// Who.
    pub by: PersonId,
    /// Name.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// The review is due then.
    pub review_due: Timestamp,
}

impl Glass {
    /// Whether it waits for a second person, about this plan.
    #[must_use]
    pub fn is_open(&self, digest: Digest, now: Timestamp) -> bool {
        self.confirmed.is_none() && !self.ended && self.digest == digest && now < self.expires_at
    }
    /// Until when a review is owed; `None` when none is.
    #[must_use]
    pub fn owed(&self) -> Option<Timestamp> {
        self.confirmed.as_ref().filter(|_| self.review.is_none()).map(|confirmed| confirmed.review_due)
    }
    /// Whether somebody asked for it or confirmed it.
    #[must_use]
    pub fn is_by(&self, person: PersonId) -> bool {
        self.asked_by == person || self.confirmed.as_ref().is_some_and(|confirmed| confirmed.by == person)
    }
}

/// What the window says from the moment on in which it was approved so.
#[must_use]
pub fn said(asked: &str, confirmed: &str, reason: &str) -> String {
    format!("Break-glass by {asked} and {confirmed}, without the approvals of the policy. {reason}")
}

/// What is typed to ask.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskForm {
    /// Digest of the plan that the page showed, 64 hex digits.
    pub digest: String,
    /// Short name of the database, typed as confirmation.
    pub short_name: String,
    /// Why it cannot wait.
    pub reason: String,
}

impl AskForm {
    /// The reason, if everything was typed as it must; otherwise every error at once.
    pub fn parse(&self, short_name: &str) -> Result<String, Vec<FieldError>> {
        let mut form = FormCheck::default();
        let (least, most) = REASON;
        let reason = form.take(people::text("reason", &self.reason, least, most));
        if let Err(error) = typed(&self.short_name, short_name) {
            form.refuse_all([error]);
        }
        form.finish(reason)
    }
}

/// The short name of the database was typed.
pub fn typed(typed: &str, short_name: &str) -> Result<(), FieldError> {
    if typed.trim().eq_ignore_ascii_case(short_name) {
        return Ok(());
    }
    Err(FieldError::new("short_name", format!("Type the short name of the database to confirm: {short_name}")))
}

/// Whether a policy of the plan counts some votes with a second factor only: then both have to have shown theirs.
#[must_use]
pub fn needs_factor(plan: &Plan) -> bool {
    plan.asks().any(|(_, policy, _)| policy.rules.highest_assurance() == Assurance::AccountFactor)
}

/// The window as a request to break the glass finds it.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// Owner team.
    pub team: TeamId,
    /// Its state.
    pub state: WindowState,
    /// Its newest plan.
    pub plan: &'a Plan,
    /// Digest of that.
    pub digest: Digest,
    /// Now.
    pub now: Timestamp,
}

/// Whether a plan is one for which the glass may be broken at all; the refusal names what it is about.
pub fn is_for(about: &About<'_>) -> Result<(), Refusal> {
    let plan = about.plan;
    if about.state != WindowState::Proposed {
        return Err(Refusal::new(
            "moved_on",
            format!("This window is “{}”: the glass is broken for a window that waits for approval.", about.state.label()),
            "Look at its page.",
        ));
    }
    if plan.is_many() {
        return Err(Refusal::new(
            "glass_many",
            "The glass is broken for one database at a time, and this window has several.",
            "Propose a window of its own for the database that cannot wait.",
        ));
    }
    if !plan.procedure.known().is_some_and(|known| library::may_break_glass(&known)) {
        return Err(Refusal::new(
            "glass_procedure",
            format!(
                "“{}” is not among the procedures for which the glass may be broken: those that only look, or work online and can be done again.",
                plan.procedure.name
            ),
            if plan.procedure.own.is_some() {
                "Only procedures of the library are: propose a window with “weekly (PostgreSQL)” for what cannot wait."
            } else {
                "Have it approved by the people named on its page."
            },
        ));
    }
    if plan.times.latest_start <= about.now {
        return Err(Refusal::new("missed", "Its latest start has passed.", "Propose it again, and break the glass for that window."));
    }
    if plan.times.start > about.now + SOON {
        return Err(Refusal::new(
            "glass_not_urgent",
            format!("It starts in more than {} hours: there is time to have it approved.", SOON.as_hours()),
            "Ask the people named on its page, or move the window if it cannot wait.",
        ));
    }
    Ok(())
}

/// The right to ask that the glass is broken for a plan, and whether this is one. Whoever wrote it may ask.
pub fn may_ask(actor: &Actor, about: &About<'_>) -> Result<Permit, Refusal> {
    let permit = authorize(actor, Verb::AskBreakGlass, Some(about.team))?;
    is_for(about)?;
    known_well_enough(actor, about.plan)?;
    Ok(permit)
}

/// The glass is broken for one plan once: a break-glass that lost its approval again is not repeated for the same bytes.
pub fn once(all: &[Glass], digest: Digest) -> Result<(), Refusal> {
    if all.iter().any(|glass| glass.confirmed.is_some() && glass.digest == digest) {
        return Err(Refusal::new(
            "glass_once",
            "The glass was broken for exactly this plan before, and that counts no more.",
            "Edit the window first: the new plan is another one.",
        ));
    }
    Ok(())
}

/// The right to confirm a request: by another person, who wrote no revision, and is heard on this window as a voter would have to be.
pub fn may_confirm(
    actor: &Actor,
    about: &About<'_>,
    open: &Glass,
    contributors: &BTreeSet<PersonId>,
    voice: &Voice,
) -> Result<Permit, Refusal> {
    let permit = authorize(actor, Verb::ConfirmBreakGlass, Some(about.team))?;
    is_for(about)?;
    if open.asked_by == actor.person {
        return Err(Refusal::new("two_people", "You asked for it: somebody else has to confirm.", WHO_CONFIRMS));
    }
    if contributors.contains(&actor.person) {
        return Err(Refusal::new(
            "four_eyes",
            "You wrote a revision of this window, so you do not confirm that it runs without its approvals. This holds for administrators too.",
            WHO_CONFIRMS,
        ));
    }
    if let Some(why) = voice.why_not() {
        return Err(Refusal::new("not_heard", format!("You cannot confirm: {why}."), WHO_CONFIRMS));
    }
    known_well_enough(actor, about.plan)?;
    Ok(permit)
}

const WHO_CONFIRMS: &str = "Call another lead or deputy of the owner team, or an administrator, who wrote no revision.";

fn known_well_enough(actor: &Actor, plan: &Plan) -> Result<(), Refusal> {
    if !needs_factor(plan) || actor.factor {
        return Ok(());
    }
    Err(Refusal::new(
        "factor",
        "The policy of this plan counts votes with a second factor only, and so do both who break the glass: in this session you did not show yours.",
        "Set it up under “Your second factor”, or sign in again with it.",
    ))
}

#[cfg(test)]
#[path = "glass_tests.rs"]
mod tests;
