//! What somebody must be told, at which transition.

use crate::ids::PersonId;
use crate::people::words;
use serde::{Deserialize, Serialize};

/// A kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Your decision is needed; carries a personal link.
    ApprovalNeeded,
    /// Your vote was recorded; carries "this was not me".
    VoteRecorded,
    /// Approved; it will run.
    Approved,
    /// Voted down.
    Rejected,
    /// Sent back for changes.
    ChangesAsked,
    /// Taken back or called off.
    Cancelled,
    /// Nobody decided in time.
    Expired,
    /// Started.
    Started,
    /// Not begun by the latest start.
    Missed,
    /// A run waits for a person.
    Held,
    /// Work is over, the list waits to be ticked.
    Validating,
    /// Closed; all clear.
    AllClear,
    /// Ended without success.
    Failed,
}

words!(NoticeKind {
    NoticeKind::ApprovalNeeded = "approval_needed" / "Approval needed",
    NoticeKind::VoteRecorded = "vote_recorded" / "Your decision was recorded",
    NoticeKind::Approved = "approved" / "Approved",
    NoticeKind::Rejected = "rejected" / "Rejected",
    NoticeKind::ChangesAsked = "changes_asked" / "Changes requested",
    NoticeKind::Cancelled = "cancelled" / "Cancelled",
    NoticeKind::Expired = "expired" / "Expired",
    NoticeKind::Started = "started" / "Started",
    NoticeKind::Missed = "missed" / "Missed",
    NoticeKind::Held = "held" / "On hold: decision needed",
    NoticeKind::Validating = "validating" / "Please validate",
    NoticeKind::AllClear = "all_clear" / "All clear",
    NoticeKind::Failed = "failed" / "Failed",
});

/// Whose relation to a window makes them concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Concerned {
    /// People whose vote the sealed plan asks for.
    Eligible,
    /// Stakeholders of the database.
    Stakeholders,
    /// Who wrote a revision.
    Contributors,
    /// Leads and deputies of the owner team.
    Leads,
    /// The person who just acted.
    Voter,
}

impl NoticeKind {
    /// Who gets this message. Everybody gets it once, however many relations they have.
    #[must_use]
    pub fn audience(self) -> &'static [Concerned] {
        use Concerned::{Contributors, Eligible, Leads, Stakeholders, Voter};
        match self {
            Self::ApprovalNeeded => &[Eligible],
            Self::VoteRecorded => &[Voter],
            Self::Rejected | Self::ChangesAsked | Self::Expired => &[Contributors, Eligible],
            Self::Approved | Self::Cancelled | Self::Started | Self::Missed | Self::AllClear | Self::Failed => {
                &[Stakeholders, Contributors, Leads]
            }
            Self::Held | Self::Validating => &[Contributors, Leads],
        }
    }
    /// True when the mail carries a calendar part: the event appears, moves or goes.
    #[must_use]
    pub fn has_calendar(self) -> bool {
        matches!(self, Self::ApprovalNeeded | Self::Approved | Self::Cancelled | Self::Rejected | Self::Expired | Self::Missed)
    }
}

/// A message owed to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotice {
    /// Which message.
    pub kind: NoticeKind,
    /// To whom.
    pub person: PersonId,
    /// What it says beyond window and person: small, and no secret.
    pub payload: serde_json::Map<String, serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_has_an_audience() {
        for kind in NoticeKind::ALL {
            assert!(!kind.audience().is_empty(), "{}", kind.word());
        }
    }
}
