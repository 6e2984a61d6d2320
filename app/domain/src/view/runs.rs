//! A run as its page shows it.

use crate::canonical::Digest;
use crate::decision::Refusal;
use crate::hold::HoldVerb;
use crate::ids::RunId;
use crate::procedure::fair::Coverage;
use crate::procedure::{Finding, LeftOut, WorkItem};
use crate::run::{AttemptState, Outcome, Phase};
use crate::view::windows::{Head, Moments, Offer};
use crate::window::{Ending, RunState};
use jiff::Timestamp;
use serde_json::Value;

/// A run page that shows nothing newer than this is stale, in seconds: the lease is renewed every 3 s and lasts 15 s.
pub const STALE_AFTER_S: i64 = 20;

/// One try at an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// Counts tries.
    pub number: i32,
    /// How far it is.
    pub state: AttemptState,
    /// When it was decided.
    pub intent_at: Timestamp,
    /// When the statement was about to be sent.
    pub started_at: Option<Timestamp>,
    /// When its outcome was known.
    pub ended_at: Option<Timestamp>,
    /// Name of the session on the database.
    pub session: String,
    /// Its process there, once started.
    pub backend: Option<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// In words.
    pub detail: Option<String>,
    /// What the server said.
    pub notices: Vec<String>,
}

/// How far the server is with a statement, by its own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// In words.
    pub says: String,
    /// When it was seen.
    pub at: Timestamp,
    /// Share done in per cent, where the server says.
    pub percent: Option<u8>,
    /// Who is in its way, each in words.
    pub blockers: Vec<String>,
    /// Who waits for it, each in words.
    pub waiters: Vec<String>,
}

/// One item of the work list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemRow {
    /// Order of work.
    pub ordinal: i32,
    /// The item as sealed.
    pub work: WorkItem,
    /// How it ended; `None` while open.
    pub outcome: Option<Outcome>,
    /// In words.
    pub detail: Option<String>,
    /// Figures before and after.
    pub gains: Vec<super::gains::Gain>,
    /// Tries, oldest first.
    pub attempts: Vec<AttemptRow>,
}

impl ItemRow {
    /// The try that is not over.
    #[must_use]
    pub fn open_attempt(&self) -> Option<&AttemptRow> {
        self.attempts.iter().find(|attempt| attempt.state != AttemptState::Done)
    }
    /// From the first start to the last end, or to `now` while it runs; `None` before it began.
    #[must_use]
    pub fn taken_ms(&self, now: Timestamp) -> Option<u64> {
        let from = self.attempts.iter().filter_map(|attempt| attempt.started_at).min()?;
        let to = if self.open_attempt().is_some() { now } else { self.attempts.iter().filter_map(|attempt| attempt.ended_at).max()? };
        u64::try_from(to.duration_since(from).as_millis()).ok()
    }
}

/// A line of what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Order.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// About which item.
    pub ordinal: Option<i32>,
    /// `phase`, `progress`, `notice`, `outcome`, `warning` or `session`.
    pub kind: String,
    /// In words.
    pub message: String,
}

/// What follows from a decision on a held run, in a sentence. `way_back` says of a change of design whether its plan has one.
#[must_use]
pub fn consequence(verb: HoldVerb, way_back: Option<bool>) -> &'static str {
    match verb {
        HoldVerb::Continue => "The worker goes on with the items that are left, inside the same limits and times.",
        HoldVerb::Validate => "Nothing more is worked on; the checklist is opened.",
        HoldVerb::RollBack if way_back == Some(true) => {
            "Where anything of the change was done, the statements of the plan's way back are sent, in their order. What a cut-off index build left is dropped."
        }
        HoldVerb::RollBack if way_back == Some(false) => {
            "What a cut-off index build left is dropped. The plan has no way back, so what was done of the change stays."
        }
        HoldVerb::RollBack => {
            "Settings the run changed are put back and what it left behind is cleaned up. Data was not changed and is not touched."
        }
        HoldVerb::Fail => "The window ends without success; somebody writes down the issues met.",
    }
}

/// A stop, or a hold, that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// One pre-check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreCheck {
    /// What was looked at.
    pub title: String,
    /// `green`, `yellow` or `red`, as the worker says it.
    pub colour: String,
    /// In a sentence.
    pub says: String,
}

/// How the work list differs from what people saw in the preview.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListDiff {
    /// On the work list, not in the preview.
    pub added: Vec<String>,
    /// In the preview, not on the work list.
    pub gone: Vec<String>,
}

