//! The verification of the trail, pure: what is stored goes in, the first thing that does not agree comes out.
//!
//! Signatures are checked by the caller, with [`SealedBatch::hash`] as the message: this crate has no key material.

use super::{BatchHeader, GENESIS, root};
use crate::canonical;
use crate::fact::{FACT_VERSION, FactBytes, leaf};
use uuid::Uuid;

/// One fact as the database holds it: its columns beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFact {
    /// Number of the fact.
    pub id: i64,
    /// Microseconds since 1970-01-01 UTC.
    pub at_us: i64,
    /// Cluster that wrote it.
    pub system_identifier: String,
    /// How the actor was known.
    pub actor_kind: String,
    /// Person behind it.
    pub actor: Option<Uuid>,
    /// Team concerned.
    pub team: Option<Uuid>,
    /// Window concerned.
    pub window: Option<Uuid>,
    /// `noun.verb`.
    pub action: String,
    /// Kind of object.
    pub object_kind: String,
    /// Which object.
    pub object_id: String,
    /// `done` or `refused`.
    pub result: String,
    /// What was hashed.
    pub bytes: Vec<u8>,
    /// The hash stored beside it.
    pub leaf: Vec<u8>,
}

/// One batch as the database holds it: its columns beside the header that was hashed and signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBatch {
    /// Position in the chain.
    pub n: i64,
    /// Facts in it.
    pub count: i32,
    /// Smallest fact id.
    pub first_fact_id: i64,
    /// Largest fact id.
    pub last_fact_id: i64,
    /// RFC 6962 root.
    pub root: Vec<u8>,
    /// Hash of the batch before.
    pub previous: Vec<u8>,
    /// Hash of this one.
    pub hash: Vec<u8>,
    /// Canonical bytes of [`BatchHeader`].
    pub header: Vec<u8>,
    /// Cluster in which it was sealed.
    pub system_identifier: String,
    /// Microseconds since 1970-01-01 UTC.
    pub sealed_at_us: i64,
}

/// One place of a batch, and the fact that stands there, if it is still stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPlace {
    /// Place in the batch, from 0.
    pub position: i32,
    /// The fact.
    pub fact_id: i64,
    /// Its leaf when it was sealed.
    pub leaf: Vec<u8>,
    /// The fact as it is now; `None` when it is gone.
    pub fact: Option<StoredFact>,
}

/// What does not agree, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Stable word: `fact_columns`, `batch_root`, `anchor_ahead` …
    pub code: &'static str,
    /// Batch concerned.
    pub batch: Option<i64>,
    /// Fact concerned.
    pub fact: Option<i64>,
    /// What differs, as a sentence.
    pub says: String,
}

impl Flaw {
    /// A flaw of the whole chain, of a batch, or of a fact.
    pub fn new(code: &'static str, batch: Option<i64>, fact: Option<i64>, says: impl Into<String>) -> Self {
        Self { code, batch, fact, says: says.into() }
    }
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.batch, self.fact) {
            (Some(batch), Some(fact)) => write!(f, "fact {fact} (batch {batch}): {}", self.says),
            (None, Some(fact)) => write!(f, "fact {fact} (in no batch): {}", self.says),
            (Some(batch), None) => write!(f, "batch {batch}: {}", self.says),
            (None, None) => f.write_str(&self.says),
        }
    }
}

/// Checks one fact by itself: its leaf is the hash of its bytes, the bytes are canonical, and every column says what they say.
///
/// Returns the code and the sentence of the first difference.
pub fn check_fact(fact: &StoredFact) -> Result<FactBytes, (&'static str, String)> {
    if fact.leaf != leaf(&fact.bytes) {
        return Err(("fact_bytes", "its bytes were edited: their hash is not its leaf".to_owned()));
    }
    let said: FactBytes = serde_json::from_slice(&fact.bytes).map_err(|error| ("fact_bytes", format!("its bytes are no fact: {error}")))?;
    if canonical::bytes(&said).map_err(|error| ("fact_bytes", error.to_string()))? != fact.bytes {
        return Err(("fact_bytes", "its bytes are not in canonical form: this program did not write them".to_owned()));
    }
    if said.version != FACT_VERSION {
        return Err((
            "fact_version",
            format!("it has format {}, and this program knows format {FACT_VERSION}: use a newer drydock", said.version),
        ));
    }
    match differing_column(fact, &said) {
        Some((column, stored, sealed)) => {
            Err(("fact_columns", format!("its column {column} says “{stored}” and its bytes say “{sealed}”: the row was edited")))
        }
        None => Ok(said),
    }
}

