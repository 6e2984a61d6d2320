//! Windows as a calendar that programs subscribe to, and the page that shows its address once.

use super::calendar::{CalendarEvent, calendar, uid};
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
    all.append_property(Property::new("NAME", &name))
        .append_property(Property::new("X-WR-CALNAME", &name))
        .append_property(again)
        .append_property(Property::new("X-PUBLISHED-TTL", AGAIN));
    for event in &feed.events {
        all.push(entry(event, base, &host).event());
    }
    Ok(all.to_string())
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
    let environment = Environment::from_word(&event.environment).map_or(event.environment.as_str(), |environment| environment.label());
    Entry {
        event,
        uid: uid(event.window, host),
        summary: format!("#{} {}: {}", event.number, event.database, event.title),
        description: format!(
            "{}\nState: {}\nDatabase: {}, {environment}\nTeam: {}\n{url}",
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
            environment: "production".into(),
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

    proptest! {
        // Any character: a bare CR, NUL, direction marks, half of a line break, and what the format itself is made of.
        #[test]
        fn no_text_breaks_out_of_its_line(title in "(?s).{0,120}", team in "[\\r\\n\\x00:;,\\\\\"\u{202e}\u{2028}\u{85}A-Z]{0,40}", name in "(?s).{0,60}") {
            let text = written(&of(&title, &team, &name, WindowState::Approved));
            prop_assert!(text.replace("\r\n", "").chars().all(|c| !c.is_control()), "{text:?}");
            let whole = text.strip_suffix("\r\n").expect("a line end");
            prop_assert!(whole.split("\r\n").all(|line| line.strip_prefix(' ').unwrap_or(line).len() <= 75), "{text}");
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
