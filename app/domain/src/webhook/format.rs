//! What a receiver gets: an event as CloudEvents for programs, or as a message for a chat. Foreign text is text there, too: it is no link, no
//! mark-up, and calls nobody.

use super::Event;
use crate::people::{visible, words};
use crate::window::WindowState;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A program.
    CloudEvents,
    /// An incoming webhook of Slack.
    Slack,
    /// A workflow of Microsoft Teams that posts to a channel.
    Teams,
    /// An incoming webhook of Mattermost.
    Mattermost,
}

words!(Format {
    Format::CloudEvents = "cloudevents" / "A program: CloudEvents 1.0, signed",
    Format::Slack = "slack" / "Slack",
    Format::Teams = "teams" / "Microsoft Teams",
    Format::Mattermost = "mattermost" / "Mattermost",
});

impl Format {
    /// Whether the receiver checks a signature: chats are told apart by the address alone.
    #[must_use]
    pub fn is_signed(self) -> bool {
        self == Self::CloudEvents
    }
    /// The media type of the body.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        if self == Self::CloudEvents { "application/cloudevents+json; charset=utf-8" } else { "application/json; charset=utf-8" }
    }
}

/// What happened, frozen in the moment of it: every try says the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// The window; `None` for a test.
    pub window: Option<About>,
    /// What somebody wrote or the schedule says about it; empty where nothing is.
    pub reason: String,
    /// Number of the fact behind it: orders events.
    pub fact: i64,
}

/// The window of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What people say: #142.
    pub number: i64,
    /// Short description.
    pub title: String,
    /// Where it was.
    pub from: WindowState,
    /// Where it is.
    pub to: WindowState,
    /// Revision of the plan.
    pub revision: i32,
    /// Digest of the plan, 64 hex digits.
    pub digest: String,
    /// When it starts.
    pub start_at: Timestamp,
    /// When it ends.
    pub end_at: Timestamp,
    /// Short name of the database.
    pub database: String,
    /// Word of its environment.
    pub environment: String,
    /// Short name of the owner team.
    pub team: String,
    /// Who answers for it.
    pub owner: String,
}

/// One event on its way to one receiver.
#[derive(Debug, Clone)]
pub struct Outgoing<'e> {
    /// Stable over all tries, the same for every receiver.
    pub id: &'e str,
    /// Which event.
    pub event: Event,
    /// When it happened.
    pub at: Timestamp,
    /// Origin of this installation.
    pub base: &'e str,
    /// Its name.
    pub installation: &'e str,
    /// What happened.
    pub happening: &'e Happening,
}