/// The first column that does not say what the bytes say: its name, its text, and the text in the bytes.
fn differing_column(fact: &StoredFact, said: &FactBytes) -> Option<(&'static str, String, String)> {
    let person = match said.actor_kind.as_str() {
        "person" | "link" => said.actor.as_deref().and_then(|actor| actor.split(' ').next()).unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    let id = |id: Option<Uuid>| id.map_or_else(String::new, |id| id.to_string());
    [
        ("id", fact.id.to_string(), said.id.to_string()),
        ("at", time(fact.at_us), time(said.at_us)),
        ("system_identifier", fact.system_identifier.clone(), said.system_identifier.clone()),
        ("actor_kind", fact.actor_kind.clone(), said.actor_kind.clone()),
        ("actor_id", id(fact.actor), person),
        ("team_id", id(fact.team), id(said.team.map(|team| team.0))),
        ("window_id", id(fact.window), id(said.window.map(|window| window.0))),
        ("action", fact.action.clone(), said.action.clone()),
        ("object_kind", fact.object_kind.clone(), said.object_kind.clone()),
        ("object_id", fact.object_id.clone(), said.object_id.clone()),
        ("result", fact.result.clone(), said.result.clone()),
    ]
    .into_iter()
    .find(|(_, stored, sealed)| stored != sealed)
}

fn time(at_us: i64) -> String {
    jiff::Timestamp::from_microsecond(at_us).map_or_else(|_| format!("{at_us} µs"), |at| at.to_string())
}

/// A walk along the chain, batch by batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    next: i64,
    head: [u8; 32],
    facts: u64,
}

impl Default for Walk {
    fn default() -> Self {
        Self { next: 1, head: GENESIS, facts: 0 }
    }
}

impl Walk {
    /// Begins in the middle: what lies before batch `next` is taken as given, with `head` as its end.
    #[must_use]
    pub fn from(next: i64, head: [u8; 32]) -> Self {
        Self { next, head, facts: 0 }
    }
    /// Batches walked are those below this.
    #[must_use]
    pub fn next(&self) -> i64 {
        self.next
    }
    /// Hash of the last batch walked.
    #[must_use]
    pub fn head(&self) -> [u8; 32] {
        self.head
    }
    /// Facts seen so far.
    #[must_use]
    pub fn facts(&self) -> u64 {
        self.facts
    }

    /// Takes the next batch: it follows the one before, its header is what was hashed, its places are full and in order, every fact is
    /// unchanged, and the root is theirs. Calls `seen` with every fact.
    ///
    /// # Errors
    /// The first flaw, named as narrowly as the data allows: a fact before its batch, a batch before the chain.
    pub fn step(&mut self, batch: &SealedBatch, places: &[SealedPlace], mut seen: impl FnMut(&StoredFact, FactBytes)) -> Result<(), Flaw> {
        let n = batch.n;
        let flaw = |code, says: String| Err(Flaw::new(code, Some(n), None, says));
        if n != self.next {
            return flaw("batch_gap", format!("batch {} should follow, and is missing", self.next));
        }
        let header = check_header(batch)?;
        check_places(batch, places)?;
        let mut leaves = Vec::with_capacity(places.len());
        for place in places {
            let flaw = |code, says: String| Err(Flaw::new(code, Some(n), Some(place.fact_id), says));
            let Some(fact) = &place.fact else { return flaw("fact_missing", "it was sealed here and is gone".to_owned()) };
            let sealed = leaf(&fact.bytes);
            match check_fact(fact) {
                Err((code, says)) => return flaw(code, says),
                Ok(_) if sealed != place.leaf.as_slice() => {
                    return flaw("fact_bytes", "it was edited, leaf and all: when it was sealed its leaf was another one".to_owned());
                }
                Ok(said) => seen(fact, said),
            }
            leaves.push(sealed);
        }
        if hex::encode(root(&leaves)) != header.root {
            return flaw(
                "batch_root",
                format!(
                    "the root over its facts {} to {} is not the sealed one: facts or their order were changed",
                    batch.first_fact_id, batch.last_fact_id
                ),
            );
        }
        if header.previous != hex::encode(self.head) {
            return flaw("batch_previous", "it does not follow the batch before: one of the two was exchanged".to_owned());
        }
        self.head.copy_from_slice(&batch.hash);
        self.next += 1;
        self.facts += places.len() as u64;
        Ok(())
    }
}

