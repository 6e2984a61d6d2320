//! Facts: what happened, as canonical bytes that can be verified by anyone, later.

use crate::canonical::{self, CanonicalError};
use crate::ids::{PersonId, TeamId, WindowId};
use crate::permission::Who;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// Version of the byte format below. It never changes for written facts.
pub const FACT_VERSION: u32 = 1;

/// A fact before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFact {
    /// `noun.verb`, in the past sense: `window.propose`, `vote.cast`.
    pub action: &'static str,
    /// Kind of object: `window`, `target`, `person` …
    pub object_kind: &'static str,
    /// Which object.
    pub object_id: String,
    /// Team concerned.
    pub team: Option<TeamId>,
    /// Window concerned.
    pub window: Option<WindowId>,
    /// `false` for something that was tried and refused.
    pub done: bool,
    /// What is worth knowing: before and after, digests, reasons. Never a secret.
    pub payload: Map<String, Value>,
}

impl NewFact {
    /// A fact of something done.
    pub fn done(action: &'static str, object_kind: &'static str, object_id: impl ToString) -> Self {
        Self { action, object_kind, object_id: object_id.to_string(), team: None, window: None, done: true, payload: Map::new() }
    }
    /// A fact of something refused.
    pub fn refused(action: &'static str, object_kind: &'static str, object_id: impl ToString) -> Self {
        Self { done: false, ..Self::done(action, object_kind, object_id) }
    }
    /// Adds one entry to the payload.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.payload.insert(key.to_owned(), value.into());
        self
    }
    /// Names the team.
    #[must_use]
    pub fn of_team(mut self, team: TeamId) -> Self {
        self.team = Some(team);
        self
    }
    /// Names the window.
    #[must_use]
    pub fn of_window(mut self, window: WindowId) -> Self {
        self.window = Some(window);
        self
    }
}

/// What the bytes of a fact say. Column values in the database must agree with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactBytes {
    /// [`FACT_VERSION`] at the time of writing.
    pub version: u32,
    /// Number of the fact in this database.
    pub id: i64,
    /// Microseconds since 1970-01-01 UTC.
    pub at_us: i64,
    /// Identity of the cluster that wrote it.
    pub system_identifier: String,
    /// `person`, `link`, `worker`, `system` or `operator`.
    pub actor_kind: String,
    /// Person, worker name or operator name.
    pub actor: Option<String>,
    /// `noun.verb`.
    pub action: String,
    /// Kind of object.
    pub object_kind: String,
    /// Which object.
    pub object_id: String,
    /// `done` or `refused`.
    pub result: String,
    /// Team concerned.
    pub team: Option<TeamId>,
    /// Window concerned.
    pub window: Option<WindowId>,
    /// Request or process step it belongs to.
    pub request: String,
    /// The rest.
    pub payload: Map<String, Value>,
}

/// The actor as stored: kind, person, and the text that enters the bytes.
#[must_use]
pub fn actor_of(who: &Who) -> (&'static str, Option<PersonId>, Option<String>) {
    match who {
        Who::Person(person) => ("person", Some(*person), Some(person.to_string())),
        Who::Link(person, link) => ("link", Some(*person), Some(format!("{person} by link {link}"))),
        Who::Worker(name) => ("worker", None, Some(name.clone())),
        Who::System => ("system", None, None),
        Who::Operator(name) => ("operator", None, Some(name.clone())),
    }
}

/// The canonical bytes of a fact.
pub fn bytes(fact: &NewFact, who: &Who, id: i64, at_us: i64, system_identifier: &str, request: &str) -> Result<Vec<u8>, CanonicalError> {
    let (actor_kind, _, actor) = actor_of(who);
    canonical::bytes(&FactBytes {
        version: FACT_VERSION,
        id,
        at_us,
        system_identifier: system_identifier.to_owned(),
        actor_kind: actor_kind.to_owned(),
        actor,
        action: fact.action.to_owned(),
        object_kind: fact.object_kind.to_owned(),
        object_id: fact.object_id.clone(),
        result: if fact.done { "done" } else { "refused" }.to_owned(),
        team: fact.team,
        window: fact.window,
        request: request.to_owned(),
        payload: fact.payload.clone(),
    })
}

/// Leaf hash of RFC 6962: SHA-256(0x00 ‖ bytes).
#[must_use]
pub fn leaf(bytes: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(bytes);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_frozen() {
        let fact = NewFact::done("window.propose", "window", "w1").with("revision", 2).with("digest", "ab");
        let bytes = bytes(&fact, &Who::System, 7, 1_700_000_000_000_001, "7123", "r1").expect("no floats");
        assert_eq!(
            String::from_utf8(bytes.clone()).expect("json is text"),
            r#"{"action":"window.propose","actor":null,"actor_kind":"system","at_us":1700000000000001,"id":7,"object_id":"w1","object_kind":"window","payload":{"digest":"ab","revision":2},"request":"r1","result":"done","system_identifier":"7123","team":null,"version":1,"window":null}"#
        );
        assert_eq!(hex::encode(leaf(&bytes)).len(), 64);
    }
}
