//! What every mail about no window is written from, and how its letter becomes one.

use super::letter::{Letter, line};
use super::mail::Mail;
use super::when::Zone;
use super::wording::trail_head;
use crate::error::Result;
use crate::store::letters::{Installation, Recipient};
use domain::canonical::Digest;
use domain::notice::NoticeKind;
use jiff::Timestamp;

/// The part that such mails share, as it stands when they leave.
#[derive(Debug)]
pub struct Frame {
    /// Which message.
    pub kind: NoticeKind,
    /// When it leaves.
    pub now: Timestamp,
    /// Who writes.
    pub installation: Installation,
    /// Base of every address in it, without a slash at the end.
    pub base: String,
    /// To whom, at the address this mail goes to.
    pub recipient: Recipient,
    /// The newest seal.
    pub head: Option<(i64, Digest)>,
    /// Stable over all tries.
    pub message_id: String,
}

impl Frame {
    pub(super) fn zone(&self) -> Zone {
        Zone::named(&self.recipient.zone)
    }

    /// A letter that says nothing yet: no plan, no statement to type, the page of the sign-in.
    pub(super) fn blank(&self) -> Letter {
        Letter {
            subject: String::new(),
            headline: String::new(),
            lead: String::new(),
            rows: vec![],
            button: None,
            paragraphs: vec![],
            commands: vec![],
            digest: String::new(),
            head: trail_head(self.head),
            because: String::new(),
            page: format!("{}/login", self.base),
            installation: line(&self.installation.name),
        }
    }

    /// The mail with this letter; those of one `thread` stay together.
    pub(super) fn mail(&self, letter: Letter, thread: Option<String>) -> Result<Mail> {
        Ok(Mail {
            to_name: self.recipient.name.clone(),
            to_address: self.recipient.email.clone(),
            from_name: self.installation.name.clone(),
            text: letter.text()?,
            html: letter.html()?,
            calendar: None,
            message_id: self.message_id.clone(),
            thread,
            at: self.now,
            subject: letter.subject,
        })
    }
}
