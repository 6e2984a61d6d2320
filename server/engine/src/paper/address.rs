//! Mails about an address: to the new one, that it wants to be confirmed; to the old one, that it is none any more.

use super::frame::Frame;
use super::letter::{Button, Letter, line};
use super::mail::Mail;
use crate::error::Result;
use domain::notice::NoticeKind;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

/// Everything such a message is written from.
#[derive(Debug)]
pub struct AddressMaterial {
    /// What it shares with every mail about no window.
    pub frame: Frame,
    /// Name of who changed it; `None` for the person.
    pub by: Option<String>,
    /// The new address, shortened.
    pub to: String,
    /// When it was changed.
    pub at: Timestamp,
    /// The personal address it carries, and until when it works.
    pub link: Option<(SecretString, Timestamp)>,
    /// Whom to turn to: names and addresses.
    pub administrators: Vec<(String, String)>,
}

/// Writes the mail.
pub fn write_address(m: &AddressMaterial) -> Result<Mail> {
    m.frame.mail(letter(m), None)
}

fn letter(m: &AddressMaterial) -> Letter {
    let (kind, name) = (m.frame.kind, line(&m.frame.installation.name));
    let confirms = kind == NoticeKind::ConfirmAddress;
    let (headline, lead, paragraphs) = if confirms { confirm(&name) } else { changed(m, &name) };
    let (label, at) = match &m.link {
        Some((_, until)) => ("Works until", *until),
        None => ("Changed", m.at),
    };
    let mut rows = vec![("Account", line(&m.frame.recipient.name))];
    rows.extend(m.frame.zone().rows(label, at));
    let url = |secret: &SecretString| format!("{}/address/{}", m.frame.base, secret.expose_secret());
    Letter {
        subject: format!("[{}] {headline}", kind.label()),
        headline,
        lead,
        rows,
        button: m.link.as_ref().map(|(secret, _)| Button { label: "Confirm this address".to_owned(), url: url(secret) }),
        paragraphs,
        because: if confirms {
            "This message goes to the address that is to be confirmed.".to_owned()
        } else {
            "This message goes to the address that was replaced, and is the last one to it.".to_owned()
        },
        ..m.frame.blank()
    }
}

type Said = (String, String, Vec<String>);

fn confirm(name: &str) -> Said {
    (
        format!("Is this your address for {name}?"),
        "Somebody who is signed in under your name wants to be reached here. Say so behind the link, and mail goes to this address."
            .to_owned(),
        vec![
            "The link works once. Opening it changes nothing; the button on the page behind it does.".to_owned(),
            "After that no vote of yours counts for 24 hours, and the old address is told.".to_owned(),
            "If you do not know what this is about, do nothing: the address is not used.".to_owned(),
        ],
    )
}

fn changed(m: &AddressMaterial, name: &str) -> Said {
    let by = m.by.as_deref().map_or_else(|| "You".to_owned(), line);
    let ask: Vec<String> = m.administrators.iter().map(|(name, email)| format!("{} <{}>", line(name), line(email))).collect();
    let ask = if ask.is_empty() { "an administrator".to_owned() } else { format!("an administrator: {}", ask.join(", ")) };
    (
        format!("{name} does not write to this address any more"),
        format!("{by} changed the address of {} to {}.", line(&m.frame.recipient.name), line(&m.to)),
        vec![
            "Mail goes there from now on. Links that were mailed to this address decide nothing any more, and for 24 hours no vote of this person counts.".to_owned(),
            format!("If this was not you, or you did not ask for it, tell {ask}. Somebody may be trying to decide in your name; the 24 hours are there so that you can say so."),
        ],
    )
}
