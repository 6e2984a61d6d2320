//! Questions the web asks and a worker answers, because only workers reach databases.

use crate::change::trial::Trial;
use crate::change::{KeepOut, Script};
use crate::ids::{ExaminationId, TargetId, WindowId};
use crate::people::words;
use crate::procedure::probe::{Connections, QueryTiming};
use crate::procedure::{self, ObjectRule, Parameters, Procedure, Selection, own};
use crate::proposal::ProposalForm;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExaminationKind {
    /// Can the database be reached, is it the right one, and may the role do what maintenance needs?
    ConnectionTest,
    /// What would a procedure do there now?
    Preview,
    /// How do the probes of the validation list read now?
    Probe,
    /// No look but an act: Drydock's own role gets another password.
    PasswordRotation,
    /// Does the newest backup restore, and is everything in it?
    BackupProof,
}

words!(ExaminationKind {
    ExaminationKind::ConnectionTest = "connection_test" / "Connection test",
    ExaminationKind::Preview = "preview" / "Preview",
    ExaminationKind::Probe = "probe" / "Probes",
    ExaminationKind::PasswordRotation = "password_rotation" / "Change of password",
    ExaminationKind::BackupProof = "backup_proof" / "Proof of a backup",
});

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExaminationState {
    /// No worker has taken it yet.
    Asked,
    /// A worker is at it.
    Working,
    /// There is an answer.
    Answered,
    /// There is a sentence that says why there is none.
    Failed,
}

words!(ExaminationState {
    ExaminationState::Asked = "asked" / "Waiting for a worker",
    ExaminationState::Working = "working" / "A worker is at it",
    ExaminationState::Answered = "answered" / "Answered",
    ExaminationState::Failed = "failed" / "Failed",
});

impl ExaminationState {
    /// True until an answer or a failure is there.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Asked | Self::Working)
    }
}

/// The question of a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviewQuestion {
    /// Key of the procedure.
    pub procedure: String,
    /// The procedure itself, where people composed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Box<Procedure>>,
    /// Its thresholds.
    #[serde(default)]
    pub parameters: Parameters,
    /// Objects that are left out before they cost anything.
    #[serde(default)]
    pub excluded: Vec<ObjectRule>,
    /// Time for all the work: the quickest items come first until they fill half of it.
    #[serde(default = "four_hours_ms")]
    pub budget_ms: u64,
    /// The text of a change of design, in its parts: nothing is selected then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<Script>,
    /// What takes that change back, in its parts: tried with it where the database allows a trial.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub back: Vec<Script>,
    /// Who is kept out while that change is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_out: Option<KeepOut>,
    /// The revision of the window the answer is for; `None` when it is about no window yet.
    #[serde(default)]
    pub revision: Option<i32>,
    /// The form as typed, where it is about no window yet: kept here, it survives whatever happens to the browser and its session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<ProposalForm>,
    /// What was asked about the other databases of that form.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub also: BTreeMap<TargetId, ExaminationId>,
}

impl PreviewQuestion {
    /// The procedure it is about; `None` where this program does not carry it, or a step of it.
    #[must_use]
    pub fn known(&self) -> Option<Procedure> {
        match &self.own {
            Some(own) => own::is_carried(own).then(|| (**own).clone()),
            None => procedure::by_key(&self.procedure),
        }
    }
}

fn four_hours_ms() -> u64 {
    4 * 3_600_000
}

/// The answer to a preview: information, marked with its time; the work list is selected anew at the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewAnswer {
    /// When the database was measured, RFC 3339 in UTC.
    pub measured_at: String,
    /// What would be done, and what is passed over and why.
    pub selection: Selection,
    /// What came of trying a change of design on an empty copy of the schema; `None` for other procedures, and before there was such a thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<Trial>,
}

/// The answers to the previews of several databases, as a revision keeps them; of one database its answer is kept as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lanes {
    /// By database; one is missing where nobody looked, or nothing was found.
    pub lanes: BTreeMap<TargetId, Value>,
}

impl Lanes {
    /// What a revision keeps; nothing where it is about one database.
    #[must_use]
    pub fn read(kept: &Value) -> Self {
        serde_json::from_value(kept.clone()).unwrap_or_default()
    }
    /// What was found on one of them.
    #[must_use]
    pub fn answer(&self, target: TargetId) -> Option<PreviewAnswer> {
        serde_json::from_value(self.lanes.get(&target)?.clone()).ok()
    }
}

/// A critical query as it reads now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryReading {
    /// As people call it.
    pub name: String,
    /// Expected time at most, ms.
    pub limit_ms: u64,
    /// How long it takes; `None` when it could not be timed.
    pub timing: Option<QueryTiming>,
    /// Why there is no timing.
    pub failed: Option<String>,
}

/// The answer to a probe outside any window: readings without a baseline, so without a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeAnswer {
    /// When it was read, RFC 3339 in UTC.
    pub measured_at: String,
    /// Every critical query in use.
    pub queries: Vec<QueryReading>,
    /// Client sessions; `None` when they could not be counted.
    pub connections: Option<Connections>,
    /// Invalid indexes by name; `None` when they could not be listed.
    pub invalid_indexes: Option<Vec<String>>,
    /// Why the database takes no writes; `None` when it does.
    pub not_writable: Option<String>,
}

/// A question before it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one is made for a request and dropped with it")]
pub enum Question {
    /// See [`ExaminationKind::ConnectionTest`].
    ConnectionTest,
    /// See [`ExaminationKind::Preview`]; for a window, or for a form that is not saved yet.
    Preview {
        /// Which window's newest revision gets the answer.
        window: Option<WindowId>,
        /// What to select.
        question: PreviewQuestion,
    },
    /// See [`ExaminationKind::Probe`].
    Probe {
        /// Which window asks.
        window: Option<WindowId>,
    },
    /// See [`ExaminationKind::PasswordRotation`].
    PasswordRotation,
    /// See [`ExaminationKind::BackupProof`].
    BackupProof,
}

impl Question {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ExaminationKind {
        match self {
            Self::ConnectionTest => ExaminationKind::ConnectionTest,
            Self::Preview { .. } => ExaminationKind::Preview,
            Self::Probe { .. } => ExaminationKind::Probe,
            Self::PasswordRotation => ExaminationKind::PasswordRotation,
            Self::BackupProof => ExaminationKind::BackupProof,
        }
    }
    /// The window it is about.
    #[must_use]
    pub fn window(&self) -> Option<WindowId> {
        match self {
            Self::ConnectionTest | Self::PasswordRotation | Self::BackupProof => None,
            Self::Preview { window, .. } | Self::Probe { window } => *window,
        }
    }
}
