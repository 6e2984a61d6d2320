//! Procedures: what a maintenance step is, and the pure rules by which work is selected, bounded and judged.
//!
//! A procedure is a versioned list of step templates for one DBMS. People approve its digest together with an
//! [`Envelope`]; at the start a worker measures the target, [`select`] turns the measurements into a [`WorkList`], and
//! [`within`] says whether that list stays inside what was approved. Nothing here knows a socket, a clock or SQL results;
//! statements are text made from enums and quoted names only.

pub mod autovacuum;
pub mod by_hand;
pub mod call;
pub mod envelope;
pub mod estimate;
pub mod fair;
pub mod finding;
pub mod freeze;
pub mod library;
pub mod memory;
pub mod object;
pub mod own;
pub mod own_file;
pub mod own_sql;
pub mod parameters;
pub mod partitions;
pub mod probe;
pub mod quote;
pub mod review;
pub mod select;
pub mod space;
pub mod text;
pub mod upkeep;
pub mod work;

pub use envelope::{Envelope, Violation, trim, within};
pub use estimate::{Basis, Estimate};
pub use finding::{Finding, FindingLevel};
pub use library::{by_key, weekly_postgresql};
pub use object::{Object, ObjectKind, ObjectName, ObjectRule};
pub use own::{Own, Shelf};
pub use parameters::{ParameterSpec, Parameters};
pub use select::{PassedOver, Selection};
pub use work::{Act, LeftOut, Measure, WorkItem, WorkList};

use crate::canonical::{self, Digest};
use crate::change::is_sent;
use crate::people::words;
use serde::{Deserialize, Serialize};

/// What a step can do to the people who use the database; ordered, the worst last. The policy says who must approve which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RiskClass {
    /// Reads only.
    R0,
    /// Online: costs I/O, stands in nobody's way.
    R1,
    /// Takes an exclusive lock for a moment.
    R2,
    /// Blocks writes or everything while it runs: needs draining.
    R3,
    /// Destructive or not reversible: needs a proven backup from this run.
    R4,
}

words!(RiskClass {
    RiskClass::R0 = "R0" / "reads only",
    RiskClass::R1 = "R1" / "online: reads and writes go on, disk load rises",
    RiskClass::R2 = "R2" / "takes an exclusive lock for a moment",
    RiskClass::R3 = "R3" / "blocks writes while it runs",
    RiskClass::R4 = "R4" / "destructive or not reversible",
});

/// What may be done again after a crash (SAFETY: plan, lease, fence, item).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepClass {
    /// Changes nothing; may run at any time again.
    Read,
    /// Doing it twice equals doing it once (VACUUM, ANALYZE).
    Repeatable,
    /// May be taken up again once its debris is known and cleaned (REINDEX CONCURRENTLY).
    Resumable,
    /// Never a second time without proof that the first did not run.
    Once,
    /// Makes things safe again; no freeze, veto or end of the window stops it.
    Safing,
}

words!(StepClass {
    StepClass::Read = "read" / "Reads only",
    StepClass::Repeatable = "repeatable" / "May be repeated",
    StepClass::Resumable = "resumable" / "May be taken up again after cleaning up",
    StepClass::Once = "once" / "Once only",
    StepClass::Safing = "safing" / "Makes things safe again",
});

/// What sort of step it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// A question to the target whose answer can stop the run.
    Check,
    /// Work selected by need.
    Action,
    /// Looks and reports findings; selects no work.
    Review,
    /// A point where a person or a rule lets the run go on.
    Gate,
    /// Keeps traffic away.
    Drain,
    /// Takes or proves a backup.
    Backup,
    /// Brings data back.
    Restore,
    /// Compares with the baseline afterwards.
    Probe,
    /// Done by a person.
    Manual,
    /// Exact text that people approve word by word.
    Sql,
    /// A call to another system.
    Webhook,
}

/// The database software a procedure is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dbms {
    /// PostgreSQL 13 to 18.
    Postgresql,
    /// MariaDB and MySQL.
    Mariadb,
}

impl Dbms {
    /// The name people know it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgresql => "PostgreSQL",
            Self::Mariadb => "MariaDB/MySQL",
        }
    }
}

/// One step of a procedure, as approved: its text is part of the procedure's digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTemplate {
    /// Stable within the procedure, snake case; work items name it.
    pub key: String,
    /// One line for people.
    pub name: String,
    /// What sort of step it is.
    pub kind: StepKind,
    /// What may be done again after a crash.
    pub class: StepClass,
    /// The worst it can do.
    pub risk: RiskClass,
    /// The acts it may put on a work list; empty for checks and probes.
    pub acts: Vec<Act>,
    /// How objects are selected, or what is asked.
    pub does: String,
    /// What proves that it worked.
    pub verified_by: String,
    /// How to go back; "nothing to undo" is an answer too.
    pub rollback: String,
}

impl StepTemplate {
    /// Whether it happens outside the database, while the run waits: by a person, or by another program.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        matches!(self.kind, StepKind::Manual | StepKind::Webhook)
    }
    /// Whether the database is measured for it: it selects work, or reports findings. Its key is one of an envelope's steps.
    pub fn is_surveyed(&self) -> bool {
        !self.acts.is_empty() || self.kind == StepKind::Review
    }
}

/// A versioned list of step templates for one DBMS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Procedure {
    /// Stable over all versions, snake case.
    pub key: String,
    /// Rises with every change of the text below; a program that lacks the sealed version refuses the start.
    pub version: u32,
    /// The software it is for.
    pub dbms: Dbms,
    /// What the pages call it.
    pub name: String,
    /// In the order of execution.
    pub steps: Vec<StepTemplate>,
    /// What people gave it who composed it; the library's have none, and keep the bytes they always had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Own>,
}

impl Procedure {
    /// The canonical bytes the digest is taken of.
    ///
    /// # Panics
    /// Never: a procedure holds text and integers only.
    pub fn bytes(&self) -> Vec<u8> {
        canonical::bytes(self).expect("a procedure holds text and integers only")
    }
    /// SHA-256 of the step templates; sealed in the plan.
    pub fn digest(&self) -> Digest {
        canonical::digest("procedure", &self.bytes())
    }
    /// The step with this key.
    pub fn step(&self, key: &str) -> Option<&StepTemplate> {
        self.steps.iter().find(|step| step.key == key)
    }
    /// Where the step stands in the order of execution.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.key == key)
    }
    /// Keys of the steps for which the database is measured, in the order of execution.
    pub fn surveyed(&self) -> Vec<String> {
        self.steps.iter().filter(|step| step.is_surveyed()).map(|step| step.key.clone()).collect()
    }
    /// Whether work is selected by need, in a step of it; what it sends besides was approved word by word.
    pub fn selects(&self) -> bool {
        self.steps.iter().any(|step| step.is_surveyed() && !is_sent(&step.key))
    }
    /// Whether it changes nothing: no step of it selects work.
    pub fn only_reads(&self) -> bool {
        self.highest_risk() == RiskClass::R0
    }
    /// The worst class of all its steps.
    pub fn highest_risk(&self) -> RiskClass {
        self.steps.iter().map(|step| step.risk).max().unwrap_or(RiskClass::R0)
    }
}
