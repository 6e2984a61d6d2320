//! What somebody may switch off for which channel, and what not: a message reaches a person who has one relation to it that is not switched off.

use super::{Concerned, NoticeKind};
use crate::people::words;
use std::collections::BTreeSet;

/// A way by which messages reach people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// To their mailbox, with or without an account.
    Mail,
    /// On the page of messages of whoever can sign in.
    Page,
}

words!(Channel { Channel::Mail = "mail" / "By mail", Channel::Page = "page" / "On the page of messages" });

/// By which ways a message goes to somebody; by none, it does not.
pub type Channels = BTreeSet<Channel>;

/// What somebody switched off, by channel.
pub type Off = BTreeSet<(Channel, Topic)>;

/// A kind of message that can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// A vote or a tick is asked for.
    Asked,
    /// What becomes of windows one owns, wrote or voted on.
    Outcome,
    /// Starts, ends and changes on databases one depends on or leads.
    Schedule,
    /// What one watches.
    Watching,
    /// A run is held or failed.
    Trouble,
    /// Somebody wrote about a window.
    Conversation,
    /// Somebody named one in a comment.
    Mentioned,
}

words!(Topic {
    Topic::Asked = "asked" / "I am asked to vote, or to tick a validation list",
    Topic::Outcome = "outcome" / "What becomes of windows I own, wrote or was asked about",
    Topic::Schedule = "schedule" / "Windows on my databases: approved, started, ended, called off",
    Topic::Watching = "watching" / "Windows and databases I watch",
    Topic::Trouble = "trouble" / "A run of my team is on hold or failed",
    Topic::Conversation = "conversation" / "Comments on windows I own, wrote or watch",
    Topic::Mentioned = "mentioned" / "Somebody names me in a comment",
});

impl Topic {
    /// What switching it off means, or what stays on.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::Asked => {
                "Without mail you get no link to vote by, and vote signed in. Without both, nothing says when the turn of a later stage has come."
            }
            Self::Outcome => "Approved, sent back, rejected, expired, missed, closed. They also move and remove entries in your calendar.",
            Self::Schedule => "As a stakeholder, a lead or a deputy.",
            Self::Watching => "You chose these yourself, on the window's or the database's page.",
            Self::Trouble => {
                "For windows you own and databases whose on-call contact names you it cannot be switched off: somebody has to come."
            }
            Self::Conversation => "On windows you only watch, as long as you are told of what you watch, too.",
            Self::Mentioned => "By @ and your name or address.",
        }
    }
}

/// What nobody can switch off, with the reason; for the page of the own settings.
pub const ALWAYS: &[(&str, &str)] = &[
    ("A decision in your name was recorded", "It carries “this was not me”: the way to undo what somebody else did with your mail."),
    ("You let somebody else decide, by the link that was mailed to you", "It carries “this was not me”, too."),
    ("A code you asked for on the page behind a link", "Where the policy wants it, your approval counts only with it."),
    ("A run is on hold or failed, of a window you own or are on call for", "Nobody else may know that somebody has to come."),
    ("A window you own cannot be approved in time any more", "You answer for it, and nobody else may notice in time."),
    ("A window became yours", "You answer for it from then on."),
    ("Your password was changed, or a link to a new one was asked for", "Whoever did not do this has to learn it."),
    ("Your second factor was set up or removed, or a recovery code was used", "Whoever did not do this has to learn it."),
    ("Two people broke the glass for a window you have to do with", "It runs without the approvals of its policy."),
    ("All maintenance was paused, or goes on", "You lead or administer: nothing starts meanwhile."),
    ("A freeze covers a window you own, or no longer does", "You answer for it, and it would not start."),
    ("A series you saved last cannot propose by itself", "It waits for you, and nobody else may notice."),
    ("You are said to be away, or vote in somebody's place", "It is about votes in your name, or of yours in another's."),
    ("A decision was given in your place", "Only you can decide instead, and only while there is something to decide."),
    ("A database went to another team", "You lead one of the two."),
    ("A webhook was paused, because its receiver never answers", "You administer: a program hears nothing meanwhile."),
    ("Your address was changed", "Whoever lost a mailbox has to learn it there."),
];

