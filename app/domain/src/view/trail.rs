//! The trail, as its pages show it.

pub mod changes;
pub mod filter;

pub use changes::{FieldChange, Value as ChangedValue, payload_changes, said};
pub use filter::{FILTER_FIELDS, Moment, OBJECT_KINDS, TrailFilter};

use crate::canonical::Digest;
use jiff::Timestamp;

/// One fact in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactLine {
    /// Number.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who: a name, or the kind of machine.
    pub actor: String,
    /// How the actor was known, where it is not an account: `by link`, `worker`.
    pub known: Option<String>,
    /// `noun.verb`.
    pub action: String,
    /// Kind of object.
    pub object_kind: String,
    /// What people call the object, else its id.
    pub object: String,
    /// Page of the object.
    pub object_page: Option<String>,
    /// Number of the window concerned.
    pub window: Option<i64>,
    /// False when it was tried and refused.
    pub done: bool,
    /// Batch that seals it.
    pub batch: Option<i64>,
}

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailPage {
    /// The facts, newest first.
    pub facts: Vec<FactLine>,
    /// There are older ones: go on before this number.
    pub older: Option<i64>,
    /// Teams to choose from: short name and name.
    pub teams: Vec<(String, String)>,
    /// How far sealing is.
    pub status: SealStatus,
}

/// How far sealing is, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SealStatus {
    /// Newest batch, its hash, and when it was sealed.
    pub newest: Option<(i64, Digest, Timestamp)>,
    /// Facts that wait for a seal.
    pub waiting: i64,
    /// Age of the oldest of them in seconds.
    pub oldest_s: i64,
    /// Workers whose anchor file is not well: process, words, since.
    pub troubles: Vec<(String, String, Timestamp)>,
}

/// Facts that wait longer than this are worth attention: sealing takes a second, a slow transaction some more.
pub const LAG_ATTENTION_S: i64 = 120;

impl SealStatus {
    /// True when somebody should look.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        !self.troubles.is_empty() || self.lags()
    }
    /// True when facts wait too long.
    #[must_use]
    pub fn lags(&self) -> bool {
        self.waiting > 0 && self.oldest_s > LAG_ATTENTION_S
    }
}

/// Where a fact is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealView {
    /// Batch.
    pub n: i64,
    /// Place in it, from 0.
    pub position: i32,
    /// Facts in the batch.
    pub count: i32,
    /// Root over their leaves.
    pub root: Digest,
    /// Hash of the batch before.
    pub previous: Digest,
    /// Hash of the batch.
    pub hash: Digest,
    /// Key that signed it.
    pub public_key: Digest,
    /// When.
    pub sealed_at: Timestamp,
}

/// One fact, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactPage {
    /// As in the list.
    pub line: FactLine,
    /// Its bytes, indented for reading; hidden characters made visible.
    pub pretty: String,
    /// Length of the bytes.
    pub size_bytes: usize,
    /// Its leaf.
    pub leaf: Digest,
    /// Why its bytes, leaf and columns do not agree; `None` when they do.
    pub flaw: Option<String>,
    /// Request or process step it belongs to.
    pub request: String,
    /// What it changed, field by field.
    pub changes: Vec<FieldChange>,
    /// What else it says: name and value.
    pub said: Vec<(String, String)>,
    /// Where the person was signed in from: by the newest sign-in before the fact, with its number and time. The fact itself holds no address.
    pub signed_in: Option<SignedIn>,
    /// Its seal; `None` while it waits.
    pub seal: Option<SealView>,
    /// The fact before it.
    pub older: Option<i64>,
    /// The fact after it.
    pub newer: Option<i64>,
}

/// A sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Its fact.
    pub fact: i64,
    /// From where.
    pub address: String,
    /// When.
    pub at: Timestamp,
}