/// The header agrees with its hash and with the columns.
fn check_header(batch: &SealedBatch) -> Result<BatchHeader, Flaw> {
    let flaw = |code, says: String| Flaw::new(code, Some(batch.n), None, says);
    let header: BatchHeader =
        serde_json::from_slice(&batch.header).map_err(|error| flaw("batch_header", format!("its header is no batch header: {error}")))?;
    let (bytes, hash) = header.seal().map_err(|error| flaw("batch_header", error.to_string()))?;
    if bytes != batch.header {
        return Err(flaw("batch_header", "its header is not in canonical form: this program did not write it".to_owned()));
    }
    if hash != batch.hash.as_slice() {
        return Err(flaw("batch_hash", "its header was edited: its hash is another one".to_owned()));
    }
    let differing = [
        ("n", batch.n.to_string(), header.n.to_string()),
        ("count", batch.count.to_string(), header.count.to_string()),
        ("first_fact_id", batch.first_fact_id.to_string(), header.first_fact_id.to_string()),
        ("last_fact_id", batch.last_fact_id.to_string(), header.last_fact_id.to_string()),
        ("root", hex::encode(&batch.root), header.root.clone()),
        ("previous", hex::encode(&batch.previous), header.previous.clone()),
        ("system_identifier", batch.system_identifier.clone(), header.system_identifier.clone()),
        ("sealed_at", time(batch.sealed_at_us), time(header.sealed_at_us)),
    ]
    .into_iter()
    .find(|(_, stored, sealed)| stored != sealed);
    match differing {
        Some((column, stored, sealed)) => {
            Err(flaw("batch_columns", format!("its column {column} says “{stored}” and its header says “{sealed}”: the row was edited")))
        }
        None => Ok(header),
    }
}

