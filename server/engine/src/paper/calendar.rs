//! The calendar entry of a window, in a mail and in a feed: one stable event, which moves, is confirmed and goes.

use super::letter::line;
use domain::ids::WindowId;
use domain::window::certainty::Certainty;
use icalendar::{Calendar, Component as _, Event, Property};
use jiff::Timestamp;

/// From whom to whom an entry goes by mail.
#[derive(Debug, Clone, Copy)]
pub struct Invitation<'a> {
    /// Address mails come from.
    pub organizer: &'a str,
    /// Recipient's name.
    pub name: &'a str,
    /// Recipient's address.
    pub address: &'a str,
}

/// What the event is made of.
#[derive(Debug, Clone)]
pub struct CalendarEvent<'a> {
    /// Stable over all changes of one window.
    pub uid: &'a str,
    /// Rises with every change.
    pub sequence: i64,
    /// When this version was made.
    pub stamp: Timestamp,
    /// Start.
    pub start: Timestamp,
    /// End.
    pub end: Timestamp,
    /// What the event is.
    pub state: Certainty,
    /// Title.
    pub summary: &'a str,
    /// Text below it.
    pub description: &'a str,
    /// Database, short.
    pub location: &'a str,
    /// Page of the window. Never a secret link: calendars are shared.
    pub url: &'a str,
    /// Whom it is sent to; a feed invites nobody.
    pub invitation: Option<Invitation<'a>>,
}

/// The part as it goes into the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarPart {
    /// `REQUEST` or `CANCEL`: also a parameter of the part's content type.
    pub method: &'static str,
    /// RFC 5545 text.
    pub text: String,
}

/// The same for every change of one window, in every mail and feed; `host` is that of the installation's address.
#[must_use]
pub fn uid(window: WindowId, host: &str) -> String {
    format!("window-{window}@{host}")
}

impl CalendarEvent<'_> {
    /// Renders it for a mail.
    #[must_use]
    pub fn part(&self) -> CalendarPart {
        let method = if self.state == Certainty::Cancelled { "CANCEL" } else { "REQUEST" };
        let text = folded(&calendar(method).push(self.event()).done().to_string());
        CalendarPart { method, text }
    }

    /// The event alone. All text is single lines of visible characters (RFC 5545 forbids control characters, and the crate escapes no CR).
    pub(super) fn event(&self) -> Event {
        let status = match self.state {
            Certainty::Tentative => "TENTATIVE",
            Certainty::Confirmed => "CONFIRMED",
            Certainty::Cancelled => "CANCELLED",
        };
        let mut event = Event::new();
        event
            .add_property("UID", line(self.uid))
            .add_property("SEQUENCE", self.sequence.to_string())
            .add_property("DTSTAMP", instant(self.stamp))
            .add_property("DTSTART", instant(self.start))
            .add_property("DTEND", instant(self.end))
            .add_property("STATUS", status)
            // The database is busy, its people are not.
            .add_property("TRANSP", "TRANSPARENT")
            .add_property("SUMMARY", line(self.summary))
            .add_property("DESCRIPTION", self.description.lines().map(line).collect::<Vec<_>>().join("\n"))
            .add_property("LOCATION", line(self.location))
            .add_property("URL", line(self.url));
        if let Some(invitation) = self.invitation {
            // Quotation marks end a quoted parameter, so a name does not have any.
            let name = line(invitation.name).replace('"', "'");
            let mut attendee = Property::new("ATTENDEE", format!("mailto:{}", line(invitation.address)));
            attendee.add_parameter("CN", &name).add_parameter("ROLE", "NON-PARTICIPANT").add_parameter("RSVP", "FALSE");
            let mut organizer = Property::new("ORGANIZER", format!("mailto:{}", line(invitation.organizer)));
            organizer.add_parameter("CN", "Drydock");
            event.append_property(organizer).append_property(attendee);
        }
        event.done()
    }
}

