//! Everything that proves what happened to one window, in the order in which it happened: for auditors, and for paper.

use crate::canonical::Digest;
use crate::glass::Glass;
use crate::ids::{RunId, SeriesId, VoteId};
use crate::plan::Plan;
use crate::procedure::{Finding, LeftOut};
use crate::view::checklists::CheckRow;
use crate::view::runs::{ItemRow, PreCheck, Stop};
use crate::view::trail::FactLine;
use crate::view::windows::page::{Message, RevisionRow, VoteRow};
use crate::view::windows::{Change, Head};
use crate::window::{Ending, RunState};
use jiff::Timestamp;

/// Facts that are read of one window at most: a window of several thousand statements. The list of facts has them all.
pub const MOST_FACTS: usize = 10_000;
/// Votes, messages and revisions that are read at most.
pub const MOST_LINES: i64 = 5_000;

/// A revision with its sealed bytes and what it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionEvidence {
    /// Who and when, and the digest.
    pub row: RevisionRow,
    /// The bytes that have this digest.
    pub bytes: Vec<u8>,
    /// Against the revision before; empty for the first.
    pub changes: Vec<Change>,
}

/// What a person found about an attempt whose outcome was not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The item.
    pub ordinal: i32,
    /// The try.
    pub number: i32,
    /// Who said so.
    pub by: String,
    /// The second person, where two were needed.
    pub second: Option<String>,
    /// `ran` or `did_not_run`.
    pub found: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A run with everything it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEvidence {
    /// Identity.
    pub id: RunId,
    /// Short name of its database, where the window has several.
    pub database: Option<String>,
    /// Of which revision.
    pub revision: i32,
    /// Digest of the plan it obeyed.
    pub plan_digest: Digest,
    /// How far it is.
    pub state: RunState,
    /// How it ended.
    pub ending: Option<Ending>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// By whom; `None` by the schedule.
    pub opened_by: Option<String>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// A stop that was asked for.
    pub stop: Option<Stop>,
    /// Why it was held.
    pub hold_reason: Option<String>,
    /// Findings before the start.
    pub pre_checks: Vec<PreCheck>,
    /// The sealed work list: digest and when.
    pub work_list: Option<(Digest, Timestamp)>,
    /// Its items with every try.
    pub items: Vec<ItemRow>,
    /// What needed attention and got none.
    pub left_out: Vec<LeftOut>,
    /// What the steps found, with advice.
    pub findings: Vec<Finding>,
    /// How many findings there were beyond those.
    pub more_findings: u64,
    /// What people found about tries of unknown outcome.
    pub resolutions: Vec<Resolution>,
}

/// A fact with what it says, and with what proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactEvidence {
    /// As in the list.
    pub line: FactLine,
    /// What it says, in a line.
    pub said: String,
    /// The bytes that are hashed.
    pub bytes: Vec<u8>,
    /// Its leaf.
    pub leaf: Digest,
    /// Its place in its batch.
    pub position: Option<i32>,
}

/// Dates of a series that were approved together and cover the window, with the facts about exactly them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TogetherEvidence {
    /// Of which series.
    pub series: SeriesId,
    /// Its title.
    pub title: String,
    /// What was approved.
    pub digest: Digest,
    /// The bytes that have this digest.
    pub bytes: Vec<u8>,
    /// Who asked for the approval.
    pub asked_by: String,
    /// When.
    pub asked_at: Timestamp,
    /// Asked, approved, taken back: oldest first.
    pub facts: Vec<FactEvidence>,
}

/// Whether a fact about a series is about dates with this digest: it names the digest, or one of the votes on them.
#[must_use]
pub fn is_about_dates(payload: &serde_json::Map<String, serde_json::Value>, digest: Digest, votes: &[VoteId]) -> bool {
    let said = |name: &str| payload.get(name).and_then(serde_json::Value::as_str);
    said("digest") == Some(digest.hex().as_str())
        || said("vote").and_then(|vote| vote.parse().ok()).is_some_and(|vote: VoteId| votes.contains(&vote))
}

