//! The table of messages about windows, and about dates of a series that are approved together: what is told at each transition, and to whom.
//! Every cell is a message or the reason why there is none.

use super::{Concerned, NoticeKind};
use crate::window::WindowState;

/// A part somebody can have in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Answers for it.
    Owner,
    /// Wrote a revision.
    Contributors,
    /// Started its run, or steered it.
    Executor,
    /// Is asked for a vote by the sealed plan.
    Asked,
    /// Has voted.
    Voters,
    /// Holds a seat, and is away.
    Absent,
    /// Depends on the database.
    Stakeholders,
    /// Wants to hear of it.
    Watchers,
    /// Has it in a calendar, by an earlier message, whatever else they are by now.
    Invited,
    /// Is called when something is wrong with the database.
    OnCall,
    /// Leads the owner team, or stands in.
    Leads,
    /// Reviews afterwards.
    Auditors,
    /// Administers the installation.
    Administrators,
}

impl Part {
    /// Every part, in the order of the table.
    pub const ALL: [Self; 13] = [
        Self::Owner,
        Self::Contributors,
        Self::Executor,
        Self::Asked,
        Self::Voters,
        Self::Absent,
        Self::Stakeholders,
        Self::Watchers,
        Self::Invited,
        Self::OnCall,
        Self::Leads,
        Self::Auditors,
        Self::Administrators,
    ];

    /// As messages know it.
    #[must_use]
    pub fn relation(self) -> Concerned {
        match self {
            Self::Owner => Concerned::WindowOwner,
            Self::Contributors => Concerned::Contributors,
            Self::Executor => Concerned::Executor,
            Self::Asked => Concerned::Eligible,
            Self::Voters => Concerned::Voter,
            Self::Absent => Concerned::Absent,
            Self::Stakeholders => Concerned::Stakeholders,
            Self::Watchers => Concerned::Watchers,
            Self::Invited => Concerned::Invited,
            Self::OnCall => Concerned::OnCall,
            Self::Leads => Concerned::Leads,
            Self::Auditors => Concerned::Auditors,
            Self::Administrators => Concerned::Administrators,
        }
    }
}

/// What somebody with a part gets: the message, or nothing, for a reason.
pub fn cell(kind: NoticeKind, part: Part) -> Result<(), &'static str> {
    if kind.audience().contains(&part.relation()) { Ok(()) } else { Err(why_not(kind, part)) }
}

fn why_not(kind: NoticeKind, part: Part) -> &'static str {
    use NoticeKind as N;
    match (kind, part) {
        (N::GlassBroken, Part::Voters) => "They are told as those whose vote the plan asks for.",
        (N::GlassBroken, Part::Executor) => "Nobody has begun it.",
        (N::SeriesVoted, _) => "It is about one vote: only its voter can say that it was not theirs.",
        (N::SeriesAsked, Part::Voters) => "Whoever approved these dates is not asked again.",
        (N::SeriesAsked, _) => "There is no window yet, and they have nothing to decide: each that comes of it is told by itself.",
        (_, Part::Administrators) => "Whoever administers has no part in a window: only what is an exception is told to them.",
        (_, Part::Auditors) => "They read the trail, which nobody can switch off or lose; a mail would prove nothing.",
        (N::VoteCode, _) => "It goes to the one mailbox whose link asked for it: a code that others read proves nothing.",
        (N::VoteRecorded, _) => "It is about one vote: only its voter can say that it was not theirs.",
        (N::Delegated, _) => "It is about one seat: only whoever gave it can say that it was not them.",
        (N::VotedInPlace, _) => "It is about one seat: only whoever holds it can still decide instead.",
        (_, Part::Absent) => "Being away concerns their vote alone; the rest they hear by what else they are.",
        (N::HandedOver, _) => "It is about who answers for the window: only the new owner has to know.",
        (N::Mentioned, _) => "It is for those whom the comment names.",
        (N::Commented, _) => "Whoever is to read a comment without owning, writing or watching the window is named in it.",
        (N::ApprovalNeeded, Part::Invited) => "Other times they are told as a move; the rest is for those who decide.",
        (N::ChangesAsked, Part::Invited) => "It may come back at the same time; a new time, or its end, they are told.",
        (N::QuorumShort, Part::Asked) => "They were asked already; who is away is asked by a delegate, if by anybody.",
        (N::QuorumShort, _) => "Nothing is decided: its owner finds out what to do, and they are told of that.",
        (N::ApprovalNeeded, Part::Voters) => "Whoever decided on this plan is not asked again.",
        (N::ApprovalNeeded, _) => "Nothing is decided yet, and they have nothing to decide.",
        (N::Moved, Part::Asked | Part::Voters) => "They are asked for their decision on the new time, by a message that says the same.",
        (_, Part::Voters) => "Their part ended with the vote; what it led to they hear by what else they are.",
        (N::Rejected | N::ChangesAsked | N::Expired | N::Moved | N::Approved | N::ApprovalLost | N::Missed, Part::Executor) => {
            "Nobody has begun it."
        }
        (N::Rejected | N::ChangesAsked | N::Expired, _) => "It had not been announced to them, and nothing runs.",
        (N::ApprovalLost, Part::Asked) => "Those who have not decided are asked again, by a message of its own.",
        (N::ApprovalLost, _) => "It may still be approved in time; what becomes of it they are told.",
        (N::Held, _) => "Nobody has decided yet how it goes on; they are told how it ends.",
        (N::Validating, _) => "They are told when the list is done, with what it says.",
        (_, Part::Executor) => "Whoever acted sees it on the page.",
        (_, Part::Invited) => "Their entry stands as it is.",
        (_, Part::Asked) => "Their decision was made; as stakeholders or leads they are told.",
        (_, Part::OnCall) => "Nobody has to come.",
        _ => "Nothing changes for them.",
    }
}

