//! A change of design: SQL text that people approve word by word, and the text that takes it back.
//!
//! The engine reads the text with a parser and says of each statement what it is, which lock it takes and for how long. From that the
//! rules here derive how dangerous it is, which statements share a transaction, and whether the whole may be proposed. The text itself is
//! sealed in the plan; what runs is that text and nothing else.

pub mod accounts;
mod form;
pub mod keep_out;
pub mod old_rows;
mod script;
pub mod settings;
pub mod trial;
mod verify;

pub use form::{ChangeForm, MOST_CHARACTERS, MOST_STATEMENTS, NoWayBack};
pub use keep_out::KeepOut;
pub use old_rows::{OldRows, OldRowsState};
pub use script::{IndexScript, SCRIPT_SCHEMA, Script, scripts};
pub use settings::{ServerSetting, SettingState};
pub use verify::{NamedIndex, TransactionState};

use crate::people::words;
use crate::procedure::{Basis, Estimate, Parameters, RiskClass, WorkItem};
use serde::{Deserialize, Serialize};

/// The table locks of PostgreSQL, the weakest first, as far as design changes take them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// Nothing that exists is locked.
    None,
    /// Reading.
    AccessShare,
    /// Changing rows: other work on the table goes on.
    RowExclusive,
    /// One maintenance statement at a time; reads and writes go on.
    ShareUpdateExclusive,
    /// Writes wait.
    Share,
    /// Writes wait, and other statements that change the design.
    ShareRowExclusive,
    /// Only reads go on.
    Exclusive,
    /// Everything waits, reads too.
    AccessExclusive,
}

words!(Lock {
    Lock::None = "none" / "no lock on anything that exists",
    Lock::AccessShare = "access_share" / "ACCESS SHARE: nobody waits",
    Lock::RowExclusive = "row_exclusive" / "ROW EXCLUSIVE: whoever changes the same rows waits",
    Lock::ShareUpdateExclusive = "share_update_exclusive" / "SHARE UPDATE EXCLUSIVE: reads and writes go on, DDL waits",
    Lock::Share = "share" / "SHARE: reads go on, writes wait",
    Lock::ShareRowExclusive = "share_row_exclusive" / "SHARE ROW EXCLUSIVE: reads go on, writes wait",
    Lock::Exclusive = "exclusive" / "EXCLUSIVE: only reads go on",
    Lock::AccessExclusive = "access_exclusive" / "ACCESS EXCLUSIVE: reads and writes wait",
});

/// How long the lock is needed, by what is done under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// Only the catalog is changed.
    Moment,
    /// The table is read from end to end.
    Scan,
    /// The table is written anew.
    Rewrite,
}

words!(Length {
    Length::Moment = "moment" / "for a moment",
    Length::Scan = "scan" / "while the table is read from end to end",
    Length::Rewrite = "rewrite" / "while the table is written anew",
});

/// The key of the step that sends it.
pub const STEP: &str = crate::procedure::select::step::CHANGE;
/// The key of the step that sends a change of settings.
pub const SETTINGS_STEP: &str = crate::procedure::select::step::SETTINGS;
/// The key of the step that deletes or moves old rows.
pub const OLD_ROWS_STEP: &str = crate::procedure::select::step::OLD_ROWS;
/// PostgreSQL cuts names after this many bytes.
const MOST_NAME_BYTES: usize = 63;
/// The first part of the name of what takes it back, where the change's own scripts have [`SCRIPT_SCHEMA`].
pub const BACK_SCHEMA: &str = "way_back";

/// The items that send these scripts. How long each may take is what whoever proposed it said; nobody knows better.
#[must_use]
pub fn items(scripts: &[Script], parameters: &Parameters) -> Vec<WorkItem> {
    let high_ms = parameters.change_part_max_min.saturating_mul(60_000);
    let estimate = Estimate { low_ms: 1_000.min(high_ms), high_ms, basis: Basis::Guess };
    let step = |script: &Script| match script {
        Script { setting: Some(_), .. } => SETTINGS_STEP,
        Script { old_rows: Some(_), .. } => OLD_ROWS_STEP,
        _ => STEP,
    };
    scripts.iter().map(|script| WorkItem::scripted(step(script), script, estimate)).collect()
}

