//! Windows as a calendar that programs subscribe to, and the page that shows its address once.

use super::calendar::{CalendarEvent, calendar, folded, uid};
use super::letter::line;
use crate::actions::make_feed::Made;
use crate::error::{Error, Result};
use crate::queries::feeds::Feed;
use crate::store::feeds::FeedEvent;
use askama::Template;
use domain::target::Environment;
use domain::window::certainty::Certainty;
use icalendar::Property;
use secrecy::ExposeSecret as _;

/// How often a program should ask again. Most ask when they like.
const AGAIN: &str = "PT15M";

/// The feed as RFC 5545 text; `base` begins every address. The same windows give the same bytes, whenever they are asked for.
pub fn feed(feed: &Feed, base: &str) -> Result<String> {
    let base = base.trim_end_matches('/');
    let host = url::Url::parse(base).ok().and_then(|url| url.host_str().map(str::to_owned));
    let host = host.ok_or_else(|| Error::internal("the public address has no host"))?;
    let name = line(&format!("{}: {}", feed.installation, feed.about.label()));
    let mut again = Property::new("REFRESH-INTERVAL", AGAIN);
    again.add_parameter("VALUE", "DURATION");
    let mut all = calendar("PUBLISH");
    // The first of each pair is the standard's (RFC 7986), the second what programs read before there was one.
    all.append_property(Property::new("NAME", escaped(&name)))
        .append_property(Property::new("X-WR-CALNAME", &name))
        .append_property(again)
        .append_property(Property::new("X-PUBLISHED-TTL", AGAIN));
    for event in &feed.events {
        all.push(entry(event, base, &host).event());
    }
    Ok(folded(&all.to_string()))
}

/// A line as a TEXT value (RFC 5545 3.3.11). The crate escapes the properties that it knows, and does not know a calendar's name of RFC 7986.
fn escaped(line: &str) -> String {
    line.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,")
}

/// What an entry is made of, with the texts it borrows.
struct Entry<'a> {
    event: &'a FeedEvent,
    uid: String,
    summary: String,
    description: String,
    url: String,
}

fn entry<'a>(event: &'a FeedEvent, base: &str, host: &str) -> Entry<'a> {
    let url = format!("{base}/windows/{}", event.number);
    let environments = Environment::labels(&event.environments);
    Entry {
        event,
        uid: uid(event.window, host),
        summary: format!("#{} {}: {}", event.number, event.database, event.title),
        description: format!(
            "{}\nState: {}\nDatabase: {}, {environments}\nTeam: {}\n{url}",
            event.title,
            event.state.label(),
            event.database,
            event.team
        ),
        url,
    }
}

impl Entry<'_> {
    fn event(&self) -> icalendar::Event {
        CalendarEvent {
            uid: &self.uid,
            sequence: self.event.sequence,
            stamp: self.event.changed,
            start: self.event.start,
            end: self.event.end,
            state: Certainty::from(self.event.state),
            summary: &self.summary,
            description: &self.description,
            location: &self.event.database,
            url: &self.url,
            invitation: None,
        }
        .event()
    }
}

#[derive(Template)]
#[template(path = "feed_shown.html")]
struct ShownPage<'a> {
    label: String,
    https: String,
    webcal: String,
    back: &'a str,
}