/// The page `/windows/:n/evidence`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Above everything.
    pub head: Head,
    /// The newest plan, read from its bytes.
    pub plan: Plan,
    /// Revisions, oldest first.
    pub revisions: Vec<RevisionEvidence>,
    /// Votes on every revision, oldest first.
    pub votes: Vec<VoteRow>,
    /// The dates of its series by which votes were given, where they cover it.
    pub together: Option<TogetherEvidence>,
    /// Break-glasses, oldest first: also those that nobody confirmed.
    pub glasses: Vec<Glass>,
    /// Messages, oldest first.
    pub messages: Vec<Message>,
    /// Runs, oldest first.
    pub runs: Vec<RunEvidence>,
    /// The validation list of the newest revision.
    pub checks: Vec<CheckRow>,
    /// Facts, oldest first, at most [`MOST_FACTS`] of the newest.
    pub facts: Vec<FactEvidence>,
    /// There are older facts than those.
    pub older_facts: bool,
    /// The head of the chain at this moment: batch, hash, when it was sealed.
    pub chain: Option<(i64, Digest, Timestamp)>,
}

impl Evidence {
    /// How many facts wait for their seal.
    #[must_use]
    pub fn unsealed(&self) -> usize {
        let with_series = self.together.iter().flat_map(|together| &together.facts);
        self.facts.iter().chain(with_series).filter(|fact| fact.line.batch.is_none()).count()
    }
}

/// Longest line about a fact, in characters.
const LONGEST_LINE: usize = 300;

/// What a fact says, in a line: `state: open → passed; note: looked at it`.
#[must_use]
pub fn line_of(changes: &[super::trail::FieldChange], said: &[(String, String)]) -> String {
    use super::trail::ChangedValue::{Is, Nothing, Withheld};
    let side = |value: &super::trail::ChangedValue| match value {
        Nothing => "nothing".to_owned(),
        Is(text) => text.clone(),
        Withheld => "(not kept)".to_owned(),
    };
    let changed = changes.iter().map(|change| match (&change.before, &change.after) {
        (Withheld, Withheld) => format!("{} changed", change.field),
        (before, after) => format!("{}: {} → {}", change.field, side(before), side(after)),
    });
    let line = changed.chain(said.iter().map(|(name, value)| format!("{name}: {value}"))).collect::<Vec<_>>().join("; ");
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST_LINE {
        return line;
    }
    line.chars().take(LONGEST_LINE - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::trail::{payload_changes, said};
    use serde_json::json;

    #[test]
    fn facts_about_other_dates_of_the_series_are_none_of_the_window() {
        let (ours, other) = (Digest([1; 32]), Digest([2; 32]));
        let (vote, another) = (VoteId(uuid::Uuid::from_u128(1)), VoteId(uuid::Uuid::from_u128(2)));
        let about = |payload: serde_json::Value| is_about_dates(payload.as_object().expect("an object"), ours, &[vote]);
        assert!(about(json!({"digest": ours.hex()})) && about(json!({"vote": vote.to_string(), "reason": "…"})));
        assert!(!about(json!({"digest": other.hex()})) && !about(json!({"vote": another.to_string()})) && !about(json!({"revision": 2})));
    }

    #[test]
    fn a_fact_is_said_in_a_line_that_ends() {
        let say = |action: &str, payload: serde_json::Value| {
            let payload = payload.as_object().expect("an object").clone();
            line_of(&payload_changes(action, &payload), &said(&payload))
        };
        assert_eq!(
            say("check.tick", json!({"from": "open", "to": "passed", "note": "looked\nat it"})),
            "state: open → passed; note: looked at it"
        );
        assert_eq!(say("person.edit", json!({"changed": ["name"]})), "name changed");
        let long = say("attempt.intend", json!({"statement": "x".repeat(5000)}));
        assert!(long.chars().count() == LONGEST_LINE && long.ends_with('…'), "{long}");
    }
}
