//! Policies and votes: who must agree, who has, and whether that is enough.

pub mod change;
pub mod check;
pub mod choose;
pub mod code;
pub mod count;
pub mod example;
pub mod executor;
pub mod form;
mod matching;
pub mod outlook;
pub mod policy;
pub mod polls;
pub mod stand_in;
pub mod terms;

pub use check::satisfiable;
pub use code::CodeNeed;
pub use count::{Roll, RuleStanding, Standing, count, factor_needed, in_turn, must_be_known_better};
pub use policy::{ESCALATION, Electorate, Eligible, Escalation, Group, Policy, Rule, Scope, Terms};
pub use polls::{Electorates, Poll, Polls};
pub use stand_in::StandIn;
pub use terms::{StageTimes, deadlines, strictest};

use crate::decision::Refusal;
use crate::ids::PersonId;
use crate::people::words;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a voter was known: never more than was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// Held the link that was mailed to the person.
    Link,
    /// Held the link and a fresh code sent to the same mailbox.
    LinkCode,
    /// Signed in.
    Account,
    /// Signed in with a second factor.
    AccountFactor,
}

words!(Assurance {
    Assurance::Link = "link" / "by the link in the mail",
    Assurance::LinkCode = "link_code" / "by link and mailed code",
    Assurance::Account = "account" / "signed in",
    Assurance::AccountFactor = "account_factor" / "signed in with second factor",
});

/// A vote's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoteDecision {
    /// Agrees.
    Approve,
    /// Refuses: the window ends.
    Reject,
    /// Sends it back to its author.
    RequestChanges,
}

words!(VoteDecision {
    VoteDecision::Approve = "approve" / "Approved",
    VoteDecision::Reject = "reject" / "Rejected",
    VoteDecision::RequestChanges = "request_changes" / "Asked for changes",
});

/// A vote that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingVote {
    /// Who.
    pub person: PersonId,
    /// What.
    pub decision: VoteDecision,
    /// How the voter was known.
    pub assurance: Assurance,
    /// When.
    pub at: Timestamp,
}

/// Whether this person may vote on this plan now; the refusal says why not and who can.
pub fn may_vote(
    person: PersonId,
    contributors: &BTreeSet<PersonId>,
    eligible: &Eligible,
    already: Option<&StandingVote>,
) -> Result<(), Refusal> {
    if contributors.contains(&person) {
        return Err(Refusal::new(
            "four_eyes",
            "You wrote a revision of this window, so your vote does not count on it. This holds for administrators too.",
            "Ask the other approvers named on the page.",
        ));
    }
    if let Some(vote) = already {
        return Err(Refusal::new(
            "already_voted",
            format!(
                "You already decided on this plan: {}, {}.",
                vote.decision.label().to_lowercase(),
                vote.at.strftime("%Y-%m-%d %H:%M UTC")
            ),
            "Withdraw that vote first if you changed your mind.",
        ));
    }
    if !eligible.values().any(|people| people.contains(&person)) {
        return Err(Refusal::new(
            "not_eligible",
            "You are not among the people whose approval this plan asks for.",
            "The page lists whom it waits for. The owner can name more stakeholders and seal a new revision.",
        ));
    }
    Ok(())
}
