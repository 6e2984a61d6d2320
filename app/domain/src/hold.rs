//! A held run: why it waits, what a person may decide, and what that person owes for it.

use crate::decision::{FieldError, FormCheck, Refusal};
use crate::people::{self, words};
use crate::procedure::StepClass;
use crate::run::Phase;
use crate::window::RunState;
use serde::{Deserialize, Serialize};

/// What a person may decide on a held run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldVerb {
    /// Go on with what is left, while the gate lets it.
    Continue,
    /// Leave what is left, and check what was done.
    Validate,
    /// Put settings back and clean up what was left behind.
    RollBack,
    /// End it without success.
    Fail,
}

words!(HoldVerb {
    HoldVerb::Continue = "continue" / "Go on with what is left",
    HoldVerb::Validate = "validate" / "Leave the rest and validate",
    HoldVerb::RollBack = "roll_back" / "Clean up and roll back",
    HoldVerb::Fail = "fail" / "End as failed",
});

/// What a person found out about an attempt whose outcome was unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// It had its effect.
    Ran,
    /// It had none.
    DidNotRun,
}

words!(Found {
    Found::Ran = "ran" / "It ran: its effect is there",
    Found::DidNotRun = "did_not_run" / "It did not run: nothing changed",
});

/// What is not known here, and has to be said by whoever decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// What became of an attempt at an item of this class.
    Attempt(StepClass),
    /// Whether another program did what it was called for.
    Call,
}

impl Owed {
    /// What a person may have found, in words.
    #[must_use]
    pub fn label(self, found: Found) -> &'static str {
        match (self, found) {
            (Self::Attempt(_), found) => found.label(),
            (Self::Call, Found::Ran) => "It is done: do not call again",
            (Self::Call, Found::DidNotRun) => "It is not done: call again",
        }
    }
}

/// Why a run waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldCause {
    /// Whether an item ran is not known.
    Unknown,
    /// The database, the fence or the plan is not what it was: nothing new may begin as things are.
    Blocked,
    /// The selected work is riskier than what was approved; nothing was begun.
    Riskier,
    /// A person asked for it; everything is as it should be.
    Asked,
    /// A step by hand is next: everything is as it should be, and a person does it.
    ByHand,
    /// Another program was called and did not say yes: whether it did what was asked is not known.
    Unanswered,
    /// A part of a change of design did not succeed after others had; no later part was begun.
    Half,
}

impl HoldCause {
    /// What a person may decide.
    #[must_use]
    pub fn verbs(self) -> &'static [HoldVerb] {
        use HoldVerb::{Continue, Fail, RollBack, Validate};
        match self {
            Self::Unknown | Self::Blocked | Self::Asked | Self::ByHand | Self::Unanswered => &[Continue, Validate, RollBack, Fail],
            // Work that nobody approved is not made acceptable by one person's word.
            Self::Riskier => &[Validate, Fail],
            // The parts after it were written for a database on which it had succeeded.
            Self::Half => &[RollBack, Validate, Fail],
        }
    }
}

/// Whether a run can be asked to wait after its current item: from the first change it prepares to the last item.
#[must_use]
pub fn may_be_held(state: RunState, phase: Phase) -> bool {
    state == RunState::Leased && matches!(phase, Phase::Baseline | Phase::Selecting | Phase::Working)
}

/// Lets somebody ask a run to wait after its current item, or says why there is nothing to hold.
///
/// `decision` is what a person decided on an earlier hold and a worker has not done yet.
///
/// # Errors
/// The refusal, with the way out.
pub fn ask_hold(state: RunState, phase: Phase, decision: Option<HoldVerb>, stop_asked: bool, hold_asked: bool) -> Result<(), Refusal> {
    let refuse = |code, message, way_out| Err(Refusal::new(code, message, way_out));
    if state == RunState::Held {
        return refuse("held", "This run is on hold already.", "Decide on it.");
    }
    if state == RunState::Ended {
        return refuse("moved_on", "This run is over.", "");
    }
    if stop_asked {
        return refuse("stop_asked", "Somebody asked to stop this run: nothing new begins.", "Its page says what really stopped.");
    }
    if hold_asked {
        return refuse("hold_asked", "Somebody asked to hold this run already.", "It waits after the current item.");
    }
    if decision.is_some() {
        return refuse("deciding", "The run is doing what was decided on its hold.", "Look at its page again.");
    }
    if may_be_held(state, phase) {
        return Ok(());
    }
    match phase {
        Phase::PreChecks => refuse("nothing_to_hold", "Nothing was begun yet.", "Stop the run: then its window is called off."),
        _ => refuse("nothing_to_hold", "The work is over; only measurements are taken now.", "Wait for the validation list."),
    }
}

/// What was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResolveForm {
    /// A [`HoldVerb`]'s word.
    pub verb: String,
    /// A [`Found`]'s word; needed while something is unknown.
    pub found: String,
    /// Why, 1 to 4,000 characters.
    pub reason: String,
}

/// The form understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolve {
    /// What happens next.
    pub verb: HoldVerb,
    /// What became of what was unknown.
    pub found: Option<Found>,
    /// Why.
    pub reason: String,
}

