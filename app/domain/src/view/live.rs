//! A run as its stream tells it: what a page draws while it watches, small, typed, and complete without another question.
//!
//! Times are milliseconds since 1970 by the state database's clock: a browser knows no zones and trusts no clock but the one it is told.
//! Text that comes from a target was made visible before it came here, and is shown as text, never as markup.

use crate::people::visible;
use crate::run::{AttemptState, Outcome, Phase};
use crate::view::runs::{AttemptRow, EventRow, ItemRow, Progress, RunPage, STALE_AFTER_S};
use crate::window::{Ending, RunState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Most lines of what happened that a page keeps.
pub const MOST_LINES: usize = 200;
/// A watched run gives a sign of life this often, in milliseconds, also when nothing changes.
pub const BEAT_MS: u64 = 3_000;
/// A page that heard nothing for this long says so, in milliseconds: two signs of life are missing, and a little for the way.
pub const NO_NEWS_MS: i64 = 8_000;

/// One message of the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Something changed.
    News(News),
    /// What happened since the page was made or the stream was cut.
    Lines {
        /// More happened than is kept: these replace what the page has.
        whole: bool,
        /// Oldest first.
        lines: Vec<Line>,
    },
    /// Nothing changed until now: by the state database's clock, in milliseconds since 1970.
    Beat {
        /// Until when.
        now_ms: i64,
    },
    /// Nothing more comes.
    Over(Over),
}

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// The run has ended: there is no more to tell.
    Ended,
    /// The session has ended, or its person may no longer see this run.
    Refused,
    /// Session and rights could not be looked up in time, so nothing more is told.
    Unproven,
    /// The server stops or is replaced.
    Restart,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// Where the run stands.
    pub head: Head,
    /// `items` is the whole list.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// Items that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Item>,
    /// What happened, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// When this was true.
    pub now_ms: i64,
    /// Number of the newest line.
    pub seq: i64,
    /// How far it is.
    pub state: RunState,
    /// How it ended.
    pub ending: Option<Ending>,
    /// What it is busy with.
    pub phase: Phase,
    /// Its work list is sealed.
    pub selected: bool,
    /// Somebody asked to stop it.
    pub stop_asked: bool,
    /// Somebody asked to hold it after the current item.
    pub hold_asked: bool,
    /// A hold was decided on, and no worker has taken it up.
    pub decided: bool,
    /// When it was opened.
    pub opened_ms: i64,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// From then on nothing new begins.
    pub cut_off_ms: i64,
    /// End of its window.
    pub end_ms: i64,
    /// Newest sign of life of its worker.
    pub heard_ms: i64,
    /// Worker that holds it.
    pub owner: Option<String>,
    /// How far the server is with what runs now, by its own account; one for each item.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub progress: Vec<Doing>,
}

/// How far a server is with a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doing {
    /// About which item.
    pub ordinal: i32,
    /// In words.
    pub says: String,
    /// When it was seen.
    pub at_ms: i64,
    /// Share done in per cent, where the server counts.
    pub percent: Option<u8>,
    /// Who is in its way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blockers: Vec<String>,
    /// Who waits for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiters: Vec<String>,
}

/// An item of the work list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Order of work.
    pub ordinal: i32,
    /// Step of the procedure.
    pub step: String,
    /// The object's name.
    pub object: String,
    /// The exact statement.
    pub statement: String,
    /// Why it was chosen.
    pub why: String,
    /// The shortest it should take.
    pub low_ms: u64,
    /// The longest.
    pub high_ms: u64,
    /// How it ended; `None` while open.
    pub outcome: Option<Outcome>,
    /// In words.
    pub detail: Option<String>,
    /// Tries, oldest first.
    pub tries: Vec<Try>,
}

/// One try at an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    /// Counts tries.
    pub number: i32,
    /// How far it is.
    pub state: AttemptState,
    /// When the statement was about to be sent.
    pub started_ms: Option<i64>,
    /// When its outcome was known.
    pub ended_ms: Option<i64>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// In words.
    pub detail: Option<String>,
    /// Its process on the server.
    pub pid: Option<String>,
    /// Name of its session there.
    pub session: String,
    /// What the server said.
    pub notices: Vec<String>,
}

