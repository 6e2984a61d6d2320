//! Telling other programs: which events there are, who is called of which, and when a receiver that never answers is left in peace.

pub mod format;

use crate::decision::FieldError;
use crate::ids::TeamId;
use crate::people::{self, words};
use crate::target::Environment;
use crate::window::WindowState;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

pub use format::Format;

/// Most webhooks there are; each is called of every event that fits it.
pub const MOST_WEBHOOKS: i64 = 50;
/// A receiver that took nothing for so long is paused.
pub const PATIENCE: SignedDuration = SignedDuration::from_hours(72);
/// How long the secret before the newest one still signs.
pub const OVERLAP: SignedDuration = SignedDuration::from_hours(24);
/// Most bytes of an address.
pub const LONGEST_URL: usize = 2_000;

/// What becomes of a window: one event a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Sealed; waits for votes.
    Proposed,
    /// Enough people agree.
    Approved,
    /// Approved by two people who broke the glass, and by no quorum: beside the event that it is approved.
    GlassBroken,
    /// Approved before, and now waits again.
    ApprovalLost,
    /// Sent back for changes.
    ChangesAsked,
    /// Voted down.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// Taken back before it was approved.
    Withdrawn,
    /// Called off after it was.
    Cancelled,
    /// Not begun by the latest start.
    Missed,
    /// The work began.
    Started,
    /// Waits for a person.
    Held,
    /// Goes on after that.
    Resumed,
    /// The approved rollback runs.
    RollingBack,
    /// The work is over, the list is ticked.
    Validating,
    /// Done and signed off.
    AllClear,
    /// Undone.
    RolledBack,
    /// Ended without success.
    Failed,
    /// Somebody wanted to see whether it arrives.
    Test,
}

words!(Event {
    Event::Proposed = "proposed" / "Approval needed",
    Event::Approved = "approved" / "Approved",
    Event::GlassBroken = "glass_broken" / "Break-glass",
    Event::ApprovalLost = "approval_lost" / "Approval lost",
    Event::ChangesAsked = "changes_asked" / "Changes requested",
    Event::Rejected = "rejected" / "Rejected",
    Event::Expired = "expired" / "Expired",
    Event::Withdrawn = "withdrawn" / "Withdrawn",
    Event::Cancelled = "cancelled" / "Cancelled",
    Event::Missed = "missed" / "Missed",
    Event::Started = "started" / "Started",
    Event::Held = "held" / "On hold: decision needed",
    Event::Resumed = "resumed" / "Goes on",
    Event::RollingBack = "rolling_back" / "Rolling back",
    Event::Validating = "validating" / "Please validate",
    Event::AllClear = "all_clear" / "All clear",
    Event::RolledBack = "rolled_back" / "Rolled back",
    Event::Failed = "failed" / "Failed",
    Event::Test = "test" / "Test",
});

impl Event {
    /// The event of a transition; `None` where there is none to tell of: a draft is nobody's business yet.
    #[must_use]
    pub fn of(from: WindowState, to: WindowState) -> Option<Self> {
        use WindowState as W;
        Some(match (from, to) {
            (W::Approved, W::Proposed) => Self::ApprovalLost,
            (_, W::Proposed) => Self::Proposed,
            (_, W::Approved) => Self::Approved,
            (W::Proposed, W::Draft) => Self::ChangesAsked,
            (_, W::Draft) => return None,
            (W::Hold, W::Running) => Self::Resumed,
            (_, W::Running) => Self::Started,
            (_, W::Hold) => Self::Held,
            (_, W::Validating) => Self::Validating,
            (_, W::RollingBack) => Self::RollingBack,
            (_, W::Withdrawn) => Self::Withdrawn,
            (_, W::Rejected) => Self::Rejected,
            (_, W::Expired) => Self::Expired,
            (_, W::Cancelled) => Self::Cancelled,
            (_, W::Missed) => Self::Missed,
            (_, W::Completed) => Self::AllClear,
            (_, W::RolledBack) => Self::RolledBack,
            (_, W::Failed) => Self::Failed,
        })
    }
    /// The `type` of CloudEvents.
    #[must_use]
    pub fn full_type(self) -> String {
        if self == Self::Test { "drydock.test".to_owned() } else { format!("drydock.window.{}", self.word()) }
    }
    /// Those a webhook can be narrowed to: a test reaches every one.
    pub fn of_windows() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|event| *event != Self::Test)
    }
}

/// Of what a webhook is called; absent parts do not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Of these events; empty for every one.
    pub events: BTreeSet<Event>,
    /// Of this team's windows.
    pub team: Option<TeamId>,
    /// Of windows on databases of this environment, by its word.
    pub environment: Option<String>,
}