impl ResolveForm {
    /// Reads the form against what the run offers. `owed` is what is not known.
    pub fn parse(&self, offered: &[HoldVerb], owed: Option<Owed>) -> Result<Resolve, Vec<FieldError>> {
        let mut form = FormCheck::default();
        let verb = HoldVerb::from_word(self.verb.trim()).filter(|verb| offered.contains(verb));
        if verb.is_none() {
            let names: Vec<&str> = offered.iter().map(|verb| verb.label()).collect();
            form.refuse("verb", format!("Choose what happens next: {}.", names.join("; ")));
        }
        let found = Found::from_word(self.found.trim());
        match owed {
            // Whoever ends the run leaves the question open, and the report says so.
            Some(_) if verb == Some(HoldVerb::Fail) => {}
            Some(Owed::Call) if verb == Some(HoldVerb::Continue) && found.is_none() => {
                form.refuse("found", "Say whether it is done by now, or is to be called again: nobody here can know.");
            }
            // Who leaves the rest leaves this, too.
            Some(Owed::Call) => {}
            Some(Owed::Attempt(StepClass::Once)) => {
                form.refuse(
                    "found",
                    "A once-only step needs two people who found out whether it ran. End the run as failed, and plan what is left anew.",
                );
            }
            Some(_) if found.is_none() => {
                form.refuse("found", "Look at the database and say whether the statement had its effect: nobody else can know.");
            }
            _ => {}
        }
        let reason = form.take(people::text("reason", &self.reason, 1, 4000));
        form.finish(verb.zip(reason).map(|(verb, reason)| Resolve { verb, found: owed.and(found), reason }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(verb: &str, found: &str, reason: &str) -> ResolveForm {
        ResolveForm { verb: verb.into(), found: found.into(), reason: reason.into() }
    }
    fn fields(result: Result<Resolve, Vec<FieldError>>) -> Vec<String> {
        result.err().unwrap_or_default().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn one_named_person_decides_with_a_reason() {
        let offered = HoldCause::Unknown.verbs();
        let class = Some(Owed::Attempt(StepClass::Resumable));
        assert_eq!(fields(form("", "", " ").parse(offered, class)), ["verb", "found", "reason"]);
        let decided = form("continue", "did_not_run", "the index is the old one").parse(offered, class).expect("complete");
        assert_eq!((decided.verb, decided.found), (HoldVerb::Continue, Some(Found::DidNotRun)));
        assert_eq!(form("validate", "ran", "x").parse(offered, None).expect("complete").found, None, "nothing is unknown");
        assert_eq!(form("fail", "", "nobody knows").parse(offered, class).expect("complete").found, None);
    }

    #[test]
    fn riskier_work_is_not_waved_through() {
        assert_eq!(fields(form("continue", "", "looks fine").parse(HoldCause::Riskier.verbs(), None)), ["verb"]);
    }

    #[test]
    fn only_work_that_goes_on_can_be_asked_to_wait() {
        use RunState::{Ended, Held, Leased, Waiting};
        let code = |state, phase, decision, stop, hold| ask_hold(state, phase, decision, stop, hold).err().map(|refusal| refusal.code);
        for phase in [Phase::Baseline, Phase::Selecting, Phase::Working] {
            assert_eq!(code(Leased, phase, None, false, false), None, "{phase:?}");
        }
        let refused = |state, phase| code(state, phase, None, false, false);
        assert_eq!(refused(Leased, Phase::PreChecks).as_deref(), Some("nothing_to_hold"));
        assert_eq!(refused(Waiting, Phase::PreChecks).as_deref(), Some("nothing_to_hold"));
        assert_eq!(refused(Leased, Phase::Probing).as_deref(), Some("nothing_to_hold"));
        assert_eq!(refused(Held, Phase::Working).as_deref(), Some("held"));
        assert_eq!(refused(Ended, Phase::Over).as_deref(), Some("moved_on"));
        assert_eq!(code(Leased, Phase::Working, None, true, false).as_deref(), Some("stop_asked"));
        assert_eq!(code(Leased, Phase::Working, None, false, true).as_deref(), Some("hold_asked"));
        assert_eq!(code(Leased, Phase::Working, Some(HoldVerb::RollBack), false, false).as_deref(), Some("deciding"));
    }

    #[test]
    fn a_once_only_step_needs_two_people() {
        let offered = HoldCause::Unknown.verbs();
        assert_eq!(fields(form("continue", "ran", "I saw it").parse(offered, Some(Owed::Attempt(StepClass::Once)))), ["found"]);
    }

    #[test]
    fn who_goes_on_after_a_call_says_what_became_of_it() {
        let offered = HoldCause::Unanswered.verbs();
        assert_eq!(fields(form("continue", "", "looked").parse(offered, Some(Owed::Call))), ["found"]);
        let again = form("continue", "did_not_run", "it was down").parse(offered, Some(Owed::Call)).expect("complete");
        assert_eq!(again.found, Some(Found::DidNotRun));
        assert!(form("roll_back", "", "leave it").parse(offered, Some(Owed::Call)).is_ok());
        assert_ne!(Owed::Call.label(Found::Ran), Found::Ran.label());
    }
}
