//! The page of messages: what somebody who can sign in was told, beside mail.

use crate::ids::{FreezeId, MessageId, SeriesId, TargetId, WebhookId};
use crate::notice::NoticeKind;
use crate::window::WindowState;
use jiff::Timestamp;

/// Rows of one page of the list.
pub const PAGE_ROWS: usize = 50;

/// The highest count of unread messages that is said; above it, there are more than that.
pub const MOST_COUNTED: i64 = 99;

/// What a message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A window.
    Window {
        /// Its number.
        number: i64,
        /// Its state now; `None` for whoever does not see the work of its team, and has the page to decide on alone.
        state: Option<WindowState>,
    },
    /// A series.
    Series(SeriesId),
    /// A freeze.
    Freeze(FreezeId),
    /// A database.
    Database(TargetId),
    /// A webhook.
    Webhook(WebhookId),
    /// The whole installation is paused, or goes on.
    Pause,
    /// An absence of the reader, or one in which they vote for somebody.
    Absence,
    /// The reader's account.
    Account,
}

impl About {
    /// The page that shows it. `kind` tells which page of a series, and what there is no table of.
    #[must_use]
    pub fn path(&self, kind: NoticeKind) -> String {
        match self {
            Self::Window { number, state: Some(_) } => match kind {
                NoticeKind::Validating => format!("/windows/{number}/checklist"),
                _ => format!("/windows/{number}"),
            },
            Self::Window { number, state: None } => format!("/windows/{number}/decide"),
            Self::Series(id) if kind.is_about_dates() => format!("/series/{id}/approval"),
            Self::Series(id) => format!("/series/{id}"),
            Self::Freeze(id) => format!("/freezes/{id}"),
            Self::Database(id) => format!("/databases/{id}"),
            Self::Webhook(id) => format!("/admin/webhooks/{id}"),
            Self::Pause => "/pause".to_owned(),
            Self::Absence => "/me/absence".to_owned(),
            Self::Account => "/me".to_owned(),
        }
    }

    /// What a message is about that names nothing of the tables.
    #[must_use]
    pub fn of_kind(kind: NoticeKind) -> Self {
        match kind {
            NoticeKind::Paused | NoticeKind::Resumed => Self::Pause,
            NoticeKind::AbsenceSaid | NoticeKind::AbsenceChanged => Self::Absence,
            _ => Self::Account,
        }
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// Identity.
    pub id: MessageId,
    /// Which message.
    pub kind: NoticeKind,
    /// What it is about was called so when it was written; empty where the kind says all.
    pub title: String,
    /// What it is about.
    pub about: About,
    /// When it was written.
    pub at: Timestamp,
    /// Its person has not seen it, nor what it is about.
    pub unread: bool,
}

/// The page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagesPage {
    /// Only what is unread is listed.
    pub only_unread: bool,
    /// Newest first.
    pub rows: Vec<MessageRow>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<MessageId>,
    /// How many are unread over all pages, at most one more than [`MOST_COUNTED`].
    pub unread: i64,
}

/// How many are unread, as it is said: exact up to [`MOST_COUNTED`].
#[must_use]
pub fn counted(unread: i64) -> String {
    if unread > MOST_COUNTED { format!("{MOST_COUNTED}+") } else { unread.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_leads_to_what_it_is_about() {
        let window = |state| About::Window { number: 7, state };
        assert_eq!(window(Some(WindowState::Proposed)).path(NoticeKind::ApprovalNeeded), "/windows/7");
        assert_eq!(window(Some(WindowState::Validating)).path(NoticeKind::Validating), "/windows/7/checklist");
        assert_eq!(window(None).path(NoticeKind::ApprovalNeeded), "/windows/7/decide", "all that is theirs of it");
        let series = About::Series(SeriesId(uuid::Uuid::nil()));
        assert!(
            series.path(NoticeKind::SeriesAsked).ends_with("/approval") && !series.path(NoticeKind::SeriesStuck).ends_with("/approval")
        );
        for (kind, path) in [(NoticeKind::Paused, "/pause"), (NoticeKind::AbsenceSaid, "/me/absence"), (NoticeKind::PasswordChanged, "/me")]
        {
            assert_eq!(About::of_kind(kind).path(kind), path, "{}", kind.word());
        }
    }

    #[test]
    fn a_count_that_ends_says_so() {
        assert_eq!([0, 1, 99, 100].map(counted), ["0", "1", "99", "99+"]);
    }
}