/// A webhook as it was typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// For people, 1 to 80 characters.
    pub name: String,
    /// Where it calls: `https://…`. Empty keeps the one there is.
    pub url: String,
    /// A [`Format`]'s word; chosen once.
    pub format: String,
    /// Words of events; none means every one.
    pub events: Vec<String>,
    /// Team, or empty.
    pub team: String,
    /// Word of an environment, or empty.
    pub environment: String,
}

/// A webhook as it can be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// For people.
    pub name: String,
    /// What it is called of.
    pub filter: Filter,
}

impl Draft {
    /// Reads everything but the address, which is read where addresses are; every error at once.
    pub fn parse(&self) -> Result<Parsed, Vec<FieldError>> {
        let mut form = crate::decision::FormCheck::default();
        let name = form.take(people::label("name", &self.name, 80));
        let mut events = BTreeSet::new();
        for word in &self.events {
            match Event::from_word(word).filter(|event| *event != Event::Test) {
                Some(event) => {
                    events.insert(event);
                }
                None => form.refuse("events", "Choose events of the list."),
            }
        }
        let team = (!self.team.trim().is_empty()).then(|| self.team.trim().parse::<TeamId>());
        let team = form.take(team.transpose().map_err(|_| FieldError::new("team", "Choose a team of the list, or all of them.")));
        let environment = Some(self.environment.trim().to_owned()).filter(|word| !word.is_empty());
        if environment.as_deref().is_some_and(|word| Environment::from_word(word).is_none()) {
            form.refuse("environment", "Choose an environment of the list, or all of them.");
        }
        let parsed = name.zip(team).map(|(name, team)| Parsed { name, filter: Filter { events, team, environment } });
        form.finish(parsed)
    }
}

/// What of an address may be shown: never its path, which is a password at many receivers.
#[must_use]
pub fn origin(scheme: &str, host: &str, port: Option<u16>) -> String {
    port.map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}"))
}

/// Whether a receiver is paused by now: it took nothing since `failing_since`, and a delivery was just given up; or it says it is gone.
#[must_use]
pub fn gives_up(failing_since: Option<Timestamp>, given_up: bool, gone: bool, now: Timestamp) -> bool {
    gone || (given_up && failing_since.is_some_and(|since| now.duration_since(since) >= PATIENCE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn every_transition_has_one_event() {
        let mut seen = BTreeSet::new();
        for from in WindowState::ALL {
            for to in from.moves() {
                let event = Event::of(*from, *to).unwrap_or_else(|| panic!("{} → {}", from.word(), to.word()));
                seen.insert(event);
            }
        }
        // Beside the event of its transition.
        assert!(seen.insert(Event::GlassBroken), "no transition alone is one by a break-glass");
        assert_eq!(seen, Event::of_windows().collect::<BTreeSet<_>>(), "an event that no transition has");
        assert_eq!(Event::of(WindowState::Approved, WindowState::Proposed), Some(Event::ApprovalLost));
        assert_eq!(Event::of(WindowState::Hold, WindowState::Running), Some(Event::Resumed));
    }

    #[test]
    fn types_are_named_and_no_two_alike() {
        let types: BTreeSet<String> = Event::ALL.iter().map(|event| event.full_type()).collect();
        assert_eq!(types.len(), Event::ALL.len());
        assert!(types.contains("drydock.window.all_clear") && types.contains("drydock.test"), "{types:?}");
    }

    #[test]
    fn a_form_says_everything_that_is_wrong_at_once() {
        let bad = Draft {
            name: " ".into(),
            events: vec!["approved".into(), "test".into(), "everything".into()],
            team: "orders".into(),
            environment: "moon".into(),
            ..Draft::default()
        };
        let fields: Vec<String> = bad.parse().expect_err("four").into_iter().map(|error| error.field).collect();
        assert_eq!(fields, ["name", "events", "events", "team", "environment"]);
        let team = TeamId(Uuid::from_u128(3));
        let good =
            Draft { name: "Chat".into(), events: vec!["held".into()], team: team.to_string(), environment: "production".into(), ..bad };
        let filter = good.parse().expect("good").filter;
        assert_eq!(filter, Filter { events: [Event::Held].into(), team: Some(team), environment: Some("production".into()) });
    }

    #[test]
    fn patience_lasts_three_days_and_ends_at_once_for_what_is_gone() {
        let now: Timestamp = "2026-11-26T00:00:00Z".parse().expect("a time");
        let before = |hours| Some(now - SignedDuration::from_hours(hours));
        assert!(gives_up(before(72), true, false, now));
        assert!(!gives_up(before(71), true, false, now), "others were taken meanwhile");
        assert!(!gives_up(before(200), false, false, now), "the newest are still being tried");
        assert!(!gives_up(None, true, false, now));
        assert!(gives_up(None, false, true, now));
    }
}
