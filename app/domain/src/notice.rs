//! What somebody must be told, at which transition.

pub mod table;
pub mod topics;

use crate::ids::PersonId;
use crate::people::words;
use crate::window::WindowState;
use crate::window::certainty::Certainty;
use serde::{Deserialize, Serialize};
use topics::{Channel, Channels};

/// A kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Your decision is needed; carries a personal link.
    ApprovalNeeded,
    /// The code that makes an approval by link count for more; carries it.
    VoteCode,
    /// Your vote was recorded; carries "this was not me".
    VoteRecorded,
    /// Moved to another time; those who decide are asked again, the others are told.
    Moved,
    /// Approved; it will run.
    Approved,
    /// Two people let it run without the approvals of its policy.
    GlassBroken,
    /// Voted down.
    Rejected,
    /// Sent back for changes.
    ChangesAsked,
    /// Taken back or called off.
    Cancelled,
    /// Approved before, and by now not any more.
    ApprovalLost,
    /// A delegate decided in the recipient's place.
    VotedInPlace,
    /// The recipient lets somebody else decide; carries "this was not me".
    Delegated,
    /// Too few of those who are asked can still approve it in time.
    QuorumShort,
    /// Yours from now on: whoever owned it left.
    HandedOver,
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
    /// Somebody wrote about it.
    Commented,
    /// Somebody wrote about it and named you.
    Mentioned,
    /// To the address somebody wants to have: is it theirs? Carries the link that says so.
    ConfirmAddress,
    /// To the address somebody had: it is none any more.
    AddressChanged,
    /// An account waits for its person; carries an invitation.
    Invited,
    /// A reset was asked for; carries the link to it.
    ResetAsked,
    /// The password of the account was changed.
    PasswordChanged,
    /// The second factor of the account was set up or removed, or a recovery code was used.
    FactorChanged,
    /// All maintenance was paused.
    Paused,
    /// It goes on.
    Resumed,
    /// A database belongs to another team from now on.
    OwnerChanged,
    /// Mail works: an administrator wanted to see it.
    TestMail,
    /// A freeze covers windows of the reader.
    Frozen,
    /// Such a freeze was lifted, has another end, or lets a window pass.
    FreezeChanged,
    /// A receiver of events is not called any more: it never answers.
    WebhookPaused,
    /// A series cannot propose by itself what it should.
    SeriesStuck,
    /// Somebody is away, and perhaps you vote in their place.
    AbsenceSaid,
    /// Such an absence has another end, or is over.
    AbsenceChanged,
    /// Dates of a series wait for an approval together.
    SeriesAsked,
    /// Your approval of such dates was recorded.
    SeriesVoted,
}

