//! Do plans, votes and work lists still say what their facts say? The facts themselves were proven before.

use super::series;
use super::verify::Stop;
use crate::error::Error;
use crate::store::trail_check::{self, StoredBytes, StoredVote};
use domain::canonical::{Digest, digest};
use domain::fact::FactBytes;
use domain::trail::verify::Flaw;
use sqlx::PgConnection;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Windows looked at together: a plan may have megabytes.
const PAGE: i64 = 20;
/// Facts that name the digest of a plan they sealed.
const SEALS_PLAN: [&str; 3] = ["window.propose", "window.amend", "window.move"];
/// Facts that name the digest of a work list they sealed.
const SEALS_WORK_LIST: &str = "run.seal_work";
const CAST: &str = "vote.cast";
const WITHDRAW: &str = "vote.withdraw";

/// Compares everything; returns how many plans, votes and work lists there are.
pub(super) async fn check(db: &mut PgConnection) -> Result<u64, Stop> {
    if let Some(which) = trail_check::false_policies(db).await? {
        return Err(Flaw::new("policy_digest", None, None, format!("{which} was edited: its bytes do not have its digest")).into());
    }
    let actions: Vec<String> = SEALS_PLAN.iter().chain(&[SEALS_WORK_LIST, CAST, WITHDRAW]).map(ToString::to_string).collect();
    let (mut after, mut things) = (Uuid::nil(), 0);
    loop {
        let windows = trail_check::windows(db, after, PAGE).await?;
        let Some(last) = windows.last() else { return Ok(things + series::check(db).await?) };
        after = *last;
        let plans = trail_check::plans(db, &windows).await?;
        let work_lists = trail_check::work_lists(db, &windows).await?;
        let votes = trail_check::votes(db, &windows).await?;
        let facts = trail_check::facts_of(db, &windows, &actions).await?;
        things += (plans.len() + work_lists.len() + votes.len()) as u64;
        for window in windows {
            let facts = read(facts.iter().filter(|(of, _)| *of == window).map(|(_, bytes)| bytes))?;
            let of = |each: &&StoredBytes| each.window == window;
            plan_digests(window, &plans.iter().filter(of).collect::<Vec<_>>(), &facts)?;
            work_list_digests(window, &work_lists.iter().filter(of).collect::<Vec<_>>(), &facts)?;
            vote_facts(window, &votes.iter().filter(|vote| vote.window == window).collect::<Vec<_>>(), &facts)?;
        }
    }
}

/// Facts from their bytes.
pub(super) fn read<'f>(bytes: impl IntoIterator<Item = &'f Vec<u8>>) -> Result<Vec<FactBytes>, Stop> {
    bytes.into_iter().map(|bytes| serde_json::from_slice(bytes).map_err(|error| Stop::Error(Error::internal(error)))).collect()
}

pub(super) fn text<'f>(fact: &'f FactBytes, key: &str) -> &'f str {
    fact.payload.get(key).and_then(serde_json::Value::as_str).unwrap_or_default()
}

fn texts(fact: &FactBytes, key: &str) -> BTreeSet<String> {
    let listed = fact.payload.get(key).and_then(serde_json::Value::as_array);
    listed.into_iter().flatten().filter_map(serde_json::Value::as_str).map(str::to_owned).collect()
}

/// Every plan has its digest, a fact that sealed it, and every sealed plan is still there.
fn plan_digests(window: Uuid, plans: &[&StoredBytes], facts: &[FactBytes]) -> Result<(), Flaw> {
    let mut stored = BTreeSet::new();
    for plan in plans {
        let hex = recomputed("plan", window, plan)?;
        if !facts.iter().any(|fact| SEALS_PLAN.contains(&fact.action.as_str()) && text(fact, "digest") == hex) {
            return Err(Flaw::new(
                "plan_unsealed",
                None,
                None,
                format!("the plan {} of window {window} has no fact: it was inserted or exchanged", short(&hex)),
            ));
        }
        stored.insert(hex);
    }
    missing(
        "plan",
        window,
        &stored,
        facts.iter().filter(|fact| SEALS_PLAN.contains(&fact.action.as_str())).map(|fact| (fact.id, text(fact, "digest"))),
    )
}

