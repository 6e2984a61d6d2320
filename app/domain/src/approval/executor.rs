//! Whoever approved does not execute, where a policy demands it: two people then stand behind a run that a person starts.
//!
//! What the schedule starts has no executor, and what makes things safe again (stop, hold, leave the rest, roll back) is open to everybody who
//! holds the right: nobody waits for a second person while a database is in danger.

use super::{StandingVote, VoteDecision};
use crate::decision::Refusal;
use crate::ids::PersonId;

/// Code of the refusal.
pub const SEPARATE: &str = "separate_executor";

/// Whether somebody's approval stands among these votes.
#[must_use]
pub fn approved<'v>(votes: impl IntoIterator<Item = &'v StandingVote>, person: PersonId) -> bool {
    votes.into_iter().any(|vote| vote.person == person && vote.decision == VoteDecision::Approve)
}

/// Whether somebody may start a run, or let it go on. `demanded` says that a policy of its plan keeps approvers from that; `approved` that the
/// person is one of them.
///
/// # Errors
/// The refusal, with the way out.
pub fn may_execute(demanded: bool, approved: bool) -> Result<(), Refusal> {
    if demanded && approved {
        return Err(Refusal::new(
            SEPARATE,
            "You approved this plan, and its policy wants somebody else to start it or to let it go on.",
            "Ask another engineer of the owner team. Stopping, holding and leaving the rest are open to you.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::Assurance;
    use jiff::Timestamp;
    use uuid::Uuid;

    #[test]
    fn only_an_approver_is_kept_from_executing_and_only_where_it_is_demanded() {
        let code = |demanded, approved| may_execute(demanded, approved).err().map(|refusal| refusal.code);
        assert_eq!(code(true, true).as_deref(), Some(SEPARATE));
        assert_eq!([code(true, false), code(false, true), code(false, false)], [None, None, None]);
    }

    #[test]
    fn a_rejection_that_did_not_win_makes_nobody_an_approver() {
        let vote = |n, decision| StandingVote {
            person: PersonId(Uuid::from_u128(n)),
            decision,
            assurance: Assurance::Account,
            at: Timestamp::UNIX_EPOCH,
        };
        let votes = [vote(1, VoteDecision::Approve), vote(2, VoteDecision::Reject)];
        let asked = |n| approved(&votes, PersonId(Uuid::from_u128(n)));
        assert_eq!([asked(1), asked(2), asked(3)], [true, false, false]);
    }
}