words!(NoticeKind {
    NoticeKind::ApprovalNeeded = "approval_needed" / "Approval needed",
    NoticeKind::VoteCode = "vote_code" / "Code to approve",
    NoticeKind::VoteRecorded = "vote_recorded" / "Your decision was recorded",
    NoticeKind::Moved = "moved" / "Moved",
    NoticeKind::Approved = "approved" / "Approved",
    NoticeKind::GlassBroken = "glass_broken" / "Break-glass",
    NoticeKind::Rejected = "rejected" / "Rejected",
    NoticeKind::ChangesAsked = "changes_asked" / "Changes requested",
    NoticeKind::Cancelled = "cancelled" / "Cancelled",
    NoticeKind::ApprovalLost = "approval_lost" / "Approval lost",
    NoticeKind::VotedInPlace = "voted_in_place" / "Decided in your place",
    NoticeKind::Delegated = "delegated" / "Somebody else decides for you",
    NoticeKind::QuorumShort = "quorum_short" / "Cannot be approved in time",
    NoticeKind::HandedOver = "handed_over" / "Yours from now on",
    NoticeKind::Expired = "expired" / "Expired",
    NoticeKind::Started = "started" / "Started",
    NoticeKind::Missed = "missed" / "Missed",
    NoticeKind::Held = "held" / "On hold: decision needed",
    NoticeKind::Validating = "validating" / "Please validate",
    NoticeKind::AllClear = "all_clear" / "All clear",
    NoticeKind::Failed = "failed" / "Failed",
    NoticeKind::Commented = "commented" / "Comment",
    NoticeKind::Mentioned = "mentioned" / "You were mentioned",
    NoticeKind::ConfirmAddress = "confirm_address" / "Confirm your address",
    NoticeKind::AddressChanged = "address_changed" / "Address changed",
    NoticeKind::Invited = "invited" / "Invitation",
    NoticeKind::ResetAsked = "reset_asked" / "New password",
    NoticeKind::PasswordChanged = "password_changed" / "Password changed",
    NoticeKind::FactorChanged = "factor_changed" / "Second factor",
    NoticeKind::Paused = "paused" / "Maintenance paused",
    NoticeKind::Resumed = "resumed" / "Maintenance resumed",
    NoticeKind::OwnerChanged = "owner_changed" / "Database given to another team",
    NoticeKind::TestMail = "test_mail" / "Test mail",
    NoticeKind::Frozen = "frozen" / "Freeze over your windows",
    NoticeKind::FreezeChanged = "freeze_changed" / "Freeze changed",
    NoticeKind::WebhookPaused = "webhook_paused" / "Webhook paused",
    NoticeKind::SeriesStuck = "series_stuck" / "Series needs a person",
    NoticeKind::AbsenceSaid = "absence_said" / "Away",
    NoticeKind::AbsenceChanged = "absence_changed" / "Absence changed",
    NoticeKind::SeriesAsked = "series_asked" / "Approval of dates together",
    NoticeKind::SeriesVoted = "series_voted" / "Your approval was recorded",
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
    /// Who answers for the window.
    WindowOwner,
    /// Who watches the window or its database.
    Watchers,
    /// Whose calendar has the window by an earlier message.
    Invited,
    /// Who started its run, or steered it.
    Executor,
    /// Whom a comment names.
    Mentioned,
    /// Whom the database's on-call contact names.
    OnCall,
    /// The person whose account it is.
    Owner,
    /// Leads and deputies of every team, and administrators.
    Heads,
    /// Administrators.
    Administrators,
    /// Auditors: what is an exception is told to security at once.
    Auditors,
    /// Leads and deputies of both teams, when a database changes its owner.
    BothLeads,
    /// Who answers for a series.
    SeriesAuthor,
    /// Who made a freeze.
    FreezeMaker,
    /// Who is away.
    Absent,
    /// Who votes in somebody's place.
    Delegate,
}

impl NoticeKind {
    /// Who gets this message. Everybody gets it once, however many relations they have.
    #[must_use]
    pub fn audience(self) -> &'static [Concerned] {
        use Concerned::{
            Absent, Administrators, Auditors, BothLeads, Contributors, Delegate, Eligible, Executor, FreezeMaker, Heads, Invited, Leads,
            Mentioned, OnCall, Owner, SeriesAuthor, Stakeholders, Voter, Watchers, WindowOwner,
        };
        match self {
            Self::ApprovalNeeded | Self::VoteCode | Self::SeriesAsked => &[Eligible],
            Self::VoteRecorded | Self::Delegated | Self::SeriesVoted | Self::ConfirmAddress | Self::AddressChanged => &[Voter],
            Self::ChangesAsked => &[WindowOwner, Contributors, Eligible, Watchers],
            Self::Rejected | Self::Expired => &[WindowOwner, Contributors, Eligible, Watchers, Invited],
            Self::Moved | Self::Approved | Self::Cancelled | Self::Missed => {
                &[Stakeholders, WindowOwner, Contributors, Leads, Watchers, Invited]
            }
            Self::GlassBroken => {
                &[Administrators, Auditors, Leads, Stakeholders, Eligible, WindowOwner, Contributors, OnCall, Watchers, Invited]
            }
            Self::Started | Self::AllClear => &[Stakeholders, WindowOwner, Contributors, Leads, Watchers],
            Self::Failed => &[Stakeholders, WindowOwner, OnCall, Executor, Contributors, Leads, Watchers],
            Self::Held => &[WindowOwner, OnCall, Executor, Contributors, Leads, Watchers],
            Self::ApprovalLost => &[WindowOwner, Contributors, Leads, Watchers, Invited],
            Self::QuorumShort => &[WindowOwner, Watchers],
            Self::Commented => &[WindowOwner, Contributors, Watchers],
            Self::Mentioned => &[Mentioned],
            Self::Validating => &[WindowOwner, Executor, Contributors, Leads],
            Self::HandedOver | Self::Frozen => &[WindowOwner],
            Self::FreezeChanged => &[WindowOwner, FreezeMaker],
            Self::Invited | Self::ResetAsked | Self::PasswordChanged | Self::FactorChanged | Self::TestMail => &[Owner],
            Self::Paused | Self::Resumed => &[Heads],
            Self::OwnerChanged => &[BothLeads],
            Self::WebhookPaused => &[Administrators],
            Self::SeriesStuck => &[SeriesAuthor, Leads],
            Self::VotedInPlace => &[Absent],
            Self::AbsenceSaid | Self::AbsenceChanged => &[Absent, Delegate],
        }
    }
    /// True for messages that say what somebody wrote.
    #[must_use]
    pub fn is_about_comment(self) -> bool {
        matches!(self, Self::Commented | Self::Mentioned)
    }
    /// True for messages about an address: they speak of no window.
    #[must_use]
    pub fn is_about_address(self) -> bool {
        matches!(self, Self::ConfirmAddress | Self::AddressChanged)
    }
    /// True for messages about somebody's own account: they speak of no window.
    #[must_use]
    pub fn is_about_account(self) -> bool {
        matches!(self, Self::Invited | Self::ResetAsked | Self::PasswordChanged | Self::FactorChanged)
    }
    /// True for messages about a database, a series, a receiver or the whole installation: they speak of no window either.
    #[must_use]
    pub fn is_bulletin(self) -> bool {
        matches!(
            self,
            Self::Paused
                | Self::Resumed
                | Self::OwnerChanged
                | Self::TestMail
                | Self::Frozen
                | Self::FreezeChanged
                | Self::WebhookPaused
                | Self::SeriesStuck
                | Self::AbsenceSaid
                | Self::AbsenceChanged
                | Self::SeriesAsked
                | Self::SeriesVoted
        )
    }
    /// True for messages about dates of a series that are approved together.
    #[must_use]
    pub fn is_about_dates(self) -> bool {
        matches!(self, Self::SeriesAsked | Self::SeriesVoted)
    }
    /// True for messages about a window, its plan or its run.
    #[must_use]
    pub fn is_about_window(self) -> bool {
        !(self.is_about_address() || self.is_about_account() || self.is_bulletin())
    }
    /// What the mail does to the reader's calendar: the event appears, moves, is confirmed or goes. Whoever gets one that puts it there
    /// gets every later one, by [`Concerned::Invited`].
    #[must_use]
    pub fn event(self) -> Option<Certainty> {
        match self {
            Self::ApprovalNeeded | Self::Moved | Self::ApprovalLost => Some(Certainty::Tentative),
            Self::Approved | Self::GlassBroken | Self::Started => Some(Certainty::Confirmed),
            Self::Cancelled | Self::Rejected | Self::Expired | Self::Missed => Some(Certainty::Cancelled),
            _ => None,
        }
    }
}

