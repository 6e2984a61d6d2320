//! The work list: concrete items, each with the exact statement that will be sent.

use super::fair::Waits;
use super::{Estimate, Finding, Object, ObjectKind, ObjectName, RiskClass, StepClass, quote};
use crate::canonical::{self, Digest};
use crate::change::Script;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What can be done to an object. Statement, lock and risk follow from it; nobody types them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Removes dead rows; the end of the file is not cut off, which would need an exclusive lock.
    Vacuum,
    /// Freezes old rows, so that their transaction ids count no more; removes dead rows on the way.
    VacuumFreeze,
    /// Builds an index anew beside the old one.
    ReindexConcurrently,
    /// Refreshes planner statistics.
    Analyze,
    /// Refreshes the statistics of a partitioned parent without reading its partitions' own (PostgreSQL 18 and later).
    AnalyzeOnly,
    /// Drops what an interrupted concurrent rebuild left behind.
    DropInvalidIndex,
    /// Sends approved statements in one transaction: all of them or none.
    Apply,
    /// Sends one approved statement that PostgreSQL refuses inside of a transaction.
    ApplyAlone,
    /// Moves the pending list of a GIN index into the index itself.
    GinCleanPending,
    /// Summarises ranges of a table that a BRIN index knows nothing of yet.
    BrinSummarize,
}

impl Act {
    /// The exact statement for an object.
    pub fn statement(self, name: &ObjectName) -> String {
        // A name as a constant: the server reads it as an identifier again.
        let constant = || quote::literal(&name.quoted()).unwrap_or_default();
        let name = name.quoted();
        match self {
            Self::Vacuum => format!("VACUUM (VERBOSE, TRUNCATE FALSE) {name}"),
            Self::VacuumFreeze => format!("VACUUM (VERBOSE, FREEZE, TRUNCATE FALSE) {name}"),
            Self::ReindexConcurrently => format!("REINDEX INDEX CONCURRENTLY {name}"),
            Self::Analyze => format!("ANALYZE (SKIP_LOCKED) {name}"),
            Self::AnalyzeOnly => format!("ANALYZE (SKIP_LOCKED) ONLY {name}"),
            Self::DropInvalidIndex => format!("DROP INDEX CONCURRENTLY {name}"),
            Self::GinCleanPending => format!("SELECT pg_catalog.gin_clean_pending_list({}::pg_catalog.regclass)", constant()),
            Self::BrinSummarize => format!("SELECT pg_catalog.brin_summarize_new_values({}::pg_catalog.regclass)", constant()),
            // Approved word by word: its text is its script's.
            Self::Apply | Self::ApplyAlone => String::new(),
        }
    }
    /// The strongest lock it holds, in words.
    pub const fn lock(self) -> &'static str {
        match self {
            Self::Vacuum | Self::VacuumFreeze | Self::Analyze | Self::AnalyzeOnly => {
                "SHARE UPDATE EXCLUSIVE on the table: reads and writes go on, DDL waits"
            }
            Self::ReindexConcurrently => "SHARE UPDATE EXCLUSIVE on table and index: reads and writes go on, DDL waits",
            Self::GinCleanPending => "ROW EXCLUSIVE on the index: reads and writes go on",
            Self::BrinSummarize => "SHARE UPDATE EXCLUSIVE on table and index: reads and writes go on, DDL waits",
            Self::DropInvalidIndex => "SHARE UPDATE EXCLUSIVE on the table, then waits for older transactions",
            Self::Apply | Self::ApplyAlone => "",
        }
    }
    /// The worst it can do.
    pub const fn risk(self) -> RiskClass {
        match self {
            // At the least; its script says more.
            Self::Apply | Self::ApplyAlone => RiskClass::R0,
            _ => RiskClass::R1,
        }
    }
    /// What may be done again after a crash.
    pub const fn class(self) -> StepClass {
        match self {
            Self::Vacuum | Self::VacuumFreeze | Self::Analyze | Self::AnalyzeOnly | Self::GinCleanPending | Self::BrinSummarize => {
                StepClass::Repeatable
            }
            // A transaction tells by its id what became of it, so it is never repeated without proof.
            Self::ReindexConcurrently | Self::Apply => StepClass::Resumable,
            Self::DropInvalidIndex => StepClass::Safing,
            Self::ApplyAlone => StepClass::Once,
        }
    }
    /// What it may leave behind when it is cut short.
    pub const fn debris(self) -> Option<&'static str> {
        match self {
            Self::Vacuum
            | Self::VacuumFreeze
            | Self::Analyze
            | Self::AnalyzeOnly
            | Self::GinCleanPending
            | Self::BrinSummarize
            | Self::Apply
            | Self::ApplyAlone => None,
            Self::ReindexConcurrently => Some("an invalid index whose name ends in _ccnew or _ccold"),
            Self::DropInvalidIndex => Some("the same invalid index: the drop is repeated"),
        }
    }
    /// Whether it is a form with CONCURRENTLY: never inside a transaction, and no lock timeout (it would leave debris).
    pub const fn is_concurrent(self) -> bool {
        matches!(self, Self::ReindexConcurrently | Self::DropInvalidIndex | Self::ApplyAlone)
    }
    /// Whether it makes sense on an object of this kind.
    pub const fn applies_to(self, kind: ObjectKind) -> bool {
        match self {
            Self::Vacuum | Self::VacuumFreeze => matches!(kind, ObjectKind::Table | ObjectKind::MaterializedView),
            Self::Analyze => !matches!(kind, ObjectKind::Index),
            Self::AnalyzeOnly => matches!(kind, ObjectKind::PartitionedTable),
            Self::ReindexConcurrently | Self::DropInvalidIndex | Self::GinCleanPending | Self::BrinSummarize => {
                matches!(kind, ObjectKind::Index)
            }
            Self::Apply | Self::ApplyAlone => matches!(kind, ObjectKind::Script),
        }
    }
}

