//! A held run: why it waits, what a person may decide, and what that person owes for it.

use crate::decision::{FieldError, FormCheck};
use crate::people::{self, words};
use crate::procedure::StepClass;
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

/// Why a run waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldCause {
    /// Whether an item ran is not known.
    Unknown,
    /// The database, the fence or the plan is not what it was: nothing new may begin as things are.
    Blocked,
    /// The selected work is riskier than what was approved; nothing was begun.
    Riskier,
}

impl HoldCause {
    /// What a person may decide.
    #[must_use]
    pub fn verbs(self) -> &'static [HoldVerb] {
        use HoldVerb::{Continue, Fail, RollBack, Validate};
        match self {
            Self::Unknown | Self::Blocked => &[Continue, Validate, RollBack, Fail],
            // Work that nobody approved is not made acceptable by one person's word.
            Self::Riskier => &[Validate, Fail],
        }
    }
}

/// What was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResolveForm {
    /// A [`HoldVerb`]'s word.
    pub verb: String,
    /// A [`Found`]'s word; needed while an attempt's outcome is unknown.
    pub found: String,
    /// Why, 1 to 4,000 characters.
    pub reason: String,
}

/// The form understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolve {
    /// What happens next.
    pub verb: HoldVerb,
    /// What became of the unknown attempt.
    pub found: Option<Found>,
    /// Why.
    pub reason: String,
}

impl ResolveForm {
    /// Reads the form against what the run offers. `unknown` is the class of the item whose outcome is not known.
    pub fn parse(&self, offered: &[HoldVerb], unknown: Option<StepClass>) -> Result<Resolve, Vec<FieldError>> {
        let mut form = FormCheck::default();
        let verb = HoldVerb::from_word(self.verb.trim()).filter(|verb| offered.contains(verb));
        if verb.is_none() {
            let names: Vec<&str> = offered.iter().map(|verb| verb.label()).collect();
            form.refuse("verb", format!("Choose what happens next: {}.", names.join("; ")));
        }
        let found = Found::from_word(self.found.trim());
        match unknown {
            // Whoever ends the run leaves the question open, and the report says so.
            Some(_) if verb == Some(HoldVerb::Fail) => {}
            Some(StepClass::Once) => {
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
        form.finish(verb.zip(reason).map(|(verb, reason)| Resolve { verb, found: unknown.and(found), reason }))
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
        let class = Some(StepClass::Resumable);
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
    fn a_once_only_step_needs_two_people() {
        let offered = HoldCause::Unknown.verbs();
        assert_eq!(fields(form("continue", "ran", "I saw it").parse(offered, Some(StepClass::Once))), ["found"]);
    }
}