/// Every place from 0 to count − 1 is taken once, and fact ids rise.
fn check_places(batch: &SealedBatch, places: &[SealedPlace]) -> Result<(), Flaw> {
    let n = Some(batch.n);
    for (expected, place) in (0i32..).zip(places) {
        if place.position != expected {
            return Err(Flaw::new("batch_places", n, None, format!("its place {expected} is empty: a fact was taken out")));
        }
        if place.fact.as_ref().is_some_and(|fact| fact.id != place.fact_id) {
            return Err(Flaw::new("fact_columns", n, Some(place.fact_id), "another fact stands in its place"));
        }
    }
    let found = places.len();
    if i32::try_from(found).ok() != Some(batch.count) {
        let what = if found < usize::try_from(batch.count).unwrap_or_default() { "facts were taken out" } else { "facts were added" };
        return Err(Flaw::new("batch_places", n, None, format!("it was sealed with {} facts and has {found}: {what}", batch.count)));
    }
    if let Some(pair) = places.windows(2).find(|pair| pair[0].fact_id >= pair[1].fact_id) {
        return Err(Flaw::new(
            "batch_order",
            n,
            Some(pair[1].fact_id),
            format!("it stands behind fact {}: the order was changed", pair[0].fact_id),
        ));
    }
    let ends = (places.first().map(|place| place.fact_id), places.last().map(|place| place.fact_id));
    if ends != (Some(batch.first_fact_id), Some(batch.last_fact_id)) {
        return Err(Flaw::new(
            "batch_places",
            n,
            None,
            format!("it was sealed with facts {} to {}, and other facts stand at its ends", batch.first_fact_id, batch.last_fact_id),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{NewFact, bytes};
    use crate::permission::Who;

    fn fact(id: i64) -> StoredFact {
        let bytes =
            bytes(&NewFact::done("window.propose", "window", "w1").with("n", id), &Who::System, id, id, "c1", "r").expect("integers");
        StoredFact {
            id,
            at_us: id,
            system_identifier: "c1".into(),
            actor_kind: "system".into(),
            actor: None,
            team: None,
            window: None,
            action: "window.propose".into(),
            object_kind: "window".into(),
            object_id: "w1".into(),
            result: "done".into(),
            leaf: leaf(&bytes).to_vec(),
            bytes,
        }
    }

    fn sealed(n: i64, previous: [u8; 32], ids: std::ops::Range<i64>) -> (SealedBatch, Vec<SealedPlace>) {
        let places: Vec<_> =
            (0..).zip(ids).map(|(position, id)| SealedPlace { position, fact_id: id, leaf: fact(id).leaf, fact: Some(fact(id)) }).collect();
        let leaves: Vec<_> = places.iter().map(|place| leaf(&place.fact.as_ref().expect("there").bytes)).collect();
        let header = BatchHeader {
            version: 1,
            n,
            count: i32::try_from(places.len()).expect("few"),
            first_fact_id: places[0].fact_id,
            last_fact_id: places[places.len() - 1].fact_id,
            root: hex::encode(root(&leaves)),
            previous: hex::encode(previous),
            system_identifier: "c1".into(),
            sealed_at_us: n,
        };
        let (bytes, hash) = header.seal().expect("integers");
        let batch = SealedBatch {
            n,
            count: header.count,
            first_fact_id: header.first_fact_id,
            last_fact_id: header.last_fact_id,
            root: root(&leaves).to_vec(),
            previous: previous.to_vec(),
            hash: hash.to_vec(),
            header: bytes,
            system_identifier: "c1".into(),
            sealed_at_us: n,
        };
        (batch, places)
    }

    /// What a walk over one batch of five facts says after `tamper`.
    fn after(tamper: impl FnOnce(&mut SealedBatch, &mut Vec<SealedPlace>)) -> (&'static str, Option<i64>) {
        let (mut batch, mut places) = sealed(1, GENESIS, 1..6);
        tamper(&mut batch, &mut places);
        let flaw = Walk::default().step(&batch, &places, |_, _| {}).expect_err("something was changed");
        (flaw.code, flaw.fact)
    }

    #[test]
    fn an_untouched_chain_is_walked_to_its_end() {
        let mut walk = Walk::default();
        let mut seen = vec![];
        let (one, places) = sealed(1, GENESIS, 1..6);
        walk.step(&one, &places, |_, said| seen.push(said.id)).expect("sound");
        let (two, places) = sealed(2, walk.head(), 6..8);
        walk.step(&two, &places, |_, said| seen.push(said.id)).expect("sound");
        assert_eq!((walk.next(), walk.facts(), seen), (3, 7, vec![1, 2, 3, 4, 5, 6, 7]));
    }

    #[test]
    fn every_column_of_a_fact_is_compared_with_its_bytes() {
        let tampers: [fn(&mut StoredFact); 10] = [
            |f| f.at_us += 1,
            |f| f.system_identifier.push('x'),
            |f| f.actor_kind = "worker".into(),
            |f| f.actor = Some(Uuid::from_u128(1)),
            |f| f.team = Some(Uuid::from_u128(1)),
            |f| f.window = Some(Uuid::from_u128(1)),
            |f| f.action = "vote.cast".into(),
            |f| f.object_kind = "vote".into(),
            |f| f.object_id.push('x'),
            |f| f.result = "refused".into(),
        ];
        for tamper in tampers {
            assert_eq!(after(|_, places| tamper(places[2].fact.as_mut().expect("there"))), ("fact_columns", Some(3)));
        }
    }

    #[test]
    fn each_tamper_is_named() {
        let edited = |leaf_too: bool| {
            after(move |_, places| {
                let fact = places[1].fact.as_mut().expect("there");
                fact.bytes = String::from_utf8(fact.bytes.clone()).expect("json").replace(r#""n":2"#, r#""n":9"#).into_bytes();
                if leaf_too {
                    fact.leaf = leaf(&fact.bytes).to_vec();
                }
            })
        };
        assert_eq!(edited(false), ("fact_bytes", Some(2)));
        assert_eq!(edited(true), ("fact_bytes", Some(2)));
        assert_eq!(after(|_, places| places[4].fact = None), ("fact_missing", Some(5)));
        assert_eq!(after(|_, places| drop(places.remove(1))), ("batch_places", None));
        assert_eq!(after(|_, places| drop(places.pop())), ("batch_places", None));
        assert_eq!(
            after(|_, places| {
                places.swap(1, 2);
                places[1].position = 1;
                places[2].position = 2;
            }),
            ("batch_order", Some(2))
        );
        assert_eq!(after(|batch, _| batch.n = 2), ("batch_gap", None));
        assert_eq!(after(|batch, _| batch.count = 4), ("batch_columns", None));
        assert_eq!(after(|batch, _| batch.sealed_at_us += 1), ("batch_columns", None));
        assert_eq!(after(|batch, _| batch.hash[0] ^= 1), ("batch_hash", None));
        assert_eq!(after(|batch, _| batch.header.push(b' ')), ("batch_header", None));
        assert_eq!(after(|batch, places| (*batch, *places) = sealed(1, [7; 32], 1..6)), ("batch_previous", None));
        assert_eq!(
            after(|_, places| {
                let mut other = fact(3);
                other.bytes = String::from_utf8(other.bytes).expect("json").replace(r#""n":3"#, r#""n":4"#).into_bytes();
                other.leaf = leaf(&other.bytes).to_vec();
                places[2] = SealedPlace { position: 2, fact_id: 3, leaf: other.leaf.clone(), fact: Some(other) };
            }),
            ("batch_root", None)
        );
    }
}