impl NoticeKind {
    /// Under which topics somebody with this relation gets it: all of them must be on. Without any it cannot be switched off.
    #[must_use]
    pub fn topics(self, relation: Concerned) -> &'static [Topic] {
        match (self, relation) {
            (
                _,
                Concerned::Voter
                | Concerned::Owner
                | Concerned::Heads
                | Concerned::BothLeads
                | Concerned::Administrators
                | Concerned::Auditors
                | Concerned::SeriesAuthor
                | Concerned::FreezeMaker
                | Concerned::Absent
                | Concerned::Delegate,
            )
            | (Self::VoteCode | Self::GlassBroken | Self::HandedOver | Self::Frozen | Self::FreezeChanged, _)
            | (Self::Held | Self::Failed, Concerned::WindowOwner | Concerned::OnCall)
            | (Self::QuorumShort, Concerned::WindowOwner) => &[],
            (Self::Commented, Concerned::Watchers) => &[Topic::Conversation, Topic::Watching],
            (Self::Commented, _) => &[Topic::Conversation],
            (Self::Mentioned, _) | (_, Concerned::Mentioned) => &[Topic::Mentioned],
            (_, Concerned::Watchers) => &[Topic::Watching],
            (Self::Held | Self::Failed, _) => &[Topic::Trouble],
            (Self::ApprovalNeeded | Self::SeriesAsked | Self::Validating, _) => &[Topic::Asked],
            (_, Concerned::WindowOwner | Concerned::Contributors | Concerned::Executor | Concerned::Eligible | Concerned::Invited) => {
                &[Topic::Outcome]
            }
            (_, Concerned::Stakeholders | Concerned::Leads | Concerned::OnCall) => &[Topic::Schedule],
        }
    }

    /// By which ways somebody with these relations gets it, who switched this off.
    #[must_use]
    pub fn channels(self, relations: &BTreeSet<Concerned>, off: &Off) -> Channels {
        let comes_by = |channel| {
            relations.iter().any(|relation| self.topics(*relation).iter().all(|topic| !off.contains(&(channel, *topic))))
                && (channel == Channel::Mail || self.is_for_page())
        };
        Channel::ALL.iter().copied().filter(|channel| comes_by(*channel)).collect()
    }

    /// True for what the page of messages shows, too. The others are only for whoever reads the mailbox: that is what they prove, or they are
    /// for somebody who cannot sign in.
    #[must_use]
    pub fn is_for_page(self) -> bool {
        !matches!(self, Self::VoteCode | Self::ConfirmAddress | Self::AddressChanged | Self::Invited | Self::ResetAsked | Self::TestMail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Concerned::{Contributors, Eligible, Leads, OnCall, Stakeholders, Voter, Watchers, WindowOwner};

    fn reaches(kind: NoticeKind, relations: &[Concerned], off: &[Topic]) -> bool {
        let relations = relations.iter().copied().collect();
        let by = |channel: Channel| kind.channels(&relations, &off.iter().map(|topic| (channel, *topic)).collect()).contains(&channel);
        assert!(by(Channel::Mail) == by(Channel::Page) || !kind.is_for_page(), "{}", kind.word());
        by(Channel::Mail)
    }

    #[test]
    fn each_way_is_switched_off_by_itself() {
        let relations = BTreeSet::from([Eligible]);
        let by = |off: &[(Channel, Topic)]| NoticeKind::ApprovalNeeded.channels(&relations, &off.iter().copied().collect());
        assert_eq!(by(&[]), Channels::from([Channel::Mail, Channel::Page]));
        assert_eq!(by(&[(Channel::Mail, Topic::Asked)]), Channels::from([Channel::Page]));
        assert_eq!(by(&[(Channel::Page, Topic::Asked), (Channel::Page, Topic::Outcome)]), Channels::from([Channel::Mail]));
        assert_eq!(by(&[(Channel::Mail, Topic::Asked), (Channel::Page, Topic::Asked)]), Channels::new());
    }

    #[test]
    fn what_a_mailbox_proves_is_on_no_page() {
        let everything = Off::new();
        for kind in [NoticeKind::VoteCode, NoticeKind::ConfirmAddress, NoticeKind::ResetAsked] {
            let relations = kind.audience().iter().copied().collect();
            assert_eq!(kind.channels(&relations, &everything), Channels::from([Channel::Mail]), "{}", kind.word());
        }
    }

    #[test]
    fn what_protects_or_wakes_somebody_is_never_off() {
        let all = Topic::ALL;
        assert!(reaches(NoticeKind::VoteRecorded, &[Voter], all));
        assert!(reaches(NoticeKind::HandedOver, &[WindowOwner], all));
        assert!(reaches(NoticeKind::VoteCode, &[Eligible], all), "who asked for it waits for it");
        for kind in [NoticeKind::Held, NoticeKind::Failed] {
            assert!(reaches(kind, &[WindowOwner], all) && reaches(kind, &[Leads, OnCall], all), "{}", kind.word());
            assert!(!reaches(kind, &[Leads, Contributors, Watchers], all), "{}", kind.word());
        }
    }

    #[test]
    fn one_relation_that_is_on_is_enough() {
        assert!(reaches(NoticeKind::Started, &[Stakeholders, Watchers], &[Topic::Schedule]));
        assert!(!reaches(NoticeKind::Started, &[Stakeholders, Watchers], &[Topic::Schedule, Topic::Watching]));
        for kind in [NoticeKind::ApprovalNeeded, NoticeKind::SeriesAsked] {
            assert!(reaches(kind, &[Eligible], &[Topic::Outcome]) && !reaches(kind, &[Eligible], &[Topic::Asked]), "{}", kind.word());
        }
        assert!(
            !reaches(NoticeKind::Approved, &[WindowOwner], &[Topic::Outcome])
                && reaches(NoticeKind::Approved, &[WindowOwner, Leads], &[Topic::Outcome])
        );
    }

    #[test]
    fn comments_on_what_one_only_watches_need_both_topics() {
        for off in [Topic::Conversation, Topic::Watching] {
            assert!(!reaches(NoticeKind::Commented, &[Watchers], &[off]), "{}", off.word());
        }
        assert!(reaches(NoticeKind::Commented, &[Watchers, WindowOwner], &[Topic::Watching]));
        assert!(!reaches(NoticeKind::Mentioned, &[Concerned::Mentioned], &[Topic::Mentioned]));
        assert!(reaches(NoticeKind::Mentioned, &[Concerned::Mentioned], &[Topic::Conversation]));
    }

    #[test]
    fn watchers_are_told_and_never_asked() {
        for kind in NoticeKind::ALL {
            let asks =
                matches!(kind, NoticeKind::ApprovalNeeded | NoticeKind::VoteRecorded | NoticeKind::HandedOver | NoticeKind::Validating);
            let names_one = matches!(kind, NoticeKind::VoteCode | NoticeKind::VotedInPlace | NoticeKind::Delegated | NoticeKind::Mentioned);
            let asks = asks || names_one || !kind.is_about_window();
            assert_eq!(kind.audience().contains(&Watchers), !asks, "{}", kind.word());
        }
    }
}