/// Why an object was chosen: once for people, once for machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// One sentence.
    pub sentence: String,
    /// The numbers behind it; each name ends in its unit.
    pub figures: BTreeMap<String, i64>,
}

impl Measure {
    /// Makes a measure; figures beyond `i64` are capped.
    pub fn new<'a>(sentence: impl Into<String>, figures: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let figures = figures.into_iter().map(|(name, n)| (name.to_owned(), i64::try_from(n).unwrap_or(i64::MAX))).collect();
        Self { sentence: sentence.into(), figures }
    }
}

/// One entry of the work list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkItem {
    /// The key of the step that selected it.
    pub step: String,
    /// What is done.
    pub act: Act,
    /// To what.
    pub object: Object,
    /// Why.
    pub measure: Measure,
    /// Exactly what is sent.
    pub statement: String,
    /// The strongest lock it holds.
    pub lock: String,
    /// The worst it can do.
    pub risk: RiskClass,
    /// What may be done again after a crash.
    pub class: StepClass,
    /// How long it will take.
    pub estimate: Estimate,
    /// What it may leave behind when it is cut short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debris: Option<String>,
    /// The size of all it touches.
    pub bytes: u64,
    /// What it wins, in the act's own unit: dead rows, wasted bytes, changed rows. Only compared within one step.
    pub gain: u64,
    /// In how many windows before this one it was in need and had no turn.
    #[serde(default, skip_serializing_if = "has_not_waited")]
    pub waited: u32,
    /// The approved text that is sent, where people approved one word by word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<Box<Script>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn has_not_waited(windows: &u32) -> bool {
    *windows == 0
}

impl WorkItem {
    /// Makes an item; everything that follows from the act is filled in here and nowhere else.
    pub fn new(step: &str, act: Act, object: Object, measure: Measure, estimate: Estimate, bytes: u64, gain: u64) -> Self {
        Self {
            step: step.to_owned(),
            act,
            statement: act.statement(&object.name),
            object,
            measure,
            lock: act.lock().to_owned(),
            risk: act.risk(),
            class: act.class(),
            estimate,
            debris: act.debris().map(str::to_owned),
            bytes,
            gain,
            waited: 0,
            script: None,
        }
    }

    /// Makes the item that sends an approved script; text, lock and risk are the script's.
    pub fn scripted(step: &str, script: &Script, estimate: Estimate) -> Self {
        let act = if script.alone { Act::ApplyAlone } else { Act::Apply };
        let object = Object { kind: ObjectKind::Script, oid: 0, name: script.name.clone(), table: None };
        let measure = Measure::new("Approved as it stands here.", [("statements", script.texts.len().try_into().unwrap_or(u64::MAX))]);
        Self {
            statement: script.statement(),
            lock: script.lock.clone(),
            risk: script.risk,
            class: script.class(),
            debris: script.debris().map(str::to_owned),
            script: Some(Box::new(script.clone())),
            ..Self::new(step, act, object, measure, estimate, 0, 0)
        }
    }
}

/// What a worker selected at the start, sealed with an own digest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WorkList {
    /// In the order of execution; the ordinal of an item is its position, from 1.
    pub items: Vec<WorkItem>,
    /// What needs attention and gets none in this run, for the page and the report.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// What of it only lacks time: it goes first in the next window.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waits>,
    /// What the steps found that is nobody's work in this run, with advice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// How many findings there were beyond those listed.
    #[serde(default, skip_serializing_if = "super::select::is_zero")]
    pub more_findings: u64,
}

/// An object that is not worked on, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The object's name, as people write it.
    pub object: String,
    /// One sentence that says what would have to change.
    pub reason: String,
}

impl WorkList {
    /// The canonical bytes that are stored and hashed.
    ///
    /// # Panics
    /// Never: a work list holds text and integers only.
    pub fn bytes(&self) -> Vec<u8> {
        canonical::bytes(self).expect("a work list holds text and integers only")
    }
    /// SHA-256 under the purpose `work_list`.
    pub fn digest(&self) -> Digest {
        canonical::digest("work_list", &self.bytes())
    }
    /// Reads a list back from its bytes.
    ///
    /// # Errors
    /// When the bytes are no work list of this version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
    /// The sum of all items' bytes.
    pub fn total_bytes(&self) -> u64 {
        self.items.iter().fold(0, |sum, item| sum.saturating_add(item.bytes))
    }
    /// The sum of all items' ranges.
    pub fn total_ms(&self) -> (u64, u64) {
        self.items
            .iter()
            .fold((0, 0), |(low, high), item| (item.estimate.low_ms.saturating_add(low), item.estimate.high_ms.saturating_add(high)))
    }
}