fn work_list_digests(window: Uuid, lists: &[&StoredBytes], facts: &[FactBytes]) -> Result<(), Flaw> {
    let sealed: Vec<(i64, &str)> =
        facts.iter().filter(|fact| fact.action == SEALS_WORK_LIST).map(|fact| (fact.id, text(fact, "work_list_digest"))).collect();
    let stored = lists.iter().map(|list| recomputed("work_list", window, list)).collect::<Result<BTreeSet<_>, _>>()?;
    if let Some(stray) = stored.iter().find(|hex| !sealed.iter().any(|(_, digest)| digest == hex)) {
        let says = format!("the work list {} of window {window} has no fact: it was inserted or exchanged", short(stray));
        return Err(Flaw::new("work_list_unsealed", None, None, says));
    }
    missing("work_list", window, &stored, sealed.into_iter())
}

fn recomputed(purpose: &'static str, window: Uuid, stored: &StoredBytes) -> Result<String, Flaw> {
    let hex = digest(purpose, &stored.bytes).hex();
    if hex == hex::encode(&stored.digest) {
        return Ok(hex);
    }
    let (code, what) = if purpose == "plan" { ("plan_digest", "plan") } else { ("work_list_digest", "work list") };
    let says = format!("the {what} {} of window {window} was edited: its bytes have another digest", short(&hex::encode(&stored.digest)));
    Err(Flaw::new(code, None, None, says))
}

fn missing<'f>(purpose: &str, window: Uuid, stored: &BTreeSet<String>, sealed: impl Iterator<Item = (i64, &'f str)>) -> Result<(), Flaw> {
    for (fact, hex) in sealed {
        if !hex.is_empty() && !stored.contains(hex) {
            let (code, what) = if purpose == "plan" { ("plan_missing", "plan") } else { ("work_list_missing", "work list") };
            return Err(Flaw::new(
                code,
                None,
                None,
                format!("the {what} {} of window {window}, sealed by fact {fact}, is gone or was exchanged", short(hex)),
            ));
        }
    }
    Ok(())
}

/// Votes and facts pair off, one to one; a vote is withdrawn exactly when a fact says so.
fn vote_facts(window: Uuid, votes: &[&StoredVote], facts: &[FactBytes]) -> Result<(), Flaw> {
    let mut cast: Vec<&FactBytes> = facts.iter().filter(|fact| fact.action == CAST && fact.result == "done").collect();
    for vote in votes {
        let says = |fact: &FactBytes| {
            text(fact, "digest") == hex::encode(&vote.digest)
                && text(fact, "voter") == vote.person.to_string()
                && text(fact, "decision") == vote.decision
                && text(fact, "assurance") == vote.assurance
                && text(fact, "comment") == vote.comment
                && texts(fact, "in_place_of") == vote.in_place_of.iter().map(ToString::to_string).collect::<BTreeSet<_>>()
        };
        let Some(position) = cast.iter().position(|fact| says(fact)) else {
            let says = format!("the vote {} on window {window} says what no fact says: it was inserted or edited", vote.id);
            return Err(Flaw::new("vote_unsealed", None, None, says));
        };
        cast.remove(position);
        let withdrawn =
            facts.iter().any(|fact| fact.action == WITHDRAW && fact.result == "done" && text(fact, "vote") == vote.id.to_string());
        if withdrawn != vote.withdrawn {
            let what = if withdrawn { "was withdrawn, and counts again" } else { "is marked as withdrawn, and no fact says so" };
            return Err(Flaw::new("vote_edited", None, None, format!("the vote {} on window {window} {what}", vote.id)));
        }
    }
    match cast.first() {
        Some(fact) => {
            let says = format!("the vote recorded by fact {} on window {window} is gone or was edited", fact.id);
            Err(Flaw::new("vote_missing", None, None, says))
        }
        None => Ok(()),
    }
}

pub(super) fn short(hex: &str) -> String {
    Digest::from_hex(hex).map_or_else(|| hex.to_owned(), |digest| digest.short())
}
