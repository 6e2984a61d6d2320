//! Verifies the trail for a page: all of it while it is small, else its newest part, within seconds. The result is a fact.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::seals;
use crate::trail::report::Report;
use crate::trail::verify::{Known, Scope, verify};
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::canonical::Digest;
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::permission::{Verb, authorize};

/// Facts that a page's verification looks at: more would keep the person waiting and the process busy. The command looks at all.
pub const MOST_FACTS: i64 = 20_000;

/// What is known from outside the database.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Head of the chain as a mail or an anchor file shows it, 64 hex digits; may be empty.
    pub head: String,
}

/// Verifies what fits, and the end of the chain where a head was given. What does not agree is in the report, not an error.
pub async fn verify_trail(engine: &Engine, caller: &Caller, input: &Input) -> Result<Report> {
    let permit = authorize(&caller.actor, Verb::SeeTrail, None)?;
    let head = head(&input.head)?;
    let report = transaction::read(engine.pool(), "verify_trail", move |db| {
        Box::pin(async move {
            let fits = seals::newest_within(db, MOST_FACTS).await?.max(1);
            let newest = seals::newest(db).await?.map_or(0, |newest| newest.n);
            if let Some(head) = head
                && let Some(n) = seals::batch_of(db, &head.0).await?.filter(|n| newest - n >= fits)
            {
                return Err(too_old(n, newest - fits + 1).into());
            }
            let known = head.map_or_else(Known::nothing, Known::head);
            verify(db, &known, if newest <= fits { Scope::Whole } else { Scope::Newest(fits) }).await
        })
    })
    .await?;
    let fact = NewFact::done("trail.verify", "trail", "trail")
        .with("result", if report.flaw.is_some() { "tampered" } else { "sound" })
        .with("from_batch", report.from)
        .with("batches", report.batches)
        .with("facts", report.facts)
        .with("head_given", head.map(|head| head.hex()))
        .with("end", report.result())
        .with("flaw", report.flaw.as_ref().map(ToString::to_string));
    let request = caller.request.clone();
    transaction::run(engine.pool(), "verify_trail_fact", move |db| {
        let (permit, request, fact) = (permit.clone(), request.clone(), fact.clone());
        Box::pin(async move { Ledger::open(db, &permit, &request).fact(fact).await.map(drop) })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(report)
}

/// Finds the head in what was pasted: the digits alone, the line of a mail, or a line of an anchor file. Mail programs break long lines, so
/// white space does not matter.
fn head(typed: &str) -> Result<Option<Digest>> {
    let typed: String = typed.split_whitespace().collect();
    if typed.is_empty() {
        return Ok(None);
    }
    let from_hash = typed.split_once("\"hash\"").map_or(typed.as_str(), |(_, rest)| rest).to_lowercase();
    let digits = from_hash.split(|c: char| !c.is_ascii_hexdigit()).find(|run| run.len() == 64);
    let message =
        "No head in this. A head has 64 digits, 0 to 9 and a to f: copy the line “Audit head” of a mail, or a line of anchors.jsonl.";
    digits.and_then(Digest::from_hex).map(Some).ok_or_else(|| Error::field("head", message))
}

fn too_old(n: i64, first: i64) -> Refusal {
    Refusal::new(
        "head_too_old",
        format!("This head is that of batch {n}, and a page verifies the newest part only, from batch {first} on."),
        "Take the head from a newer mail, or let an operator verify the whole trail: drydock trail verify --head HEX.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_found_in_whatever_was_copied() {
        let hex = "0123456789abcdef".repeat(4);
        let other = "f".repeat(64);
        for typed in [
            hex.clone(),
            format!("  {}\n {} ", &hex[..40], &hex[40..].to_uppercase()),
            format!("Audit head  batch 5, {hex}"),
            format!("{{\"n\":5,\"hash\":\"{hex}\",\"facts\":9,\"public_key\":\"{other}\"}}"),
        ] {
            assert_eq!(head(&typed).expect(&typed).map(|head| head.hex()), Some(hex.clone()), "{typed}");
        }
        assert_eq!(head(" \n").expect("none is given"), None);
        for wrong in [&hex[..63], "batch 5", &format!("{hex}a")] {
            assert!(head(wrong).is_err(), "{wrong}");
        }
    }
}