/// How things stand when a message is about to leave, which may be days after it was owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// The recipient was not deactivated.
    pub person_active: bool,
    /// State of the window it speaks about, if any.
    pub window: Option<WindowState>,
    /// The window's newest plan is still the one the message names.
    pub same_digest: bool,
    /// The link or the code it carries still decides something; `true` when it carries none.
    pub link_alive: bool,
    /// What it quotes is not taken back, and the person may still read it; `true` when it quotes nothing.
    pub comment_stands: bool,
}

impl NoticeKind {
    /// Why a message that has not left yet would mislead by now; `None` when it still has to be said.
    ///
    /// Messages about something final, and the one that says "this was not me", are never overtaken.
    #[must_use]
    pub fn overtaken(self, now: &Situation) -> Option<&'static str> {
        use WindowState as W;
        if !now.person_active {
            return Some("the person was deactivated");
        }
        if matches!(self, Self::ConfirmAddress | Self::Invited | Self::ResetAsked) && !now.link_alive {
            return Some("its link was used, replaced or has expired");
        }
        if self.is_about_comment() && !now.comment_stands {
            return Some("the comment was taken back, or the person may not read it any more");
        }
        let state = now.window?;
        let moved = Some("the window has moved on since");
        match self {
            Self::ApprovalNeeded | Self::Moved | Self::ChangesAsked | Self::QuorumShort if !now.same_digest => {
                Some("the window was edited since")
            }
            Self::ApprovalNeeded | Self::ApprovalLost | Self::QuorumShort if state != W::Proposed => moved,
            // It says that the new time waits for votes, and takes certainty off a calendar: after an approval or an end both are wrong. What was
            // sent back for changes still has that time.
            Self::Moved if !matches!(state, W::Proposed | W::Draft) => moved,
            Self::ApprovalNeeded if !now.link_alive => Some("its link was used, replaced or has expired"),
            Self::VoteCode if !now.link_alive || state != W::Proposed => Some("its code was used, replaced or has expired"),
            Self::Approved if state != W::Approved => moved,
            Self::Started if state.is_terminal() => moved,
            Self::Held if state != W::Hold => moved,
            Self::Validating if state != W::Validating => moved,
            _ => None,
        }
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
    /// By which ways.
    pub by: Channels,
}

