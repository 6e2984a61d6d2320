//! The page behind a mailed link: what it shows, and what it says when there is nothing left to decide.

use crate::approval::{Assurance, VoteDecision};
use crate::canonical::Digest;
use crate::change::trial::Trial;
use crate::decision::Refusal;
use crate::examination::{Lanes, PreviewAnswer};
use crate::plan::Plan;
use crate::view::windows::Change;
use crate::window::WindowState;
use jiff::Timestamp;

/// A vote as the page tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// Who.
    pub name: String,
    /// What.
    pub decision: VoteDecision,
    /// How the voter was known.
    pub assurance: Assurance,
    /// Why.
    pub comment: String,
    /// When.
    pub at: Timestamp,
}

/// One rule of the policy and how far it is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRow {
    /// Whom it asks, in words.
    pub who: String,
    /// How many approvals it has.
    pub have: usize,
    /// How many it needs.
    pub need: usize,
}

/// What every page behind a link shows once the secret is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// For whom the link was made.
    pub reader: String,
    /// Their IANA zone.
    pub zone: String,
    /// Number of the window.
    pub number: i64,
    /// State of the window now.
    pub state: WindowState,
    /// The plan the link speaks of, read from its bytes.
    pub plan: Plan,
    /// Its digest.
    pub digest: Digest,
    /// Who asks.
    pub author: String,
    /// Owner team.
    pub team: String,
    /// Without quorum by then: expired.
    pub decide_by: Timestamp,
    /// Votes on that plan.
    pub votes: Vec<Vote>,
    /// The policy's rules.
    pub rules: Vec<RuleRow>,
    /// Names of those in whose place the reader votes.
    pub in_place_of: Vec<String>,
    /// Whom the reader lets decide in their place.
    pub delegate: Option<String>,
    /// The plan asks the reader by their own right, so that somebody else could be let decide.
    pub holds_seat: bool,
    /// An approval by this link would count for nothing: the policy asks the reader to be signed in.
    pub sign_in_to_approve: bool,
    /// The code that an approval by this link needs, or counts for more with; `None` where it adds nothing.
    pub code: Option<Code>,
    /// What came of trying a change of design on an empty copy, of each database where somebody looked.
    pub trials: Vec<TrialOf>,
}

/// What came of trying a change on an empty copy of a database's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialOf {
    /// Its short name, where the plan is about several.
    pub database: Option<String>,
    /// When somebody looked.
    pub at: Option<Timestamp>,
    /// What came of it.
    pub trial: Trial,
}

impl TrialOf {
    /// Those of a plan, from what its revision keeps.
    #[must_use]
    pub fn all(plan: &Plan, kept: Option<&serde_json::Value>) -> Vec<Self> {
        let Some(kept) = kept else { return vec![] };
        let one = |database: Option<String>, answer: PreviewAnswer| {
            Some(Self { database, at: answer.measured_at.parse().ok(), trial: answer.trial? })
        };
        if plan.is_many() {
            let lanes = Lanes::read(kept);
            plan.targets.iter().filter_map(|target| one(Some(target.short_name.clone()), lanes.answer(target.id)?)).collect()
        } else {
            serde_json::from_value(kept.clone()).ok().and_then(|answer| one(None, answer)).into_iter().collect()
        }
    }
}

/// A mailed code, as the page offers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Without it the approval counts for nothing.
    pub needed: bool,
    /// Whose approvals the rules count only with it, in words.
    pub for_whom: Vec<String>,
    /// Whose approvals the rules count without it.
    pub without: Vec<String>,
    /// What was mailed.
    pub mailed: Mailed,
}

/// Whether a code was mailed that can still be typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mailed {
    /// None, or a dead one.
    None,
    /// One that was asked for in another browser, where alone it works.
    Elsewhere,
    /// One for this browser.
    Here {
        /// Good until then.
        until: Timestamp,
        /// Tries that are left.
        left: i32,
    },
}

/// What the page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The plan, and the form to decide.
    Decide,
    /// The vote recorded in the reader's name, and the button "this was not me".
    Object(Vote),
    /// Whom the reader lets decide in their place, and the same button.
    TakeBack(String),
    /// Nothing to decide any more.
    Over(Over),
}

/// Why there is nothing to decide, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Over {
    /// In a few words.
    pub title: &'static str,
    /// In sentences.
    pub text: String,
    /// A fresh link could still decide something.
    pub fresh: bool,
    /// What an edit changed, from the plan the link speaks of to the newest one.
    pub changes: Vec<Change>,
}

