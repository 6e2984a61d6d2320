//! Receivers of events as their pages show them.

use crate::ids::{DeliveryId, TeamId, WebhookId};
use crate::webhook::{Filter, Format};
use jiff::Timestamp;

/// Deliveries on one page of a log.
pub const PAGE_DELIVERIES: usize = 50;

/// One receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRow {
    /// Identity.
    pub id: WebhookId,
    /// For people.
    pub name: String,
    /// What of its address may be shown.
    pub origin: String,
    /// What it understands.
    pub format: Format,
    /// What it is called of.
    pub filter: Filter,
    /// Name of the team it is narrowed to.
    pub team: Option<String>,
    /// Why it is paused, if it is.
    pub paused: Option<String>,
    /// First failure after the last success.
    pub failing_since: Option<Timestamp>,
    /// Rises with every change by a person.
    pub revision: i32,
    /// When it was added.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Deliveries that wait or are being sent.
    pub waiting: i64,
    /// Deliveries that were given up.
    pub parked: i64,
}

impl WebhookRow {
    /// What it is called of, as a sentence.
    #[must_use]
    pub fn called_of(&self) -> String {
        let events = if self.filter.events.is_empty() {
            "Every event".to_owned()
        } else {
            self.filter.events.iter().map(|event| event.label()).collect::<Vec<_>>().join(", ")
        };
        let team = self.team.as_ref().map_or_else(String::new, |team| format!(" · only windows of {team}"));
        let environment = self.filter.environment.as_ref().map_or_else(String::new, |environment| format!(" · only in {environment}"));
        format!("{events}{team}{environment}")
    }
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TryRow {
    /// When.
    pub at: Timestamp,
    /// The receiver took it.
    pub taken: bool,
    /// HTTP status.
    pub status: Option<i32>,
    /// How long it took.
    pub took_ms: i64,
    /// In our words.
    pub detail: String,
    /// The beginning of the answer.
    pub excerpt: String,
}

/// One event on its way to the receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Identity.
    pub id: DeliveryId,
    /// Which event, as people read it.
    pub event: String,
    /// Number of the window.
    pub window: Option<i64>,
    /// When it happened.
    pub at: Timestamp,
    /// `waiting`, `sending`, `taken` or `parked`.
    pub state: String,
    /// Tries since it was owed, or last sent again.
    pub attempts: i32,
    /// The next try, while it waits.
    pub next_at: Timestamp,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When it was taken.
    pub taken_at: Option<Timestamp>,
    /// Every try, newest first.
    pub tries: Vec<TryRow>,
}

/// The page of one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookPage {
    /// The receiver.
    pub webhook: WebhookRow,
    /// Own procedures that call it, of which windows can be proposed or are not over: keys and names.
    pub called_by: Vec<(String, String)>,
    /// When its secret was made and by whom, and until when the one before still signs; `None` where nothing is signed.
    pub secret: Option<(Timestamp, String, Option<Timestamp>)>,
    /// Its log, newest first.
    pub deliveries: Vec<DeliveryRow>,
    /// Where the next page of the log begins.
    pub next: Option<DeliveryId>,
}

/// What the form for a receiver offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookForm {
    /// The receiver, when it is changed.
    pub webhook: Option<WebhookRow>,
    /// Names of the own procedures that call it, of which windows can be proposed or are not over.
    pub called_by: Vec<String>,
    /// Teams, by name.
    pub teams: Vec<(TeamId, String)>,
}
