//! Mail as its pages show it: what waits to leave, and what a demo kept instead of sending.

use crate::ids::NoticeId;
use jiff::Timestamp;

/// Rows of one page of a list.
pub const PAGE_ROWS: usize = 50;

/// Which messages are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shown {
    /// Everything that has not left: waiting, being sent, parked.
    #[default]
    Open,
    /// Only those that wait for a person.
    Parked,
    /// Only those that a mail server took.
    Sent,
    /// Only those that were overtaken and dropped.
    Superseded,
}

impl Shown {
    /// Every choice with its word and label, in the order of the form.
    pub const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Open, "open", "Not sent yet"),
        (Self::Parked, "parked", "Parked: waits for a person"),
        (Self::Sent, "sent", "Sent"),
        (Self::Superseded, "superseded", "Dropped, because overtaken"),
    ];
    /// The word in the address.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(shown, ..)| *shown == self).map_or("open", |(_, word, _)| word)
    }
    /// Reads the word; anything else means what has not left.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::ALL.iter().find(|(_, known, _)| *known == word).map_or(Self::Open, |(shown, ..)| *shown)
    }
    /// States of the table it stands for.
    #[must_use]
    pub fn states(self) -> &'static [&'static str] {
        match self {
            Self::Open => &["waiting", "sending", "parked"],
            Self::Parked => &["parked"],
            Self::Sent => &["sent"],
            Self::Superseded => &["superseded"],
        }
    }
}

/// Where a message is, as people read it.
#[must_use]
pub fn state_label(state: &str) -> &'static str {
    match state {
        "waiting" => "Waiting",
        "sending" => "Being sent",
        "parked" => "Parked",
        "sent" => "Sent",
        _ => "Dropped",
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Identity.
    pub id: NoticeId,
    /// What it says, in a word or two.
    pub kind: String,
    /// To whom.
    pub to: String,
    /// Their address.
    pub email: String,
    /// Number of the window it is about.
    pub window: Option<i64>,
    /// `waiting`, `sending`, `parked`, `sent` or `superseded`.
    pub state: String,
    /// When it was owed.
    pub created_at: Timestamp,
    /// Tries since it was owed or last sent anew.
    pub attempts: i32,
    /// Not tried before.
    pub next_at: Timestamp,
    /// When it was taken.
    pub sent_at: Option<Timestamp>,
    /// Why it has not left, or was dropped.
    pub last_error: Option<String>,
}

/// The outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxPage {
    /// Which messages.
    pub shown: Shown,
    /// Newest first.
    pub rows: Vec<OutboxRow>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<NoticeId>,
    /// How many wait and are parked, over all pages.
    pub waiting: i64,
    /// See `waiting`.
    pub parked: i64,
    /// Mails are kept in the mailbox instead of being sent.
    pub demo: bool,
}

/// A mail in the demo's mailbox, in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRow {
    /// Order of arrival.
    pub id: i64,
    /// Address.
    pub to: String,
    /// Subject line.
    pub subject: String,
    /// When.
    pub at: Timestamp,
}

/// The demo's mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxPage {
    /// Everybody who got mail, with how many.
    pub people: Vec<(String, i64)>,
    /// Whose mail is listed; empty for everybody's.
    pub to: String,
    /// Newest first.
    pub rows: Vec<MailRow>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<i64>,
}

/// One mail, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailPage {
    /// In the list.
    pub row: MailRow,
    /// Plain part.
    pub text: String,
    /// HTML part.
    pub html: String,
    /// Calendar part.
    pub calendar: Option<String>,
}

/// A piece of a text: words, or an address to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Words.
    Text(&'a str),
    /// An http or https address.
    Link(&'a str),
}

/// Splits a text at its addresses. An address ends at white space; what follows it stays text.
#[must_use]
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("https://").into_iter().chain(rest.find("http://")).min() {
        if start > 0 {
            out.push(Piece::Text(&rest[..start]));
        }
        let end = rest[start..].find(char::is_whitespace).map_or(rest.len(), |length| start + length);
        out.push(Piece::Link(&rest[start..end]));
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        out.push(Piece::Text(rest));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_a_text_can_be_followed() {
        assert_eq!(
            pieces("Decide:\nhttp://127.0.0.1:8080/a/x\n\nor https://y/z"),
            [Piece::Text("Decide:\n"), Piece::Link("http://127.0.0.1:8080/a/x"), Piece::Text("\n\nor "), Piece::Link("https://y/z")]
        );
        assert_eq!(pieces("javascript:alert(1)"), [Piece::Text("javascript:alert(1)")]);
        assert!(pieces("").is_empty());
    }

    #[test]
    fn choices_read_back() {
        for (shown, word, _) in Shown::ALL {
            assert_eq!((Shown::from_word(word), shown.word()), (*shown, *word));
        }
        assert_eq!(Shown::from_word("nonsense"), Shown::Open);
    }
}