/// What is known about a link whose secret was proven.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// It objects to a vote instead of casting one.
    pub objects: bool,
    /// It was used.
    pub used: bool,
    /// Why it was ended before its time.
    pub ended_reason: Option<&'a str>,
    /// Its time has passed.
    pub expired: bool,
    /// The window's newest plan is the one it speaks of.
    pub newest: bool,
    /// State of the window.
    pub state: WindowState,
    /// Why it is in that state.
    pub state_reason: Option<&'a str>,
    /// The person is active and asked by the newest plan.
    pub may_vote: bool,
    /// Why a vote of the person would not count now, though it is asked for.
    pub unheard: Option<Refusal>,
    /// The latest start has not passed.
    pub in_time: bool,
    /// The reader's standing vote on this plan.
    pub vote: Option<&'a Vote>,
    /// Whom the reader lets decide on this plan.
    pub delegate: Option<&'a str>,
    /// The reader has a standing vote on the newest plan.
    pub decided_newest: bool,
}

impl Facts<'_> {
    /// What the page is. What was decided comes first, then what ended the window, then what happened to the link.
    #[must_use]
    pub fn answer(&self) -> Answer {
        if self.objects { self.objection() } else { self.decision() }
    }

    fn decision(&self) -> Answer {
        if self.decided_newest && !self.newest {
            let text = format!("This link speaks of an older plan. {}", self.now());
            return over("You have decided on the newest plan", text, false);
        }
        let fresh = self.may_vote && self.in_time && self.state == WindowState::Proposed;
        if self.vote.is_some() && !self.newest && matches!(self.state, WindowState::Draft | WindowState::Proposed) {
            let text = if self.state == WindowState::Proposed {
                "You had decided, and then the window was edited: that vote no longer counts. Votes count for exactly one plan."
            } else {
                "You had decided, and then somebody asked for changes: when there is a new plan, you get a new mail."
            };
            return over("The plan was edited after you decided", text.into(), fresh);
        }
        if let Some(vote) = self.vote {
            let text = format!("Recorded: {}, {}. {}", vote.decision.label().to_lowercase(), vote.assurance.label(), self.now());
            return over("You have decided", text, false);
        }
        if self.used {
            return over("This link was used", format!("The vote it carried was taken back since. {}", self.now()), fresh);
        }
        match self.state {
            WindowState::Proposed => {}
            WindowState::Draft => {
                return over(
                    "Sent back for changes",
                    "Somebody asked for changes. When there is a new plan, you get a new mail.".into(),
                    false,
                );
            }
            state if state.is_live() => return over("Decided already", self.now(), false),
            _ => return over("Nothing left to decide", self.now(), false),
        }
        if !self.newest {
            let text = "The window was edited after this mail was sent, so this link no longer decides. Votes count for exactly one plan.";
            return over("The plan was edited", text.into(), fresh);
        }
        if let Some(reason) = self.ended_reason {
            return over("This link was replaced", reason.to_owned(), fresh);
        }
        if self.expired || !self.in_time {
            let text = if fresh { "A link lives for 30 days at most; this one is older." } else { "The time to decide has passed." };
            return over("This link has expired", text.into(), fresh);
        }
        if !self.may_vote {
            return over(
                "Your vote is not asked for any more",
                "Your place in the team or among the stakeholders has changed.".into(),
                false,
            );
        }
        if let Some(refusal) = &self.unheard {
            return over("Your vote does not count now", refusal.to_string(), false);
        }
        Answer::Decide
    }

    fn objection(&self) -> Answer {
        match (self.used, self.vote.is_some() || self.delegate.is_some()) {
            (true, _) => {
                over("It was taken back", format!("It does not count any more, and this was put on record. {}", self.now()), false)
            }
            (_, false) => over(
                "There is nothing to take back any more",
                format!("The vote, or the word that somebody else decides, was taken back, or the plan was edited. {}", self.now()),
                false,
            ),
            (_, true) if !self.can_object() => {
                if self.state.is_terminal() {
                    return over("Nothing left to take back", self.now(), false);
                }
                let text = format!("{} If it must not go on, tell the on-call contact at once.", self.now());
                over("Too late to take it back", text, false)
            }
            _ if self.expired => over(
                "This link has expired",
                "As long as nothing has begun, sign in to take a vote back; else tell the on-call contact at once.".into(),
                false,
            ),
            (_, true) => match (self.vote, self.delegate) {
                (Some(vote), _) => Answer::Object(vote.clone()),
                (None, delegate) => Answer::TakeBack(delegate.unwrap_or_default().to_owned()),
            },
        }
    }

    /// The vote can be taken back, or what runs by it can be held.
    fn can_object(&self) -> bool {
        matches!(self.state, WindowState::Proposed | WindowState::Approved | WindowState::Running | WindowState::Hold)
    }

    /// How the window stands, in a sentence.
    fn now(&self) -> String {
        let state = match self.state {
            WindowState::Proposed => "The window waits for more votes.".to_owned(),
            WindowState::Approved => "The window is approved and will run at its time.".to_owned(),
            other => format!("The window is now “{}”.", other.label()),
        };
        match self.state_reason {
            Some(reason) if self.state.is_terminal() && !reason.is_empty() => format!("{state} Reason: {reason}"),
            _ => state,
        }
    }
}

