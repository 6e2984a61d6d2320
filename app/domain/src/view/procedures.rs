//! The pages of procedures: what the library has, what people composed of it, and a version that waits for a second person.

use crate::canonical::Digest;
use crate::decision::Refusal;
use crate::ids::OwnProcedureId;
use crate::procedure::Procedure;
use jiff::Timestamp;

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcedureRow {
    /// What can be proposed; of one of which nothing counts yet, what waits.
    pub procedure: Procedure,
    /// Whether windows can be proposed with it.
    pub counts: bool,
    /// The version that waits for a second person.
    pub waits: Option<u32>,
}

/// A version that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingVersion {
    /// Identity.
    pub id: OwnProcedureId,
    /// What would count.
    pub procedure: Procedure,
    /// Digest of that.
    pub digest: Digest,
    /// Who proposed it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What it does otherwise than the version that counts; `None` where none does.
    pub changes: Option<Vec<String>>,
    /// Whether the reader may let it count.
    pub may_agree: Result<(), Refusal>,
}

/// A version that counts or did, or was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastVersion {
    /// Its number.
    pub version: u32,
    /// Its digest.
    pub digest: Digest,
    /// Who proposed it, and when; nobody for those of the library.
    pub proposed: Option<(String, Timestamp)>,
    /// Who let it count, and when.
    pub agreed: Option<(String, Timestamp)>,
    /// Who ended it or took it back, and when.
    pub ended: Option<(String, Timestamp)>,
}

/// One procedure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcedurePage {
    /// Its key.
    pub key: String,
    /// The version that counts, with its identity where it is an own one.
    pub current: Option<(Option<OwnProcedureId>, Procedure)>,
    /// The version that waits.
    pub waiting: Option<WaitingVersion>,
    /// All versions, the newest first.
    pub versions: Vec<PastVersion>,
    /// The one that counts, or else the one that waits, as a file; `None` for what is typed anew each time.
    pub file: Option<String>,
    /// Whether the reader may propose, agree and end.
    pub may_manage: bool,
}

impl ProcedurePage {
    /// What the page is called.
    #[must_use]
    pub fn name(&self) -> &str {
        let waiting = self.waiting.as_ref().map(|waiting| &waiting.procedure);
        self.current.as_ref().map(|(_, procedure)| procedure).or(waiting).map_or(&self.key, |procedure| &procedure.name)
    }
}

/// The form of a new version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcedureForm {
    /// The file it begins with; empty for none.
    pub text: String,
    /// The key of the own procedure that it is a version of; `None` for a new procedure.
    pub of: Option<String>,
    /// The version that counted when it was shown; `None` where none does.
    pub base: Option<u32>,
    /// What it begins from, for the title: the name.
    pub from: Option<String>,
}