/// A line of what happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Order.
    pub seq: i64,
    /// When.
    pub at_ms: i64,
    /// About which item.
    pub ordinal: Option<i32>,
    /// `phase`, `notice`, `outcome`, `warning` or `session`.
    pub kind: String,
    /// In words.
    pub message: String,
}

impl Head {
    /// True while something may still change by itself: a held run only changes once somebody decides.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state != RunState::Ended && (self.state != RunState::Held || self.decided)
    }
    /// True when the run should be worked on and its worker was not heard of for too long before `now_ms`.
    #[must_use]
    pub fn is_silent(&self, now_ms: i64) -> bool {
        self.is_live() && now_ms - self.heard_ms > STALE_AFTER_S * 1000
    }
    /// What decides which forms and sections a page has. When it differs from that of the page, the page is of yesterday.
    #[must_use]
    pub fn shape(&self) -> (bool, bool, bool, bool, bool, bool) {
        let begun = self.phase != Phase::PreChecks;
        let (held, ended) = (self.state == RunState::Held, self.state == RunState::Ended);
        (begun, held, ended, self.stop_asked, self.hold_asked, self.decided)
    }
}

impl Item {
    /// The try that is not over.
    #[must_use]
    pub fn open(&self) -> Option<&Try> {
        self.tries.iter().find(|one| one.state != AttemptState::Done)
    }
    /// From the first start to the last end, or to `now_ms` while it runs; `None` before it began.
    #[must_use]
    pub fn taken_ms(&self, now_ms: i64) -> Option<u64> {
        let from = self.tries.iter().filter_map(|one| one.started_ms).min()?;
        let to = if self.open().is_some() { now_ms } else { self.tries.iter().filter_map(|one| one.ended_ms).max()? };
        Some(u64::try_from(to - from).unwrap_or(0))
    }
}

/// Milliseconds since 1970.
#[must_use]
pub fn ms(at: Timestamp) -> i64 {
    at.as_millisecond()
}

impl From<&AttemptRow> for Try {
    fn from(row: &AttemptRow) -> Self {
        Self {
            number: row.number,
            state: row.state,
            started_ms: row.started_at.map(ms),
            ended_ms: row.ended_at.map(ms),
            outcome: row.outcome,
            detail: row.detail.as_deref().map(visible),
            pid: row.backend.clone(),
            session: visible(&row.session),
            notices: row.notices.iter().map(|line| visible(line)).collect(),
        }
    }
}

impl From<&ItemRow> for Item {
    fn from(row: &ItemRow) -> Self {
        Self {
            ordinal: row.ordinal,
            step: row.work.step.clone(),
            object: visible(&row.work.object.name.to_string()),
            statement: visible(&row.work.statement),
            why: visible(&row.work.measure.sentence),
            low_ms: row.work.estimate.low_ms,
            high_ms: row.work.estimate.high_ms,
            outcome: row.outcome,
            detail: row.detail.as_deref().map(visible),
            tries: row.attempts.iter().map(Try::from).collect(),
        }
    }
}

impl From<&EventRow> for Line {
    fn from(row: &EventRow) -> Self {
        Self { seq: row.seq, at_ms: ms(row.at), ordinal: row.ordinal, kind: row.kind.clone(), message: visible(&row.message) }
    }
}

impl Doing {
    /// What the page says about progress on an item.
    #[must_use]
    pub fn of(ordinal: i32, progress: &Progress) -> Self {
        let all = |lines: &[String]| lines.iter().map(|line| visible(line)).collect();
        Self {
            ordinal,
            says: visible(&progress.says),
            at_ms: ms(progress.at),
            percent: progress.percent,
            blockers: all(&progress.blockers),
            waiters: all(&progress.waiters),
        }
    }
}

