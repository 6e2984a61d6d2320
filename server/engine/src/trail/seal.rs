//! One sealing: the facts that are due become a batch, hashed onto the chain and signed by a key outside the database.

use crate::clock;
use crate::error::{Error, Result};
use crate::keyfile;
use crate::store::seals::{self, NewBatch, Newest, Unsealed};
use crate::store::service_leases::{self, ServiceLease};
use crate::transaction;
use domain::canonical::Digest;
use domain::trail::{BatchHeader, GENESIS, root};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use sqlx::{PgConnection, PgPool};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Facts in one batch at most.
pub const BATCH_FACTS: i64 = 512;

/// The job's name in `service_lease`.
pub const JOB: &str = "sealer";

/// The key that signs batches. It lies in a file beside the worker and never enters the database.
#[derive(Debug, Clone)]
pub struct SealKey(Arc<SigningKey>);

impl SealKey {
    /// Opens `seal.key` in the folder, or makes it.
    pub fn open(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join("seal.key");
        let bytes = keyfile::read_or_create(&path, || Zeroizing::new(clock::random::<32>().to_vec()))?;
        let seed: &[u8; 32] = bytes
            .as_slice()
            .try_into()
            .map_err(|_| Error::internal(format!("the key file {} is damaged: put it back from your backup", path.display())))?;
        Ok(Self(Arc::new(SigningKey::from_bytes(seed))))
    }
    /// The public half.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
    fn sign(&self, hash: &[u8; 32]) -> [u8; 64] {
        self.0.sign(hash).to_bytes()
    }
}

/// True when `signature` over `hash` is by `key`, by the strict rules: no small-order keys, no second spelling.
#[must_use]
pub fn is_signed(key: &[u8], hash: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (key.try_into(), signature.try_into()) else { return false };
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(hash, &ed25519_dalek::Signature::from_bytes(signature)).is_ok())
}

/// What one sealing led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sealing {
    /// No fact was due.
    Nothing,
    /// Another process holds the job now.
    LeaseLost,
    /// A batch was sealed and committed.
    Sealed {
        /// Its position: the head of the chain.
        n: i64,
        /// Its hash.
        hash: Digest,
        /// Facts in it.
        facts: usize,
        /// More facts wait.
        full: bool,
    },
}

/// Seals the facts that are due, under `lease`, in one transaction.
pub async fn seal_due(pool: &PgPool, lease: &ServiceLease, key: &SealKey) -> Result<Sealing> {
    let (lease, key) = (lease.clone(), key.clone());
    transaction::run(pool, "seal", move |db| {
        let (lease, key) = (lease.clone(), key.clone());
        Box::pin(async move {
            if !service_leases::renew(db, &lease).await? {
                return Ok(Sealing::LeaseLost);
            }
            let (own, now) = seals::cluster(db).await?;
            let newest = seals::newest(db).await?;
            let Some(chosen) = choose(db, &own, newest.as_ref()).await? else { return Ok(Sealing::Nothing) };
            write(db, &own, now, newest.as_ref(), chosen, &key).await
        })
    })
    .await
}

/// True when something is due: a look that writes nothing.
pub async fn is_due(db: &mut PgConnection) -> Result<bool> {
    let (own, _) = seals::cluster(db).await?;
    let newest = seals::newest(db).await?;
    Ok(choose(db, &own, newest.as_ref()).await?.is_some())
}

struct Chosen {
    facts: Vec<Unsealed>,
    horizon: String,
    full: bool,
}

/// Facts of an earlier cluster first, all of them; then this cluster's own, in the order of their transactions.
async fn choose(db: &mut PgConnection, own: &str, newest: Option<&Newest>) -> Result<Option<Chosen>> {
    let begun = newest.filter(|newest| newest.system_identifier == own && newest.horizon != "0");
    if begun.is_none() {
        let facts = seals::inherited(db, own, BATCH_FACTS).await?;
        if !facts.is_empty() {
            return Ok(Some(Chosen { facts, horizon: "0".to_owned(), full: true }));
        }
    }
    let floor = begun.map_or("0", |newest| newest.horizon.as_str());
    let (facts, horizon) = seals::due(db, own, floor, BATCH_FACTS).await?;
    let Some(last) = facts.last() else { return Ok(None) };
    let full = i64::try_from(facts.len()) == Ok(BATCH_FACTS);
    // A full batch may have cut through the facts of its last transaction.
    let horizon = if full { last.xid.clone() } else { horizon };
    Ok(Some(Chosen { facts, horizon, full }))
}

async fn write(
    db: &mut PgConnection,
    own: &str,
    now: jiff::Timestamp,
    newest: Option<&Newest>,
    mut chosen: Chosen,
    key: &SealKey,
) -> Result<Sealing> {
    chosen.facts.sort_unstable_by_key(|fact| fact.id);
    let leaves = chosen
        .facts
        .iter()
        .map(|fact| <[u8; 32]>::try_from(fact.leaf.as_slice()).map_err(|_| Error::internal(format!("fact {} has no leaf", fact.id))))
        .collect::<Result<Vec<_>>>()?;
    let previous = match newest {
        Some(newest) => Digest::from_slice(&newest.hash).ok_or_else(|| Error::internal("the newest batch has no hash"))?.0,
        None => GENESIS,
    };
    let root = root(&leaves);
    let header = BatchHeader {
        version: 1,
        n: newest.map_or(0, |newest| newest.n) + 1,
        count: i32::try_from(chosen.facts.len()).map_err(Error::internal)?,
        first_fact_id: chosen.facts.first().map_or(0, |fact| fact.id),
        last_fact_id: chosen.facts.last().map_or(0, |fact| fact.id),
        root: hex::encode(root),
        previous: hex::encode(previous),
        system_identifier: own.to_owned(),
        sealed_at_us: now.as_microsecond(),
    };
    let (bytes, hash) = header.seal()?;
    let batch = NewBatch {
        bytes,
        root,
        previous,
        hash,
        signature: key.sign(&hash),
        public_key: key.public(),
        horizon: chosen.horizon,
        sealed_at: jiff::Timestamp::from_microsecond(header.sealed_at_us).map_err(Error::internal)?,
        header,
    };
    seals::insert(db, &batch, &chosen.facts).await?;
    Ok(Sealing::Sealed { n: batch.header.n, hash: Digest(hash), facts: chosen.facts.len(), full: chosen.full })
}
