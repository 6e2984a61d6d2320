//! The verification: offline, over the database as the auditor sees it, trusting nobody but the heads it is given.

use super::anchor::{Anchor, parse};
use super::objects;
use super::report::{End, KeyUse, Report};
use super::seal::is_signed;
use crate::error::{Error, Result};
use crate::store::trail_check::{self, SignedBatch};
use crate::store::{seals, stamp};
use domain::canonical::Digest;
use domain::fact::FactBytes;
use domain::trail::GENESIS;
use domain::trail::verify::{Flaw, SealedPlace, StoredFact, Walk, check_fact};
use jiff::Timestamp;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Batches read at a time: with 512 facts of half a kilobyte each, some megabytes.
const PAGE_BATCHES: i64 = 16;
/// Facts in no batch read at a time.
const PAGE_LOOSE: i64 = 500;
/// A fact that is sealed this long after it says it was written, while sealing went on, is worth a remark: the longest a transaction of
/// ours may live is far below.
const LATE_US: i64 = 15 * 60 * 1_000_000;

/// What the caller knows about the chain from outside the database.
#[derive(Debug, Clone, Default)]
pub struct Known {
    heads: BTreeMap<i64, Anchor>,
    contradiction: Option<i64>,
    head: Option<Digest>,
}

impl Known {
    /// Nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }
    /// The heads of an anchor file.
    pub fn from_anchor_file(path: &Path) -> Result<Self> {
        let bytes =
            std::fs::read(path).map_err(|error| Error::internal(format!("the anchor file {} cannot be read: {error}", path.display())))?;
        let known = Self::from_anchors(parse(&bytes));
        if known.heads.is_empty() {
            return Err(Error::internal(format!(
                "{} holds no head of the chain: give the anchors.jsonl of a worker, or a copy of one",
                path.display()
            )));
        }
        Ok(known)
    }
    /// These heads.
    pub fn from_anchors(anchors: impl IntoIterator<Item = Anchor>) -> Self {
        let mut known = Self::default();
        for anchor in anchors {
            match known.heads.get(&anchor.n) {
                Some(before) if before.hash != anchor.hash => known.contradiction = known.contradiction.or(Some(anchor.n)),
                _ => drop(known.heads.insert(anchor.n, anchor)),
            }
        }
        known
    }
    /// One head, as a mail carries it.
    #[must_use]
    pub fn head(head: Digest) -> Self {
        Self { head: Some(head), ..Self::default() }
    }
    fn keys(&self) -> BTreeSet<Digest> {
        self.heads.values().map(|anchor| anchor.public_key).collect()
    }
}

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Whole,
    /// At most this many of the newest batches, and what waits for a seal: for an answer within seconds.
    Newest(i64),
}

/// Verifies the trail. Call it inside one read-only snapshot, so that the sealer may go on meanwhile.
///
/// # Errors
/// Only when it cannot be verified at all; what does not agree is in the report.
pub async fn verify(db: &mut PgConnection, known: &Known, scope: Scope) -> Result<Report> {
    let (_, now) = seals::cluster(db).await?;
    let mut check = Check { known, pinned: known.keys(), report: Report::new(now), before: None, matched: 0, head_at: None, late: vec![] };
    match check.all(db, scope).await {
        Ok(()) => {}
        Err(Stop::Flaw(flaw)) => check.report.flaw = Some(flaw),
        Err(Stop::Error(error)) => return Err(error),
    }
    Ok(check.report)
}

/// Why the check ends before the end.
pub(super) enum Stop {
    Flaw(Flaw),
    Error(Error),
}

impl From<Flaw> for Stop {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Error(error.into())
    }
}

struct Check<'k> {
    known: &'k Known,
    pinned: BTreeSet<Digest>,
    report: Report,
    /// When the batch before was sealed.
    before: Option<i64>,
    /// Anchored heads met.
    matched: usize,
    /// Batch whose hash is the head that was given.
    head_at: Option<i64>,
    /// Facts sealed long after their time.
    late: Vec<i64>,
}

