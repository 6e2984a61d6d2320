//! The trail as JSON Lines: every fact with its exact bytes, every batch with what it signs. Enough to verify without the database.

use super::report::Report;
use super::verify::{Known, Scope, verify};
use crate::error::{Error, Result};
use crate::store::{stamp, trail_check};
use domain::trail::verify::StoredFact;
use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

/// Batches read at a time.
const PAGE_BATCHES: i64 = 16;
/// Unsealed facts read at a time.
const PAGE_FACTS: i64 = 500;

/// A snapshot for one who only reads: nothing in it changes while the sealer goes on.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Verifies the whole trail over a connection of its own, in one snapshot.
pub async fn verify_over(options: &PgConnectOptions, known: &Known) -> Result<Report> {
    let mut connection = connect(options).await?;
    let mut snapshot = connection.begin_with(SNAPSHOT).await?;
    let report = verify(&mut snapshot, known, Scope::Whole).await?;
    snapshot.rollback().await?;
    Ok(report)
}

/// Writes the whole trail, a line at a time: the facts of a batch, the batch, at the end what is not sealed yet. Returns the number of facts.
pub async fn export_over(options: &PgConnectOptions, write: &mut (dyn FnMut(&str) -> std::io::Result<()> + Send)) -> Result<u64> {
    let mut connection = connect(options).await?;
    let mut snapshot = connection.begin_with(SNAPSHOT).await?;
    let facts = export(&mut snapshot, write).await?;
    snapshot.rollback().await?;
    Ok(facts)
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection> {
    let options = options.clone().application_name("drydock trail").options([("timezone", "UTC"), ("statement_timeout", "0")]);
    Ok(options.connect().await?)
}

async fn export(db: &mut PgConnection, write: &mut (dyn FnMut(&str) -> std::io::Result<()> + Send)) -> Result<u64> {
    let (mut after, mut facts) = (0, 0);
    let mut line =
        |value: Value| write(&value.to_string()).map_err(|error| Error::internal(format!("the export cannot be written: {error}")));
    loop {
        let batches = trail_check::batches(db, after, PAGE_BATCHES).await?;
        let (Some(first), Some(last)) = (batches.first(), batches.last()) else { break };
        after = last.batch.n;
        let mut places = trail_check::places(db, first.batch.n, last.batch.n).await?.into_iter().peekable();
        for signed in &batches {
            while let Some((n, place)) = places.next_if(|(n, _)| *n == signed.batch.n) {
                if let Some(fact) = &place.fact {
                    line(fact_line(fact, Some((n, place.position))))?;
                    facts += 1;
                }
            }
            line(json!({
                "kind": "batch",
                "n": signed.batch.n,
                "header": String::from_utf8_lossy(&signed.batch.header),
                "hash": hex::encode(&signed.batch.hash),
                "signature": hex::encode(&signed.signature),
                "public_key": hex::encode(&signed.public_key),
            }))?;
        }
    }
    let mut from = (i64::MIN, stamp(Timestamp::UNIX_EPOCH));
    loop {
        let page = trail_check::loose(db, from, false, PAGE_FACTS).await?;
        let Some(last) = page.last() else { return Ok(facts) };
        from = (last.fact.id, last.at);
        for loose in &page {
            line(fact_line(&loose.fact, None))?;
            facts += 1;
        }
    }
}

/// One fact: its canonical JSON as a string, so that the hashed bytes come out exactly, its leaf, and where it is sealed.
#[must_use]
pub fn fact_line(fact: &StoredFact, sealed: Option<(i64, i32)>) -> Value {
    fact_json(fact.id, &fact.bytes, &fact.leaf, sealed)
}

/// The same from its parts.
#[must_use]
pub(crate) fn fact_json(id: i64, bytes: &[u8], leaf: &[u8], sealed: Option<(i64, i32)>) -> Value {
    json!({
        "kind": "fact",
        "id": id,
        "batch": sealed.map(|(n, _)| n),
        "position": sealed.map(|(_, position)| position),
        "leaf": hex::encode(leaf),
        "bytes": String::from_utf8_lossy(bytes),
    })
}