/// A calendar without events yet.
pub(super) fn calendar(method: &str) -> Calendar {
    Calendar::empty()
        .append_property(Property::new("VERSION", "2.0"))
        .append_property(Property::new("PRODID", "-//Drydock//Maintenance windows//EN"))
        .append_property(Property::new("CALSCALE", "GREGORIAN"))
        .append_property(Property::new("METHOD", method))
        .done()
}

/// Longest line, in octets, with the blank that begins a folded one (RFC 5545 3.1).
const LONGEST: usize = 75;

/// Folds long lines anew: the crate leaves a last piece of 75 octets behind its blank, which makes 76. No character is taken apart.
pub(super) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + text.len() / 32);
    for line in text.replace("\r\n ", "").split_terminator("\r\n") {
        let mut taken = 0;
        for character in line.chars() {
            if taken + character.len_utf8() > LONGEST {
                folded.push_str("\r\n ");
                taken = 1;
            }
            folded.push(character);
            taken += character.len_utf8();
        }
        folded.push_str("\r\n");
    }
    folded
}

fn instant(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use icalendar::parser::{read_calendar, unfold};

    fn event(state: Certainty) -> CalendarEvent<'static> {
        CalendarEvent {
            uid: "window-1@drydock.example",
            sequence: 3,
            stamp: "2026-11-20T12:00:00Z".parse().expect("a time"),
            start: "2026-11-29T02:00:00Z".parse().expect("a time"),
            end: "2026-11-29T04:00:00Z".parse().expect("a time"),
            state,
            summary: "#142 prod-orders: weekly, maintenance; really",
            description: "First line\nSecond line\r\nATTENDEE:mailto:evil@example.org",
            location: "prod-orders\r\nBEGIN:VALARM",
            url: "https://drydock.example/windows/142",
            invitation: Some(Invitation { organizer: "drydock@example.org", name: "Ana \"the\r\n DBA\"", address: "ana@example.org" }),
        }
    }

    fn parsed(part: &CalendarPart) -> Vec<(String, String)> {
        let unfolded = unfold(&part.text);
        let calendar = read_calendar(&unfolded).expect("an independent reader understands it");
        assert_eq!(calendar.components.len(), 1, "{unfolded}");
        assert!(calendar.components[0].components.is_empty(), "{unfolded}");
        let top = calendar.properties.iter().map(|p| (p.name.to_string(), p.val.to_string()));
        top.chain(calendar.components[0].properties.iter().map(|p| (p.name.to_string(), p.val.to_string()))).collect()
    }

    #[test]
    fn what_is_written_reads_back() {
        let properties = parsed(&event(Certainty::Tentative).part());
        let get = |name: &str| properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).expect(name);
        assert_eq!(get("METHOD"), "REQUEST");
        assert_eq!(get("UID"), "window-1@drydock.example");
        assert_eq!(get("SEQUENCE"), "3");
        assert_eq!(get("DTSTART"), "20261129T020000Z");
        assert_eq!(get("DTEND"), "20261129T040000Z");
        assert_eq!(get("STATUS"), "TENTATIVE");
        assert_eq!(get("SUMMARY"), "#142 prod-orders: weekly, maintenance; really");
    }

    #[test]
    fn foreign_text_adds_no_line() {
        let properties = parsed(&event(Certainty::Confirmed).part());
        assert_eq!(properties.iter().filter(|(name, _)| name == "ATTENDEE").count(), 1, "{properties:?}");
        assert!(!properties.iter().any(|(name, _)| name == "BEGIN"), "{properties:?}");
    }

    #[test]
    fn every_line_ends_in_crlf_and_nothing_else_breaks_it() {
        let text = event(Certainty::Cancelled).part().text;
        assert!(text.replace("\r\n", "").chars().all(|c| !c.is_control()), "{text:?}");
        assert!(text.contains("METHOD:CANCEL\r\n") && text.contains("STATUS:CANCELLED\r\n"));
    }
}