impl NewNotice {
    /// A message that nobody can switch off.
    #[must_use]
    pub fn new(kind: NoticeKind, person: PersonId, payload: serde_json::Map<String, serde_json::Value>) -> Self {
        let by = Channel::ALL.iter().copied().filter(|channel| *channel == Channel::Mail || kind.is_for_page()).collect();
        Self { kind, person, payload, by }
    }
    /// The same by these ways alone.
    #[must_use]
    pub fn by(self, by: Channels) -> Self {
        Self { by, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing has happened since it was written.
    fn fresh() -> Situation {
        Situation { person_active: true, window: Some(WindowState::Proposed), same_digest: true, link_alive: true, comment_stands: true }
    }

    #[test]
    fn a_request_to_decide_is_overtaken_by_whatever_settled_it() {
        let fresh = fresh();
        let ask = NoticeKind::ApprovalNeeded;
        assert_eq!(ask.overtaken(&fresh), None);
        assert!(ask.overtaken(&Situation { same_digest: false, ..fresh }).is_some());
        assert!(ask.overtaken(&Situation { link_alive: false, ..fresh }).is_some());
        assert!(ask.overtaken(&Situation { window: Some(WindowState::Withdrawn), ..fresh }).is_some());
        assert!(ask.overtaken(&Situation { person_active: false, ..fresh }).is_some());
    }

    #[test]
    fn a_move_is_overtaken_by_what_followed_it() {
        let fresh = fresh();
        let told = |window| NoticeKind::Moved.overtaken(&Situation { window: Some(window), ..fresh });
        assert_eq!(NoticeKind::Moved.overtaken(&fresh), None);
        assert_eq!(told(WindowState::Draft), None, "sent back for changes: the old time is in calendars still");
        for later in [WindowState::Approved, WindowState::Running, WindowState::Cancelled, WindowState::Rejected, WindowState::Missed] {
            assert!(told(later).is_some(), "{later:?}");
        }
    }

    #[test]
    fn a_code_that_opens_nothing_any_more_is_not_sent() {
        let fresh = fresh();
        let code = NoticeKind::VoteCode;
        assert_eq!(code.overtaken(&fresh), None);
        assert!(code.overtaken(&Situation { link_alive: false, ..fresh }).is_some());
        assert!(code.overtaken(&Situation { window: Some(WindowState::Approved), ..fresh }).is_some());
    }

    #[test]
    fn a_link_that_leads_nowhere_any_more_is_not_sent() {
        let fresh = Situation { window: None, ..fresh() };
        for kind in [NoticeKind::Invited, NoticeKind::ResetAsked] {
            assert_eq!(kind.overtaken(&fresh), None, "{}", kind.word());
            assert!(kind.overtaken(&Situation { link_alive: false, ..fresh }).is_some(), "{}", kind.word());
        }
        assert_eq!(NoticeKind::PasswordChanged.overtaken(&fresh), None);
        assert!(NoticeKind::PasswordChanged.overtaken(&Situation { person_active: false, ..fresh }).is_some());
    }

    #[test]
    fn a_comment_that_was_taken_back_is_not_sent() {
        let fresh = Situation {
            person_active: true,
            window: Some(WindowState::Completed),
            same_digest: false,
            link_alive: true,
            comment_stands: true,
        };
        for kind in [NoticeKind::Commented, NoticeKind::Mentioned] {
            assert_eq!(kind.overtaken(&fresh), None, "{}", kind.word());
            assert!(kind.overtaken(&Situation { comment_stands: false, ..fresh }).is_some(), "{}", kind.word());
        }
        assert_eq!(NoticeKind::AllClear.overtaken(&Situation { comment_stands: false, ..fresh }), None);
    }

    #[test]
    fn what_is_final_is_said_however_late() {
        for (kind, state) in [
            (NoticeKind::Cancelled, WindowState::Cancelled),
            (NoticeKind::AllClear, WindowState::Completed),
            (NoticeKind::Failed, WindowState::Failed),
            (NoticeKind::VoteRecorded, WindowState::Rejected),
        ] {
            let late = Situation { person_active: true, window: Some(state), same_digest: false, link_alive: false, comment_stands: true };
            assert_eq!(kind.overtaken(&late), None, "{}", kind.word());
        }
    }

    #[test]
    fn what_a_message_put_into_a_calendar_is_moved_and_taken_out_again() {
        for kind in NoticeKind::ALL.iter().filter(|kind| kind.event().is_some_and(|event| event != Certainty::Confirmed)) {
            let follows = kind.audience().contains(&Concerned::Invited);
            assert!(follows || *kind == NoticeKind::ApprovalNeeded, "{}", kind.word());
        }
        assert!(NoticeKind::Approved.audience().contains(&Concerned::Invited));
        assert!(NoticeKind::ALL.iter().filter(|kind| kind.event().is_some()).all(|kind| kind.is_about_window()));
    }

    #[test]
    fn every_message_has_an_audience() {
        for kind in NoticeKind::ALL {
            assert!(!kind.audience().is_empty(), "{}", kind.word());
        }
    }
}