impl RunPage {
    /// The part of the page that a stream keeps up to date; lines are the newest first there, and the oldest first here.
    #[must_use]
    pub fn news(&self) -> News {
        News { head: self.head(), whole: true, items: self.items.iter().map(Item::from).collect(), lines: self.lines() }
    }

    fn lines(&self) -> Vec<Line> {
        self.events.iter().rev().map(Line::from).collect()
    }

    fn head(&self) -> Head {
        Head {
            now_ms: ms(self.window.now),
            seq: self.seq,
            state: self.state,
            ending: self.ending,
            phase: self.phase,
            selected: self.work_list_digest.is_some(),
            stop_asked: self.stop.is_some(),
            hold_asked: self.hold_asked.is_some(),
            decided: self.decision.is_some(),
            opened_ms: ms(self.opened_at),
            ended_ms: self.ended_at.map(ms),
            cut_off_ms: ms(self.moments().cut_off),
            end_ms: ms(self.moments().end),
            heard_ms: ms(self.last_update),
            owner: self.owner.clone(),
            progress: self.progress.iter().map(|(ordinal, progress)| Doing::of(*ordinal, progress)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            now_ms: 100_000,
            seq: 7,
            state: RunState::Leased,
            ending: None,
            phase: Phase::Working,
            selected: true,
            stop_asked: false,
            hold_asked: false,
            decided: false,
            opened_ms: 0,
            ended_ms: None,
            cut_off_ms: 200_000,
            end_ms: 300_000,
            heard_ms: 99_000,
            owner: Some("worker-1".into()),
            progress: vec![],
        }
    }

    #[test]
    fn a_message_comes_back_as_it_was_sent() {
        let news = News { head: head(), whole: false, items: vec![], lines: vec![] };
        for message in [Message::News(news), Message::Beat { now_ms: 5 }, Message::Over(Over::Refused)] {
            let text = serde_json::to_string(&message).expect("plain");
            assert_eq!(serde_json::from_str::<Message>(&text).expect("the same"), message, "{text}");
        }
        assert_eq!(serde_json::to_string(&Message::Beat { now_ms: 5 }).expect("plain"), r#"{"beat":{"now_ms":5}}"#);
    }

    #[test]
    fn only_a_run_that_is_worked_on_can_be_silent() {
        let mut head = head();
        assert!(!head.is_silent(119_000) && head.is_silent(119_001));
        head.state = RunState::Held;
        assert!(!head.is_silent(900_000), "it waits for a person, not for a worker");
        head.decided = true;
        assert!(head.is_silent(900_000));
    }

    #[test]
    fn what_changes_the_forms_changes_the_shape_and_nothing_else_does() {
        let (one, mut other) = (head(), head());
        (other.seq, other.phase, other.owner, other.heard_ms) = (99, Phase::Probing, None, 5);
        assert_eq!(one.shape(), other.shape());
        let changes: [fn(&mut Head); 3] =
            [|head| head.state = RunState::Held, |head| head.stop_asked = true, |head| head.phase = Phase::PreChecks];
        for change in changes {
            let mut changed = head();
            change(&mut changed);
            assert_ne!(one.shape(), changed.shape());
        }
    }

    #[test]
    fn time_on_an_item_counts_while_it_runs_and_stands_still_after() {
        let one = |state, ended_ms| Try {
            number: 1,
            state,
            started_ms: Some(1_000),
            ended_ms,
            outcome: None,
            detail: None,
            pid: None,
            session: String::new(),
            notices: vec![],
        };
        let mut item = Item {
            ordinal: 1,
            step: "vacuum".into(),
            object: "shop.orders".into(),
            statement: "VACUUM".into(),
            why: String::new(),
            low_ms: 1,
            high_ms: 2,
            outcome: None,
            detail: None,
            tries: vec![],
        };
        assert_eq!(item.taken_ms(9_000), None);
        item.tries = vec![one(AttemptState::Started, None)];
        assert_eq!(item.taken_ms(9_000), Some(8_000));
        item.tries = vec![one(AttemptState::Done, Some(4_000))];
        assert_eq!(item.taken_ms(9_000), Some(3_000));
    }
}