/// Whether a step sends what was approved word by word, and selects nothing by need.
#[must_use]
pub fn is_sent(step: &str) -> bool {
    [STEP, SETTINGS_STEP, OLD_ROWS_STEP].contains(&step)
}

/// The items of a selection with those that send a text where their step comes among `steps`; each in the order it had.
#[must_use]
pub fn beside(selected: Vec<WorkItem>, sent: Vec<WorkItem>, steps: &[String]) -> Vec<WorkItem> {
    let at = |item: &WorkItem| steps.iter().position(|step| *step == item.step).unwrap_or(steps.len());
    let mut items: Vec<WorkItem> = selected.into_iter().chain(sent).collect();
    items.sort_by_key(at);
    items
}

/// How long texts may take together, in milliseconds: as much less is left for what is selected.
#[must_use]
pub fn sent_ms(sent: &[WorkItem]) -> u64 {
    sent.iter().map(|item| item.estimate.high_ms).fold(0, u64::saturating_add)
}

/// What a reader should know about a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// What may go wrong, one sentence.
    pub sentence: String,
    /// What would be better; empty where there is nothing to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

impl Remark {
    /// A remark with its advice.
    pub fn new(sentence: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), advice: advice.into() }
    }
}

/// What a statement does to the database, as far as its text tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Its command, such as `ALTER TABLE`.
    pub command: String,
    /// Relations it names and locks, as written; empty where it makes something new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<String>,
    /// The strongest lock it takes on something that exists.
    pub lock: Lock,
    /// How long it holds it, at the least.
    pub length: Length,
    /// PostgreSQL refuses it inside of a transaction.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// What is gone afterwards, and only a backup brings back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destroys: Option<String>,
    /// Why nobody can tell from its text what it does; `None` where it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opaque: Option<String>,
    /// The index it makes or drops concurrently, as written: looking at it tells whether it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The setting of the whole server that it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<ServerSetting>,
    /// The rule about old rows of which it is one batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_rows: Option<OldRows>,
    /// What a reader should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Remark>,
}

impl Reading {
    /// A statement that takes no lock on anything that exists.
    pub fn harmless(command: impl Into<String>) -> Self {
        Self {
            command: command.into(),
            on: Vec::new(),
            lock: Lock::None,
            length: Length::Moment,
            alone: false,
            destroys: None,
            opaque: None,
            index: None,
            setting: None,
            old_rows: None,
            remarks: Vec::new(),
        }
    }
    /// Takes this lock for this long, if it is more than what was known so far.
    pub fn takes(&mut self, lock: Lock, length: Length) {
        self.lock = self.lock.max(lock);
        self.length = self.length.max(length);
    }
    /// Adds a remark.
    pub fn remark(&mut self, sentence: impl Into<String>, advice: impl Into<String>) {
        self.remarks.push(Remark::new(sentence, advice));
    }
    /// How dangerous it is: what destroys, or cannot be told, is the worst; a lock that stops writes counts by its length.
    #[must_use]
    pub fn risk(&self) -> RiskClass {
        if self.destroys.is_some() || self.opaque.is_some() {
            return RiskClass::R4;
        }
        if let Some(setting) = &self.setting {
            return setting.risk();
        }
        match (self.lock, self.length) {
            (Lock::None | Lock::ShareUpdateExclusive, _) => RiskClass::R1,
            (Lock::AccessShare, _) => RiskClass::R0,
            (Lock::RowExclusive, _) | (_, Length::Moment) => RiskClass::R2,
            _ => RiskClass::R3,
        }
    }
    /// The lock in words, with its length where somebody waits for it.
    #[must_use]
    pub fn lock_in_words(&self) -> String {
        if self.lock < Lock::ShareUpdateExclusive {
            self.lock.label().to_owned()
        } else {
            format!("{}, {}", self.lock.label(), self.length.label())
        }
    }
}

/// One statement: its text, and what was read out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Exactly what is sent, without the semicolon that ends it.
    pub text: String,
    /// What it does.
    pub reading: Reading,
}