fn over(title: &'static str, text: String, fresh: bool) -> Answer {
    Answer::Over(Over { title, text, fresh, changes: vec![] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> Facts<'static> {
        Facts {
            objects: false,
            used: false,
            ended_reason: None,
            expired: false,
            newest: true,
            state: WindowState::Proposed,
            state_reason: None,
            may_vote: true,
            unheard: None,
            in_time: true,
            vote: None,
            delegate: None,
            decided_newest: false,
        }
    }

    fn title(facts: &Facts<'_>) -> (&'static str, bool) {
        match facts.answer() {
            Answer::Over(over) => (over.title, over.fresh),
            Answer::Decide => ("decide", false),
            Answer::Object(_) => ("object", false),
            Answer::TakeBack(_) => ("take back", false),
        }
    }

    #[test]
    fn each_reason_has_its_page_and_a_fresh_link_where_that_helps() {
        assert_eq!(title(&live()), ("decide", false));
        assert_eq!(title(&Facts { newest: false, ended_reason: Some("edited"), ..live() }), ("The plan was edited", true));
        let decided = Facts { newest: false, decided_newest: true, ended_reason: Some("edited"), ..live() };
        assert_eq!(title(&decided), ("You have decided on the newest plan", false), "a fresh link would have nothing to ask");
        assert_eq!(title(&Facts { ended_reason: Some("A fresh link was mailed."), ..live() }), ("This link was replaced", true));
        assert_eq!(title(&Facts { expired: true, ..live() }), ("This link has expired", true));
        assert_eq!(title(&Facts { expired: true, in_time: false, ..live() }), ("This link has expired", false));
        assert_eq!(title(&Facts { state: WindowState::Cancelled, ..live() }), ("Nothing left to decide", false));
        assert_eq!(title(&Facts { state: WindowState::Running, ..live() }), ("Decided already", false));
        assert_eq!(title(&Facts { state: WindowState::Draft, ..live() }), ("Sent back for changes", false));
        assert!(!title(&Facts { may_vote: false, ..live() }).1);
        let unheard = Some(Refusal::new("votes_rest", "Your vote does not count.", "Decide tomorrow."));
        assert_eq!(title(&Facts { unheard, ..live() }), ("Your vote does not count now", false));
        assert_eq!(title(&Facts { used: true, ..live() }), ("This link was used", true));
    }

    #[test]
    fn a_decision_is_shown_to_whoever_made_it_whatever_came_after() {
        let vote = Vote {
            name: "Sten".into(),
            decision: VoteDecision::Approve,
            assurance: Assurance::Link,
            comment: String::new(),
            at: Timestamp::UNIX_EPOCH,
        };
        for state in WindowState::ALL {
            assert_eq!(title(&Facts { used: true, vote: Some(&vote), state: *state, ..live() }), ("You have decided", false));
        }
        for (state, fresh) in [(WindowState::Proposed, true), (WindowState::Draft, false)] {
            let stale = Facts { used: true, vote: Some(&vote), newest: false, state, ..live() };
            assert_eq!(title(&stale), ("The plan was edited after you decided", fresh), "a vote on another plan does not count");
        }
        let objection = Facts { objects: true, vote: Some(&vote), ..live() };
        assert_eq!(title(&objection), ("object", false));
        for state in [WindowState::Running, WindowState::Hold] {
            assert_eq!(title(&Facts { state, ..objection.clone() }).0, "object", "what runs by it holds");
        }
        assert_eq!(title(&Facts { state: WindowState::Validating, ..objection.clone() }).0, "Too late to take it back");
        assert_eq!(title(&Facts { state: WindowState::Cancelled, ..objection.clone() }).0, "Nothing left to take back");
        assert_eq!(title(&Facts { used: true, vote: None, ..objection.clone() }).0, "It was taken back");
        assert_eq!(title(&Facts { vote: None, ..objection.clone() }).0, "There is nothing to take back any more");
        assert_eq!(title(&Facts { vote: None, delegate: Some("Mara"), ..objection.clone() }).0, "take back");
        assert_eq!(title(&Facts { delegate: Some("Mara"), ..objection }).0, "object", "one's own vote counts instead");
    }
}