/// A rehearsal, as far as whoever watches a run wants to compare with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsed {
    /// The database.
    pub on: String,
    /// How it went.
    pub figures: String,
    /// How long its steps worked, a line each.
    pub steps: Vec<String>,
}

/// What was said when a step outside the database was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// When.
    pub at: Timestamp,
    /// Who; empty where the program said so that was called.
    pub by: String,
    /// What they saw, or what it answered.
    pub said: String,
}

/// A step of the run's procedure that a person or another program does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideRow {
    /// A program is called for it.
    pub is_called: bool,
    /// As the procedure calls it.
    pub title: String,
    /// What is done.
    pub does: String,
    /// How it is taken back.
    pub back: String,
    /// The run has waited for it, or does.
    pub asked: bool,
    /// Who did it.
    pub done: Option<Done>,
}

/// An account that the run keeps out, or kept out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOutRow {
    /// Its name.
    pub account: String,
    /// What it could do before.
    pub could_sign_in: bool,
    /// Since when it may be out.
    pub since: Timestamp,
    /// When it was seen to be as before, and how that came; `None` while it may be out.
    pub let_in: Option<(Timestamp, String)>,
}

/// The page `/runs/:id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPage {
    /// Its window.
    pub window: Head,
    /// The rehearsal of the plan it obeys: where, how it went, and how long its steps worked there.
    pub rehearsed: Option<Rehearsed>,
    /// Identity.
    pub id: RunId,
    /// Of which revision.
    pub revision: i32,
    /// Digest of the plan it obeys.
    pub plan_digest: Digest,
    /// How far it is.
    pub state: RunState,
    /// How it ended.
    pub ending: Option<Ending>,
    /// What it is busy with.
    pub phase: Phase,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// By whom; `None` by the schedule.
    pub opened_by: Option<String>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Worker that holds it.
    pub owner: Option<String>,
    /// Until when its lease holds.
    pub lease_until: Option<Timestamp>,
    /// A stop that was asked for.
    pub stop: Option<Stop>,
    /// A hold after the current item that was asked for, until it holds.
    pub hold_asked: Option<Stop>,
    /// Why it is held.
    pub hold_reason: Option<String>,
    /// What may be decided.
    pub hold_verbs: Vec<HoldVerb>,
    /// An attempt's outcome is not known: whoever decides says what they found.
    pub asks_what_was_found: bool,
    /// A call was not answered: whoever lets it go on says whether it is done.
    pub asks_of_call: bool,
    /// What was decided, until a worker has taken it up.
    pub decision: Option<HoldVerb>,
    /// Findings before the start.
    pub pre_checks: Vec<PreCheck>,
    /// Digest of the sealed work list, once there is one.
    pub work_list_digest: Option<Digest>,
    /// Its items.
    pub items: Vec<ItemRow>,
    /// What people and other programs do in it.
    pub outside: Vec<OutsideRow>,
    /// Accounts that it keeps out, or kept out, the newest first.
    pub kept_out: Vec<KeptOutRow>,
    /// What needs attention and gets none.
    pub left_out: Vec<LeftOut>,
    /// How many of what was in need had a turn in the last windows of this database; `None` before the first is over.
    pub coverage: Option<Coverage>,
    /// What the steps found, with advice.
    pub findings: Vec<Finding>,
    /// How many findings there were beyond those.
    pub more_findings: u64,
    /// Against the preview that people saw; `None` without one.
    pub diff: Option<ListDiff>,
    /// How far the server is with what runs now, by the item's ordinal.
    pub progress: Vec<(i32, Progress)>,
    /// What happened, newest first.
    pub events: Vec<EventRow>,
    /// Newest sign of life: event, lease or opening.
    pub last_update: Timestamp,
    /// Number of the newest line, progress included.
    pub seq: i64,
    /// What the reader may do: stop.
    pub may_stop: Offer,
    /// What the reader may do: let it wait after the current item.
    pub may_hold: Offer,
    /// What the reader may do: decide on a hold.
    pub may_resolve: Offer,
    /// Why the reader does not let it go on, while a decision on a hold is theirs otherwise.
    pub may_not_go_on: Option<Refusal>,
    /// Of a change of design: whether its plan has a way back.
    pub way_back: Option<bool>,
}