/// How the change is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "way")]
pub enum WayBack {
    /// By these statements.
    Statements {
        /// In their order.
        statements: Vec<Statement>,
    },
    /// Each setting gets the value that it had when the run changed it.
    Former,
    /// There is none; whoever approves agrees to that.
    None {
        /// Why not, 10 to 1,000 characters.
        reason: String,
    },
}

/// A change of design as it stands in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// In the order in which they are sent.
    pub statements: Vec<Statement>,
    /// The role that sends them, as the catalog spells it; `None` is the one that signs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Who is kept out of the database meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_out: Option<KeepOut>,
    /// How it is taken back.
    pub back: WayBack,
}

impl Change {
    /// The worst class of its statements. The way back does not count: it undoes what was approved, and only when somebody decides so.
    #[must_use]
    pub fn risk(&self) -> RiskClass {
        let sent = self.statements.iter().map(|statement| statement.reading.risk()).max().unwrap_or(RiskClass::R0);
        // Whoever is kept out can neither read nor write.
        if self.keep_out.is_some() { sent.max(RiskClass::R3) } else { sent }
    }
    /// What is sent, in the parts that each are one unit.
    #[must_use]
    pub fn scripts(&self) -> Vec<Script> {
        scripts(SCRIPT_SCHEMA, self.role.as_ref(), &self.statements)
    }
    /// What takes it back, in such parts.
    #[must_use]
    pub fn back_scripts(&self) -> Vec<Script> {
        scripts(BACK_SCHEMA, self.role.as_ref(), self.way_back())
    }
    /// How long it may wait before anything is sent, in milliseconds.
    #[must_use]
    pub fn wait_ms(&self) -> u64 {
        self.keep_out.as_ref().map_or(0, KeepOut::wait_ms)
    }
    /// Both texts, for comparing: every statement, then those of the way back, each of which is marked.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let forth = self.role.iter().map(|role| format!("as {role}")).chain(self.statements.iter().map(|statement| statement.text.clone()));
        forth.chain(self.way_back().iter().map(|statement| format!("back: {}", statement.text))).collect()
    }
    /// The statements that take it back; empty where there are none.
    #[must_use]
    pub fn way_back(&self) -> &[Statement] {
        match &self.back {
            WayBack::Statements { statements } => statements,
            WayBack::Former | WayBack::None { .. } => &[],
        }
    }
    /// What it means for the people who use the database, in a sentence.
    #[must_use]
    pub fn impact(&self) -> &'static str {
        if self.keep_out.is_some() {
            return "The accounts that are kept out cannot work while it runs: for them it is an outage. Others may wait for the tables that it names.";
        }
        if self.is_of_settings() {
            return "The whole server is concerned, with every database on it. Nothing is locked; how it works changes from then on.";
        }
        match self.risk() {
            RiskClass::R0 => "Nothing changes; the database is only read.",
            RiskClass::R1 => "The database stays available; reads and writes go on.",
            RiskClass::R2 => "The database stays available, with waits of a few seconds when a lock is taken.",
            RiskClass::R3 => "Work on the tables that it names waits while a part of it runs.",
            RiskClass::R4 => "Something is removed or changed that cannot be brought back by the database itself.",
        }
    }
    /// How it is undone, in a sentence.
    #[must_use]
    pub fn undone(&self) -> String {
        match &self.back {
            WayBack::Statements { statements } => {
                let count = crate::procedure::text::plural(statements.len().try_into().unwrap_or(u64::MAX), "statement", "statements");
                format!("By the {count} of the way back, as they stand in this plan, when the run stops half way and somebody decides so. Once it went through, propose them in a window of their own.")
            }
            WayBack::Former => "By giving each setting the value it had when the run changed it, when the run stops half way and somebody decides so. Once it went through, propose the former values, which the run has on record.".to_owned(),
            WayBack::None { reason } => format!("There is no way back: {reason}"),
        }
    }
    /// Whether it changes settings of the server, not the design of the database.
    #[must_use]
    pub fn is_of_settings(&self) -> bool {
        self.statements.iter().any(|statement| statement.reading.setting.is_some())
    }
}

#[cfg(test)]
#[path = "change/tests.rs"]
mod tests;