impl Check<'_> {
    async fn all(&mut self, db: &mut PgConnection, scope: Scope) -> Result<(), Stop> {
        if let Some(n) = self.known.contradiction {
            return Err(Flaw::new("anchor_contradicts", Some(n), None, "the anchor file holds two different heads for it: keep the file, and verify with the part written after the last reconciliation").into());
        }
        self.walk(db, scope).await?;
        if scope == Scope::Whole
            && let Some((batch, fact, twice)) = trail_check::stray_place(db).await?
        {
            let says = if twice { "it stands in more than one place" } else { "its batch is missing: the chain was cut off" };
            return Err(Flaw::new("fact_places", Some(batch), Some(fact), says).into());
        }
        self.loose(db, scope).await?;
        self.end()?;
        if scope == Scope::Whole {
            self.report.things = objects::check(db).await?;
        }
        self.remark();
        Ok(())
    }

    async fn walk(&mut self, db: &mut PgConnection, scope: Scope) -> Result<(), Stop> {
        let mut walk = match scope {
            Scope::Whole => Walk::default(),
            Scope::Newest(most) => {
                let first = seals::newest(db).await?.map_or(1, |newest| (newest.n - most + 1).max(1));
                match trail_check::batches(db, first - 1, 1).await?.first() {
                    Some(batch) if first > 1 => Walk::from(first, batch.batch.previous.as_slice().try_into().unwrap_or(GENESIS)),
                    _ => Walk::default(),
                }
            }
        };
        self.report.from = walk.next();
        loop {
            let batches = trail_check::batches(db, walk.next() - 1, PAGE_BATCHES).await?;
            let (Some(first), Some(last)) = (batches.first(), batches.last()) else { return Ok(()) };
            let mut places = trail_check::places(db, first.batch.n, last.batch.n).await?.into_iter().peekable();
            for batch in &batches {
                let mut own: Vec<SealedPlace> = vec![];
                while let Some((_, place)) = places.next_if(|(n, _)| *n == batch.batch.n) {
                    own.push(place);
                }
                self.batch(&mut walk, batch, &own)?;
            }
        }
    }

    fn batch(&mut self, walk: &mut Walk, signed: &SignedBatch, places: &[SealedPlace]) -> Result<(), Stop> {
        let (batch, before) = (&signed.batch, self.before);
        let late = &mut self.late;
        walk.step(batch, places, |fact: &StoredFact, _: FactBytes| {
            // Sealed late although a batch after its time had been sealed: written into the past, or by a very slow transaction.
            if before.is_some_and(|before| before - fact.at_us > LATE_US) && late.len() < 10 {
                late.push(fact.id);
            }
        })?;
        let n = Some(batch.n);
        let hash = Digest(walk.head());
        let key = Digest::from_slice(&signed.public_key).ok_or_else(|| Flaw::new("batch_key", n, None, "it names no key"))?;
        if !is_signed(&signed.public_key, &hash.0, &signed.signature) {
            return Err(Flaw::new("batch_signature", n, None, "its signature is not by the key it names").into());
        }
        if let Some(anchor) = self.known.heads.get(&batch.n) {
            if anchor.hash != hash {
                let says = format!(
                    "the anchor knows it as {}, and the database holds {}: the chain was rewritten here or before",
                    anchor.hash.short(),
                    hash.short()
                );
                return Err(Flaw::new("anchor_differs", n, None, says).into());
            }
            if anchor.public_key != key {
                let says =
                    format!("it is signed by key {}, and the anchor knows it as signed by {}", key.short(), anchor.public_key.short());
                return Err(Flaw::new("batch_key", n, None, says).into());
            }
            self.matched += 1;
        }
        if !self.pinned.is_empty() && !self.pinned.contains(&key) {
            let says = format!(
                "it is signed by key {}, which the anchor does not know: the chain was signed anew, or a new worker seals",
                key.short()
            );
            return Err(Flaw::new("batch_key", n, None, says).into());
        }
        if self.known.head == Some(hash) {
            self.head_at = n;
        }
        match self.report.keys.iter_mut().find(|each| each.key == key) {
            Some(each) => each.last = batch.n,
            None => self.report.keys.push(KeyUse { key, first: batch.n, last: batch.n }),
        }
        self.before = Some(batch.sealed_at_us);
        self.report.batches += 1;
        self.report.facts = walk.facts();
        self.report.head = Some((batch.n, hash));
        Ok(())
    }

    /// Facts in no batch: each must be sound, new, and the only one of its number.
    async fn loose(&mut self, db: &mut PgConnection, scope: Scope) -> Result<(), Stop> {
        let mut after = (i64::MIN, stamp(Timestamp::UNIX_EPOCH));
        loop {
            let page = trail_check::loose(db, after, scope != Scope::Whole, PAGE_LOOSE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = (last.fact.id, last.at);
            for loose in &page {
                let flaw = |code, says: String| Err(Stop::from(Flaw::new(code, None, Some(loose.fact.id), says)));
                if loose.double {
                    return flaw(
                        "fact_twice",
                        "another fact of this number is sealed: this one was inserted, or its time was edited".to_owned(),
                    );
                }
                if loose.passed {
                    return flaw("fact_unsealed", "sealing has passed it: it was inserted later, or taken out of its batch".to_owned());
                }
                if let Err((code, says)) = check_fact(&loose.fact) {
                    return flaw(code, says);
                }
                self.report.unsealed += 1;
            }
        }
    }

    /// Does the chain reach what is known from outside?
    fn end(&mut self) -> Result<(), Stop> {
        let newest = self.report.head.map_or(0, |(n, _)| n);
        if let Some((n, anchor)) = self.known.heads.last_key_value() {
            if *n > newest {
                let says = format!(
                    "the chain ends with batch {newest}, and the anchor knows batch {n}, sealed {} with {} facts in all: the newest part was cut off, or the database was restored from the past",
                    anchor.sealed_at, anchor.facts
                );
                return Err(Flaw::new("anchor_ahead", None, None, says).into());
            }
            if self.matched > 0 {
                self.report.end = End::Proven { n: *n, heads: self.matched };
            }
        }
        if let Some(head) = self.known.head {
            match self.head_at {
                Some(n) => self.report.end = End::Proven { n, heads: 1 },
                None => {
                    let says = format!(
                        "no batch has the head {}: the newest part was cut off, the chain was rewritten, or the head is of another installation",
                        head.short()
                    );
                    return Err(Flaw::new("head_unknown", None, None, says).into());
                }
            }
        }
        Ok(())
    }

    fn remark(&mut self) {
        if let Some(first) = self.late.first() {
            let more = if self.late.len() > 1 { format!(" and {} more", self.late.len() - 1) } else { String::new() };
            self.report.notes.push(format!("Note: fact {first}{more} says it was written more than 15 minutes before a batch that did not hold it yet: a very slow transaction, a clock that was set back, or a fact written into the past."));
        }
    }
}
