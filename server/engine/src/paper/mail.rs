//! A letter as a message of RFC 5322: built by typed builders only, so that no text can add a header.

use super::calendar::CalendarPart;
use super::letter::line;
use crate::error::{Error, Result};
use domain::decision::Refusal;
use jiff::Timestamp;
use lettre::message::header::{self, ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};

/// A mail, complete but for its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Recipient's name.
    pub to_name: String,
    /// Recipient's address.
    pub to_address: String,
    /// Name shown as sender.
    pub from_name: String,
    /// Subject, one line.
    pub subject: String,
    /// Plain part.
    pub text: String,
    /// HTML part, styles inlined.
    pub html: String,
    /// Calendar part.
    pub calendar: Option<CalendarPart>,
    /// `<local@host>`, stable over all tries.
    pub message_id: String,
    /// `<local@host>` that all mails of one window refer to, so that mail programs keep them together.
    pub thread: Option<String>,
    /// When it was written.
    pub at: Timestamp,
}

/// RFC 3834: a machine wrote this, so no vacation notice is owed.
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }
    fn parse(_: &str) -> std::result::Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }
    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".into())
    }
}

impl Mail {
    /// The message from `from`. Fails for a recipient or an id that is not one plain address or id; it never drops or bends one.
    pub fn message(&self, from: &Address) -> Result<Message> {
        let to: Address = self.to_address.parse().map_err(|error| {
            Error::from(Refusal::new(
                "bad_address",
                format!("“{}” is not an address mail can be sent to ({error}).", line(&self.to_address)),
                "An administrator can correct the person's address.",
            ))
        })?;
        let mut builder = Message::builder()
            .from(Mailbox::new(Some(line(&self.from_name)), from.clone()))
            .to(Mailbox::new(Some(line(&self.to_name)), to))
            .subject(line(&self.subject))
            .date(std::time::SystemTime::from(self.at))
            .message_id(Some(id(&self.message_id)?))
            .header(AutoSubmitted);
        if let Some(thread) = &self.thread {
            let thread = id(thread)?;
            builder = builder.references(thread.clone()).in_reply_to(thread);
        }
        let plain = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(self.text.clone());
        let html = SinglePart::builder().header(ContentType::TEXT_HTML).body(self.html.clone());
        let mut parts = MultiPart::alternative().singlepart(plain).singlepart(html);
        if let Some(calendar) = &self.calendar {
            let kind = ContentType::parse(&format!("text/calendar; charset=utf-8; method={}", calendar.method)).map_err(Error::internal)?;
            parts = parts
                .singlepart(SinglePart::builder().header(kind).header(header::ContentTransferEncoding::Base64).body(calendar.text.clone()));
        }
        builder.multipart(parts).map_err(Error::internal)
    }
}

/// Refuses anything that is not exactly one message id.
fn id(text: &str) -> Result<String> {
    let inner = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    let good = inner.is_some_and(|inner| {
        inner.len() <= 240
            && inner.split_once('@').is_some_and(|(left, right)| !left.is_empty() && !right.is_empty())
            && inner.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '+' | ':' | '[' | ']'))
    });
    if good { Ok(text.to_owned()) } else { Err(Error::internal(format!("not a message id: {}", line(text)))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mail() -> Mail {
        Mail {
            to_name: "Ana".into(),
            to_address: "ana@example.org".into(),
            from_name: "Drydock".into(),
            subject: "[Approval needed] #142".into(),
            text: "Hello\n".into(),
            html: "<p>Hello</p>".into(),
            calendar: None,
            message_id: "<n1@drydock.example>".into(),
            thread: Some("<window-1@drydock.example>".into()),
            at: "2026-11-20T12:00:00Z".parse().expect("a time"),
        }
    }

    fn headers(mail: &Mail) -> Vec<String> {
        let raw = String::from_utf8(mail.message(&"drydock@example.org".parse().expect("an address")).expect("built").formatted())
            .expect("ASCII");
        let head = raw.split("\r\n\r\n").next().expect("a head").replace("\r\n ", " ").replace("\r\n\t", " ");
        head.split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn says_that_a_machine_wrote_it_and_keeps_its_thread() {
        let found = headers(&mail());
        for expected in [
            "Auto-Submitted: auto-generated",
            "Message-ID: <n1@drydock.example>",
            "References: <window-1@drydock.example>",
            "In-Reply-To: <window-1@drydock.example>",
            "Date: Fri, 20 Nov 2026 12:00:00 +0000",
        ] {
            assert!(found.iter().any(|line| line == expected), "{expected} is missing in {found:?}");
        }
    }

    #[test]
    fn an_address_or_id_that_is_more_than_one_is_refused() {
        for bad in ["ana@example.org\r\nBcc: evil@example.org", "ana@example.org, evil@example.org", "", "ana"] {
            assert!(Mail { to_address: bad.into(), ..mail() }.message(&"d@example.org".parse().expect("an address")).is_err(), "{bad:?}");
        }
        for bad in ["<a@b>\r\nBcc: x@y", "a@b", "<a b@c>", "<ab>"] {
            assert!(Mail { message_id: bad.into(), ..mail() }.message(&"d@example.org".parse().expect("an address")).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn no_name_or_subject_adds_a_header(subject in "\\PC{0,40}(\r\n|\n|\r|\u{85}|\u{2028})Bcc: evil@example.org\\PC{0,40}", name in "\\PC{0,20}(\r|\n|\r\n)X-Evil: 1\\PC{0,20}") {
            let evil = Mail { subject, to_name: name.clone(), from_name: name, ..mail() };
            let names: Vec<String> = headers(&evil).iter().filter_map(|line| line.split_once(": ").map(|(name, _)| name.to_owned())).collect();
            prop_assert_eq!(names.iter().filter(|name| ["Bcc", "X-Evil"].contains(&name.as_str())).count(), 0);
            prop_assert_eq!(names.len(), headers(&mail()).len());
        }
    }
}