/// The address for the eyes of its person, once. `base` begins every address.
pub fn shown(made: &Made, base: &str, back: &str) -> Result<String> {
    let https = format!("{}/cal/{}.ics", base.trim_end_matches('/'), made.secret.expose_secret());
    let webcal = https.split_once("://").map_or_else(|| https.clone(), |(_, rest)| format!("webcal://{rest}"));
    ShownPage { label: line(&made.about.label()), https, webcal, back }.render().map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::{FeedId, WindowId};
    use domain::view::feeds::{About, FeedKind};
    use domain::window::WindowState;
    use icalendar::parser::{read_calendar, unfold};
    use jiff::Timestamp;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn of(title: &str, team: &str, installation: &str, state: WindowState) -> Feed {
        let event = FeedEvent {
            window: WindowId(Uuid::from_u128(1)),
            number: 142,
            state,
            title: title.into(),
            database: "prod-orders".into(),
            environments: "production".into(),
            team: team.into(),
            start: at("2026-11-29T02:00:00Z"),
            end: at("2026-11-29T04:00:00Z"),
            changed: at("2026-11-20T12:00:00Z"),
            sequence: 3,
        };
        let about = About { kind: FeedKind::Team, name: "orders".into() };
        Feed {
            id: FeedId(Uuid::nil()),
            about,
            installation: installation.into(),
            events: vec![event.clone(), FeedEvent { window: WindowId(Uuid::from_u128(2)), number: 143, ..event }],
        }
    }

    fn written(feed: &Feed) -> String {
        super::feed(feed, "https://drydock.example/").expect("written")
    }

    #[test]
    fn a_feed_says_what_stands_where() {
        let text = written(&of("weekly, maintenance; \"really\"", "Orders", "Drydock", WindowState::Proposed));
        insta::assert_snapshot!(text.replace("\r\n", "\n"));
        assert_eq!(
            text,
            written(&of("weekly, maintenance; \"really\"", "Orders", "Drydock", WindowState::Proposed)),
            "the same bytes each time"
        );
    }

    #[test]
    fn what_was_called_off_says_so() {
        for (state, status) in
            [(WindowState::Approved, "CONFIRMED"), (WindowState::Completed, "CONFIRMED"), (WindowState::Withdrawn, "CANCELLED")]
        {
            assert!(written(&of("t", "t", "d", state)).contains(&format!("STATUS:{status}\r\n")), "{}", state.word());
        }
    }

    /// Reads a TEXT value by the letter of RFC 5545: `None` where a character stands plainly that has to be escaped, or the other way round.
    fn strictly(value: &str) -> Option<String> {
        let (mut read, mut chars) = (String::new(), value.chars());
        while let Some(next) = chars.next() {
            read.push(match next {
                '\\' => match chars.next()? {
                    'n' | 'N' => '\n',
                    escaped @ ('\\' | ';' | ',') => escaped,
                    _ => return None,
                },
                ';' | ',' => return None,
                plain if plain.is_control() => return None,
                plain => plain,
            });
        }
        Some(read)
    }

    /// What a program reads of one property of the calendar itself.
    fn property(text: &str, name: &str) -> Option<String> {
        let unfolded = text.replace("\r\n ", "");
        let value = unfolded.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        strictly(value)
    }

    #[test]
    fn a_calendar_s_name_is_read_back_as_it_was_given() {
        for (given, read) in [
            ("Orders, Billing; and \\n the rest", "Orders, Billing; and \\n the rest"),
            ("ends in a backslash\\", "ends in a backslash\\"),
            ("two\r\nlines\nBEGIN:VEVENT", "two lines BEGIN:VEVENT"),
            ("\r\n X-EVIL:1\r\nEND:VCALENDAR", "X-EVIL:1 END:VCALENDAR"),
        ] {
            let text = written(&of("t", "t", given, WindowState::Approved));
            for name in ["NAME", "X-WR-CALNAME"] {
                assert_eq!(property(&text, name), Some(format!("{read}: Team orders")), "{text}");
            }
        }
    }

    #[test]
    fn a_long_name_is_folded_between_characters() {
        // Characters of two, three and four bytes, so that the 75th byte falls onto each of their bytes.
        for (character, before) in ["ü", "王", "🛠"].into_iter().flat_map(|character| (0..4).map(move |before| (character, before))) {
            let name = format!("{}{}", "x".repeat(before), character.repeat(60));
            let text = written(&of(&name, "t", &name, WindowState::Approved));
            assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
            assert_eq!(property(&text, "NAME"), Some(format!("{name}: Team orders")));
            assert!(text.replace("\r\n ", "").contains(&format!("SUMMARY:#142 prod-orders: {name}\r\n")), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_calendar_is_called_it_is_called_so(name in "(?s).{0,90}") {
            let text = written(&of("t", "t", &name, WindowState::Approved));
            let expected = line(&format!("{name}: Team orders"));
            prop_assert_eq!(property(&text, "NAME"), Some(expected.clone()));
            prop_assert_eq!(property(&text, "X-WR-CALNAME"), Some(expected));
        }

        // Any character: a bare CR, NUL, direction marks, half of a line break, and what the format itself is made of.
        #[test]
        fn no_text_breaks_out_of_its_line(title in "(?s).{0,120}", team in "[\\r\\n\\x00:;,\\\\\"\u{202e}\u{2028}\u{85}A-Z]{0,40}", name in "(?s).{0,60}") {
            let text = written(&of(&title, &team, &name, WindowState::Approved));
            prop_assert!(text.replace("\r\n", "").chars().all(|c| !c.is_control()), "{text:?}");
            let whole = text.strip_suffix("\r\n").expect("a line end");
            prop_assert!(whole.split("\r\n").all(|line| line.len() <= 75), "{text}");
            let unfolded = unfold(&text);
            let calendar = read_calendar(&unfolded).map_err(TestCaseError::fail)?;
            prop_assert_eq!(calendar.components.len(), 2);
            for component in &calendar.components {
                prop_assert!(component.components.is_empty());
                let names: Vec<&str> = component.properties.iter().map(|property| property.name.as_str()).collect();
                let expected = ["DESCRIPTION", "DTEND", "DTSTAMP", "DTSTART", "LOCATION", "SEQUENCE", "STATUS", "SUMMARY", "TRANSP", "UID", "URL"];
                prop_assert_eq!(names, expected);
            }
            prop_assert_eq!(calendar.properties.len(), 8);
        }
    }
}