impl RunPage {
    /// True while the page should look again by itself.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state != RunState::Ended && (self.state != RunState::Held || self.decision.is_some())
    }
    /// True when the run is live and nothing was heard for longer than [`STALE_AFTER_S`].
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.is_live() && self.window.now.duration_since(self.last_update).as_secs() > STALE_AFTER_S
    }
    /// The items that are being worked on.
    pub fn running(&self) -> impl Iterator<Item = &ItemRow> {
        self.items.iter().filter(|item| item.open_attempt().is_some())
    }
    /// Items without an outcome, or with one that leaves them to be done.
    #[must_use]
    pub fn left(&self) -> Vec<&ItemRow> {
        self.items.iter().filter(|item| item.outcome.is_none_or(Outcome::is_left)).collect()
    }
    /// What is left behind on the database and has to be cleaned up.
    #[must_use]
    pub fn debris(&self) -> Vec<&ItemRow> {
        self.items.iter().filter(|item| item.outcome == Some(Outcome::NeedsCleanup)).collect()
    }
    /// Its window's instants.
    #[must_use]
    pub fn moments(&self) -> &Moments {
        &self.window.moments
    }
}

/// How a work list differs from a preview: by act and object, since figures always move.
#[must_use]
pub fn list_diff(preview: &[WorkItem], list: &[WorkItem]) -> ListDiff {
    let name = |item: &WorkItem| item.statement.clone();
    let missing = |of: &[WorkItem], from: &[WorkItem]| {
        of.iter().map(name).filter(|statement| !from.iter().any(|other| name(other) == *statement)).collect()
    };
    ListDiff { added: missing(list, preview), gone: missing(preview, list) }
}

/// Reads the findings of the pre-checks: a list, or a map by name, of a sentence with a colour.
#[must_use]
pub fn pre_checks(findings: &Value) -> Vec<PreCheck> {
    let text = |value: &Value, keys: &[&str]| keys.iter().find_map(|key| value.get(key)?.as_str().map(str::to_owned));
    let one = |title: String, value: &Value| PreCheck {
        title,
        colour: text(value, &["colour", "state", "verdict"]).unwrap_or_default(),
        says: text(value, &["sentence", "says", "message"]).or_else(|| value.as_str().map(str::to_owned)).unwrap_or_default(),
    };
    match findings {
        Value::Array(list) => {
            list.iter().map(|value| one(text(value, &["title", "name", "check", "key"]).unwrap_or_default(), value)).collect()
        }
        Value::Object(map) => match map.get("checks").or_else(|| map.get("findings")) {
            Some(inner) => pre_checks(inner),
            None => map.iter().map(|(key, value)| one(key.replace('_', " "), value)).collect(),
        },
        _ => vec![],
    }
}

impl PreCheck {
    /// True when the run may not begin as long as this stands.
    #[must_use]
    pub fn is_red(&self) -> bool {
        matches!(self.colour.as_str(), "red" | "fail" | "failed")
    }
    /// True when it is worth a look, and stops nothing.
    #[must_use]
    pub fn is_yellow(&self) -> bool {
        matches!(self.colour.as_str(), "yellow" | "warn" | "warning" | "not_measurable")
    }
}

/// What the server says about how far it is: words and, where there are two counts, a share.
#[must_use]
pub fn percent(detail: Option<&Value>) -> Option<u8> {
    let detail = detail?;
    let number = |key: &str| detail.get(key).and_then(Value::as_u64);
    let share = number("percent").or_else(|| {
        let (done, total) = (number("done")?, number("total")?);
        (done.min(total) * 100).checked_div(total)
    })?;
    u8::try_from(share.min(100)).ok()
}

/// Sentences that a progress line keeps under this name.
#[must_use]
pub fn sentences(detail: Option<&Value>, name: &str) -> Vec<String> {
    let list = detail.and_then(|detail| detail.get(name)).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|line| line.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn findings_are_read_in_either_form() {
        let list = pre_checks(&json!([{"title": "Backup", "colour": "red", "sentence": "None on record."}]));
        assert!(list[0].is_red() && list[0].title == "Backup" && list[0].says == "None on record.");
        let map = pre_checks(&json!({"free_connections": {"colour": "warn", "sentence": "79 %"}}));
        assert!(map[0].is_yellow() && map[0].title == "free connections");
    }

    #[test]
    fn progress_is_a_share_only_where_the_server_counts() {
        assert_eq!(percent(Some(&json!({"done": 3, "total": 4}))), Some(75));
        assert_eq!(percent(Some(&json!({"done": 0, "total": 0}))), None);
        assert_eq!(percent(Some(&json!({"percent": 130}))), Some(100));
        assert_eq!(percent(Some(&json!({"phase": "waiting"}))), None);
    }
}