/// What a transition is told by; the reason, where it is told by nothing.
///
/// # Errors
/// A sentence that says why there is no message.
pub fn told_of(from: WindowState, to: WindowState) -> Result<NoticeKind, &'static str> {
    use NoticeKind as N;
    use WindowState as W;
    Ok(match (from, to) {
        (W::Approved, W::Proposed) => N::ApprovalLost,
        (_, W::Proposed) => N::ApprovalNeeded,
        (_, W::Approved) => N::Approved,
        (_, W::Draft) => N::ChangesAsked,
        (_, W::Withdrawn | W::Cancelled) => N::Cancelled,
        (_, W::Rejected) => N::Rejected,
        (_, W::Expired) => N::Expired,
        (_, W::Missed) => N::Missed,
        (W::Hold, W::Running) => return Err("A named person decided it, and the run's page shows it; how it ends is told."),
        (_, W::Running) => N::Started,
        (_, W::Hold) => N::Held,
        (_, W::Validating) => N::Validating,
        (_, W::RollingBack) => return Err("It is approved work like the rest; how it ends is told."),
        (_, W::Completed) => N::AllClear,
        (_, W::RolledBack | W::Failed) => N::Failed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn kinds() -> impl Iterator<Item = NoticeKind> {
        NoticeKind::ALL.iter().copied().filter(|kind| kind.is_about_window() || kind.is_about_dates())
    }

    #[test]
    fn every_cell_is_a_message_or_a_reason() {
        let mut table = String::new();
        for kind in kinds() {
            let _ = writeln!(table, "{}", kind.label());
            for part in Part::ALL {
                let said = match cell(kind, part) {
                    Ok(()) => "told".to_owned(),
                    Err(why) => {
                        assert!(why.ends_with('.') && why.len() > 15, "{} {part:?}", kind.word());
                        format!("–  {why}")
                    }
                };
                let _ = writeln!(table, "    {:<13} {said}", format!("{part:?}"));
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn everybody_whom_a_message_reaches_has_a_column() {
        for kind in kinds().filter(|kind| *kind != NoticeKind::Mentioned) {
            for relation in kind.audience() {
                assert!(Part::ALL.iter().any(|part| part.relation() == *relation), "{} {relation:?}", kind.word());
            }
        }
    }

    #[test]
    fn every_transition_is_told_or_has_a_reason() {
        for from in WindowState::ALL {
            for to in from.moves() {
                match told_of(*from, *to) {
                    Ok(kind) => assert!(kind.is_about_window(), "{} → {}", from.word(), to.word()),
                    Err(why) => assert!(why.ends_with('.'), "{} → {}", from.word(), to.word()),
                }
            }
        }
    }
}