impl Outgoing<'_> {
    /// The body for a receiver.
    #[must_use]
    pub fn body(&self, format: Format) -> Value {
        match format {
            Format::CloudEvents => self.cloud_event(),
            Format::Slack => self.slack(),
            Format::Teams => self.teams(),
            Format::Mattermost => self.mattermost(),
        }
    }

    fn page(&self) -> String {
        self.happening.window.as_ref().map_or_else(|| self.base.to_owned(), |window| format!("{}/windows/{}", self.base, window.number))
    }

    fn cloud_event(&self) -> Value {
        let window = self.happening.window.as_ref();
        let data = window.map_or_else(
            || json!({"message": "A test: if this arrived and its signature holds, everything is well."}),
            |window| {
                json!({
                    "window": {
                        "number": window.number, "title": window.title, "url": self.page(), "from_state": window.from.word(), "state": window.to.word(),
                        "revision": window.revision, "digest": window.digest, "start_at": window.start_at.to_string(), "end_at": window.end_at.to_string(),
                        "owner": window.owner,
                    },
                    "database": {"short_name": window.database, "environment": window.environment},
                    "team": {"short_name": window.team},
                    "reason": self.happening.reason,
                    "fact": self.happening.fact,
                })
            },
        );
        let mut event = json!({
            "specversion": "1.0", "id": self.id, "source": self.base, "type": self.event.full_type(), "time": self.at.to_string(),
            "datacontenttype": "application/json", "data": data,
        });
        if let Some(window) = window {
            event["subject"] = format!("windows/{}", window.number).into();
        }
        event
    }

    /// What happened, in our words alone.
    fn headline(&self) -> String {
        self.happening.window.as_ref().map_or_else(
            || "Test: this message was sent to see whether it arrives.".to_owned(),
            |window| format!("{}: window #{} on {}", self.event.label(), window.number, window.database),
        )
    }

    /// Name and value of what is worth knowing: the values are foreign text.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let Some(window) = &self.happening.window else { return vec![("From", line(self.installation, 200))] };
        let mut facts = vec![
            ("What", line(&window.title, 300)),
            ("Database", line(&format!("{}, {}", window.database, window.environment), 200)),
            ("Team", line(&window.team, 100)),
            ("Owner", line(&window.owner, 150)),
            ("When", format!("{} to {} UTC", window.start_at.strftime("%Y-%m-%d %H:%M"), window.end_at.strftime("%Y-%m-%d %H:%M"))),
        ];
        if !self.happening.reason.trim().is_empty() {
            facts.push(("Reason", line(&self.happening.reason, 500)));
        }
        facts
    }

    fn slack(&self) -> Value {
        // `plain_text` is shown as it is; only the line for notifications and the link are mark-up, where three characters mean something.
        let fields: Vec<Value> = self
            .facts()
            .into_iter()
            .map(|(name, value)| json!({"type": "plain_text", "emoji": false, "text": format!("{name}: {value}")}))
            .collect();
        json!({
            "text": for_slack(&self.headline()),
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "emoji": false, "text": line(&self.headline(), 150)}},
                {"type": "section", "fields": fields},
                {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "emoji": false, "text": "Open"}, "url": self.page()}]},
            ],
        })
    }

    fn teams(&self) -> Value {
        // A text run knows no mark-up, as text blocks do.
        let run = |text: &str, bold: bool| json!({"type": "TextRun", "text": text, "weight": if bold { "Bolder" } else { "Default" }});
        let block = |inlines: Vec<Value>| json!({"type": "RichTextBlock", "inlines": inlines});
        let mut body = vec![block(vec![run(&line(&self.headline(), 200), true)])];
        body.extend(self.facts().into_iter().map(|(name, value)| block(vec![run(&format!("{name}: "), true), run(&value, false)])));
        json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": body,
                    "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": self.page()}],
                },
            }],
        })
    }

    fn mattermost(&self) -> Value {
        let fields: Vec<Value> =
            self.facts().into_iter().map(|(name, value)| json!({"short": false, "title": name, "value": as_code(&value)})).collect();
        let (headline, page) = (self.headline(), self.page());
        json!({"text": format!("{} [Open]({page})", as_code(&headline)), "attachments": [{"fallback": headline, "fields": fields}]})
    }
}

/// A step of a run that a program is to do: the window, and what of its procedure is meant.
#[derive(Debug, Clone)]
pub struct Called<'c> {
    /// Stable over all tries.
    pub id: &'c str,
    /// When it is sent.
    pub at: Timestamp,
    /// Origin of this installation.
    pub base: &'c str,
    /// The run, as its page names it.
    pub run: &'c str,
    /// Key of the step.
    pub step: &'c str,
    /// As people call it.
    pub title: &'c str,
    /// Number of the window.
    pub window: i64,
    /// When the window ends: nothing of it stands longer than that.
    pub end_at: Timestamp,
    /// Short name of the database.
    pub database: &'c str,
    /// Word of its environment.
    pub environment: &'c str,
}

/// The `type` of such a call among CloudEvents.
pub const CALLED: &str = "drydock.run.step";

impl Called<'_> {
    /// The body: a CloudEvent.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({
            "specversion": "1.0", "id": self.id, "source": self.base, "type": CALLED, "subject": format!("windows/{}", self.window),
            "time": self.at.to_string(), "datacontenttype": "application/json",
            "data": {
                "step": {"key": self.step, "title": self.title},
                "run": {"id": self.run, "url": format!("{}/runs/{}", self.base, self.run)},
                "window": {"number": self.window, "url": format!("{}/windows/{}", self.base, self.window), "end_at": self.end_at.to_string()},
                "database": {"short_name": self.database, "environment": self.environment},
            },
        })
    }
}

/// One visible line of at most `most` characters.
fn line(text: &str, most: usize) -> String {
    let line = visible(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    if line.chars().count() <= most { line } else { line.chars().take(most - 1).chain(['…']).collect() }
}

/// The three characters that begin something in Slack's mark-up: `<!channel>` would call everybody.
fn for_slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// In a piece of code nothing is mark-up, and `@all` calls nobody.
fn as_code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happening(reason: &str, title: &str) -> Happening {
        Happening {
            window: Some(About {
                number: 142,
                title: title.into(),
                from: WindowState::Proposed,
                to: WindowState::Approved,
                revision: 2,
                digest: "ab".repeat(32),
                start_at: "2026-11-29T02:00:00Z".parse().expect("a time"),
                end_at: "2026-11-29T04:00:00Z".parse().expect("a time"),
                database: "prod-orders".into(),
                environment: "production".into(),
                team: "orders".into(),
                owner: "Egon".into(),
            }),
            reason: reason.into(),
            fact: 77,
        }
    }

    fn body(format: Format, happening: &Happening) -> Value {
        let event = if happening.window.is_some() { Event::Approved } else { Event::Test };
        let at = "2026-11-20T12:00:00.5Z".parse().expect("a time");
        Outgoing { id: "msg_1", event, at, base: "https://drydock.example", installation: "Drydock", happening }.body(format)
    }

    #[test]
    fn programs_get_a_cloud_event() {
        let event = body(Format::CloudEvents, &happening("go ahead", "weekly"));
        let expected = json!({
            "specversion": "1.0", "id": "msg_1", "source": "https://drydock.example", "type": "drydock.window.approved", "subject": "windows/142",
            "time": "2026-11-20T12:00:00.5Z", "datacontenttype": "application/json",
            "data": {
                "window": {"number": 142, "title": "weekly", "url": "https://drydock.example/windows/142", "from_state": "proposed", "state": "approved",
                    "revision": 2, "digest": "ab".repeat(32), "start_at": "2026-11-29T02:00:00Z", "end_at": "2026-11-29T04:00:00Z", "owner": "Egon"},
                "database": {"short_name": "prod-orders", "environment": "production"}, "team": {"short_name": "orders"}, "reason": "go ahead", "fact": 77,
            },
        });
        assert_eq!(event, expected);
        let test = body(Format::CloudEvents, &Happening { window: None, reason: String::new(), fact: 1 });
        assert_eq!((test["type"].as_str(), test.get("subject")), (Some("drydock.test"), None));
    }

    #[test]
    fn chats_get_a_message_with_a_way_to_the_window() {
        for (format, place) in [(Format::Slack, "/blocks/2/elements/0/url"), (Format::Teams, "/attachments/0/content/actions/0/url")] {
            let message = body(format, &happening("", "weekly"));
            assert_eq!(message.pointer(place).and_then(Value::as_str), Some("https://drydock.example/windows/142"), "{message}");
            assert!(
                message.to_string().contains("Approved: window #142 on prod-orders") && !message.to_string().contains("Reason"),
                "{message}"
            );
        }
        let message = body(Format::Mattermost, &happening("", "weekly"));
        assert_eq!(message["text"], "`Approved: window #142 on prod-orders` [Open](https://drydock.example/windows/142)");
    }

    #[test]
    fn foreign_text_calls_nobody_and_is_no_link() {
        let hostile = "<!channel> @all [click](https://evil.invalid) `code` \u{202e}\n*bold* <https://evil.invalid|x>";
        let hostile = happening(hostile, hostile);
        let slack = body(Format::Slack, &hostile);
        let fields = slack.pointer("/blocks/1/fields").and_then(Value::as_array).expect("fields");
        assert!(fields.iter().all(|field| field["type"] == "plain_text"), "{slack}");
        assert!(!slack["text"].as_str().expect("text").contains('<'), "{slack}");
        let teams = body(Format::Teams, &hostile).to_string();
        assert!(!teams.contains("\"type\":\"TextBlock\"") && !teams.contains('\u{202e}'), "{teams}");
        let mattermost = body(Format::Mattermost, &hostile);
        for field in mattermost.pointer("/attachments/0/fields").and_then(Value::as_array).expect("fields") {
            let value = field["value"].as_str().expect("text");
            let inside = value.strip_prefix('`').and_then(|value| value.strip_suffix('`')).expect("code");
            assert!(!inside.contains('`') && !inside.contains('\n'), "{value}");
        }
        let long = body(Format::Slack, &happening(&"x".repeat(5_000), &"y".repeat(5_000)));
        let fields = long.pointer("/blocks/1/fields").and_then(Value::as_array).expect("fields");
        assert!(fields.len() <= 10 && fields.iter().all(|field| field["text"].as_str().is_some_and(|text| text.chars().count() <= 2_000)));
    }
}
